package accounting

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"gpt-4o*", "gpt-4o-mini-2024-07-18", true},
		{"gpt-4o*", "gpt-4o", true},
		{"gpt-4o", "gpt-4o-mini", false},
		{"*", "", true},
		{"", "", true},
		{"", "a", false},
		{"*/llama-*", "meta/llama/llama-3", true},
		{"ft:*:acme", "ft:gpt-4o:acme", true},
		{"ft:*:acme", "ft:gpt-4o:acme:x", false},
		{"a*b*c", "aXbYbZc", true},
		{"[ab]?\\", "[ab]?\\", true},
		{"[ab]", "a", false},
		{"**", "x", true},
	} {
		if got := Glob(c.pattern, c.name); got != c.want {
			t.Errorf("Glob(%q, %q): got %t, want %t", c.pattern, c.name, got, c.want)
		}
	}
}

func TestGlobIsARegularExpression(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*/.]{0,8}`).Draw(t, "pattern")
		name := rapid.StringMatching(`[ab/.]{0,10}`).Draw(t, "name")
		want := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$").MatchString(name)
		if got := Glob(pattern, name); got != want {
			t.Fatalf("Glob(%q, %q): got %t, want %t", pattern, name, got, want)
		}
	})
}

func TestWeightsOfTheAnsweringModelFirst(t *testing.T) {
	w := Weights{{Model: "gpt-4o-mini*", Input: 500, Cached: 500, Output: 500}, {Model: "gpt-4o*", Input: 2000, Cached: 1000, Output: 8000}}
	for _, c := range []struct {
		answered, asked string
		want            int64
	}{
		{"gpt-4o-mini-2024", "gpt-4o", 500}, {"gpt-4o-2024", "gpt-4o-mini", 2000}, {"", "gpt-4o-mini", 500}, {"other", "gpt-4o", 2000}, {"other", "", 1000},
	} {
		if got := w.For(c.answered, c.asked).Input; got != c.want {
			t.Errorf("weight of %q asked as %q: got %d, want %d", c.answered, c.asked, got, c.want)
		}
	}
}

func TestWeightCharge(t *testing.T) {
	w := Weight{Input: 1000, Cached: 100, Output: 4000}
	for _, c := range []struct {
		tokens Tokens
		want   int64
	}{
		{Tokens{Input: 12, Output: 34}, 12 + 4*34},
		{Tokens{Input: 100, CachedInput: 96}, 4 + 10}, // 9.6 is 10
		{Tokens{Input: 4, CachedInput: 4}, 0},         // 0.4 is 0
		{Tokens{Input: 5, CachedInput: 5}, 1},         // half up
		{Tokens{Input: 10, CachedInput: 90}, 1},
		{Tokens{Input: -5, Output: -5, CachedInput: -5}, 0},
	} {
		if got := w.Charge(c.tokens); got != c.want {
			t.Errorf("charge of %+v: got %d, want %d", c.tokens, got, c.want)
		}
	}
	if got := unweighted.Charge(Tokens{Input: 12, Output: 34, CachedInput: 7, ReasoningOutput: 30}); got != 46 {
		t.Errorf("unweighted: got %d, want 46", got)
	}
	heavy := Weight{Input: WeightMax, Cached: WeightMax, Output: WeightMax}
	if got := heavy.Charge(Tokens{Input: math.MaxInt64, Output: math.MaxInt64, CachedInput: math.MaxInt64}); got != 2*tokensMax*1000 {
		t.Errorf("absurd usage: got %d, want %d", got, int64(2*tokensMax*1000))
	}
}
