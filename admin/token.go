package admin

import (
	"context"
	"net/http"
	"strings"
)

// Role says what a token may do on the admin plane.
type Role string

const (
	// RoleAdmin may do everything.
	RoleAdmin Role = "admin"
	// RoleOperator does the daily work: all but deleting accounts and voiding purchases.
	RoleOperator Role = "operator"
	// RoleRead changes nothing.
	RoleRead Role = "read"
)

// Token is what people, scripts and the platform's backend show on the admin plane.
type Token struct {
	Name   string // what a session and the log call it; unique
	Secret string // "": nobody can show it
	Role   Role
	// Account is the one account that it reaches; "": all.
	Account string
}

// byBearer finds the token that Authorization shows; nil: none of ours.
func (h *Handler) byBearer(r *http.Request) (*Token, *problem) {
	scheme, shown, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil, nil
	}
	return h.bySecret(strings.TrimSpace(shown))
}

// permit says why the token may not make a request whose path names account ("": none); nil: it may.
func (t *Token) permit(method, pattern, account string) *problem {
	reads := method == http.MethodGet || method == http.MethodHead
	switch {
	case t.Account != "" && account != t.Account && !(reads && pattern == accountsPath):
		return forbidden("the token %q reaches the account %q alone", t.Name, t.Account)
	case reads:
		return nil
	case t.Role == RoleRead:
		return forbidden("the token %q may read alone (its role is read)", t.Name)
	case t.Role == RoleOperator && method == http.MethodDelete && (pattern == accountPath || pattern == grantPath):
		return forbidden("the token %q may not delete accounts or void purchases (its role is operator)", t.Name)
	}
	return nil
}

// callerKey finds the caller's *Token in a request's context.
type callerKey struct{}

func callerOf(ctx context.Context) *Token { return ctx.Value(callerKey{}).(*Token) }
