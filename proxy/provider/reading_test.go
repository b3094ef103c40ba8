package provider

import (
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// readings are what servers make of a raw path before they look at it.
var readings = map[string]func(string) string{
	"decoded":       func(p string) string { d, _ := url.PathUnescape(p); return d },
	"decoded twice": func(p string) string { d, _ := url.PathUnescape(p); d, _ = url.PathUnescape(d); return d },
	"cleaned":       func(p string) string { d, _ := url.PathUnescape(p); return path.Clean(d) },
	"without parameters": func(p string) string {
		return regexp.MustCompile(`;[^/]*`).ReplaceAllString(p, "")
	},
	"with other slashes": func(p string) string { d, _ := url.PathUnescape(p); return path.Clean(strings.ReplaceAll(d, `\`, "/")) },
	"up to a query": func(p string) string {
		d, _ := url.PathUnescape(p)
		if i := strings.IndexAny(d, "?#"); i >= 0 {
			d = d[:i]
		}
		return d
	},
}

// TestAPathThatIsServedIsTheSameHoweverItIsRead makes paths of all tables' patterns, with names and changes that try to bend
// them: what is served must fit the line that it was found under, decoded or cleaned as servers do it before they route.
func TestAPathThatIsServedIsTheSameHoweverItIsRead(t *testing.T) {
	var doors []string
	tables := map[string]*Provider{}
	for name, row := range Rows {
		tables[name] = at(t, name, nil)
		for _, p := range row.Paths {
			doors = append(doors, name+" "+p.Method+" "+p.Pattern)
		}
	}
	slices.Sort(doors)
	placeholder := regexp.MustCompile(`\{[a-z]+\}`)
	served := 0
	rapid.Check(t, func(t *rapid.T) {
		door := strings.SplitN(rapid.SampledFrom(doors).Draw(t, "door"), " ", 3)
		name, method := door[0], door[1]
		raw := placeholder.ReplaceAllStringFunc(door[2], func(string) string {
			return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{
				"m", "text-embedding", "a.b", "%2F", "%3A", ":", "%2e", "..", ".", "%2e%2e", "%25", "%2525", ";", "%3B", "%5C", "%3F", "%23", "%00", "%20", "%C3%A9", "%FF", "@", "~", "files",
				":countTokens", "%2Fconverse", "%0A",
			}), 1, 4).Draw(t, "name"), "")
		})
		if at := rapid.IntRange(0, len(raw)).Draw(t, "at"); rapid.Bool().Draw(t, "changed") {
			raw = raw[:at] + rapid.SampledFrom([]string{"/", "//", "/../x", ";x", "%2F", ".", "/.", "%2e%2e/", "?", "%00", "\\"}).Draw(t, "change") + raw[at:]
		}
		r, ok := tables[name].Route(method, raw)
		if !ok {
			return
		}
		served++
		fits := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(placeholder.ReplaceAllString(r.Pattern, "*")), `\*`, ".+") + "$")
		for how, read := range readings {
			if other := read(raw); !fits.MatchString(other) {
				t.Fatalf("%s %s %s is served as %s, and is %q when %s", name, method, raw, r.Pattern, other, how)
			}
		}
	})
	if served == 0 {
		t.Error("no path was served")
	}
}
