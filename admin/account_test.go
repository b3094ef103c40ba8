package admin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

func TestAccountHasItsDefaults(t *testing.T) {
	p := newPlane(t)
	a := p.must(201, "POST", "/api/v1/accounts", `{"id":"acme","plan":"pro"}`)
	a.want("id", "acme", "name", "acme", "plan", "pro", "monthly_tokens", nil, "timezone", "UTC", "reset_day", 1, "status", "active",
		"admission", nil, "next", nil, "created_at", "2026-11-24T12:00:00Z", "updated_at", "2026-11-24T12:00:00Z")
	if p.kicks.Load() != 1 {
		t.Errorf("replicas were told of %d changes", p.kicks.Load())
	}
	if got := p.log.String(); !strings.Contains(got, `"msg":"changed","method":"POST","path":"/api/v1/accounts","status":201`) {
		t.Errorf("logged %q", got)
	}
	v := p.must(200, "GET", acme+"/tokens", "")
	v.want("account", "acme", "as_of", "2026-11-24T12:00:00Z", "monthly.total", 10_000_000, "monthly.used", 0, "monthly.remaining", 10_000_000,
		"reset.at", "2026-12-01T00:00:00Z", "reset.in_seconds", 561600, "reset.period_start", "2026-11-01T00:00:00Z", "reset.timezone", "UTC",
		"extra.purchased", 0, "extra.used", 0, "extra.remaining", 0, "extra.next_expiry", nil,
		"held", 0, "overdraft", 0, "blocked", false, "forecast.empty_at", nil)
}

func TestAccountTakesWhatItIsGiven(t *testing.T) {
	p := newPlane(t)
	p.must(201, "POST", "/api/v1/accounts",
		`{"id":"a.b-c_1","name":"<script>alert(1)</script> & Söhne","monthly_tokens":2000000,"timezone":"Asia/Manila","reset_day":15,"admission":"strict","status":"suspended"}`)
	a := p.must(200, "GET", "/api/v1/accounts/a.b-c_1", "")
	a.want("name", "<script>alert(1)</script> & Söhne", "plan", nil, "monthly_tokens", 2_000_000, "timezone", "Asia/Manila", "reset_day", 15,
		"admission", "strict", "status", "suspended")
	if a.header.Get("Content-Type") != "application/json" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("a browser could take this for a page: %v", a.header)
	}
	p.must(200, "GET", "/api/v1/accounts/a.b-c_1/tokens", "").want("reset.at", "2026-12-14T16:00:00Z", "reset.timezone", "Asia/Manila")
}

func TestPatchChangesOnlyWhatIsGiven(t *testing.T) {
	p := newPlane(t)
	p.must(201, "POST", "/api/v1/accounts", `{"id":"acme","name":"Acme","monthly_tokens":5,"reset_day":3,"admission":"observe"}`)
	p.pass(time.Second)
	p.must(200, "PATCH", acme, `{"name":"Acme Inc."}`).want("name", "Acme Inc.", "monthly_tokens", 5, "reset_day", 3, "admission", "observe",
		"created_at", "2026-11-24T12:00:00Z", "updated_at", "2026-11-24T12:00:01Z")
	p.must(200, "PATCH", acme, `{"admission":null,"status":"suspended","timezone":"Europe/Berlin","reset_day":31}`, "Content-Type", "application/merge-patch+json").
		want("admission", nil, "status", "suspended", "timezone", "Europe/Berlin", "reset_day", 31, "name", "Acme Inc.")
	p.must(200, "GET", acme+"/tokens", "").want("reset.at", "2026-12-03T00:00:00Z") // a new anchor waits for the end of the period
	p.must(200, "PATCH", acme, `{}`).want("name", "Acme Inc.")
}

