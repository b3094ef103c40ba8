package admin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tollgate/tollgate/admin"
)

const acme = "/api/v1/accounts/acme"

func TestRefusalsSayStatusCodeFieldAndMessage(t *testing.T) {
	p := newPlane(t)
	p.acme()
	key := acme + "/keys/" + p.must(201, "POST", acme+"/keys", `{}`).text("id")
	dead := acme + "/keys/" + p.must(201, "POST", acme+"/keys", `{}`).text("id")
	p.must(200, "DELETE", dead, "")
	p.must(201, "POST", acme+"/grants", `{"tokens":5,"reference":"invoice-1"}`)
	p.must(201, "POST", "/api/v1/accounts", `{"id":"used-key","plan":"pro"}`, "Idempotency-Key", "k1")
	before := p.kicks.Load()
	p.log.Reset()
	const accounts, grants, keys = "/api/v1/accounts", acme + "/grants", acme + "/keys"
	long := strings.Repeat("x", 201)
	for _, c := range []struct {
		method, target, body string
		status               int
		code, field, message string
		headers              []string
	}{
		// 400: what can't be read.
		{"POST", accounts, "", 400, "invalid_request", "", "the body is empty; it must be a JSON object", nil},
		{"POST", accounts, `{"id":`, 400, "invalid_request", "", "the body is not valid JSON: unexpected end of JSON input", nil},
		{"POST", accounts, `{"id":"a"} {}`, 400, "invalid_request", "", "the body is not valid JSON: invalid character '{' after top-level value", nil},
		{"POST", accounts, `["id"]`, 400, "invalid_request", "", "the body must be a JSON object", nil},
		{"POST", accounts, "{\"id\":\"\xff\"}", 400, "invalid_request", "", "the body is not valid UTF-8", nil},
		{"POST", accounts, `{"id":"a","plan":"pro","id":"b"}`, 400, "invalid_request", "id", `the member "id" stands there twice`, nil},
		{"POST", accounts, `{"id":"a","i\u0064":"b"}`, 400, "invalid_request", "id", `the member "id" stands there twice`, nil},
		{"POST", accounts, `{"id":"` + strings.Repeat("a", 1<<20) + `"}`, 400, "invalid_request", "", "the body is larger than 1 MiB", nil},
		{"GET", acme + "/events?model=%00", "", 400, "invalid_request", "model", "the parameter model is no text in UTF-8", nil},
		{"GET", acme + "/events?chatbot=%ff", "", 400, "invalid_request", "chatbot", "the parameter chatbot is no text in UTF-8", nil},
		{"POST", accounts, `{}`, 400, "invalid_request", "Content-Encoding", `the body must not be encoded, it is "gzip"`, []string{"Content-Encoding", "gzip"}},
		{"POST", accounts, `{}`, 400, "invalid_request", "Idempotency-Key", "Idempotency-Key must be 1 to 255 printable ASCII characters", []string{"Idempotency-Key", ""}},
		{"POST", accounts, `{}`, 400, "invalid_request", "Idempotency-Key", "Idempotency-Key must be 1 to 255 printable ASCII characters", []string{"Idempotency-Key", strings.Repeat("k", 256)}},
		{"PATCH", acme, "", 400, "invalid_request", "", "the body is empty; it must be a JSON object", nil},
		{"PATCH", acme, `{}`, 400, "invalid_request", "If-Match", "If-Match must be one ETag, as a GET gave it, or *", []string{"If-Match", "1"}},
		{"PATCH", acme, `{}`, 400, "invalid_request", "If-Match", "If-Match must be one ETag, as a GET gave it, or *", []string{"If-Match", `"1", "2"`}},
		{"PATCH", key, `nope`, 400, "invalid_request", "", "the body is not valid JSON: invalid character 'o' in literal null (expecting 'u')", nil},
		{"GET", accounts + "?limit=%zz", "", 400, "invalid_request", "", `the query can't be read: invalid URL escape "%zz"`, nil},
		{"GET", accounts + "?cursor=", "", 400, "invalid_request", "cursor", "the cursor is not one that this list gave", nil},
		{"GET", accounts + "?cursor=acme", "", 400, "invalid_request", "cursor", "the cursor is not one that this list gave", nil},
		{"GET", accounts + "?cursor=Z3JhbnRzOmdyYW50XzE", "", 400, "invalid_request", "cursor", "the cursor is not one that this list gave", nil}, // grants:grant_1
		{"GET", acme + "/ledger?cursor=bGVkZ2VyOmFiYw", "", 400, "invalid_request", "cursor", "the cursor is not one that this list gave", nil},   // ledger:abc
		{"GET", acme + "/events?cursor=%00", "", 400, "invalid_request", "cursor", "the parameter cursor is no text in UTF-8", nil},

		// 401.
		{"GET", accounts, "", 401, "unauthorized", "", "the admin token must stand in Authorization: Bearer", []string{"Authorization", ""}},
		{"GET", accounts, "", 401, "unauthorized", "", "the admin token must stand in Authorization: Bearer", []string{"Authorization", "Bearer"}},
		{"GET", accounts, "", 401, "unauthorized", "", "the admin token must stand in Authorization: Bearer", []string{"Authorization", "Bearer other"}},
		{"GET", accounts, "", 401, "unauthorized", "", "the admin token must stand in Authorization: Bearer", []string{"Authorization", "Basic " + adminToken}},
		{"GET", "/api/v1/nothing", "", 401, "unauthorized", "", "the admin token must stand in Authorization: Bearer", []string{"Authorization", ""}},
		{"PUT", accounts, "", 401, "unauthorized", "", "the admin token must stand in Authorization: Bearer", []string{"Authorization", ""}},

		// 404.
		{"GET", "/nothing", "", 404, "not_found", "", "there is nothing at this path; the dashboard is at /, the API under /api/v1", nil},
		{"GET", "/api/v1/nothing", "", 404, "not_found", "", "there is nothing at this path", nil},
		{"GET", "/api", "", 404, "not_found", "", "there is nothing at this path", nil},
		{"GET", "/api//v1/accounts", "", 404, "not_found", "", "there is nothing at this path", nil},
		{"GET", "/api/v1/../v1/accounts", "", 404, "not_found", "", "there is nothing at this path", nil},
		{"GET", accounts + "/", "", 404, "not_found", "", "there is nothing at this path", nil},
		{"GET", accounts + "/a%00b", "", 404, "not_found", "", "there is nothing at this path", nil},
		{"GET", acme + "/events/%ff", "", 404, "not_found", "", "there is nothing at this path", nil},
		{"GET", accounts + "/none", "", 404, "not_found", "", `there is no account "none"`, nil},
		{"PATCH", accounts + "/none", `{}`, 404, "not_found", "", `there is no account "none"`, nil},
		{"DELETE", accounts + "/none", "", 404, "not_found", "", `there is no account "none"`, nil},
		{"GET", accounts + "/none/tokens", "", 404, "not_found", "", `there is no account "none"`, nil},
		{"GET", accounts + "/none/grants", "", 404, "not_found", "", `there is no account "none"`, nil},
		{"POST", accounts + "/none/grants", `{"tokens":1,"reference":"r"}`, 404, "not_found", "", `there is no account "none"`, nil},
		{"GET", accounts + "/none/keys", "", 404, "not_found", "", `there is no account "none"`, nil},
		{"POST", accounts + "/none/keys", `{}`, 404, "not_found", "", `there is no account "none"`, nil},
		{"GET", accounts + "/none/events", "", 404, "not_found", "", `there is no account "none"`, nil},
		{"GET", accounts + "/none/usage", "", 404, "not_found", "", `there is no account "none"`, nil},
		{"GET", accounts + "/none/usage.csv", "", 404, "not_found", "", `there is no account "none"`, nil},
		{"GET", accounts + "/none/ledger", "", 404, "not_found", "", `there is no account "none"`, nil},
		{"GET", grants + "/grant_0", "", 404, "not_found", "", `there is no grant "grant_0" in account "acme"`, nil},
		{"DELETE", grants + "/grant_0", "", 404, "not_found", "", `there is no grant "grant_0" in account "acme"`, nil},
		{"GET", keys + "/key_0", "", 404, "not_found", "", `there is no key "key_0" in account "acme"`, nil},
		{"PATCH", keys + "/key_0", `{}`, 404, "not_found", "", `there is no key "key_0" in account "acme"`, nil},
		{"DELETE", keys + "/key_0", "", 404, "not_found", "", `there is no key "key_0" in account "acme"`, nil},
		{"GET", acme + "/events/0", "", 404, "not_found", "", `there is no event "0" in account "acme"`, nil},

		// 405.
		{"PUT", accounts, "", 405, "method_not_allowed", "", "this path takes GET, HEAD or POST", nil},
		{"POST", acme, "{}", 405, "method_not_allowed", "", "this path takes DELETE, GET, HEAD or PATCH", nil},
		{"OPTIONS", acme, "", 405, "method_not_allowed", "", "this path takes DELETE, GET, HEAD or PATCH", nil},
		{"DELETE", acme + "/tokens", "", 405, "method_not_allowed", "", "this path takes GET or HEAD", nil},
		{"POST", "/healthz", "", 405, "method_not_allowed", "", "this path takes GET or HEAD", nil},
		{"POST", "/metrics", "", 405, "method_not_allowed", "", "this path takes GET or HEAD", nil},

		// 409.
		{"POST", accounts, `{"id":"acme","plan":"pro"}`, 409, "already_exists", "id", "there is an account acme already, or there was one", nil},
		{"POST", grants, `{"tokens":6,"reference":"invoice-1"}`, 409, "conflict", "reference", "this reference was granted already, with another number of tokens", nil},
		{"PATCH", dead, `{"name":"again"}`, 409, "conflict", "", "the key is revoked", nil},

		// 412.
		{"PATCH", acme, `{"name":"x"}`, 412, "precondition_failed", "If-Match", "it was changed by someone else since; read it again", []string{"If-Match", `"99"`}},
		{"PATCH", acme, `{"name":"x"}`, 412, "precondition_failed", "If-Match", "it was changed by someone else since; read it again", []string{"If-Match", `"none"`}},
		{"PATCH", key, `{"name":"x"}`, 412, "precondition_failed", "If-Match", "it was changed by someone else since; read it again", []string{"If-Match", `"99"`}},

		// 422: accounts.
		{"POST", accounts, `{}`, 422, "invalid_field", "id", "id is missing", nil},
		{"POST", accounts, `{"id":7}`, 422, "invalid_field", "id", "id must be a string", nil},
		{"POST", accounts, `{"id":null}`, 422, "invalid_field", "id", "id must not be null", nil},
		{"POST", accounts, `{"id":"Acme","plan":"pro"}`, 422, "invalid_field", "id", `id must be 1 to 64 of a-z, 0-9, '.', '_' and '-', and begin with a letter or digit; "Acme" is not`, nil},
		{"POST", accounts, `{"id":"-a","plan":"pro"}`, 422, "invalid_field", "id", `id must be 1 to 64 of a-z, 0-9, '.', '_' and '-', and begin with a letter or digit; "-a" is not`, nil},
		{"POST", accounts, `{"id":"a"}`, 422, "invalid_field", "plan", "an account needs a plan or monthly_tokens", nil},
		{"POST", accounts, `{"id":"a","plan":null,"monthly_tokens":null}`, 422, "invalid_field", "monthly_tokens", "monthly_tokens must be a number: the account has no plan whose total could count", nil},
		{"POST", accounts, `{"id":"a","plan":"gold"}`, 422, "invalid_field", "plan", `there is no plan "gold"; gateway.yaml has basic, pro`, nil},
		{"POST", accounts, `{"id":"a","plan":3}`, 422, "invalid_field", "plan", "plan must be a string", nil},
		{"POST", accounts, `{"id":"a","monthly_tokens":-1}`, 422, "invalid_field", "monthly_tokens", "monthly_tokens must be between 0 and 9007199254740992", nil},
		{"POST", accounts, `{"id":"a","monthly_tokens":9007199254740993}`, 422, "invalid_field", "monthly_tokens", "monthly_tokens must be between 0 and 9007199254740992", nil},
		{"POST", accounts, `{"id":"a","monthly_tokens":99999999999999999999}`, 422, "invalid_field", "monthly_tokens", "monthly_tokens must be between 0 and 9007199254740992", nil},
		{"POST", accounts, `{"id":"a","monthly_tokens":1.5}`, 422, "invalid_field", "monthly_tokens", "monthly_tokens must be a whole number", nil},
		{"POST", accounts, `{"id":"a","monthly_tokens":"5"}`, 422, "invalid_field", "monthly_tokens", "monthly_tokens must be a number", nil},
		{"POST", accounts, `{"id":"a","monthly_tokens":true}`, 422, "invalid_field", "monthly_tokens", "monthly_tokens must be a number", nil},
		{"POST", accounts, `{"id":"a","plan":"pro","name":""}`, 422, "invalid_field", "name", "name must not be empty", nil},
		{"POST", accounts, `{"id":"a","plan":"pro","name":"` + long + `"}`, 422, "invalid_field", "name", "name must not be longer than 200 characters", nil},
		{"POST", accounts, `{"id":"a","plan":"pro","name":"a\u0000"}`, 422, "invalid_field", "name", "name must not contain control characters", nil},
		{"POST", accounts, `{"id":"a","plan":"pro","timezone":"Mars/Olympus"}`, 422, "invalid_field", "timezone", `timezone must be a name of the IANA time zone database, such as Europe/Berlin or UTC; "Mars/Olympus" is none`, nil},
		{"POST", accounts, `{"id":"a","plan":"pro","timezone":"Local"}`, 422, "invalid_field", "timezone", `timezone must be a name of the IANA time zone database, such as Europe/Berlin or UTC; "Local" is none`, nil},
		{"POST", accounts, `{"id":"a","plan":"pro","timezone":""}`, 422, "invalid_field", "timezone", `timezone must be a name of the IANA time zone database, such as Europe/Berlin or UTC; "" is none`, nil},
		{"POST", accounts, `{"id":"a","plan":"pro","timezone":"../etc/passwd"}`, 422, "invalid_field", "timezone", `timezone must be a name of the IANA time zone database, such as Europe/Berlin or UTC; "../etc/passwd" is none`, nil},
		{"POST", accounts, `{"id":"a","plan":"pro","reset_day":0}`, 422, "invalid_field", "reset_day", "reset_day must be between 1 and 31", nil},
		{"POST", accounts, `{"id":"a","plan":"pro","reset_day":32}`, 422, "invalid_field", "reset_day", "reset_day must be between 1 and 31", nil},
		{"POST", accounts, `{"id":"a","plan":"pro","status":"deleted"}`, 422, "invalid_field", "status", `status must be active or suspended, not "deleted"`, nil},
		{"POST", accounts, `{"id":"a","plan":"pro","admission":"lax"}`, 422, "invalid_field", "admission", `admission must be hold, strict or observe, not "lax"`, nil},
		{"POST", accounts, `{"id":"a","plan":"pro","effective":"next_period"}`, 422, "invalid_field", "effective", "a new account has no next_period yet", nil},
		{"POST", accounts, `{"id":"a","plan":"pro","resetday":3}`, 422, "invalid_field", "resetday", `there is no member "resetday" here`, nil},
		{"POST", accounts, `{"id":"a","plan":"pro","Name":"x"}`, 422, "invalid_field", "Name", `there is no member "Name" here`, nil},
		{"POST", accounts + "?dry_run=1", `{"id":"a","plan":"pro"}`, 422, "invalid_field", "dry_run", `there is no parameter "dry_run" here`, nil},
		{"PATCH", acme, `{"id":"other"}`, 422, "invalid_field", "id", "id can't be changed", nil},
		{"PATCH", acme, `{"monthly_tokens":null}`, 422, "invalid_field", "monthly_tokens", "monthly_tokens must be a number: the account has no plan whose total could count", nil},
		{"PATCH", acme, `{"monthly_tokens":null,"effective":"next_period"}`, 422, "invalid_field", "monthly_tokens", "monthly_tokens must be a number: the account has no plan whose total could count", nil},
		{"PATCH", acme, `{"plan":"gold"}`, 422, "invalid_field", "plan", `there is no plan "gold"; gateway.yaml has basic, pro`, nil},
		{"PATCH", acme, `{"effective":"tomorrow"}`, 422, "invalid_field", "effective", `effective must be now or next_period, not "tomorrow"`, nil},
		{"PATCH", acme, `{"effective":"next_period","name":"x"}`, 422, "invalid_field", "effective", "next_period needs plan or monthly_tokens: nothing else waits for it", nil},
		{"PATCH", acme, `{"timezone":null}`, 422, "invalid_field", "timezone", "timezone must not be null", nil},
		{"PATCH", acme, `{"balance":5}`, 422, "invalid_field", "balance", `there is no member "balance" here`, nil},
		{"DELETE", acme + "?force=1", "", 422, "invalid_field", "force", `there is no parameter "force" here`, nil},

		// 422: grants.
		{"POST", grants, `{"reference":"r"}`, 422, "invalid_field", "tokens", "tokens is missing", nil},
		{"POST", grants, `{"tokens":0,"reference":"r"}`, 422, "invalid_field", "tokens", "tokens must be between 1 and 9007199254740992", nil},
		{"POST", grants, `{"tokens":null,"reference":"r"}`, 422, "invalid_field", "tokens", "tokens must not be null", nil},
		{"POST", grants, `{"tokens":1}`, 422, "invalid_field", "reference", "reference must name the purchase, such as an invoice's number", nil},
		{"POST", grants, `{"tokens":1,"reference":" "}`, 422, "invalid_field", "reference", "reference must name the purchase, such as an invoice's number", nil},
		{"POST", grants, `{"tokens":1,"reference":"` + long + `"}`, 422, "invalid_field", "reference", "reference must not be longer than 200 characters", nil},
		{"POST", grants, `{"tokens":1,"reference":"r","expires_at":"yesterday"}`, 422, "invalid_field", "expires_at", `expires_at must be an instant as 2006-01-02T15:04:05Z, not "yesterday"`, nil},
		{"POST", grants, `{"tokens":1,"reference":"r","expires_at":5}`, 422, "invalid_field", "expires_at", "expires_at must be a string or null", nil},
		{"POST", grants, `{"tokens":1,"reference":"r","expires_at":"2026-11-24T12:00:00Z"}`, 422, "invalid_field", "expires_at", "expires_at must lie in the future", nil},
		{"POST", grants, `{"tokens":1,"reference":"r","price":5}`, 422, "invalid_field", "price", `there is no member "price" here`, nil},

		// 422: keys.
		{"POST", keys, `{"scope":"admin"}`, 422, "invalid_field", "scope", `scope must be call or view, not "admin"`, nil},
		{"POST", keys, `{"name":7}`, 422, "invalid_field", "name", "name must be a string", nil},
		{"POST", keys, `{"activity":"dance"}`, 422, "invalid_field", "activity", `activity must be chat, ingest, training, preview or translate, not "dance"`, nil},
		{"POST", keys, `{"chatbot":"a b"}`, 422, "invalid_field", "chatbot", `chatbot must be 1 to 64 letters, digits and . _ : @ -, not "a b"`, nil},
		{"POST", keys, `{"labels":"loose"}`, 422, "invalid_field", "labels", `labels must be open or fixed, not "loose"`, nil},
		{"POST", keys, `{"monthly_cap":-1}`, 422, "invalid_field", "monthly_cap", "monthly_cap must be between 0 and 9007199254740992", nil},
		{"POST", keys, `{"requests_per_minute":0}`, 422, "invalid_field", "requests_per_minute", "requests_per_minute must be between 1 and 9007199254740992", nil},
		{"POST", keys, `{"concurrent":0}`, 422, "invalid_field", "concurrent", "concurrent must be between 1 and 9007199254740992", nil},
		{"POST", keys, `{"max_output_tokens":0}`, 422, "invalid_field", "max_output_tokens", "max_output_tokens must be between 1 and 9007199254740992", nil},
		{"POST", keys, `{"models":"gpt-4o"}`, 422, "invalid_field", "models", "models must be a list of strings", nil},
		{"POST", keys, `{"models":null}`, 422, "invalid_field", "models", "models must not be null", nil},
		{"POST", keys, `{"models":["gpt-4o",null]}`, 422, "invalid_field", "models", "models[1] must be a string", nil},
		{"POST", keys, `{"models":["gpt-4o",""]}`, 422, "invalid_field", "models", `models[1]: "" must not be empty`, nil},
		{"POST", keys, `{"models":["` + long + `"]}`, 422, "invalid_field", "models", "models[0] must not be longer than 200 characters", nil},
		{"POST", keys, `{"models":[` + strings.Repeat(`"m",`, 100) + `"m"]}`, 422, "invalid_field", "models", "models must not have more than 100 items", nil},
		{"POST", keys, `{"providers":["anthropic"]}`, 422, "invalid_field", "providers", `providers[0]: "anthropic" is not a provider of gateway.yaml, which has openai, local`, nil},
		{"POST", keys, `{"origins":["*"]}`, 422, "invalid_field", "origins", `origins[0]: "*" must be an origin as https://app.example.com`, nil},
		{"POST", keys, `{"origins":["https://a.example/"]}`, 422, "invalid_field", "origins", `origins[0]: "https://a.example/" must have neither path, query nor user, nor a slash at its end`, nil},
		{"POST", keys, `{"origins":["https://a.example:443"]}`, 422, "invalid_field", "origins", `origins[0]: "https://a.example:443" must be written without the default port: browsers leave it out`, nil},
		{"POST", keys, `{"origins":["https://a.example:070"]}`, 422, "invalid_field", "origins", `origins[0]: "https://a.example:070" must have a port between 1 and 65535, without leading zeros`, nil},
		{"POST", keys, `{"origins":["https://A.example"]}`, 422, "invalid_field", "origins", `origins[0]: "https://A.example" must be in lower case and ASCII (xn--…), as browsers send it`, nil},
		{"POST", keys, `{"expires_at":"2020-01-01T00:00:00Z"}`, 422, "invalid_field", "expires_at", "expires_at must lie in the future", nil},
		{"POST", keys, `{"ttl_seconds":0}`, 422, "invalid_field", "ttl_seconds", "ttl_seconds must be between 1 and 316224000", nil},
		{"POST", keys, `{"ttl_seconds":5,"expires_at":"2027-01-01T00:00:00Z"}`, 422, "invalid_field", "ttl_seconds", "give either ttl_seconds or expires_at", nil},
		{"POST", keys, `{"secret":"tg_mine"}`, 422, "invalid_field", "secret", `there is no member "secret" here`, nil},
		{"PATCH", key, `{"scope":"view"}`, 422, "invalid_field", "scope", "scope can't be changed", nil},
		{"PATCH", key, `{"account":"other"}`, 422, "invalid_field", "account", "account can't be changed", nil},
		{"PATCH", key, `{"concurrent":"2"}`, 422, "invalid_field", "concurrent", "concurrent must be a number", nil},

		// 422: queries and idempotency.
		{"GET", accounts + "?limit=0", "", 422, "invalid_field", "limit", `limit must be a number between 1 and 1000, not "0"`, nil},
		{"GET", accounts + "?limit=1001", "", 422, "invalid_field", "limit", `limit must be a number between 1 and 1000, not "1001"`, nil},
		{"GET", grants + "?limit=many", "", 422, "invalid_field", "limit", `limit must be a number between 1 and 1000, not "many"`, nil},
		{"GET", keys + "?limit=", "", 422, "invalid_field", "limit", `limit must be a number between 1 and 1000, not ""`, nil},
		{"GET", accounts + "?limit=1&limit=2", "", 422, "invalid_field", "limit", "the parameter limit is given twice", nil},
		{"GET", accounts + "?page=2", "", 422, "invalid_field", "page", `there is no parameter "page" here`, nil},
		{"GET", acme + "?fields=id", "", 422, "invalid_field", "fields", `there is no parameter "fields" here`, nil},
		{"GET", acme + "/events?outcome=fine", "", 422, "invalid_field", "outcome", `outcome must be completed, client_closed, upstream_broken, upstream_error or interrupted, not "fine"`, nil},
		{"GET", acme + "/events?from=monday", "", 422, "invalid_field", "from", `from must be a day as 2006-01-02 or an instant as 2006-01-02T15:04:05Z, not "monday"`, nil},
		{"GET", acme + "/events?to=2026-13-01", "", 422, "invalid_field", "to", `to must be a day as 2006-01-02 or an instant as 2006-01-02T15:04:05Z, not "2026-13-01"`, nil},
		{"GET", acme + "/usage?from=2026-11-02&to=2026-11-01", "", 422, "invalid_field", "to", "to must be after from", nil},
		{"GET", acme + "/usage?from=2027-01-01", "", 422, "invalid_field", "from", "the span from 2027-01-01T00:00:00Z to 2026-12-01T00:00:00Z is empty", nil},
		{"GET", acme + "/usage?group_by=week", "", 422, "invalid_field", "group_by", `group_by takes day,activity,chatbot,model,provider,key, not "week"`, nil},
		{"GET", acme + "/usage?group_by=day,day", "", 422, "invalid_field", "group_by", "group_by names day twice", nil},
		{"GET", acme + "/usage.csv?group_by=,", "", 422, "invalid_field", "group_by", `group_by takes day,activity,chatbot,model,provider,key, not ""`, nil},
		{"POST", accounts, `{"id":"other","plan":"pro"}`, 422, "invalid_field", "Idempotency-Key", "this Idempotency-Key was used with another body", []string{"Idempotency-Key", "k1"}},
	} {
		a := p.call(c.method, c.target, c.body, c.headers...)
		var field any
		if c.field != "" {
			field = c.field
		}
		name := c.method + " " + c.target + " " + c.body[:min(len(c.body), 60)]
		if a.status != c.status {
			t.Errorf("%s: got %d %s, want %d", name, a.status, a.body, c.status)
			continue
		}
		if got := a.header.Get("Content-Type"); got != "application/json" {
			t.Errorf("%s: Content-Type %q", name, got)
		}
		a.want("error.code", c.code, "error.field", field, "error.message", c.message)
		if t.Failed() {
			t.Logf("in %s", name)
		}
	}
	if after := p.kicks.Load(); after != before {
		t.Errorf("refused requests told the replicas of %d changes", after-before)
	}
	if p.log.Len() > 0 {
		t.Errorf("a client's mistake was logged as ours: %s", p.log.String())
	}
	p.must(200, "GET", "/api/v1/accounts", "").want("data.0.id", "acme", "data.1.id", "used-key", "next_cursor", nil)
}

