package provider

import (
	"net/url"
	"strings"

	"github.com/tollgate/tollgate/proxy/dialect"
)

// Route is a line of a provider's table that a request's path fits.
type Route struct {
	// Pattern is the line's, behind the provider's name: what telemetry shows instead of the path.
	Pattern string
	// API is nil for a free path.
	API *dialect.API
	// Model is the decoded {model} segment; "" where the pattern has none.
	Model string

	refuse dialect.Shape
}

// Route finds the line for a method and a raw path (without the provider's prefix and without the query).
func (p *Provider) Route(method, raw string) (Route, bool) { return p.table.find(method, raw) }

// Shape is how a refusal of a method and raw path is written.
func (p *Provider) Shape(method, raw string) dialect.Shape {
	if route, ok := p.Route(method, raw); ok && route.refuse != nil {
		return route.refuse
	}
	return p.Refuse
}

// Asks says whether a stream of the route is asked for usage on the client's behalf.
func (p *Provider) Asks(r Route, query string) bool {
	if !p.asks || r.API == nil || !r.API.CanAskUsage {
		return false
	}
	if p.AskFrom == "" {
		return true
	}
	values, _ := url.ParseQuery(query)
	version := values.Get("api-version")
	return version == "" || version >= p.AskFrom
}

type table []line

type line struct {
	method   string
	pattern  string
	segments []string
	api      *dialect.API
	refuse   dialect.Shape
}

func newTable(paths []Path) table {
	t := make(table, 0, len(paths))
	for _, p := range paths {
		t = append(t, line{p.Method, p.Pattern, strings.Split(p.Pattern, "/"), p.API, p.Refuse})
	}
	return t
}

func (t table) find(method, raw string) (Route, bool) {
	for i := range t {
		l := &t[i]
		if l.method != method {
			continue
		}
		if l.pattern == raw {
			return Route{Pattern: l.pattern, API: l.api, refuse: l.refuse}, true
		}
		if model, ok := l.fits(raw); ok {
			return Route{Pattern: l.pattern, API: l.api, Model: model, refuse: l.refuse}, true
		}
	}
	return Route{}, false
}

// fits compares segment by segment. A literal segment equals the table's byte for byte: an escape in it
// makes it another one.
func (l *line) fits(raw string) (model string, ok bool) {
	rest := raw
	for i, want := range l.segments {
		segment, after, more := strings.Cut(rest, "/")
		if more == (i == len(l.segments)-1) {
			return "", false
		}
		rest = after
		if want != "{model}" {
			if segment != want {
				return "", false
			}
			continue
		}
		if model, ok = name(segment); !ok {
			return "", false
		}
	}
	return model, true
}

// name decodes a segment that names something. It refuses what a server could read as a step to another
// path: an empty name, dots that stand for folders, and characters that end or bend a path.
func name(segment string) (string, bool) {
	decoded, err := url.PathUnescape(segment)
	if err != nil || decoded == "" {
		return "", false
	}
	for _, part := range strings.Split(decoded, "/") {
		if part == "" || part == "." || part == ".." {
			return "", false
		}
	}
	for _, c := range []byte(decoded) {
		if c < 0x20 || c == 0x7f || c == '\\' || c == '?' || c == '#' || c == '%' || c == ';' {
			return "", false
		}
	}
	return decoded, true
}

// Split takes a provider's name off the front of a raw path; slashes that are doubled right behind it count as one,
// since clients join origins and paths carelessly. ok is false when the first segment is not a
// name that known accepts; the path then is the default provider's, whole.
func Split(raw string, known func(name string) bool) (name, rest string, ok bool) {
	if !strings.HasPrefix(raw, "/") {
		return "", raw, false
	}
	name, _, _ = strings.Cut(raw[1:], "/")
	if !known(name) {
		return "", raw, false
	}
	for rest = raw[1+len(name):]; strings.HasPrefix(rest, "//"); {
		rest = rest[1:]
	}
	return name, rest, true
}
