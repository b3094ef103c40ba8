package proxytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"strconv"
)

// readForm reads a multipart body: the fields that are also members of a JSON body as such, the rest as texts.
func readForm(q *request, body []byte, boundary string) error {
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	q.form = map[string]string{}
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("read form: %w", err)
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return fmt.Errorf("read form: %w", err)
		}
		q.form[part.FormName()] = string(value)
	}
	q.Model, q.Stream, q.Prompt = q.form["model"], q.form["stream"] == "true", marshal(q.form["prompt"])
	q.N, _ = strconv.ParseInt(q.form["n"], 10, 64) // 0: one
	if script := q.form["proxytest"]; script != "" {
		return json.Unmarshal([]byte(script), &q.Proxytest)
	}
	return nil
}
