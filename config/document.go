package config

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// tree is the root of the file's one document: nil for a file without any, false where it can't be read.
func (r *reader) tree(src []byte) (*yaml.Node, bool) {
	end, why := scan(src)
	r.end = end
	if why != "" {
		r.report(end, "%s", why)
		return nil, false
	}
	loader, err := yaml.NewLoader(bytes.NewReader(src))
	if err != nil {
		r.report(place{1, 1}, "is not readable: %v", err)
		return nil, false
	}
	var document, second yaml.Node
	switch err := loader.Load(&document); {
	case errors.Is(err, io.EOF):
		return nil, true
	case err != nil:
		r.syntax(err)
		return nil, false
	}
	switch err := loader.Load(&second); {
	case err == nil:
		r.report(placeOf(&second), "a second document starts here; the file may hold only one")
	case !errors.Is(err, io.EOF):
		r.syntax(err)
		return nil, false
	}
	if len(document.Content) == 0 {
		return nil, true
	}
	return document.Content[0], true
}

// scan looks for bytes that no YAML may hold, which the library finds too, but without their place. It ends
// there, or at the end of the file.
func scan(src []byte) (at place, why string) {
	at = place{1, 1}
	for len(src) > 0 {
		c, size := utf8.DecodeRune(src)
		switch {
		case c == utf8.RuneError && size == 1:
			return at, "the file is not UTF-8 here"
		case c < ' ' && c != '\t' && c != '\n' && c != '\r', 0x7f <= c && c <= 0x9f && c != 0x85, c == 0xfffe, c == 0xffff:
			return at, "control characters are not allowed; write them escaped, in double quotes"
		}
		src = src[size:]
		at.column++
		switch c { // what breaks lines for the library
		case '\n', 0x85, 0x2028, 0x2029:
			at = place{at.line + 1, 1}
		case '\r':
			if !bytes.HasPrefix(src, []byte("\n")) {
				at = place{at.line + 1, 1}
			}
		}
	}
	return at, ""
}

// syntax reports what the library could not parse, in our words. There is one such problem at most, since
// nothing behind it can be understood.
func (r *reader) syntax(err error) {
	e, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		r.report(place{1, 1}, "the file can't be read as YAML")
		return
	}
	at := place{max(1, e.Mark.Line), max(1, e.Mark.Column)}
	for _, m := range syntaxMessages {
		if !strings.Contains(e.Message, m.theirs) {
			continue
		}
		if m.opening && e.ContextMark.Line > 0 {
			at = place{e.ContextMark.Line, e.ContextMark.Column}
		}
		r.report(at, "%s", m.ours)
		return
	}
	r.report(at, "the file can't be read as YAML from here on; check quotes, brackets and indentation")
}

// syntaxMessages are the library's words (v4.0.0) that come up in practice; opening: the mistake is where the
// quote or bracket was opened.
var syntaxMessages = []struct {
	theirs, ours string
	opening      bool
}{
	{"mapping values are not allowed", "a colon is not allowed here; put the value in quotes, or check the indentation", false},
	{"found character that cannot start any token", "a value can't start with this character; put it in quotes (and indent with spaces, not tabs)", false},
	{"expected ',' or '}'", "expected a comma or } here; between { and }, put values that hold ${…} in quotes", false},
	{"expected ',' or ']'", "expected a comma or ] here", false},
	{"expected '-' indicator", "expected another item that starts with a dash; check the indentation", false},
	{"expected key", "expected a key here; check the indentation", false},
	{"expected <document start>", "expected the end of the file or a key at the same depth as the first; check the indentation", false},
	{"could not find expected ':'", "this key has no colon behind it", true},
	{"unexpected end of stream", "this quote is never closed", true},
	{"unexpected document indicator", "this quote is never closed", true},
	{"unknown escape character", "there is no such escape; in double quotes write \\\\ for a backslash, or use single quotes", false},
	{"unknown anchor", noAlias, false},
	{"incompatible YAML document", "this version of YAML is not supported", false},
	{"exceeded max depth", "nested too deeply", false},
	{"did not find expected node content", "a value is missing here", false},
	{"block sequence entries are not allowed", "a list is not allowed here; start it on a new line", false},
}
