package admin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// TestDocumentedCallsAreServed asks for every call and every parameter of the document; that nothing else is served,
// and that answers look as documented, each call of the other tests checks.
func TestDocumentedCallsAreServed(t *testing.T) {
	p := newPlane(t)
	p.acme()
	w := httptest.NewRecorder()
	p.admin.ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/openapi.json", nil))
	doc, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("openapi: %s", doc.OpenAPI)
	}
	plain := map[string]string{"limit": "1", "cursor": "", "from": "2026-11-01", "to": "2026-11-02", "group_by": "day", "outcome": "completed"}
	calls := 0
	for path, item := range doc.Paths.Map() {
		target := strings.NewReplacer("{account}", "acme", "{grant}", "grant_0", "{key}", "key_0", "{event}", "0").Replace(path)
		for method, operation := range item.Operations() {
			calls++
			if method != http.MethodGet {
				a := p.call(method, strings.Replace(target, "acme", "none", 1), "")
				if a.status == 405 || strings.Contains(string(a.body), "nothing at this path") {
					t.Errorf("%s %s is documented and not served: %s", method, path, a.body)
				}
				continue
			}
			for _, parameter := range operation.Parameters {
				if parameter.Value.In != "query" || parameter.Value.Name == "cursor" {
					continue
				}
				name := parameter.Value.Name
				p.must(200, method, target+"?"+name+"="+plain[name], "")
			}
			if a := p.call(method, target, ""); a.status == 405 || strings.Contains(string(a.body), "nothing at this path") {
				t.Errorf("%s %s is documented and not served: %s", method, path, a.body)
			}
		}
	}
	if calls != 27 {
		t.Errorf("%d calls are documented, the plane serves 27", calls)
	}
}
