package main_test

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
	"github.com/tollgate/tollgate/proxy/proxytest"
	"github.com/tollgate/tollgate/store"
)

// markupName is an account's name that would run if a page took it for markup.
const markupName = `<img src=x onerror="document.title='run'">`

// worldDays is how far back the world's history goes.
const worldDays = 40

// world is a gateway with customers of all kinds, whose history was stored before it started.
type world struct {
	*child
	provider *proxytest.Provider
	keys     map[string]string // a call key's secret, by account
}

// worldTokens are further admin tokens of the world.
const (
	readerToken   = "test-reader-token-0123456789abcdef"
	operatorToken = "test-operator-token-0123456789abcd"
)

// newWorld starts it; more is added to its gateway.yaml.
func newWorld(t *testing.T, more string) *world {
	t.Helper()
	p, origin := newProvider(t)
	dir := t.TempDir()
	w := &world{provider: p, keys: map[string]string{}}
	w.fill(t, filepath.Join(dir, "data"))
	w.child = begin(t, dir, fmt.Sprintf(`listen: 127.0.0.1:0
admin:
  listen: 127.0.0.1:0
  token: %q
  tokens:
    reader: { token: %q, role: read }
    shop: { token: %q, role: operator }
data_dir: %q
default_provider: openai
providers:
  openai: { api_key: %q, base_url: %q }
  anthropic: { api_key: %q, base_url: %q }
plans:
  starter: { monthly_tokens: 500000 }
  pro: { monthly_tokens: 2000000 }
%s`, adminToken, readerToken, operatorToken, filepath.Join(dir, "data"), providerKey, origin, providerKey, origin, more))
	return w
}

// filling is a store that is given a past.
type filling struct {
	t      *testing.T
	s      *store.Store
	random *rand.Rand
	start  time.Time
	after  int64 // the journal's position
}

// fill puts a past into a data_dir, by the calls that the gateway makes: so the books are what they would be.
func (w *world) fill(t *testing.T, data string) {
	t.Helper()
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), filepath.Join(data, "tollgate.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := &filling{t: t, s: s, random: rand.New(rand.NewPCG(1, 2)), start: time.Now().UTC().AddDate(0, 0, -worldDays).Truncate(24 * time.Hour)}
	f.check(s.SetPlans(t.Context(), map[string]int64{"starter": 500_000, "pro": 2_000_000}))
	for _, account := range []func() (id, secret string){f.acme, f.overdrawn, f.markup, f.empty, f.asleep} {
		id, secret := account()
		w.keys[id] = secret
	}
	f.check(s.Close())
}

