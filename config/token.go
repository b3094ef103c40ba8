package config

import (
	"maps"
	"regexp"
	"slices"
	"time"
)

// Admin is the admin plane.
type Admin struct {
	Listen     string
	Token      Secret       // with the role admin; "": made at the first start
	Tokens     []AdminToken // others, in the order of the file
	SessionTTL time.Duration
	TLS        *TLS
}

// AdminToken is one entry of admin.tokens.
type AdminToken struct {
	Name    string
	Token   Secret
	Role    string // admin | operator | read
	Account string // the one account that it reaches; "": all
}

// tokenCharsMin keeps guessing hopeless. Only shorter tokens are limited in how often they may be tried, since any limit
// also keeps out the operator while somebody else tries.
const tokenCharsMin = 16

// mainToken is what sessions call the bearer of admin.token.
const mainToken = "admin"

var (
	tokenName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	accountID = tokenName // as the admin API has it
)

var tokenSettings = []setting[AdminToken]{
	secret("token", func(t *AdminToken) *Secret { return &t.Token }, hidden,
		"What its holder shows as bearer, or signs in with: 16 characters or more.",
		"None; the entry needs one."),
	at("role", func(t *AdminToken) *string { return &t.Role }, word("admin", "operator", "read"),
		"admin: everything; operator: everything but deleting accounts and voiding purchases; read: changes nothing.",
		"Whoever should be able to do more has to be given it."),
	at("account", func(t *AdminToken) *string { return &t.Account }, text(accountOrAll),
		"The one account that it reaches. Empty: all.",
		"People who look after customers look after all of them."),
}

func tokenDefaults(name string) AdminToken { return AdminToken{Name: name, Role: "read"} }

func accountOrAll(s string) error {
	if s != "" && !accountID.MatchString(s) {
		return hiddenError("is not an account's id: 1 to 64 of a-z 0-9 . _ -, a letter or digit first")
	}
	return nil
}

// tokens is a mapping of names to tokens.
var tokens = form[[]AdminToken]{
	read: func(r *reader, v value, to *[]AdminToken) {
		*to = nil
		for _, e := range r.entries(v) {
			at := value{e.path, e.key}
			switch {
			case e.name == mainToken:
				r.refuse(at, "is what the bearer of admin.token is called; take another name")
			case !tokenName.MatchString(e.name):
				r.refuse(at, "is not a token's name: 1 to 64 of a-z 0-9 . _ -, a letter or digit first")
			}
			t := tokenDefaults(e.name)
			readFields(r, e.value, tokenSettings, &t)
			*to = append(*to, t)
		}
	},
	compare: func(path string, was, is []AdminToken, restart bool, d *difference) {
		before, after := byName(was), byName(is)
		for _, name := range unionOf(maps.Keys(before), maps.Keys(after)) {
			if before[name] != after[name] {
				d.add(join(path, name), restart)
			}
		}
	},
	schema: func([]AdminToken) schema {
		entry := record(tokenSettings).schema(tokenDefaults(""))
		return schema{Type: []string{"object", "null"}, AdditionalProperties: &entry}
	},
}

func byName(list []AdminToken) map[string]AdminToken {
	m := make(map[string]AdminToken, len(list))
	for _, t := range list {
		m[t.Name] = t
	}
	return m
}

// checkTokens refuses tokens that could be guessed, and those that would not tell who shows them.
func (r *reader) checkTokens(a Admin) {
	seen := []Secret{a.Token}
	for _, t := range a.Tokens {
		path := join(join("admin.tokens", t.Name), "token")
		switch {
		case t.Token == "":
			r.wrong(path, "is empty; give it %d characters or more, or token_file", tokenCharsMin)
		case len(t.Token) < tokenCharsMin:
			r.wrong(path, "is shorter than %d characters, so it could be guessed", tokenCharsMin)
		case slices.Contains(seen, t.Token):
			r.wrong(path, "is the same as another admin token, so it would not tell who shows it")
		}
		r.checkSecret(path, t.Token)
		seen = append(seen, t.Token)
	}
}
