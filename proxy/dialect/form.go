package dialect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

const (
	// maxField is the longest form field that is read: names of models and short options are.
	maxField = 64 << 10
	// maxParts is how many fields and files a form may have. Go's and Python's own readers take as many.
	maxParts = 1000
	// maxBoundary is the longest boundary (RFC 2046, section 5.1.1).
	maxBoundary = 70
)

func isForm(contentType string) bool {
	kind, _, _ := mime.ParseMediaType(contentType)
	return kind == "multipart/form-data"
}

// isForeign says whether a Content-Type names a character set in which letters, quotes and commas may be other bytes than in
// UTF-8: some servers decode bodies as it says, UTF-7 included.
func isForeign(contentType string) bool {
	if len(contentType) <= len("application/json") {
		return false
	}
	for i, rest := range strings.Split(strings.ToLower(contentType), "charset") {
		name := strings.TrimLeft(rest, "= \t\"'")
		if end := strings.IndexAny(name, "\"'; \t,"); end >= 0 {
			name = name[:end]
		}
		if i > 0 && !slices.Contains([]string{"utf-8", "utf8", "us-ascii", "iso-8859-1"}, name) {
			return true
		}
	}
	return false
}

// readForm reads the fields of a multipart form (RFC 7578) that the request's tree wants. As with JSON, such a field must
// come once and in its own spelling; files only count as what is no text.
//
// Readers of forms differ more than those of JSON: in what they make of text before and behind the parts, of bare line feeds,
// of folded headers, of escapes and extended parameters. So the form must be as all clients write it, where they all agree.
func (r *requestReader) readForm(contentType string, body []byte) error {
	boundary, err := boundaryOf(contentType)
	if err != nil {
		return fmt.Errorf("not a form: %w", err)
	}
	seen := map[string]bool{}
	delimiter := []byte("\r\n--" + boundary)
	rest, ok := bytes.CutPrefix(body, delimiter[2:])
	for n := 0; ok; n++ {
		if bytes.Equal(bytes.TrimRight(rest, "\r\n"), dashes) {
			return r.err
		}
		if rest, ok = bytes.CutPrefix(rest, newlines); !ok {
			break
		}
		if n == maxParts {
			return fmt.Errorf("not a form: more than %d parts", maxParts)
		}
		var part []byte
		if part, rest, ok = bytes.Cut(rest, delimiter); ok {
			if err := r.part(part, seen); err != nil {
				return err
			}
		}
	}
	return errors.New("not a form: its boundary does not stand before, between and behind its parts alone")
}

var newlines, dashes = []byte("\r\n"), []byte("--")

// boundaryOf is the boundary that a Content-Type names, where no reader could find another one in it.
func boundaryOf(contentType string) (string, error) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return "", err
	}
	boundary := params["boundary"]
	if boundary == "" || len(boundary) > maxBoundary || strings.ContainsAny(contentType, `*\`) {
		return "", errors.New("no plain boundary in its Content-Type")
	}
	return boundary, nil
}

// part reads a field, or passes over a file.
func (r *requestReader) part(part []byte, seen map[string]bool) error {
	head, text, ok := bytes.Cut(part, []byte("\r\n\r\n"))
	if !ok {
		return errors.New("not a form: a part without an end of its headers")
	}
	var h partHeader
	for line := range bytes.SplitSeq(head, newlines) {
		if err := h.add(line); err != nil {
			return fmt.Errorf("not a form: %w", err)
		}
	}
	if h.name == "" {
		return errors.New("not a form: a part without a name")
	}
	if h.file {
		r.req.size -= int64(len(text))
	}
	return r.field(&h, text, seen)
}

// partHeader is what the headers of a part say.
type partHeader struct {
	name string
	file bool
	// foreign: its text is in a character set in which it may say something else than it does here.
	foreign bool
}

// add reads one header.
func (h *partHeader) add(line []byte) error {
	key, value, ok := strings.Cut(string(line), ":")
	if !ok || key == "" || strings.ContainsAny(key, " \t") || strings.ContainsAny(value, "\r\n\x00") {
		return fmt.Errorf("%.40q is no header of a part", line)
	}
	value = strings.TrimSpace(value)
	switch strings.ToLower(key) {
	case "content-disposition":
		return h.disposition(value)
	case "content-transfer-encoding":
		if !slices.Contains([]string{"7bit", "8bit", "binary"}, strings.ToLower(value)) {
			return fmt.Errorf("a part in the encoding %.40q", value)
		}
	case "content-type":
		h.foreign = h.foreign || isForeign(value)
	}
	return nil
}

// disposition reads the header that names a part.
func (h *partHeader) disposition(value string) error {
	kind, params, _ := strings.Cut(value, ";")
	if h.name != "" || !strings.EqualFold(strings.TrimSpace(kind), "form-data") || strings.Contains(value, `\`) {
		return fmt.Errorf("a part with the disposition %.40q", value)
	}
	given := map[string]bool{}
	for params != "" {
		key, rest, _ := strings.Cut(params, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		if given[key] || key != "name" && key != "filename" && key != "filename*" {
			return fmt.Errorf("a part with the disposition %.40q", value)
		}
		given[key] = true
		var text string
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			text, rest, ok = strings.Cut(quoted, `"`)
			if rest = strings.TrimSpace(rest); !ok || rest != "" && rest[0] != ';' {
				return fmt.Errorf("a part with the disposition %.40q", value)
			}
			params = strings.TrimPrefix(rest, ";")
		} else {
			text, params, _ = strings.Cut(rest, ";")
		}
		if key == "name" {
			if strings.ContainsAny(text, "%+") { // what stands for another name at some servers
				return fmt.Errorf("a part with the name %.40q", text)
			}
			h.name = text
		}
	}
	if h.name == "" {
		return errors.New("a part without a name")
	}
	h.file = given["filename"] || given["filename*"]
	return nil
}

func (r *requestReader) field(h *partHeader, text []byte, seen map[string]bool) error {
	for _, kid := range r.req.splice.api.format.request.kids {
		name := h.name
		switch {
		case kid.id <= reqBody || kid.id == reqBinary || !strings.EqualFold(kid.key, likely(name)):
			continue
		case kid.key != name:
			return fmt.Errorf("%q: not the spelling of %s", name, kid.key)
		case seen[name]:
			return errors.New(name + ": given twice")
		case h.file, h.foreign:
			return errors.New(name + ": not a plain field")
		case len(text) > maxField:
			return fmt.Errorf("%s: longer than %d bytes", name, maxField)
		}
		seen[name] = true
		r.see(fieldValue(kid, text))
	}
	return nil
}

// likely is the field that some server could take a name for: with white space, or as a list's.
func likely(name string) string {
	name, _, _ = strings.Cut(name, "[")
	return strings.TrimSpace(name)
}

// fieldValue is a field as the JSON value that it stands for: what is neither a number nor a truth is a string. Python
// writes a truth with a capital.
func fieldValue(kid *node, text []byte) *value {
	raw := text
	if s := string(text); kid.id == reqStream && (s == "True" || s == "False") {
		raw = bytes.ToLower(text)
	}
	if kid.id == reqModel || !gjson.ValidBytes(raw) {
		raw, _ = json.Marshal(string(text)) // strings always encode
	}
	return &value{node: kid, kind: raw[0], raw: raw, size: int64(len(raw))}
}
