package policy

import (
	"slices"
	"strings"
)

// Caller is who shows a live key. It is shared by all requests of the key and is never changed.
type Caller struct {
	Key Key

	accountLives bool
	limited      bool // the key has limits that are counted
}

func newCaller(k Key, accountLives bool) *Caller {
	return &Caller{
		Key:          k,
		accountLives: accountLives,
		limited:      k.MonthlyCap != nil || k.RequestsPerMinute != nil || k.Concurrent != nil,
	}
}

// FromBrowser says that the key is bound to origins: its answers carry no RateLimit fields and no provider cookies.
func (c *Caller) FromBrowser() bool { return len(c.Key.Origins) > 0 }

// LabelsFixed says that a request may not override the key's activity, chatbot and user.
func (c *Caller) LabelsFixed() bool { return c.Key.Labels == LabelsFixed || c.FromBrowser() }

// AllowCalls refuses a key that may only read the Token view.
func (c *Caller) AllowCalls() error {
	if c.Key.Scope == ScopeView {
		return notAllowed("this key may read the Token view and nothing else")
	}
	return nil
}

// AllowOrigin judges a request's Origin field, "" where it has none. A key without origins is open to all.
func (c *Caller) AllowOrigin(origin string) error {
	switch {
	case len(c.Key.Origins) == 0:
		return nil
	case origin == "":
		return notAllowed("this key is bound to origins, and the request names none")
	case origin == "null" || !slices.Contains(c.Key.Origins, origin):
		return notAllowed("this key may not be used from this origin")
	}
	return nil
}

// AllowProvider judges the provider's name in gateway.yaml.
func (c *Caller) AllowProvider(name string) error {
	if len(c.Key.Providers) == 0 || slices.Contains(c.Key.Providers, name) {
		return nil
	}
	return notAllowed("this key may not use the provider %s", name)
}

// AllowModel judges the asked model, "" where the request names none.
func (c *Caller) AllowModel(model string) error {
	if len(c.Key.Models) == 0 {
		return nil
	}
	for _, pattern := range c.Key.Models {
		if matches(pattern, model) {
			return nil
		}
	}
	return notAllowed("this key may not use the model %q", model)
}

// matches reports whether s is what pattern says, each * standing for any run of characters, / included.
func matches(pattern, s string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, head)
	if !ok {
		return false
	}
	for {
		part, after, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(s, part)
		}
		_, s, ok = strings.Cut(s, part)
		if !ok {
			return false
		}
		rest = after
	}
}
