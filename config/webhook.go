package config

import (
	"encoding/base64"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Webhooks says who is told what happens to accounts.
type Webhooks struct {
	Targets []WebhookTarget // in the order of the file
	// LowShares are thousandths of the monthly pool.
	LowShares []int64
	Timeout   time.Duration
	Retries   []time.Duration // the waits between tries
}

// WebhookTarget is one entry of webhooks.targets.
type WebhookTarget struct {
	Name   string
	URL    string
	Secret Secret // as the specification writes it: whsec_ and base64
	// OldSecret signs too, while receivers change to the new one; "": none does.
	OldSecret Secret
	Events    []string
}

// webhookEvents are the types of webhooks.
var webhookEvents = []string{"account.low", "account.blocked", "account.reset", "grant.created"}

var webhookSettings = []setting[Config]{
	at("targets", func(c *Config) *[]WebhookTarget { return &c.Webhooks.Targets }, webhookTargets,
		"Who is told, by name: URLs of yours. See docs/webhooks.md.",
		"None: nothing is told, and nothing is kept for it."),
	at("low_shares", func(c *Config) *[]int64 { return &c.Webhooks.LowShares }, list(share),
		"The used shares of an account's monthly pool, above 0 and at most 1, that are an account.low: each once a period.",
		"A first word while there is time to buy, and a last one."),
	at("timeout", func(c *Config) *time.Duration { return &c.Webhooks.Timeout }, span(100*time.Millisecond, time.Minute),
		"How long a target may take to answer; later it has failed.",
		"What the specification recommends at least: 15 to 30 s."),
	at("retries", func(c *Config) *[]time.Duration { return &c.Webhooks.Retries }, list(span(10*time.Millisecond, 14*day)),
		"The waits after each try that failed, up to a fifth longer by chance; after the last one it is given up.",
		"The specification's schedule: ten tries over three days, so that a weekend's outage loses nothing."),
}

var targetSettings = []setting[WebhookTarget]{
	at("url", func(t *WebhookTarget) *string { return &t.URL }, single(words, parseTarget, nil, schema{Type: []string{"string"}}),
		"Where it is told: http or https, also within your own network. Redirects are not followed.",
		"None; the entry needs one."),
	secret("secret", func(t *WebhookTarget) *Secret { return &t.Secret }, hidden,
		"What webhooks are signed with: whsec_ and 24 to 64 random bytes in base64.",
		"None; the entry needs one."),
	secret("old_secret", func(t *WebhookTarget) *Secret { return &t.OldSecret }, hidden,
		"Signs too, while the receiver changes to a new secret.",
		"None."),
	at("events", func(t *WebhookTarget) *[]string { return &t.Events }, list(word(webhookEvents...)),
		"What it is told of: account.low, account.blocked, account.reset, grant.created.",
		"All: a receiver passes over what it does not know."),
}

func targetDefaults(name string) WebhookTarget {
	return WebhookTarget{Name: name, Events: slices.Clone(webhookEvents)}
}

// parseTarget shows no URL in its errors: who knows one may be told, and some hold a secret.
func parseTarget(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "", hiddenError("is not a URL that starts with http:// or https:// and a host")
	case u.User != nil:
		return "", hiddenError("has a user or password in it; the signature says who calls")
	case u.Fragment != "" || strings.HasSuffix(s, "#"):
		return "", hiddenError("has a fragment, which is never sent")
	case strings.HasSuffix(u.Host, ":") || u.Port() != "" && !isPort(u.Port()):
		return "", hiddenError("has no port between 1 and 65535")
	}
	return s, nil
}

// share is a part of the monthly pool, kept in thousandths.
var share = single(numbers, func(s string) (int64, error) {
	n, err := parseThousandths(s)
	return within(n, err, 1, 1000, showThousandths)
}, showThousandths, func() schema {
	s := bounds(0.001, 1)
	s.Type = []string{"number"}
	return orVariable(s)
}())

// listMax bounds a list.
const listMax = 100

