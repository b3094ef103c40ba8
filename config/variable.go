package config

import (
	"cmp"
	"strings"
)

// expand fills in ${NAME} and ${NAME:-default}; as in a shell, the default also stands for an empty value.
// $${ stands for ${ itself, any other $ for itself. What a variable holds is text and nothing else: it is
// put into values that are already parsed, and it is not expanded again. Each thing that is wrong goes to
// refuse.
func expand(text string, env func(string) (string, bool), refuse func(format string, args ...any)) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "${")
		if !found {
			b.WriteString(text)
			return b.String()
		}
		if literal, ok := strings.CutSuffix(before, "$"); ok {
			b.WriteString(literal + "${")
			text = after
			continue
		}
		b.WriteString(before)
		inside, rest, closed := strings.Cut(after, "}")
		if !closed {
			refuse("has a ${ without its }; write ${NAME} or ${NAME:-default}, and $${ for a literal ${")
			return ""
		}
		b.WriteString(variable(inside, env, refuse))
		text = rest
	}
}

// variable is the value of what stands between ${ and }.
func variable(inside string, env func(string) (string, bool), refuse func(format string, args ...any)) string {
	name, preset, optional := strings.Cut(inside, ":-")
	switch {
	case !isVariable(name):
		refuse("has a variable with a malformed name; write ${NAME} or ${NAME:-default}, and $${ for a literal ${")
		return ""
	case strings.Contains(preset, "${"):
		refuse("has a variable inside the default of ${%s}, which is not supported", name)
		return ""
	case optional:
		return lookup(env, name, preset)
	}
	v, ok := env(name)
	if !ok {
		refuse("needs the environment variable %s, which is not set; set it, or write ${%s:-default}", name, name)
	}
	return v
}

// lookup is a variable's value, or preset where it is unset or empty.
func lookup(env func(string) (string, bool), name, preset string) string {
	v, _ := env(name)
	return cmp.Or(v, preset)
}

func isVariable(name string) bool {
	for i, c := range []byte(name) {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || '9' < c) {
			return false
		}
	}
	return name != ""
}
