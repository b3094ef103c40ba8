package admin_test

import (
	"testing"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

func TestPurchaseIsOnePerReference(t *testing.T) {
	p := newPlane(t)
	p.acme()
	first := p.must(201, "POST", acme+"/grants", `{"tokens":500000,"reference":"invoice-17","expires_at":null}`)
	first.want("reference", "invoice-17", "tokens", 500_000, "remaining", 500_000, "expires_at", nil, "voided_at", nil, "created_at", "2026-11-24T12:00:00Z")
	again := p.must(200, "POST", acme+"/grants", `{"tokens":500000,"reference":"invoice-17"}`)
	if string(again.body) != string(first.body) {
		t.Errorf("the same purchase again: %s, first %s", again.body, first.body)
	}
	p.must(200, "GET", acme+"/tokens", "").want("extra.purchased", 500_000, "extra.remaining", 500_000)
	p.must(201, "POST", acme+"/grants", `{"tokens":7,"reference":"invoice-18","expires_at":"2026-12-24T00:00:00+01:00"}`).want("expires_at", "2026-12-23T23:00:00Z")
	p.must(200, "GET", acme+"/tokens", "").want("extra.next_expiry", "2026-12-23T23:00:00Z", "extra.purchased", 500_007)
	g := p.must(200, "GET", acme+"/grants/"+first.text("id"), "")
	if g.header.Get("ETag") == "" || g.text("id") != first.text("id") {
		t.Errorf("one grant: %s, ETag %q", g.body, g.header.Get("ETag"))
	}
}

func TestVoidTakesBackWhatIsLeft(t *testing.T) {
	p := newPlane(t)
	p.must(201, "POST", "/api/v1/accounts", `{"id":"acme","monthly_tokens":10}`)
	id := p.must(201, "POST", acme+"/grants", `{"tokens":100,"reference":"r"}`).text("id")
	p.settle("acme", accounting.Event{Tokens: accounting.Tokens{Input: 30}})
	p.must(200, "GET", acme+"/grants/"+id, "").want("remaining", 80)
	p.pass(time.Second)
	p.must(200, "DELETE", acme+"/grants/"+id, "").want("id", id, "remaining", 0, "voided_at", "2026-11-24T12:00:01Z")
	p.must(200, "DELETE", acme+"/grants/"+id, "").want("voided_at", "2026-11-24T12:00:01Z")
	p.must(200, "GET", acme+"/tokens", "").want("extra.remaining", 0, "blocked", true)
	p.must(200, "GET", acme+"/ledger", "").want("data.0.kind", "void", "data.0.change.extra", -80, "data.0.balance.extra", 0, "data.0.reference", "r")
}

// TestLedgerEndsAtTheView holds the ledger's newest balance against the Token view over all that can happen, resets
// and expiries that nothing but the reading touches included.
func TestLedgerEndsAtTheView(t *testing.T) {
	p := newPlane(t)
	p.must(201, "POST", "/api/v1/accounts", `{"id":"acme","monthly_tokens":100}`)
	agree := func(after string) {
		t.Helper()
		entry := p.must(200, "GET", acme+"/ledger?limit=1", "")
		view := p.must(200, "GET", acme+"/tokens", "")
		if entry.get("data.0.balance.monthly") != view.get("monthly.remaining") || entry.get("data.0.balance.extra") != view.get("extra.remaining") {
			t.Errorf("after %s: ledger %s, view %s", after, entry.body, view.body)
		}
	}
	agree("opening")
	p.must(201, "POST", acme+"/grants", `{"tokens":50,"reference":"a","expires_at":"2026-11-25T00:00:00Z"}`)
	agree("a purchase")
	p.settle("acme", accounting.Event{Tokens: accounting.Tokens{Input: 120}})
	agree("usage")
	p.must(200, "PATCH", acme, `{"monthly_tokens":150}`)
	agree("a change of the total")
	p.pass(24 * time.Hour)
	p.must(200, "GET", acme+"/grants", "").want("data.0.remaining", 0)
	agree("an expiry")
	p.pass(40 * 24 * time.Hour)
	agree("two resets")
}

func TestPurchasePaysTheOverdraft(t *testing.T) {
	p := newPlane(t)
	p.must(201, "POST", "/api/v1/accounts", `{"id":"acme","monthly_tokens":10}`)
	p.settle("acme", accounting.Event{Tokens: accounting.Tokens{Input: 25}})
	p.must(200, "GET", acme+"/tokens", "").want("overdraft", 15, "blocked", true)
	p.must(201, "POST", acme+"/grants", `{"tokens":100,"reference":"r"}`).want("tokens", 100, "remaining", 85)
	p.must(200, "GET", acme+"/tokens", "").want("overdraft", 0, "extra.remaining", 85, "blocked", false)
}

func TestViewShowsWhatIsHeld(t *testing.T) {
	p := newPlane(t)
	p.acme()
	p.held = 1234
	p.must(200, "GET", acme+"/tokens", "").want("held", 1234)
	v, err := p.admin.View(t.Context(), "acme")
	if err != nil || v.Held != 1234 || v.Monthly.Total != 2_000_000 {
		t.Errorf("View: %+v, %v", v, err)
	}
}
