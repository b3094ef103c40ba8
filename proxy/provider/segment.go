package provider

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// segment is one of a pattern's: a literal, or a placeholder with perhaps a literal behind it ({model}:generateContent).
type segment struct {
	literal string
	open    bool // a placeholder
	// model: what it stands for is the route's Model, behind what an author stands for and a slash. pinned: it must be the
	// operator's project.
	model, author, pinned bool
	// forbidden are the characters that its decoded name may not hold, beside those that no name may; contains is what it
	// must hold.
	forbidden, contains string
}

// Placeholders. {model} may hold an encoded slash, as ARNs and names like org/model do, and a colon, unless a literal
// follows: then a name with either could be read as another path or another operation. {name} is a model's in tables
// of providers whose names hold neither, {embedding} that of one that makes embeddings.
var placeholders = map[string]segment{
	"{model}":      {open: true, model: true},
	"{name}":       {open: true, model: true, forbidden: "/:"},
	"{embedding}":  {open: true, model: true, forbidden: "/:", contains: "embedding"},
	"{deployment}": {open: true, model: true, forbidden: "/:"},
	"{project}":    {open: true, pinned: true, forbidden: "/"},
	"{location}":   {open: true, forbidden: "/:"},
	"{provider}":   {open: true, forbidden: "/:"},
	"{author}":     {open: true, author: true, forbidden: "/:"},
}

func segmentsOf(pattern string) []segment {
	parts := strings.Split(pattern, "/")
	if len(parts) > deepest {
		panic("BUG: too many segments in " + pattern)
	}
	all := make([]segment, len(parts))
	for i, part := range parts {
		end := strings.IndexByte(part, '}') + 1
		if end == 0 {
			all[i].literal = part
			continue
		}
		s, ok := placeholders[part[:end]]
		if !ok {
			panic("BUG: no placeholder is called " + part)
		}
		if s.literal = part[end:]; s.literal != "" {
			s.forbidden = "/:"
		}
		all[i] = s
	}
	return all
}

// value is the name that a raw segment has in the placeholder's place. The literal behind it is compared raw.
func (s *segment) value(raw string) (string, bool) {
	raw, ok := strings.CutSuffix(raw, s.literal)
	if !ok {
		return "", false
	}
	value, ok := name(raw)
	return value, ok && !strings.ContainsAny(value, s.forbidden) && strings.Contains(value, s.contains)
}

// maxName is the longest name that a path may hold: it goes into events. ARNs have up to 2,048 bytes.
const maxName = 2048

// name decodes a segment that names something. It refuses what a server could read as a step to another
// path: an empty name, dots that stand for folders, characters that end or bend a path, and bytes that are no text.
func name(segment string) (string, bool) {
	decoded, err := url.PathUnescape(segment)
	if err != nil || decoded == "" || len(decoded) > maxName || !utf8.ValidString(decoded) {
		return "", false
	}
	for part := range strings.SplitSeq(decoded, "/") {
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