// list is values of one form, in their order.
func list[T any](item form[T]) form[[]T] {
	return form[[]T]{
		read: func(r *reader, v value, to *[]T) {
			*to = []T{}
			items := r.items(v)
			if len(items) > listMax {
				r.refuse(v, "has more than %d members", listMax)
			}
			for _, v := range items[:min(listMax, len(items))] {
				before := len(r.problems)
				var one T
				if item.read(r, v, &one); len(r.problems) == before {
					*to = append(*to, one)
				}
			}
		},
		show: func(all []T) any {
			shown := make([]any, len(all))
			for i, one := range all {
				shown[i] = item.show(one)
			}
			return shown
		},
		schema: func([]T) schema {
			var none T
			one := item.schema(none)
			return schema{Type: []string{"array", "null"}, Items: &one}
		},
	}
}

// webhookTargets is a mapping of names to targets.
var webhookTargets = form[[]WebhookTarget]{
	read: func(r *reader, v value, to *[]WebhookTarget) {
		*to = nil
		for _, e := range r.entries(v) {
			if !tokenName.MatchString(e.name) {
				r.refuse(value{e.path, e.key}, "is not a target's name: 1 to 64 of a-z 0-9 . _ -, a letter or digit first")
			}
			t := targetDefaults(e.name)
			readFields(r, e.value, targetSettings, &t)
			*to = append(*to, t)
		}
	},
	compare: func(path string, was, is []WebhookTarget, restart bool, d *difference) {
		name := func(t WebhookTarget) string { return t.Name }
		find := func(all []WebhookTarget, name string) int {
			return slices.IndexFunc(all, func(t WebhookTarget) bool { return t.Name == name })
		}
		for _, name := range unionOf(each(was, name), each(is, name)) {
			a, b := find(was, name), find(is, name)
			if a < 0 || b < 0 || !reflect.DeepEqual(was[a], is[b]) {
				d.add(join(path, name), restart)
			}
		}
	},
	schema: func([]WebhookTarget) schema {
		entry := record(targetSettings).schema(targetDefaults(""))
		return schema{Type: []string{"object", "null"}, AdditionalProperties: &entry}
	},
}

// each gives a string of each member.
func each[T any](all []T, of func(T) string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, one := range all {
			if !yield(of(one)) {
				return
			}
		}
	}
}

// checkWebhooks refuses targets that nobody could be told at, or not in a way that they can check.
func (r *reader) checkWebhooks(w Webhooks) {
	for _, t := range w.Targets {
		path := join("webhooks.targets", t.Name)
		if t.URL == "" {
			r.wrong(join(path, "url"), "is missing: where is it told?")
		}
		if t.Secret == "" {
			r.wrong(join(path, "secret"), "is missing; make one with: echo whsec_$(openssl rand -base64 32)")
		}
		r.checkSigning(join(path, "secret"), t.Secret)
		r.checkSigning(join(path, "old_secret"), t.OldSecret)
		if len(t.Events) == 0 && !r.brokenBelow(path) {
			r.wrong(join(path, "events"), "is empty; leave it out to be told of all")
		}
	}
}

// checkSigning wants a secret as the specification writes it.
func (r *reader) checkSigning(path string, s Secret) {
	if s == "" {
		return
	}
	encoded, ok := strings.CutPrefix(s.Reveal(), "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	switch {
	case !ok || err != nil:
		r.wrong(path, "is not whsec_ and base64; make one with: echo whsec_$(openssl rand -base64 32)")
	case len(key) < 24 || len(key) > 64:
		r.wrong(path, "has %d bytes; the specification wants 24 to 64", len(key))
	}
}

// openTargets says of each target that is told in the clear over a network.
func openTargets(w Webhooks, note func(path, format string, args ...any)) {
	for _, t := range w.Targets {
		u, err := url.Parse(t.URL)
		if err != nil || u.Scheme != "http" || u.Hostname() == "localhost" {
			continue
		}
		if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsLoopback() {
			note(join(join("webhooks.targets", t.Name), "url"), "is http: who is on the way can read what is told, though not forge it")
		}
	}
}
