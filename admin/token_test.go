package admin_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/admin"
)

// rights are what each role may call: A admin, O operator, R read. elsewhere: also with a token that reaches another
// account alone. They stand in an order in which all of them go well.
var rights = []struct {
	call, body, roles string
	elsewhere         bool
}{
	{"GET /api/v1/accounts", "", "AOR", true},
	{"POST /api/v1/accounts", `{"id":"new","monthly_tokens":5}`, "AO", false},
	{"GET /api/v1/accounts/{account}", "", "AOR", false},
	{"PATCH /api/v1/accounts/{account}", `{"name":"Acme"}`, "AO", false},
	{"GET /api/v1/accounts/{account}/tokens", "", "AOR", false},
	{"GET /api/v1/accounts/{account}/grants", "", "AOR", false},
	{"POST /api/v1/accounts/{account}/grants", `{"tokens":5,"reference":"new"}`, "AO", false},
	{"GET /api/v1/accounts/{account}/grants/{grant}", "", "AOR", false},
	{"GET /api/v1/accounts/{account}/keys", "", "AOR", false},
	{"POST /api/v1/accounts/{account}/keys", `{"name":"k"}`, "AO", false},
	{"GET /api/v1/accounts/{account}/keys/{key}", "", "AOR", false},
	{"PATCH /api/v1/accounts/{account}/keys/{key}", `{"name":"l"}`, "AO", false},
	{"DELETE /api/v1/accounts/{account}/keys/{key}", "", "AO", false},
	{"GET /api/v1/accounts/{account}/events", "", "AOR", false},
	{"GET /api/v1/accounts/{account}/events/{event}", "", "AOR", false},
	{"GET /api/v1/accounts/{account}/usage", "", "AOR", false},
	{"GET /api/v1/accounts/{account}/usage.csv", "", "AOR", false},
	{"GET /api/v1/accounts/{account}/ledger", "", "AOR", false},
	{"DELETE /api/v1/accounts/{account}/grants/{grant}", "", "A", false},
	{"DELETE /api/v1/accounts/{account}", "", "A", false},
}

func TestRightsAreOfAllCalls(t *testing.T) {
	guarded, _ := newPlane(t).admin.Calls()
	var listed []string
	for _, r := range rights {
		listed = append(listed, r.call)
	}
	slices.Sort(guarded)
	slices.Sort(listed)
	if diff := cmp.Diff(guarded, listed); diff != "" {
		t.Errorf("(-served +in the table):\n%s", diff)
	}
}

func TestRolesAndAccounts(t *testing.T) {
	roles := map[string]admin.Role{"A": admin.RoleAdmin, "O": admin.RoleOperator, "R": admin.RoleRead}
	for letter, role := range roles {
		for _, only := range []string{"", "acme", "other"} {
			p, fill := peopled(t)
			p.tokens = append(p.tokens, admin.Token{Name: "t", Secret: "a-token-that-is-long", Role: role, Account: only})
			cookie := signIn(p, "a-token-that-is-long")
			for _, r := range rights {
				allowed := strings.Contains(r.roles, letter) && (only != "other" || r.elsewhere)
				if only != "" && r.call == "POST /api/v1/accounts" {
					allowed = false
				}
				method, path, _ := strings.Cut(fill.Replace(r.call), " ")
				if method == http.MethodGet {
					head := p.call(http.MethodHead, path, "", "Authorization", "Bearer a-token-that-is-long")
					session := browse(p, method, path, "", "same-origin", cookie)
					if head.status == http.StatusForbidden == allowed || session.status == http.StatusForbidden == allowed {
						t.Errorf("role %s of %q: %s as HEAD %d, with a session %d, allowed %t", role, only, r.call, head.status, session.status, allowed)
					}
				}
				a := p.call(method, path, r.body, "Authorization", "Bearer a-token-that-is-long")
				if a.status == http.StatusForbidden == allowed || allowed && a.status/100 != 2 {
					t.Errorf("role %s of %q: %s: %d %s, allowed %t", role, only, r.call, a.status, a.body, allowed)
				}
				if !allowed {
					a.want("error.code", "not_allowed")
				}
			}
		}
	}
}

// peopled is a plane with an account acme that has one thing of each kind, and another account.
func peopled(t *testing.T) (*plane, *strings.Replacer) {
	p := newPlane(t)
	p.acme()
	p.must(201, "POST", "/api/v1/accounts", `{"id":"other","monthly_tokens":5}`)
	key := p.must(201, "POST", acme+"/keys", `{"name":"first"}`).text("id")
	grant := p.must(201, "POST", acme+"/grants", `{"tokens":5,"reference":"first"}`).text("id")
	p.settle("acme", accounting.Event{Activity: "chat", Tokens: accounting.Tokens{Input: 1}})
	event := p.must(200, "GET", acme+"/events", "").text("data.0.id")
	return p, strings.NewReplacer("{account}", "acme", "{key}", key, "{grant}", grant, "{event}", event)
}

func TestConfinedTokenSeesItsAccountAlone(t *testing.T) {
	p, _ := peopled(t)
	p.tokens = append(p.tokens, admin.Token{Name: "t", Secret: "a-token-that-is-long", Role: admin.RoleRead, Account: "acme"})
	list := func(query string) answer {
		return p.must(200, "GET", "/api/v1/accounts"+query, "", "Authorization", "Bearer a-token-that-is-long")
	}
	a := list("")
	a.want("data.0.id", "acme", "next_cursor", nil)
	if n := a.length("data"); n != 1 {
		t.Errorf("%d accounts are listed: %s", n, a.body)
	}
	cursor := p.must(200, "GET", "/api/v1/accounts?limit=1", "").text("next_cursor")
	if n := list("?cursor=" + cursor).length("data"); n != 0 {
		t.Errorf("%d accounts are on the second page", n)
	}
	for _, path := range []string{"/api/v1/accounts/other", "/api/v1/accounts/none", "/api/v1/nothing"} { // one answer, whatever is there
		p.must(403, "GET", path, "", "Authorization", "Bearer a-token-that-is-long").
			want("error.message", `the token "t" reaches the account "acme" alone`)
	}
	p.must(200, "DELETE", acme, "")
	if n := list("").length("data"); n != 0 {
		t.Errorf("%d accounts are listed after it was deleted", n)
	}
}
