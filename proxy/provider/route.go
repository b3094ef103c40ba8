package provider

import (
	"net/url"
	"slices"
	"strings"

	"github.com/tollgate/tollgate/proxy/dialect"
)

// Route is a line of a provider's table that a request's path fits.
type Route struct {
	// Pattern is the line's, behind the provider's name: what telemetry shows instead of the path.
	Pattern string
	// API is nil for a free path.
	API *dialect.API
	// Model is what the path says of it, decoded: a model's name, or a deployment's; "" where it says nothing.
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
	versions := values["api-version"]
	return len(versions) == 0 || slices.Max(versions) >= p.AskFrom || slices.Contains(versions, "")
}

// table is a closed list of paths. Most have no placeholder and are found by a look into a map.
type table struct {
	exact    map[string]map[string]*Route // by method and path
	patterns []line                       // in the table's order: the first that fits counts
	project  string                       // that {project} must equal; "": any
}

type line struct {
	method   string
	segments []segment
	route    Route
}

// deepest is how many segments a pattern has at most.
const deepest = 12

func newTable(paths []Path, project string) table {
	t := table{exact: make(map[string]map[string]*Route), project: project}
	for _, p := range paths {
		route := Route{Pattern: p.Pattern, API: p.API, refuse: p.Refuse}
		if strings.Contains(p.Pattern, "{") {
			t.patterns = append(t.patterns, line{p.Method, segmentsOf(p.Pattern), route})
			continue
		}
		if t.exact[p.Method] == nil {
			t.exact[p.Method] = make(map[string]*Route)
		}
		t.exact[p.Method][p.Pattern] = &route
	}
	return t
}

func (t *table) find(method, raw string) (Route, bool) {
	if route, ok := t.exact[method][raw]; ok {
		return *route, true
	}
	var all [deepest]string
	parts := split(raw, all[:0])
	for i := range t.patterns {
		l := &t.patterns[i]
		if l.method != method || len(l.segments) != len(parts) || !l.reads(parts) {
			continue
		}
		if model, ok := l.names(parts, t.project); ok {
			route := l.route
			route.Model = model
			return route, true
		}
	}
	return Route{}, false
}

// split cuts a path into parts, none if there were more than parts has room for.
func split(raw string, parts []string) []string {
	for part := range strings.SplitSeq(raw, "/") {
		if len(parts) == cap(parts) {
			return nil
		}
		parts = append(parts, part)
	}
	return parts
}

// reads compares the literals, the last first, since there the lines of a table differ most. A literal equals the
// table's byte for byte: an escape in it makes it another one.
func (l *line) reads(parts []string) bool {
	for i := len(parts) - 1; i >= 0; i-- {
		s := &l.segments[i]
		if s.open && !strings.HasSuffix(parts[i], s.literal) || !s.open && parts[i] != s.literal {
			return false
		}
	}
	return true
}

// names reads what stands in the placeholders' places.
func (l *line) names(parts []string, project string) (model string, ok bool) {
	for i := range l.segments {
		s := &l.segments[i]
		if !s.open {
			continue
		}
		value, ok := s.value(parts[i])
		if !ok || s.pinned && project != "" && value != project {
			return "", false
		}
		switch {
		case s.author:
			model = value + "/"
		case s.model:
			model += value
		}
	}
	return model, true
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
