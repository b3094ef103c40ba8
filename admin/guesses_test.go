package admin_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tollgate/tollgate/admin"
)

// Somebody tries short tokens: after a hundred they wait, each as sign-in and as bearer; nobody else does.
func TestGuessing(t *testing.T) {
	p := newPlane(t)
	p.tokens = append(p.tokens, admin.Token{Name: "long", Secret: "a-token-of-32-random-characters-", Role: admin.RoleAdmin},
		admin.Token{Name: "short", Secret: "letmein", Role: admin.RoleAdmin})
	signIn := func(token string) answer {
		return browse(p, "POST", "/api/v1/session", `{"token":"`+token+`"}`, "same-origin")
	}
	bearer := func(token string) answer {
		return p.call("GET", "/api/v1/session", "", "Authorization", "Bearer "+token)
	}
	cookie := signIn("letmein").header.Get("Set-Cookie")
	for i := range 100 {
		try := signIn
		if i%2 == 1 {
			try = bearer
		}
		if a := try(fmt.Sprint("guess-", i)); a.status != 401 {
			t.Fatalf("guess %d: %d %s", i, a.status, a.body)
		}
		if i == 98 && bearer("letmein").status != 200 {
			t.Error("a right short token waits though there are tries left")
		}
	}
	for name, try := range map[string]func(string) answer{"sign-in": signIn, "bearer": bearer} {
		if a := try("letmein"); a.status != 429 || a.header.Get("Retry-After") != "1" {
			t.Errorf("%s: a short token was compared after a hundred wrong ones: %d %v", name, a.status, a.header)
		}
		if a := try("a-token-of-32-random-characters-"); a.status/100 != 2 {
			t.Errorf("%s: a long token waits: %d %s", name, a.status, a.body)
		}
		if a := try("a-wrong-token-of-33-characters-xx"); a.status != 401 {
			t.Errorf("%s: a long wrong token: %d %s", name, a.status, a.body)
		}
	}
	if a := p.call("GET", "/api/v1/session", "", "Authorization", "", "Cookie", cookie); a.status != 200 {
		t.Errorf("who is signed in waits: %d %s", a.status, a.body)
	}
	p.pass(time.Second)
	if a := signIn("letmein"); a.status != 201 {
		t.Errorf("a second later: %d %s", a.status, a.body)
	}
	if a := bearer("one-more"); a.status != 401 {
		t.Errorf("a second later, a guess: %d %s", a.status, a.body)
	}
	if a := signIn("letmein"); a.status != 429 {
		t.Errorf("after that guess: %d %s", a.status, a.body)
	}
}
