package admin_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
)

func TestKeyHasItsDefaultsAndItsSecretOnce(t *testing.T) {
	p := newPlane(t)
	p.acme()
	made := p.must(201, "POST", acme+"/keys", `{}`)
	made.want("account", "acme", "name", "", "scope", "call", "activity", "chat", "chatbot", "", "labels", "open", "monthly_cap", nil,
		"requests_per_minute", nil, "concurrent", nil, "max_output_tokens", nil, "expires_at", nil, "revoked_at", nil)
	for _, list := range []string{"models", "providers", "origins"} {
		if n := made.length(list); n != 0 {
			t.Errorf("%s: %d items", list, n)
		}
	}
	secret := made.text("secret")
	if !regexp.MustCompile(`^tg_[A-Za-z0-9_-]{43}$`).MatchString(secret) {
		t.Errorf("secret %q", secret)
	}
	k, lives, err := p.store.Key(t.Context(), policy.HashSecret(secret))
	if err != nil || !lives || k.ID != made.text("id") {
		t.Errorf("the secret opens %v %v, %v", k, lives, err)
	}
	one := acme + "/keys/" + made.text("id")
	for _, a := range []answer{p.must(200, "GET", one, ""), p.must(200, "GET", acme+"/keys", ""), p.must(200, "PATCH", one, `{"name":"x"}`), p.must(200, "DELETE", one, "")} {
		if strings.Contains(string(a.body), secret) || strings.Contains(string(a.body), "secret") {
			t.Errorf("the secret is shown again: %s", a.body)
		}
	}
	if strings.Contains(p.log.String(), secret) {
		t.Error("the secret is in the log")
	}
}

func TestKeyTakesWhatItIsGiven(t *testing.T) {
	p := newPlane(t)
	p.acme()
	made := p.must(201, "POST", acme+"/keys", `{"name":"backend","scope":"view","activity":"translate","chatbot":"bot-1","labels":"open","monthly_cap":0,
		"requests_per_minute":60,"concurrent":5,"max_output_tokens":100,"models":["gpt-4o*","o1"],"providers":["local"],
		"origins":["https://app.example.com","http://127.0.0.1:3000","http://[::1]:8080"],"expires_at":null,"ttl_seconds":900}`)
	k, err := p.store.AccountKey(t.Context(), "acme", made.text("id"))
	if err != nil {
		t.Fatal(err)
	}
	number := func(n int64) *int64 { return &n }
	want := policy.Key{ID: made.text("id"), Account: "acme", Name: "backend", Scope: policy.ScopeView, Activity: "translate", Chatbot: "bot-1",
		Labels:     policy.LabelsFixed, // as of every key with origins
		MonthlyCap: number(0), RequestsPerMinute: number(60), Concurrent: number(5), MaxOutputTokens: number(100),
		Models: []string{"gpt-4o*", "o1"}, Providers: []string{"local"}, Origins: []string{"https://app.example.com", "http://127.0.0.1:3000", "http://[::1]:8080"},
		ExpiresAt: noon.Add(15 * time.Minute), CreatedAt: noon, UpdatedAt: noon, Version: 1}
	if diff := cmp.Diff(want, k); diff != "" {
		t.Errorf("key (-want +got):\n%s", diff)
	}
	made.want("expires_at", "2026-11-24T12:15:00Z", "labels", "fixed", "models.1", "o1")
}

func TestPatchOfAKeyChangesOnlyWhatIsGiven(t *testing.T) {
	p := newPlane(t)
	p.acme()
	one := acme + "/keys/" + p.must(201, "POST", acme+"/keys", `{"name":"a","monthly_cap":9,"concurrent":2,"models":["m"],"ttl_seconds":60}`).text("id")
	tag := p.must(200, "GET", one, "").header.Get("ETag")
	p.must(200, "PATCH", one, `{"name":"b","monthly_cap":null,"expires_at":null}`, "If-Match", tag).
		want("name", "b", "monthly_cap", nil, "concurrent", 2, "models.0", "m", "expires_at", nil)
	p.must(412, "PATCH", one, `{"name":"c"}`, "If-Match", tag)
	p.must(200, "PATCH", one, `{"models":[],"origins":["https://a.example"],"labels":"open"}`).want("labels", "fixed", "origins.0", "https://a.example")
	a := p.must(200, "PATCH", one, `{"origins":[]}`)
	a.want("labels", "fixed")
	if a.length("models") != 0 || a.length("origins") != 0 {
		t.Errorf("emptied lists: %s", a.body)
	}
	p.must(200, "PATCH", one, `{"labels":"open"}`).want("labels", "open")
}

func TestRevokedKeyStaysRevoked(t *testing.T) {
	p := newPlane(t)
	p.acme()
	one := acme + "/keys/" + p.must(201, "POST", acme+"/keys", `{}`).text("id")
	kicks := p.kicks.Load()
	p.must(200, "DELETE", one, "").want("revoked_at", "2026-11-24T12:00:00Z")
	p.pass(time.Second)
	p.must(200, "DELETE", one, "").want("revoked_at", "2026-11-24T12:00:00Z")
	p.must(200, "GET", one, "").want("revoked_at", "2026-11-24T12:00:00Z")
	if p.kicks.Load() == kicks {
		t.Error("the replicas were not told")
	}
}

func TestKeyShowsWhatItUsedInThePeriod(t *testing.T) {
	p := newPlane(t)
	p.acme()
	id := p.must(201, "POST", acme+"/keys", `{}`).text("id")
	p.settle("acme", accounting.Event{Key: id, Tokens: accounting.Tokens{Input: 30}}, accounting.Event{Key: "key_other", Tokens: accounting.Tokens{Input: 5}})
	p.must(200, "GET", acme+"/keys/"+id, "").want("used", 30)
	p.pass(30 * 24 * time.Hour)
	p.must(200, "GET", acme+"/keys/"+id, "").want("used", 0)
}

func TestKeysOfAnotherAccountAreNotFound(t *testing.T) {
	p := newPlane(t)
	p.acme()
	p.must(201, "POST", "/api/v1/accounts", `{"id":"other","plan":"pro"}`)
	key := p.must(201, "POST", acme+"/keys", `{}`).text("id")
	grant := p.must(201, "POST", acme+"/grants", `{"tokens":1,"reference":"r"}`).text("id")
	p.settle("acme", accounting.Event{Tokens: accounting.Tokens{Input: 1}})
	event := p.must(200, "GET", acme+"/events", "").text("data.0.id")
	for _, path := range []string{"/keys/" + key, "/grants/" + grant, "/events/" + event} {
		p.must(200, "GET", acme+path, "")
		p.must(404, "GET", "/api/v1/accounts/other"+path, "")
	}
	p.must(404, "PATCH", "/api/v1/accounts/other/keys/"+key, `{"name":"mine"}`)
	p.must(404, "DELETE", "/api/v1/accounts/other/keys/"+key, "")
	p.must(404, "DELETE", "/api/v1/accounts/other/grants/"+grant, "")
	p.must(200, "GET", acme+"/keys/"+key, "").want("name", "", "revoked_at", nil)
}

func TestAGatewayKeyIsNoAdminToken(t *testing.T) {
	p := newPlane(t)
	p.acme()
	secret := p.must(201, "POST", acme+"/keys", `{}`).text("secret")
	p.must(401, "GET", "/api/v1/accounts", "", "Authorization", "Bearer "+secret)
	p.must(401, "GET", "/api/v1/accounts?token="+adminToken, "", "Authorization", "", "X-Api-Key", adminToken, "Cookie", "token="+adminToken)
}
