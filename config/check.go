package config

import (
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
)

// Providers that have no origin of their own, and those whose origin lies in a region.
var (
	ownOrigin = []string{"azure-openai", "azure-ai"}
	regional  = []string{"bedrock", "bedrock-mantle", "vertex", "watsonx"}
)

// check looks for what single values can't show: how they fit together, and secrets, which may also come
// from the environment alone.
func (r *reader) check(c *Config, names Names) {
	r.checkPorts(c)
	r.checkTLS("tls", c.TLS)
	r.checkTLS("admin.tls", c.Admin.TLS)
	r.checkSecret("admin.token", c.Admin.Token)
	r.checkTokens(c.Admin)
	r.checkWebhooks(c.Webhooks)
	r.checkStore(c.Store.Reveal(), names)
	r.checkDefaultProvider(c)
	for _, p := range c.Providers {
		r.checkProvider(p, join("providers", p.Name), names)
	}
	if c.Limits.MaxRequestBytes > c.Limits.MaxBufferedBytes {
		r.mismatch("max_buffered_bytes", "max_request_bytes", "%v is less than a single request's max_request_bytes, %v",
			showSize(c.Limits.MaxBufferedBytes), showSize(c.Limits.MaxRequestBytes))
	}
}

// wrong reports a problem with the setting at path, unless it has one already: then the value is a default
// that nobody wrote.
func (r *reader) wrong(path, format string, args ...any) {
	if !r.broken(path) {
		r.report(r.place(path), "%s: %s", path, fmt.Sprintf(format, args...))
	}
}

// mismatch reports two settings that don't fit, at the one that the file has.
func (r *reader) mismatch(path, other, format string, args ...any) {
	at := path
	if !r.given(path) {
		at = other
	}
	if !r.broken(path) && !r.broken(other) {
		r.report(r.place(at), "%s: %s", path, fmt.Sprintf(format, args...))
	}
}

// broken says whether a setting was refused already, or the file that it should come from.
func (r *reader) broken(path string) bool { return r.refused[path] || r.refused[path+fileSuffix] }

// brokenBelow says the same of any member of a mapping.
func (r *reader) brokenBelow(path string) bool {
	for refused := range r.refused {
		if strings.HasPrefix(refused, path+".") {
			return true
		}
	}
	return false
}

func (r *reader) checkPorts(c *Config) {
	_, data, err := net.SplitHostPort(c.Listen)
	_, admin, err2 := net.SplitHostPort(c.Admin.Listen)
	if err == nil && err2 == nil && data == admin && data != "0" {
		r.mismatch("admin.listen", "listen", "the admin plane can't be on the data plane's port, %s", data)
	}
}

func (r *reader) checkTLS(path string, t *TLS) {
	switch {
	case t == nil:
	case !r.given(join(path, "cert_file")) || !r.given(join(path, "key_file")):
		r.wrong(path, "needs cert_file and key_file")
	case t.CertFile != "" && t.KeyFile != "":
		cert, certErr := readRegular(t.CertFile)
		key, keyErr := readRegular(t.KeyFile)
		if certErr != nil {
			r.wrong(join(path, "cert_file"), "can't be read: %v", certErr)
		}
		if keyErr != nil {
			r.wrong(join(path, "key_file"), "can't be read: %v", keyErr)
		}
		if certErr != nil || keyErr != nil {
			return
		}
		if _, err := tls.X509KeyPair([]byte(cert), []byte(key)); err != nil {
			r.wrong(path, "can't be used: %s", strings.TrimPrefix(err.Error(), "tls: "))
		}
	}
}

// checkSecret refuses what no header could carry.
func (r *reader) checkSecret(path string, s Secret) {
	if strings.ContainsFunc(s.Reveal(), func(c rune) bool { return c <= ' ' || c > '~' }) {
		r.wrong(path, "has a space, a line break or another character that a key can't have")
	}
}

