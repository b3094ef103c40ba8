package main_test

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// hookSecret is a secret of webhooks that says which one it is.
func hookSecret(n int) string {
	return "whsec_" + base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "secret number %d of 24 bytes or more", n))
}

// hooks is a target: it verifies what comes with the specification's own library, knows again what it had by its id,
// and answers as it is told to.
type hooks struct {
	*httptest.Server
	t      *testing.T
	secret string
	// behave answers in its own way; nil: it is taken, with 200.
	behave atomic.Pointer[behaviour]

	lock   sync.Mutex
	taken  map[string]string // what was taken: id → fact
	facts  map[string]int    // how many ids a fact came with
	resent int               // how often something came that was taken before
	came   int
}

type behaviour func(w http.ResponseWriter, r *http.Request, fact string)

// newHooks listens on an address; "": anywhere.
func newHooks(t *testing.T, address, secret string) *hooks {
	t.Helper()
	h := &hooks{t: t, secret: secret, taken: map[string]string{}, facts: map[string]int{}}
	h.Server = httptest.NewUnstartedServer(h)
	if address != "" {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		h.Listener.Close()
		h.Listener = l
	}
	h.Start()
	t.Cleanup(h.Close)
	return h
}

func (h *hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	fact := h.verified(body, r.Header)
	h.lock.Lock()
	h.came++
	h.lock.Unlock()
	if behave := h.behave.Load(); behave != nil {
		(*behave)(w, r, fact)
		return
	}
	h.take(r.Header.Get("webhook-id"), fact)
}

// verified is what a webhook says, in a line.
func (h *hooks) verified(body []byte, header http.Header) string {
	verifier, err := standardwebhooks.NewWebhook(h.secret)
	if err == nil {
		err = verifier.Verify(body, header)
	}
	if err != nil {
		h.t.Errorf("the library: %v", err)
	}
	var said struct {
		Type string
		Data struct {
			Account string
			Share   float64
			Grant   *struct{ Reference string }
			Extra   *struct{ Purchased int64 }
		}
	}
	if err := json.Unmarshal(body, &said); err != nil || said.Data.Extra == nil {
		h.t.Errorf("body %s: %v", body, err)
	}
	if strings.Contains(string(body), "Canary") {
		h.t.Errorf("the account's name is told: %s", body)
	}
	documented(h.t, said.Type, body)
	fact := said.Data.Account + " " + said.Type
	switch {
	case said.Data.Share > 0:
		fact += fmt.Sprintf(" %g", said.Data.Share)
	case said.Data.Grant != nil:
		fact += " " + said.Data.Grant.Reference
	case said.Type == "account.blocked" && said.Data.Extra.Purchased > 0:
		fact += " again"
	}
	return fact
}

func (h *hooks) take(id, fact string) {
	h.lock.Lock()
	defer h.lock.Unlock()
	if _, again := h.taken[id]; again {
		h.resent++
		return
	}
	h.taken[id] = fact
	h.facts[fact]++
}

// has says whether a fact was told.
func (h *hooks) has(fact string) bool {
	h.lock.Lock()
	defer h.lock.Unlock()
	return h.facts[fact] > 0
}

// counts are how much came, and how much of it had been taken before.
func (h *hooks) counts() (came, resent int) {
	h.lock.Lock()
	defer h.lock.Unlock()
	return h.came, h.resent
}

// judge compares what was told with what happened: each fact under one id. It prints the line.
func (h *hooks) judge(what string, fired []string) {
	h.t.Helper()
	h.lock.Lock()
	defer h.lock.Unlock()
	dup, lost := 0, 0
	for _, fact := range fired {
		if h.facts[fact] == 0 {
			lost++
			h.t.Errorf("%s was never told", fact)
		}
	}
	for fact, ids := range h.facts {
		if dup += ids - 1; ids > 1 {
			h.t.Errorf("%s was told under %d ids", fact, ids)
		}
	}
	if len(h.facts) != len(fired) {
		h.t.Errorf("told: %v, happened: %v", h.facts, fired)
	}
	fmt.Printf("WEBHOOK %s fired=%d delivered=%d dup=%d lost=%d resent_with_same_id=%d posts=%d %s\n",
		what, len(fired), len(h.taken), dup, lost, h.resent, h.came, verdict(h.t))
}

// openAPI is the admin API's document.
var openAPI = sync.OnceValues(func() (*openapi3.T, error) { return openapi3.NewLoader().LoadFromFile("../../admin/openapi.yaml") })

// documented fails where a webhook is not what the document says of its type.
func documented(t *testing.T, kind string, body []byte) {
	doc, err := openAPI()
	if err != nil {
		t.Error(err)
		return
	}
	schema := map[string]string{"account.low": "WebhookLow", "grant.created": "WebhookGrant"}[kind]
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		t.Error(err)
		return
	}
	if err := doc.Components.Schemas[cmp.Or(schema, "WebhookState")].Value.VisitJSON(value, openapi3.EnableJSONSchema2020()); err != nil {
		t.Errorf("%s is not as documented: %v\n%s", kind, err, body)
	}
}