func TestAnswersOfRefusalsCarryWhatHTTPAsks(t *testing.T) {
	p := newPlane(t)
	if a := p.call("PUT", "/api/v1/accounts", ""); a.header.Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("Allow: %q", a.header.Get("Allow"))
	}
	a := p.call("GET", "/api/v1/accounts", "", "Authorization", "Bearer wrong", "Origin", "https://evil.example")
	if a.header.Get("WWW-Authenticate") == "" {
		t.Error("401 without WWW-Authenticate")
	}
	for name := range a.header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s on the admin plane", name)
		}
	}
}

func TestAStoreThatIsBehindOrDownIs503(t *testing.T) {
	p := newPlane(t)
	p.acme()
	p.stale = errDown
	a := p.call("GET", acme+"/tokens", "")
	a.want("error.code", "unavailable", "error.message", "the newest events are not in the store yet; try again", "error.field", nil)
	if a.status != 503 || !strings.Contains(p.log.String(), "connection refused") {
		t.Errorf("got %d, logged %q", a.status, p.log.String())
	}
	if strings.Contains(string(a.body), "10.0.0.7") {
		t.Errorf("the answer shows our inside: %s", a.body)
	}
	if a := p.call("DELETE", acme+"/grants/grant_1", ""); a.status != 503 {
		t.Errorf("void behind the store: %d", a.status)
	}
	p.stale = nil
	p.store.Close()
	a = p.call("PATCH", acme, `{"name":"x"}`)
	a.want("error.code", "unavailable", "error.message", "the store can't be reached now; try again")
	if a.status != 503 {
		t.Errorf("got %d", a.status)
	}
}

func TestHealthTouchesNothing(t *testing.T) {
	p := newPlane(t)
	p.store.Close()
	p.stale, p.broken = errDown, errDown
	p.must(200, "GET", "/healthz", "", "Authorization", "").want("status", "ok")
	p.call("GET", "/readyz", "", "Authorization", "").want("error.code", "unavailable", "error.message", "not ready: "+errDown.Error())
	p.broken = nil
	p.must(200, "GET", "/readyz", "", "Authorization", "").want("status", "ready")
	p.must(200, "GET", "/metrics", "", "Authorization", "")
}

func TestNobodyIsLetInWithoutAToken(t *testing.T) {
	p := newPlane(t)
	open := p.admin.Options
	open.Tokens = func() []admin.Token { return []admin.Token{{Name: "admin", Role: admin.RoleAdmin}} }
	for _, shown := range []string{"", "Bearer ", "Bearer"} {
		r := httptest.NewRequest("GET", "/api/v1/accounts", nil)
		r.Header.Set("Authorization", shown)
		w := httptest.NewRecorder()
		admin.New(open).ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%q: %d", shown, w.Code)
		}
	}
}
