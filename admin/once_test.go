package admin_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestARepeatedPostIsAnsweredAsTheFirstTime(t *testing.T) {
	p := newPlane(t)
	body := `{"id":"acme","plan":"pro"}`
	first := p.must(201, "POST", "/api/v1/accounts", body, "Idempotency-Key", "k")
	p.must(200, "PATCH", acme, `{"name":"changed since"}`)
	p.pass(24*time.Hour - time.Minute)
	again := p.must(201, "POST", "/api/v1/accounts", body, "Idempotency-Key", "k")
	if string(again.body) != string(first.body) || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("again: %s %v, first: %s", again.body, again.header, first.body)
	}
	p.must(422, "POST", "/api/v1/accounts", `{"id":"acme", "plan":"pro"}`, "Idempotency-Key", "k").want("error.field", "Idempotency-Key")
	p.pass(2 * time.Minute)
	p.must(409, "POST", "/api/v1/accounts", body, "Idempotency-Key", "k").want("error.code", "already_exists", "error.field", "id")
}

func TestAnIdempotencyKeyBelongsToOnePath(t *testing.T) {
	p := newPlane(t)
	p.acme()
	p.must(201, "POST", "/api/v1/accounts", `{"id":"other","plan":"pro"}`, "Idempotency-Key", "k")
	p.must(201, "POST", acme+"/grants", `{"tokens":5,"reference":"r"}`, "Idempotency-Key", "k")
	p.must(201, "POST", "/api/v1/accounts/other/grants", `{"tokens":6,"reference":"r"}`, "Idempotency-Key", "k")
	p.must(201, "POST", acme+"/grants", `{"tokens":5,"reference":"r"}`, "Idempotency-Key", "k").want("tokens", 5)
	p.must(200, "POST", acme+"/grants", `{"tokens":5,"reference":"r"}`, "Idempotency-Key", "another")
}

func TestARefusedPostCanBeCorrectedUnderItsKey(t *testing.T) {
	p := newPlane(t)
	p.must(422, "POST", "/api/v1/accounts", `{"id":"acme","plan":"prro"}`, "Idempotency-Key", "k")
	p.must(201, "POST", "/api/v1/accounts", `{"id":"acme","plan":"pro"}`, "Idempotency-Key", "k")
}

func TestARepeatedKeyIsAConflictWithoutTheSecret(t *testing.T) {
	p := newPlane(t)
	p.acme()
	made := p.must(201, "POST", acme+"/keys", `{"name":"backend"}`, "Idempotency-Key", "k")
	again := p.must(409, "POST", acme+"/keys", `{"name":"backend"}`, "Idempotency-Key", "k")
	id := made.text("id")
	again.want("error.code", "already_exists", "error.field", "Idempotency-Key", "error.id", id,
		"error.message", "this Idempotency-Key made the key "+id+" before; its secret was shown then and is not kept")
	if strings.Contains(string(again.body), made.text("secret")) {
		t.Error("the secret is shown again")
	}
	kept, err := p.store.Recall(t.Context(), "POST "+acme+"/keys k", p.now())
	if err != nil || strings.Contains(string(kept.Answer), "tg_") {
		t.Errorf("the store keeps %s, %v", kept.Answer, err)
	}
	p.must(422, "POST", acme+"/keys", `{"name":"other"}`, "Idempotency-Key", "k")
	if n := p.must(200, "GET", acme+"/keys", "").length("data"); n != 1 {
		t.Errorf("%d keys were made", n)
	}
}

// TestPostsAtOnceAreDoneOnce sends every request eight times at once.
func TestPostsAtOnceAreDoneOnce(t *testing.T) {
	p := newPlane(t)
	p.acme()
	const times = 8
	answers := make([][]answer, 4)
	var all sync.WaitGroup
	for i := range answers {
		answers[i] = make([]answer, times)
		for j := range times {
			all.Go(func() {
				answers[i][j] = p.call("POST", acme+"/keys", `{}`, "Idempotency-Key", fmt.Sprint("key ", i))
			})
		}
	}
	all.Wait()
	for i, same := range answers {
		made := 0
		for _, a := range same {
			switch a.status {
			case 201:
				made++
			case 409:
				a.want("error.code", "already_exists")
			default:
				t.Errorf("%d %s", a.status, a.body)
			}
		}
		if made != 1 {
			t.Errorf("request %d was done %d times", i, made)
		}
	}
	if n := p.must(200, "GET", acme+"/keys", "").length("data"); n != len(answers) {
		t.Errorf("%d keys for %d requests", n, len(answers))
	}
}

// TestAClientThatLeavesLeavesNothingHalfDone makes a key for a client that is gone already: the key and the answer
// for its repeat are both there.
func TestAClientThatLeavesLeavesNothingHalfDone(t *testing.T) {
	p := newPlane(t)
	p.acme()
	gone, leave := context.WithCancel(t.Context())
	leave()
	r := httptest.NewRequestWithContext(gone, "POST", acme+"/keys", strings.NewReader(`{}`))
	r.Header.Set("Authorization", "Bearer "+adminToken)
	r.Header.Set("Idempotency-Key", "k")
	p.admin.ServeHTTP(httptest.NewRecorder(), r)
	id := p.must(200, "GET", acme+"/keys", "").text("data.0.id")
	p.must(409, "POST", acme+"/keys", `{}`, "Idempotency-Key", "k").want("error.id", id)
}
