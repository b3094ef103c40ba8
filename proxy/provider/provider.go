// Package provider knows who answers: for each provider its origin, how it wants its credentials, and the
// closed table of paths that are metered or free. Everything that is in no table is refused.
package provider

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tollgate/tollgate/proxy/dialect"
)

// Row is what is known of a provider before the operator's file.
type Row struct {
	// Name is the provider's name in gateway.yaml, and what another entry's api may say.
	Name string
	// System is gen_ai.provider.name.
	System string
	// Origin is where it answers, perhaps with {region} in it; "": the file must say base_url.
	Origin string
	// Regions are the origins of regions that have one of another form.
	Regions map[string]string
	// Auth is how it wants its key.
	Auth Auth
	// QueryKey says that its clients may show the key as ?key=.
	QueryKey bool
	// Paths is the closed table. An empty one refuses everything.
	Paths []Path
	// Refused are well-known paths of the provider that are in no table, with the reason: for the docs and the tests.
	Refused []Refused
	// AskUsage says that streams report usage only when asked, and that asking does no harm.
	AskUsage bool
	// AskFrom is the first api-version (a date) that takes the question, where a path has one; "": all do.
	AskFrom string
	// Refuse writes a refusal in the shape that this provider's clients read.
	Refuse dialect.Shape
}

// Path is one line of a table.
type Path struct {
	Method string
	// Pattern is compared segment by segment with the raw path; a placeholder stands for one segment, which may be
	// percent-encoded, and perhaps has a literal behind it: {model}:generateContent.
	Pattern string
	// API says how the path is metered; nil: it is free of cost and of others' data.
	API *dialect.API
	// Refuse is the shape of the path's own clients, where they aren't the row's; nil: they are.
	Refuse dialect.Shape
}

// Refused is a method and path that is refused, and why.
type Refused struct{ Method, Path, Why string }

// Provider is a row with the operator's settings: an entry of providers.
type Provider struct {
	Name string
	*Row
	base       *url.URL
	basePath   string     // escaped, without a slash at its end
	credential credential // nil: none
	optional   bool       // whether it may do without
	headers    http.Header
	table      table
	asks       bool // streams for usage
	// Setting is what of the file holds the credential, or would have to.
	Setting string
	// FirstByte and Idle bound the wait for the answer's first byte and for each next one.
	FirstByte, Idle time.Duration
	// Drain says that a response is read on when its client left, for at most DrainFor and DrainBytes.
	Drain      bool
	DrainFor   time.Duration
	DrainBytes int64
}

// Settings are an entry of gateway.yaml's providers, in plain values.
type Settings struct {
	Name, API, BaseURL, Key string
	// Region and Project are the cloud's; CredentialsFile is the path of a service account's key.
	Region, Project, CredentialsFile string
	AWSKeyID, AWSSecret, AWSSession  string
	Headers                          map[string]string
	AskUsage                         *bool
	FirstByte, Idle                  time.Duration
	Drain                            bool
	DrainFor                         time.Duration
	DrainBytes                       int64
	// Log takes what no request's own error tells; nil: nobody is told.
	Log *slog.Logger
}

// Unusable says which setting of an entry no provider can be made with.
type Unusable struct {
	Entry, Setting string
	Err            error
}

func (u *Unusable) Error() string {
	return "providers." + u.Entry + "." + u.Setting + ": " + u.Err.Error()
}
func (u *Unusable) Unwrap() error { return u.Err }

// New joins an entry of the file with the row that its api names. An error is *Unusable.
func New(s Settings) (*Provider, error) {
	row, ok := Rows[s.API]
	if !ok {
		return nil, &Unusable{s.Name, "api", fmt.Errorf("no provider is called %q", s.API)}
	}
	return row.with(s)
}

func (row *Row) with(s Settings) (*Provider, error) {
	origin := cmp.Or(s.BaseURL, row.Regions[s.Region], strings.ReplaceAll(row.Origin, "{region}", s.Region))
	base, err := url.Parse(origin)
	if err != nil || base.Host == "" {
		return nil, &Unusable{s.Name, "base_url", fmt.Errorf("%q is not the origin of a server", origin)}
	}
	proof, err := newCredential(s, row)
	if err != nil {
		return nil, err
	}
	project := cmp.Or(s.Project, projectOf(proof))
	p := &Provider{
		Name: s.Name, Row: row, base: base, basePath: strings.TrimRight(base.EscapedPath(), "/"),
		credential: proof, optional: s.BaseURL != "" || row.Auth == OptionalKey, Setting: credentialSetting(s, row),
		headers: http.Header{}, table: newTable(row.Paths, project),
		asks: row.AskUsage, FirstByte: s.FirstByte, Idle: s.Idle,
		Drain: s.Drain, DrainFor: s.DrainFor, DrainBytes: s.DrainBytes,
	}
	if s.AskUsage != nil {
		p.asks = *s.AskUsage
	}
	for name, value := range s.Headers {
		p.headers.Set(name, value)
	}
	return p, nil
}

// Serves says whether paths of an api begin with a segment: a provider of that name would hide them.
func Serves(api, first string) bool {
	row, ok := Rows[api]
	if !ok {
		return false
	}
	return slices.ContainsFunc(row.Paths, func(p Path) bool {
		pattern, _, _ := strings.Cut(p.Pattern[1:], "/")
		s := segmentsOf(pattern)[0]
		if s.open {
			_, fits := s.value(first)
			return fits
		}
		return first == s.literal
	})
}

// Host is the provider's address, for telemetry.
func (p *Provider) Host() string { return p.base.Host }

// HasCredentials says whether the settings have any.
func (p *Provider) HasCredentials() bool { return p.credential != nil }

// Missing names the setting without which the provider can't be called; "" when there is none.
func (p *Provider) Missing() string {
	if p.credential != nil || p.optional {
		return ""
	}
	return p.Setting
}

// Address points an outgoing request at the provider: its origin, and the client's raw path behind the base
// path, as it came.
func (p *Provider) Address(out *http.Request, path string) {
	out.URL.Scheme, out.URL.Host, out.Host = p.base.Scheme, p.base.Host, ""
	raw := p.basePath + path
	if decoded, err := url.PathUnescape(raw); err == nil {
		out.URL.Path, out.URL.RawPath = decoded, raw
	}
}

// Authorize adds the operator's headers and credentials. It comes last: nothing of the request, whose body is body,
// changes after it.
func (p *Provider) Authorize(out *http.Request, body []byte) error {
	for name, values := range p.headers {
		out.Header[name] = values
	}
	if p.credential == nil {
		return nil
	}
	return p.credential.authorize(out, body)
}
