package dialect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"strings"

	"github.com/tidwall/gjson"
)

// maxField is the longest form field that is read: names of models and short options are.
const maxField = 64 << 10

func isForm(contentType string) bool {
	kind, _, _ := mime.ParseMediaType(contentType)
	return kind == "multipart/form-data"
}

// readForm reads the fields of a multipart form (RFC 7578) that the request's tree wants. As with JSON, such a field must
// come once and in its own spelling; files only count as what is no text.
func (r *requestReader) readForm(contentType string, body []byte) error {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return fmt.Errorf("not a form: %w", err)
	}
	form := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	seen := map[string]bool{}
	for {
		part, err := form.NextRawPart()
		if err == io.EOF {
			return r.err
		}
		if err != nil {
			return fmt.Errorf("not a form: %w", err)
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return fmt.Errorf("not a form: %w", err)
		}
		if len(part.Header.Values("Content-Disposition")) != 1 || part.FormName() == "" {
			return errors.New("not a form: a part without one name")
		}
		if part.FileName() != "" {
			r.req.size -= int64(len(text))
			continue
		}
		if err := r.field(part.FormName(), text, seen); err != nil {
			return err
		}
	}
}

func (r *requestReader) field(name string, text []byte, seen map[string]bool) error {
	for _, kid := range r.req.splice.api.format.request.kids {
		switch {
		case kid.id <= reqBody || kid.id == reqBinary || !strings.EqualFold(kid.key, name):
			continue
		case kid.key != name:
			return fmt.Errorf("%q: not the spelling of %s", name, kid.key)
		case seen[name]:
			return errors.New(name + ": given twice")
		case len(text) > maxField:
			return fmt.Errorf("%s: longer than %d bytes", name, maxField)
		}
		seen[name] = true
		r.see(fieldValue(kid, text))
	}
	return nil
}

// fieldValue is a field as the JSON value that it stands for: what is neither a number nor a truth is a string.
func fieldValue(kid *node, text []byte) *value {
	raw := text
	if kid.id == reqModel || !gjson.ValidBytes(text) {
		raw, _ = json.Marshal(string(text)) // strings always encode
	}
	return &value{node: kid, kind: raw[0], raw: raw, size: int64(len(raw))}
}