func (f *filling) check(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// resetIn is a day of the month that comes in about so many days.
func resetIn(days int) int { return min(28, time.Now().UTC().AddDate(0, 0, days).Day()) }

func (f *filling) day(n int) time.Time { return f.start.AddDate(0, 0, n) }

func (f *filling) account(a accounting.Account) {
	f.t.Helper()
	if a.Status == "" {
		a.Status = accounting.Active
	}
	_, err := f.s.CreateAccount(f.t.Context(), a, f.start)
	f.check(err)
}

// key makes one; its secret follows from its id.
func (f *filling) key(k policy.Key, at time.Time) (secret string) {
	f.t.Helper()
	if k.Scope == "" {
		k.Scope, k.Activity, k.Labels = policy.ScopeCall, "chat", policy.LabelsOpen
	}
	secret = fmt.Sprintf("tg_%043s", k.ID[len("key_"):])
	_, err := f.s.CreateKey(f.t.Context(), k, policy.HashSecret(secret), at)
	f.check(err)
	return secret
}

func (f *filling) grant(g accounting.Grant, at time.Time) {
	f.t.Helper()
	_, _, err := f.s.CreateGrant(f.t.Context(), g, at)
	f.check(err)
}

func (f *filling) apply(events []accounting.Event, at time.Time) {
	f.t.Helper()
	b := accounting.Batch{Journal: "seed", After: f.after, Upto: f.after + int64(len(events)), At: at}
	for _, e := range events {
		b.Settlements = append(b.Settlements, accounting.Settlement{Event: e})
	}
	f.check(f.s.Apply(f.t.Context(), b))
	f.after = b.Upto
}

// use is one kind of work that an account has done.
type use struct {
	activity, chatbot, key, provider, api, model string
	size                                         int64 // tokens of input, in the mean
}

// event is one request of a kind.
func (f *filling) event(account string, u use, at time.Time) accounting.Event {
	input, output := u.size/2+f.random.Int64N(u.size), 20+f.random.Int64N(u.size/3+20)
	first := 180 + f.random.Int64N(900)
	e := accounting.Event{
		ID: f.eventID(at), Account: account, Key: u.key, Activity: u.activity, Chatbot: u.chatbot, Provider: u.provider, API: u.api,
		Model: u.model, RequestedModel: u.model, Stream: u.activity == "chat", Status: 200, Outcome: accounting.Completed, Measured: accounting.ByProvider,
		Tokens:    accounting.Tokens{Input: input, Output: output, CachedInput: input / 4, ReasoningOutput: output / 5, Total: input + output},
		StartedAt: at, FirstTokenMS: &first, DurationMS: first + f.random.Int64N(4000), TraceID: fmt.Sprintf("%016x%016x", f.random.Uint64(), f.random.Uint64()),
	}
	switch f.random.IntN(25) {
	case 0:
		e.Outcome = accounting.ClientClosed
	case 1:
		e.Outcome, e.Measured = accounting.UpstreamBroken, accounting.ByEstimate
	case 2:
		e.Outcome, e.Measured, e.Status, e.Tokens, e.FirstTokenMS = accounting.UpstreamError, accounting.NotMeasured, 503, accounting.Tokens{}, nil
	}
	e.Charged.Total = e.Tokens.Total
	return e
}

// eventID is a UUIDv7 of an instant.
func (f *filling) eventID(at time.Time) string {
	id := fmt.Sprintf("%012x", at.UnixMilli())
	tail := make([]byte, 10)
	for i := range tail {
		tail[i] = byte(f.random.Uint32())
	}
	tail[0], tail[2] = 0x70|tail[0]&0x0f, 0x80|tail[2]&0x3f
	t := hex.EncodeToString(tail)
	return id[:8] + "-" + id[8:] + "-" + t[:4] + "-" + t[4:8] + "-" + t[8:]
}

// acmeUses is what acme's days are made of.
var acmeUses = []use{
	{"chat", "support", "key_acmebackend", "openai", "chat.completions", "gpt-4o-mini-2024-07-18", 1400},
	{"chat", "support", "key_acmebackend", "openai", "chat.completions", "gpt-4o-2024-08-06", 1800},
	{"chat", "sales", "key_acmebackend", "anthropic", "messages", "claude-sonnet-4-5", 2100},
	{"ingest", "support", "key_acmeingest", "openai", "embeddings", "text-embedding-3-small", 3600},
	{"training", "sales", "key_acmeingest", "openai", "chat.completions", "gpt-4o-mini-2024-07-18", 2400},
	{"preview", "sales", "key_acmepreview", "openai", "chat.completions", "gpt-4o-mini-2024-07-18", 900},
}

// acme has everything: 40 days of traffic, a plan that grew, purchases of each fate, keys of each kind.
func (f *filling) acme() (id, secret string) {
	id = "acme"
	f.account(accounting.Account{ID: id, Name: "Acme Chat", Plan: "starter", Anchor: accounting.Anchor{Timezone: "Asia/Manila", Day: resetIn(12)}})
	secret = f.key(policy.Key{ID: "key_acmebackend", Account: id, Name: "Chat backend"}, f.start)
	f.key(policy.Key{ID: "key_acmeingest", Account: id, Name: "Knowledge base", Scope: policy.ScopeCall, Activity: "ingest", Chatbot: "support",
		Labels: policy.LabelsFixed, MonthlyCap: new(int64(500_000)), Models: []string{"text-embedding-*", "gpt-4o-mini*"}, Providers: []string{"openai"}}, f.start)
	f.key(policy.Key{ID: "key_acmepreview", Account: id, Name: "Preview on the website", Scope: policy.ScopeCall, Activity: "preview", Chatbot: "sales",
		Labels: policy.LabelsFixed, RequestsPerMinute: new(int64(20)), Concurrent: new(int64(2)), MaxOutputTokens: new(int64(400)),
		Origins: []string{"https://www.acme.example"}, ExpiresAt: time.Now().Add(20 * 24 * time.Hour)}, f.start)
	f.key(policy.Key{ID: "key_acmeviewer", Account: id, Name: "Token view", Scope: policy.ScopeView, Labels: policy.LabelsFixed, Activity: "chat"}, f.start)
	f.key(policy.Key{ID: "key_acmeold", Account: id, Name: "Old backend"}, f.start)
	for n := range worldDays + 1 {
		f.acmeDay(n)
	}
	return id, secret
}

// acmeDay is one day of it: what was bought and changed, then the traffic.
func (f *filling) acmeDay(n int) {
	f.t.Helper()
	at, busy := f.day(n), 1+n/20 // it grows
	switch n {
	case 2:
		f.grant(accounting.Grant{ID: "grant_acme1", Account: "acme", Reference: "invoice-1001", Tokens: 500_000}, at)
	case 4:
		f.grant(accounting.Grant{ID: "grant_acme2", Account: "acme", Reference: "welcome-gift", Tokens: 100_000, ExpiresAt: f.day(15)}, at)
	case 12:
		f.grant(accounting.Grant{ID: "grant_acme3", Account: "acme", Reference: "invoice-1007", Tokens: 50_000}, at)
		_, err := f.s.VoidGrant(f.t.Context(), "acme", "grant_acme3", at.Add(time.Hour))
		f.check(err)
	case 20:
		_, err := f.s.ChangeAccount(f.t.Context(), "acme", 0, func(a *accounting.Account) error { a.Plan = "pro"; return nil }, at)
		f.check(err)
		_, err = f.s.RevokeKey(f.t.Context(), "acme", "key_acmeold", at)
		f.check(err)
	case 30:
		f.grant(accounting.Grant{ID: "grant_acme4", Account: "acme", Reference: "invoice-1012", Tokens: 250_000, ExpiresAt: time.Now().Add(21 * 24 * time.Hour)}, at)
	}
	var events []accounting.Event
	for hour := range 12 {
		for k := range busy + f.random.IntN(2*busy) {
			when := at.Add(time.Duration(hour+6)*time.Hour + time.Duration(f.random.IntN(3600))*time.Second)
			if when.After(time.Now().Add(-time.Minute)) {
				continue
			}
			u := acmeUses[0]
			if k > 0 {
				u = acmeUses[f.random.IntN(len(acmeUses))]
			}
			events = append(events, f.event("acme", u, when))
		}
	}
	slices.SortFunc(events, func(a, b accounting.Event) int { return a.StartedAt.Compare(b.StartedAt) })
	if len(events) > 0 {
		f.apply(events, events[len(events)-1].StartedAt)
	}
}

// overdrawn has used more than it had, and is blocked.
func (f *filling) overdrawn() (id, secret string) {
	id = "brim"
	f.account(accounting.Account{ID: id, Name: "Brim & Co", MonthlyTokens: new(int64(60_000)), Anchor: accounting.Anchor{Timezone: "America/New_York", Day: resetIn(9)}})
	secret = f.key(policy.Key{ID: "key_brimbackend", Account: id, Name: "Backend"}, f.start)
	f.grant(accounting.Grant{ID: "grant_brim1", Account: id, Reference: "order-77", Tokens: 20_000}, time.Now().Add(-3*time.Hour))
	var events []accounting.Event
	at, used := time.Now().Add(-2*time.Hour), int64(0)
	for used < 81_500 {
		e := f.event(id, use{"chat", "helpdesk", "key_brimbackend", "openai", "chat.completions", "gpt-4o-mini-2024-07-18", 1500}, at)
		used += e.Charged.Total
		at = at.Add(time.Minute)
		events = append(events, e)
	}
	f.apply(events, at)
	return id, secret
}

// markup has names that must never be taken for markup.
func (f *filling) markup() (id, secret string) {
	id = "markup"
	f.account(accounting.Account{ID: id, Name: markupName, Plan: "starter", Anchor: accounting.Anchor{Timezone: "UTC", Day: 1}})
	secret = f.key(policy.Key{ID: "key_markup", Account: id, Name: markupName}, f.start)
	f.grant(accounting.Grant{ID: "grant_markup", Account: id, Reference: markupName, Tokens: 1000}, f.start)
	f.apply([]accounting.Event{f.event(id, use{"chat", "bot:1", "key_markup", "openai", "chat.completions", markupName, 800}, time.Now().Add(-time.Hour))}, time.Now())
	return id, secret
}

// empty was just opened: it has neither keys, purchases nor events.
func (f *filling) empty() (id, secret string) {
	id = "newcomer"
	f.account(accounting.Account{ID: id, Name: "Newcomer", Plan: "pro", Anchor: accounting.Anchor{Timezone: "America/New_York", Day: 1}})
	return id, ""
}

// asleep is suspended.
func (f *filling) asleep() (id, secret string) {
	id = "asleep"
	f.account(accounting.Account{ID: id, Name: "Asleep Hotels", Plan: "starter", Status: accounting.Suspended, Anchor: accounting.Anchor{Timezone: "Europe/Berlin", Day: resetIn(20)}})
	return id, f.key(policy.Key{ID: "key_asleep", Account: id, Name: "Backend"}, f.start)
}
