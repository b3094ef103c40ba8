package main

import (
	"net/http"
	"net/url"

	"github.com/tollgate/tollgate/admin"
)

// GrantCmd is `tollgate grant`.
type GrantCmd struct {
	Client
	Create grantCreate `cmd:"" help:"Add extra tokens that were purchased. The same reference again adds nothing."`
	List   grantList   `cmd:"" help:"List an account's grants."`
	Void   grantVoid   `cmd:"" help:"Take back what is left of a grant."`
}

func describeGrant(g admin.GrantView) [][2]string {
	return [][2]string{
		{"id", g.ID}, {"reference", g.Reference}, {"tokens", number(g.Tokens)}, {"remaining", number(g.Remaining)},
		{"expires", shown(g.ExpiresAt)}, {"created", shown(&g.CreatedAt)}, {"voided", shown(g.VoidedAt)},
	}
}

type grantCreate struct {
	Account   string  `arg:"" help:"The account."`
	Tokens    int64   `required:"" help:"How many tokens were purchased."`
	Reference string  `required:"" help:"The purchase, such as an invoice's number; one grant for each."`
	ExpiresAt *moment `placeholder:"INSTANT" help:"When what is left lapses, as 2026-12-31T00:00:00Z; absent: never."`
}

func (g grantCreate) Run(c *Client) error {
	m := members{"tokens": g.Tokens, "reference": g.Reference}
	set(m, "expires_at", g.ExpiresAt)
	return one(c, http.MethodPost, resource("accounts", g.Account, "grants"), m, describeGrant)
}

type grantList struct {
	Account string `arg:"" help:"The account."`
	paging
}

func (g grantList) Run(c *Client) error {
	columns := []string{"ID", "REFERENCE", "TOKENS", "REMAINING", "EXPIRES", "CREATED", "VOIDED"}
	return many(c, resource("accounts", g.Account, "grants"), url.Values{}, g.paging, columns, func(v admin.GrantView) []string {
		return []string{v.ID, v.Reference, number(v.Tokens), number(v.Remaining), shown(v.ExpiresAt), shown(&v.CreatedAt), shown(v.VoidedAt)}
	})
}

type grantVoid struct {
	Account string `arg:"" help:"The account."`
	Grant   string `arg:"" help:"The grant's id, grant_…"`
}

func (g grantVoid) Run(c *Client) error {
	return one(c, http.MethodDelete, resource("accounts", g.Account, "grants", g.Grant), nil, describeGrant)
}
