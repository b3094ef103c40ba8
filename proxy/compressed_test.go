package proxy_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tollgate/tollgate/accounting"
)

// What the gateway asked for is taken out of an answer that came compressed too; the client then gets it plain.
func TestACompressedStreamIsCutLikeAPlainOne(t *testing.T) {
	r := newRig(t, nil)
	account, secret := r.account(1_000_000, nil)
	plain := read(t, r.do(request{path: chatPath, secret: secret, body: streamed(`{"id":"x"}`)}))
	res := r.do(request{path: chatPath, secret: secret, body: streamed(`{"id":"x","gzip":true}`)})
	if got := read(t, res); string(got) != string(plain) || res.Header.Get("Content-Encoding") != "" || strings.Contains(string(got), "usage") {
		t.Errorf("%s: %q, want %q", res.Header.Get("Content-Encoding"), got, plain)
	}
	for _, e := range r.events(account) {
		if e.Measured != accounting.ByProvider {
			t.Errorf("%+v", e)
		}
	}
}

func TestAnAnswerThatCantBeReadIsEstimatedAndCounted(t *testing.T) {
	r := newRig(t, nil)
	account, secret := r.account(1_000_000, nil)
	res := r.do(request{path: chatPath, secret: secret, body: chat(`{"header":{"Content-Encoding":"br"}}`)})
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Encoding") != "br" {
		t.Errorf("%d %s", res.StatusCode, res.Header.Get("Content-Encoding"))
	}
	read(t, res)
	if e := r.events(account)[0]; e.Measured != accounting.ByEstimate || e.Tokens.Input == 0 {
		t.Errorf("%s %+v", e.Measured, e.Tokens)
	}
	if n := r.counter(t, "tollgate_unreadable_answers_total"); n != 1 {
		t.Errorf("counted %v times", n)
	}
}

// counter is the sum of a metric's series.
func (r *rig) counter(t *testing.T, name string) (sum float64) {
	t.Helper()
	families, err := r.metrics.Gather()
	must(t, err)
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

func TestAQueryThatBendsTheMethodIsRefused(t *testing.T) {
	r := newRig(t, nil)
	_, secret := r.account(1_000_000, nil)
	for _, query := range []string{"$httpMethod=DELETE", "a=1&%24httpMethod=DELETE", "x;$HTTPHeaders=Authorization:a", "%24http%4dethod=GET"} {
		if res := r.do(request{path: chatPath + "?" + query, secret: secret, body: chat(`{}`)}); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", query, res.StatusCode)
		}
	}
	if res := r.do(request{path: chatPath + "?$alt=json&p=a%20b", secret: secret, body: chat(`{}`)}); res.StatusCode != http.StatusOK {
		t.Errorf("another parameter: %d", res.StatusCode)
	}
	if r.provider.Calls() != 1 {
		t.Errorf("%d calls of the provider", r.provider.Calls())
	}
}