func (r *reader) checkStore(store string, names Names) {
	switch {
	case store == "sqlite":
	case !strings.HasPrefix(store, "postgres://") && !strings.HasPrefix(store, "postgresql://"):
		r.wrong("store", "is neither sqlite nor the URL of a Postgres database (postgres://…)")
	case names.Store != nil:
		if err := names.Store(store); err != nil {
			r.wrong("store", "%v", err)
		}
	}
}

// checkDefaultProvider also picks the first provider where the file names none.
func (r *reader) checkDefaultProvider(c *Config) {
	if c.DefaultProvider == "" || find(c.Providers, c.DefaultProvider) != nil {
		return
	}
	configured := slices.Collect(names(c.Providers))
	if !r.given("default_provider") {
		c.DefaultProvider = strings.Join(configured[:min(1, len(configured))], "")
		return
	}
	if !r.broken("providers") {
		r.wrong("default_provider", "is not configured in providers%s", suggestion(c.DefaultProvider, configured))
	}
}

func suggestion(word string, candidates []string) string {
	if near := nearest(word, candidates); near != "" {
		return fmt.Sprintf("; did you mean %s?", near)
	}
	return ""
}

func (r *reader) checkProvider(p Provider, path string, names Names) {
	before := len(r.problems)
	named := slices.Contains(names.Providers, p.Name)
	either := func(list []string) bool { return slices.Contains(list, p.API) || slices.Contains(list, p.Name) }
	switch {
	case slices.Contains(reservedNames, p.Name):
	case !slices.Contains(names.Providers, p.API) && r.given(join(path, "api")):
		r.wrong(join(path, "api"), "is not a known provider%s", suggestion(p.API, names.Providers))
	case !named && !r.given(join(path, "api")):
		r.wrong(path, "is not a known provider and has no api (a server that speaks OpenAI's format needs api: openai and base_url)%s",
			suggestion(p.Name, names.Providers))
	case p.BaseURL != "" || r.given(join(path, "base_url")):
	case !named && p.API == "openai":
		r.wrong(path, "needs base_url: its name alone doesn't say where it is")
	case either(ownOrigin):
		r.wrong(path, "needs base_url: each customer's is another")
	case p.Region == "" && either(regional):
		r.wrong(path, "needs region or base_url")
	}
	r.checkCredentials(p, path, names)
	if names.Judge == nil || len(r.problems) > before || r.brokenBelow(path) {
		return
	}
	if setting, err := names.Judge(p); err != nil {
		r.wrong(join(path, setting), "%v", err)
	}
}

// warn collects what works, but hardly as it was meant.
func (r *reader) warn(c *Config, names Names) {
	note := func(path, format string, args ...any) {
		at := r.place(path)
		r.warnings = append(r.warnings, Problem{r.file, at.line, at.column, path + ": " + fmt.Sprintf(format, args...)})
	}
	if n := len(c.Admin.Token); n > 0 && n < tokenCharsMin {
		note("admin.token", "is shorter than %d characters, so it could be guessed", tokenCharsMin)
	}
	if d := find(c.Providers, c.DefaultProvider); d != nil && names.Serves != nil {
		for _, p := range c.Providers {
			if p.Name != d.Name && names.Serves(d.API, p.Name) {
				note(join("providers", p.Name), "hides the paths of the default provider %s that start with /%s/", d.Name, p.Name)
			}
		}
	}
	for _, p := range c.Providers {
		for _, setting := range idle(p) {
			note(join(join("providers", p.Name), setting), "has no effect: %s knows none", p.API)
		}
	}
	for _, w := range c.Weights {
		path := join("weights", w.Model)
		if w.Input < w.Cached && !r.given(join(path, "cached_input")) {
			note(path, "cached input costs more than other input, since cached_input is left out and 1")
		}
	}
	openTargets(c.Webhooks, note)
	r.warnings.sort()
}
