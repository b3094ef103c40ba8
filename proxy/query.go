package proxy

import (
	"net/url"
	"slices"
	"strings"
)

// bendsRequest names the parameter of a query by which Google's servers do something else than the request says: by
// another method, with other headers or another body, or for another project. "": there is none.
// Source: cloud.google.com/apis/docs/system-parameters, and what Google's JavaScript client sends, 2026-11.
func bendsRequest(query string) string {
	return findParameter(query, func(name, _ string) bool {
		return strings.HasPrefix(name, "$http") ||
			slices.Contains([]string{"$req", "$ct", "$userproject", "userproject"}, name)
	})
}

// bendsAnswer names the parameter by which they answer in a form in which counts are left out or can't be read: a part of
// the fields, a script, protobuf, a bare medium. "": there is none.
func bendsAnswer(query string) string {
	return findParameter(query, func(name, value string) bool {
		switch strings.TrimPrefix(name, "$") {
		case "fields", "callback":
			return true
		case "alt":
			format, _, _ := strings.Cut(strings.ToLower(value), ";") // json;enum-encoding=int
			return format != "json" && format != "sse" && format != ""
		}
		return false
	})
}

// findParameter is the name, in lower case, of the first parameter that is found. A pair ends at & or at ;, which some
// servers take for it; what follows an encoded one belongs to its value.
func findParameter(query string, found func(name, value string) bool) string {
	for pair := range strings.FieldsFuncSeq(query, func(c rune) bool { return c == '&' || c == ';' }) {
		name, value, _ := strings.Cut(pair, "=")
		if name = strings.ToLower(decoded(name)); found(name, decoded(value)) {
			return name
		}
	}
	return ""
}

// decoded is a name or value without its escapes, or as it is where these can't be read.
func decoded(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}
