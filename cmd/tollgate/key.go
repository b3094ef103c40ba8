package main

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/tollgate/tollgate/admin"
)

// KeyCmd is `tollgate key`.
type KeyCmd struct {
	Client
	Create keyCreate `cmd:"" help:"Make a key. Its secret is shown this once."`
	List   keyList   `cmd:"" help:"List an account's keys."`
	Change keyChange `cmd:"" help:"Change what is given and leave the rest."`
	Revoke keyRevoke `cmd:"" help:"End a key, for good."`
}

// keyFlags are the members of a key that can be changed.
type keyFlags struct {
	Name              *string `help:"What people call it."`
	Activity          *string `help:"What its requests are counted for: chat, ingest, training, preview or one of gateway.yaml's."`
	Chatbot           *string `help:"The chatbot that its requests are counted for."`
	Labels            *string `enum:"open,fixed" help:"open: requests may name another activity, chatbot and user; fixed: they may not."`
	MonthlyCap        *quota  `placeholder:"N|none" help:"What it may use in a period."`
	RequestsPerMinute *quota  `placeholder:"N|none" help:"On each replica."`
	Concurrent        *quota  `placeholder:"N|none" help:"Requests at once, on each replica."`
	MaxOutputTokens   *quota  `placeholder:"N|none" help:"The largest output limit that a request may have."`
	Models            *texts  `placeholder:"PATTERN,…" help:"The models it may call; * stands for anything. Empty: all."`
	Providers         *texts  `placeholder:"NAME,…" help:"The providers it may call. Empty: all."`
	Origins           *texts  `placeholder:"ORIGIN,…" help:"The pages that may use it, as https://app.example.com. Empty: no page."`
	ExpiresAt         *moment `xor:"end" placeholder:"INSTANT|none" help:"When it ends, as 2026-12-31T00:00:00Z."`
	TTLSeconds        *int64  `name:"ttl-seconds" placeholder:"N" xor:"end" help:"How long it lives from now."`
}

func (f keyFlags) members() members {
	m := members{}
	set(m, "name", f.Name)
	set(m, "activity", f.Activity)
	set(m, "chatbot", f.Chatbot)
	set(m, "labels", f.Labels)
	set(m, "monthly_cap", f.MonthlyCap)
	set(m, "requests_per_minute", f.RequestsPerMinute)
	set(m, "concurrent", f.Concurrent)
	set(m, "max_output_tokens", f.MaxOutputTokens)
	set(m, "models", f.Models)
	set(m, "providers", f.Providers)
	set(m, "origins", f.Origins)
	set(m, "expires_at", f.ExpiresAt)
	set(m, "ttl_seconds", f.TTLSeconds)
	return m
}

func describeKey(k admin.KeyView) [][2]string {
	lines := [][2]string{{"id", k.ID}}
	if k.Secret != "" {
		lines = append(lines, [2]string{"secret", k.Secret + "  (shown only now)"})
	}
	return append(lines, [][2]string{
		{"name", k.Name}, {"scope", string(k.Scope)}, {"activity", k.Activity}, {"chatbot", k.Chatbot}, {"labels", string(k.Labels)},
		{"monthly cap", shown(k.MonthlyCap)}, {"requests per minute", shown(k.RequestsPerMinute)}, {"concurrent", shown(k.Concurrent)},
		{"max output tokens", shown(k.MaxOutputTokens)}, {"models", strings.Join(k.Models, ",")},
		{"providers", strings.Join(k.Providers, ",")}, {"origins", strings.Join(k.Origins, ",")},
		{"expires", shown(k.ExpiresAt)}, {"revoked", shown(k.RevokedAt)}, {"created", shown(&k.CreatedAt)},
	}...)
}

type keyCreate struct {
	Account string `arg:"" help:"The account."`
	Scope   string `enum:"call,view" default:"call" help:"call: may call providers; view: may read the account's tokens and nothing else."`
	keyFlags
}

func (k keyCreate) Run(c *Client) error {
	m := k.members()
	m["scope"] = k.Scope
	return one(c, http.MethodPost, resource("accounts", k.Account, "keys"), m, describeKey)
}

type keyList struct {
	Account string `arg:"" help:"The account."`
	paging
}

func (k keyList) Run(c *Client) error {
	columns := []string{"ID", "NAME", "SCOPE", "ACTIVITY", "CHATBOT", "MONTHLY CAP", "EXPIRES", "REVOKED", "CREATED"}
	return many(c, resource("accounts", k.Account, "keys"), url.Values{}, k.paging, columns, func(v admin.KeyView) []string {
		return []string{v.ID, v.Name, string(v.Scope), v.Activity, v.Chatbot, shown(v.MonthlyCap), shown(v.ExpiresAt), shown(v.RevokedAt), shown(&v.CreatedAt)}
	})
}

type keyChange struct {
	Account string `arg:"" help:"The account."`
	Key     string `arg:"" help:"The key's id, key_…"`
	keyFlags
}

func (k keyChange) Run(c *Client) error {
	return one(c, http.MethodPatch, resource("accounts", k.Account, "keys", k.Key), k.members(), describeKey)
}

type keyRevoke struct {
	Account string `arg:"" help:"The account."`
	Key     string `arg:"" help:"The key's id, key_…"`
}

func (k keyRevoke) Run(c *Client) error {
	return one(c, http.MethodDelete, resource("accounts", k.Account, "keys", k.Key), nil, describeKey)
}
