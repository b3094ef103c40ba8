package proxytest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tollgate/tollgate/proxy/proxytest"
)

// exchange sends one request straight to a provider; each header is a name and a value, and body "" makes it a GET.
func exchange(t *testing.T, p *proxytest.Provider, path, body string, headers ...string) (resp *http.Response, answer string) {
	t.Helper()
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	b, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(b)
}

// fields decodes JSON and picks what stands at paths such as usage.input_tokens or choices.0.text.
func fields(t *testing.T, document string, paths ...string) []any {
	t.Helper()
	var root any
	if err := json.Unmarshal([]byte(document), &root); err != nil {
		t.Fatalf("%v in %q", err, document)
	}
	var found []any
	for _, path := range paths {
		v := root
		for _, step := range strings.Split(path, ".") {
			switch in := v.(type) {
			case map[string]any:
				v = in[step]
			case []any:
				if i := int(step[0] - '0'); i < len(in) {
					v = in[i]
				} else {
					v = nil
				}
			default:
				v = nil
			}
		}
		found = append(found, v)
	}
	return found
}

// reads compares what stands at paths in a document with what should.
func reads(t *testing.T, document string, want map[string]any) {
	t.Helper()
	for path, w := range want {
		if n, ok := w.(int); ok {
			w = float64(n)
		}
		if diff := cmp.Diff([]any{w}, fields(t, document, path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s\nin %.600s", path, diff, document)
		}
	}
}

// events are the data of an SSE stream, behind the names of its events where it has them.
func events(stream string) (names, data []string) {
	for _, l := range strings.Split(strings.ReplaceAll(stream, "\r\n", "\n"), "\n") {
		if name, ok := strings.CutPrefix(l, "event: "); ok {
			names = append(names, name)
		}
		if d, ok := strings.CutPrefix(l, "data: "); ok {
			data = append(data, d)
		}
	}
	return names, data
}

// witnessed compares what a provider knows of its answers with what it should, apart from ids, bodies and headers.
func witnessed(t *testing.T, p *proxytest.Provider, want ...proxytest.Answer) {
	t.Helper()
	apart := cmpopts.IgnoreFields(proxytest.Answer{}, "ID", "Header", "BodySHA256")
	if diff := cmp.Diff(want, p.Answered(), apart); diff != "" {
		t.Errorf("the witness differs (-want +got):\n%s", diff)
	}
	if got := p.Calls(); got != int64(len(want)) {
		t.Errorf("got %d calls, want %d", got, len(want))
	}
}