// TestMonthlyTotalFollowsPlanAndOwnTotal walks one account through every way in which its total can change.
func TestMonthlyTotalFollowsPlanAndOwnTotal(t *testing.T) {
	p := newPlane(t)
	p.must(201, "POST", "/api/v1/accounts", `{"id":"acme","plan":"basic"}`)
	for _, c := range []struct {
		patch                string
		plan, own, next      any
		nextPlan, nextTokens any
		total                int
	}{
		{patch: `{"monthly_tokens":7}`, plan: "basic", own: 7, total: 7},
		{patch: `{"monthly_tokens":null}`, plan: "basic", total: 1_000_000},
		{patch: `{"monthly_tokens":0}`, plan: "basic", own: 0, total: 0},
		{patch: `{"plan":"pro"}`, plan: "pro", total: 10_000_000},
		{patch: `{"plan":"basic","monthly_tokens":9}`, plan: "basic", own: 9, total: 9},
		{patch: `{"plan":null}`, own: 9, total: 9},
		{patch: `{"plan":"pro","effective":"next_period"}`, own: 9, total: 9, next: true, nextPlan: "pro"},
		{patch: `{"name":"x"}`, own: 9, total: 9, next: true, nextPlan: "pro"},
		{patch: `{"monthly_tokens":4,"effective":"next_period"}`, own: 9, total: 9, next: true, nextPlan: "pro", nextTokens: 4},
		{patch: `{"monthly_tokens":null,"effective":"next_period"}`, own: 9, total: 9, next: true, nextPlan: "pro"},
		{patch: `{"monthly_tokens":8,"effective":"now"}`, own: 8, total: 8},
		{patch: `{"monthly_tokens":6,"effective":"next_period"}`, own: 8, total: 8, next: true, nextTokens: 6},
	} {
		a := p.must(200, "PATCH", acme, c.patch)
		a.want("plan", c.plan, "monthly_tokens", c.own)
		if c.next == nil {
			a.want("next", nil)
		} else {
			a.want("next.plan", c.nextPlan, "next.monthly_tokens", wholeOrNil(c.nextTokens))
		}
		p.must(200, "GET", acme+"/tokens", "").want("monthly.total", c.total)
		if t.Failed() {
			t.Fatalf("after %s", c.patch)
		}
	}
	tag := p.must(200, "GET", acme, "").header.Get("ETag")
	p.set(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	p.must(200, "GET", "/api/v1/accounts", "").want("data.0.monthly_tokens", 6, "data.0.next", nil)
	a := p.must(200, "GET", acme, "")
	a.want("monthly_tokens", 6, "next", nil)
	if a.header.Get("ETag") == tag {
		t.Error("the reset changed the account and not its ETag")
	}
	p.must(200, "GET", acme+"/tokens", "").want("monthly.total", 6)
}

func wholeOrNil(v any) any {
	if n, ok := v.(int); ok {
		return float64(n)
	}
	return v
}

func TestIfMatchGuardsAChange(t *testing.T) {
	p := newPlane(t)
	p.acme()
	tag := p.must(200, "GET", acme, "").header.Get("ETag")
	second := p.must(200, "PATCH", acme, `{"name":"two"}`, "If-Match", tag).header.Get("ETag")
	if second == tag || p.must(200, "GET", acme, "").header.Get("ETag") != second {
		t.Errorf("ETags: %s before, %s after the change", tag, second)
	}
	p.must(412, "PATCH", acme, `{"name":"three"}`, "If-Match", tag)
	p.must(200, "GET", acme, "").want("name", "two")
	p.must(200, "PATCH", acme, `{"name":"four"}`, "If-Match", "*")
}

func TestDeletedAccountIsGoneAndItsFactsStay(t *testing.T) {
	p := newPlane(t)
	p.acme()
	p.settle("acme", accounting.Event{Activity: "chat", Model: "m", Tokens: accounting.Tokens{Input: 3, Output: 4}})
	p.must(200, "DELETE", acme, "").want("id", "acme")
	for _, path := range []string{"", "/tokens", "/grants", "/keys"} {
		p.must(404, "GET", acme+path, "")
	}
	p.must(404, "DELETE", acme, "")
	p.must(409, "POST", "/api/v1/accounts", `{"id":"acme","plan":"pro"}`)
	if n := p.must(200, "GET", "/api/v1/accounts", "").length("data"); n != 0 {
		t.Errorf("%d accounts are listed", n)
	}
	id := p.must(200, "GET", acme+"/events", "").text("data.0.id")
	p.must(200, "GET", acme+"/events/"+id, "").want("tokens.total", 7)
	p.must(200, "GET", acme+"/usage", "").want("data.0.tokens.total", 7)
	p.must(200, "GET", acme+"/usage.csv", "")
	p.must(200, "GET", acme+"/ledger", "").want("data.0.kind", "usage")
}

func TestListsComeInPages(t *testing.T) {
	p := newPlane(t)
	p.acme()
	p.must(201, "POST", "/api/v1/accounts", `{"id":"beta","plan":"pro"}`)
	p.must(201, "POST", "/api/v1/accounts", `{"id":"gamma","plan":"pro"}`)
	for _, reference := range []string{"1", "2", "3"} {
		p.must(201, "POST", acme+"/grants", `{"tokens":5,"reference":"`+reference+`"}`)
		p.must(201, "POST", acme+"/keys", `{"name":"`+reference+`"}`)
		p.settle("acme", accounting.Event{Model: reference, Tokens: accounting.Tokens{Input: 1}})
	}
	for _, c := range []struct {
		path, member string
		want         []any
	}{
		{"/api/v1/accounts", "id", []any{"acme", "beta", "gamma"}},
		{acme + "/grants", "reference", []any{"1", "2", "3"}},
		{acme + "/keys", "name", []any{"1", "2", "3"}},
		{acme + "/events", "model", []any{"3", "2", "1"}},
		{acme + "/ledger", "seq", []any{7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0}},
	} {
		for limit := 1; limit <= len(c.want)+1; limit++ {
			got := walk(p, c.path, c.member, limit)
			if len(got) != len(c.want) {
				t.Errorf("%s by %d: got %v, want %v", c.path, limit, got, c.want)
				continue
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("%s by %d: got %v, want %v", c.path, limit, got, c.want)
				}
			}
		}
	}
}

// walk follows the cursors of a list.
func walk(p *plane, path, member string, limit int) (all []any) {
	p.t.Helper()
	target := path + "?limit=" + string(rune('0'+limit))
	for next := ""; ; {
		a := p.must(200, "GET", target+next, "")
		n := a.length("data")
		if n > limit {
			p.t.Fatalf("%s: %d items on a page of %d", path, n, limit)
		}
		for i := range n {
			all = append(all, a.get("data."+string(rune('0'+i))+"."+member))
		}
		if a.get("next_cursor") == nil {
			return all
		}
		if n == 0 || len(all) > 100 {
			p.t.Fatalf("%s: the cursor leads nowhere", path)
		}
		next = "&cursor=" + a.text("next_cursor")
	}
}

// TestContentTypeDoesNotMatter: curl -d and Python's urllib say form-urlencoded unless told otherwise. The OpenAPI
// document asks for JSON, so this call goes past the check against it.
func TestContentTypeDoesNotMatter(t *testing.T) {
	p := newPlane(t)
	r := httptest.NewRequest("POST", "/api/v1/accounts", strings.NewReader(`{"id":"acme","monthly_tokens":5}`))
	r.Header.Set("Authorization", "Bearer "+adminToken)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	p.admin.ServeHTTP(w, r)
	if w.Code != http.StatusCreated {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
