package policy

import (
	"regexp"
	"strings"
	"testing"
)

func TestOrigins(t *testing.T) {
	bound := newCaller(Key{Origins: []string{"https://shop.example", "http://localhost:3000"}}, true)
	for origin, allowed := range map[string]bool{
		"https://shop.example":      true,
		"http://localhost:3000":     true,
		"":                          false,
		"null":                      false,
		"https://shop.example/":     false,
		"https://SHOP.example":      false,
		"https://shop.example:443":  false,
		"http://shop.example":       false,
		"https://a.shop.example":    false,
		"https://shop.example.evil": false,
	} {
		if got := bound.AllowOrigin(origin) == nil; got != allowed {
			t.Errorf("%q: allowed %t, want %t", origin, got, allowed)
		}
	}
	open := newCaller(Key{}, true)
	for _, origin := range []string{"", "null", "https://shop.example"} {
		if err := open.AllowOrigin(origin); err != nil {
			t.Errorf("%q without origins: %v", origin, err)
		}
	}
	if !bound.LabelsFixed() || !bound.FromBrowser() || open.LabelsFixed() || open.FromBrowser() {
		t.Error("keys with origins have fixed labels, others are open")
	}
	if !newCaller(Key{Labels: LabelsFixed}, true).LabelsFixed() {
		t.Error("labels: fixed is fixed")
	}
}

func TestAllowLists(t *testing.T) {
	c := newCaller(Key{Models: []string{"gpt-4o*", "o3"}, Providers: []string{"openai"}, Scope: ScopeCall}, true)
	for model, allowed := range map[string]bool{"gpt-4o": true, "gpt-4o-mini": true, "o3": true, "o3-mini": false, "gpt-4": false, "": false} {
		if got := c.AllowModel(model) == nil; got != allowed {
			t.Errorf("model %q: allowed %t, want %t", model, got, allowed)
		}
	}
	if c.AllowProvider("openai") != nil || c.AllowProvider("OpenAI") == nil || c.AllowProvider("") == nil {
		t.Error("providers are compared exactly")
	}
	all := newCaller(Key{Scope: ScopeView}, true)
	if all.AllowModel("") != nil || all.AllowProvider("any") != nil {
		t.Error("an empty list allows all")
	}
	if c.AllowCalls() != nil || all.AllowCalls() == nil {
		t.Error("a view key calls nothing")
	}
}

// FuzzMatches compares with a regular expression of the same meaning.
func FuzzMatches(f *testing.F) {
	for _, seed := range [][2]string{
		{"", ""}, {"*", ""}, {"*", "a/b"}, {"gpt-*", "gpt-4o"}, {"*a*b*", "xaxbx"}, {"a*a", "a"}, {"a*a", "aa"}, {"**", "x"},
		{"*mini", "gpt-4o-mini-mini"}, {"a.c", "abc"}, {"[a]*", "[a]x"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		parts := strings.Split(pattern, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		re, err := regexp.Compile(`\A(?s:` + strings.Join(parts, ".*") + `)\z`)
		if err != nil || strings.ToValidUTF8(s, "") != s {
			return // regexp reads it otherwise
		}
		if got, want := matches(pattern, s), re.MatchString(s); got != want {
			t.Errorf("matches(%q, %q) = %t, want %t", pattern, s, got, want)
		}
	})
}
