package proxytest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// answer is a response in full, before its first byte is written: parts are written and flushed one by one.
type answer struct {
	id, api, model string
	usage          usage
	stream         bool
	status         int
	contentType    string
	parts          [][]byte
	// usageAt is the part that the script may delay; -1: none.
	usageAt int
	script  Script
	service *service
	// failure is what the stream says when it breaks off with an error; nil: its service's.
	failure []byte
	// headers are the answer's own, besides its service's.
	headers map[string]string
}

// document is a JSON answer over many lines; build makes it around a text, which Script.Size prolongs.
func document(q *request, id, model string, build func(text string) any) *answer {
	return whole(q, id, model, marshalIndent, build)
}

// line is a document on one line.
func line(q *request, id, model string, build func(text string) any) *answer {
	return whole(q, id, model, marshal, build)
}

func whole(q *request, id, model string, marshal func(any) []byte, build func(text string) any) *answer {
	text := strings.Join(q.words, "")
	body := marshal(build(text))
	if missing := q.Proxytest.Size - len(body); missing > 0 {
		body = marshal(build(text + strings.Repeat("x", missing)))
	}
	return &answer{
		id: id, model: model, usage: q.reported(), status: http.StatusOK, contentType: "application/json",
		parts: [][]byte{body}, usageAt: -1,
	}
}

// stream is an answer of events; usageAt is the one with the final usage.
func stream(q *request, id, model string, parts [][]byte, usageAt int) *answer {
	return &answer{
		id: id, model: model, usage: q.reported(), stream: true, status: http.StatusOK, contentType: "text/event-stream; charset=utf-8",
		parts: parts, usageAt: usageAt,
	}
}

// steered applies what a script says about any answer.
func (a *answer) steered(s Script) *answer {
	a.script = s
	if s.ErrorAfter != nil && a.stream {
		if a.failure == nil {
			a.failure = a.service.fault()
		}
		a.parts = append(a.parts[:min(*s.ErrorAfter, len(a.parts))], a.failure)
		a.usage, a.usageAt = usage{}, -1
	}
	if s.CRLF && a.stream && a.contentType != eventStream {
		for i, part := range a.parts {
			a.parts[i] = bytes.ReplaceAll(part, []byte("\n"), []byte("\r\n"))
		}
	}
	if (s.BreakAfter != nil || s.StallAfter != nil) && !a.stream && len(a.parts) == 1 {
		body := a.parts[0]
		a.parts = [][]byte{body[:len(body)/2], body[len(body)/2:]}
	}
	if s.Gzip {
		a.compress()
	}
	return a
}

// compress makes of each part one flushed piece of a gzip stream.
func (a *answer) compress() {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for i, part := range a.parts {
		_, _ = z.Write(part) // into memory
		_ = z.Flush()
		if i == len(a.parts)-1 {
			_ = z.Close()
		}
		a.parts[i] = bytes.Clone(packed.Bytes())
		packed.Reset()
	}
}

// play writes the answer as its script says. It returns an error, or panics with http.ErrAbortHandler, when the answer did
// not go out whole.
func (a *answer) play(w http.ResponseWriter, r *http.Request) error {
	s := a.script
	if err := pause(r, s.DelayMS); err != nil {
		return err
	}
	if err := a.fault(r, 0); err != nil {
		return err
	}
	a.header(w.Header())
	w.WriteHeader(a.status)
	flush := http.NewResponseController(w)
	for i, part := range a.parts {
		wait := 0
		if i > 0 {
			wait = s.Pace
		}
		if i == a.usageAt {
			wait += s.LateUsageMS
		}
		if err := pause(r, wait); err != nil {
			return err
		}
		if _, err := w.Write(part); err != nil {
			return err
		}
		if len(a.parts) > 1 {
			if err := flush.Flush(); err != nil {
				return err
			}
		}
		if err := a.fault(r, i+1); err != nil {
			return err
		}
	}
	return nil
}

func (a *answer) header(h http.Header) {
	h.Set("Content-Type", a.contentType)
	a.service.header(h, a)
	for name, value := range a.headers {
		h.Set(name, value)
	}
	if a.script.Gzip {
		h.Set("Content-Encoding", "gzip")
	}
	if !a.stream || a.script.ContentLength {
		length := 0
		for _, part := range a.parts {
			length += len(part)
		}
		h.Set("Content-Length", strconv.Itoa(length))
	}
	for name, value := range a.script.Header {
		h.Set(name, value)
	}
}

// fault breaks or stalls if it is time, after that many parts.
func (a *answer) fault(r *http.Request, parts int) error {
	if at := a.script.BreakAfter; at != nil && *at == parts {
		panic(http.ErrAbortHandler)
	}
	if at := a.script.StallAfter; at != nil && *at == parts {
		<-r.Context().Done()
		return r.Context().Err()
	}
	return nil
}

// pause waits, but not for a client that has left.
func pause(r *http.Request, ms int) error {
	if ms == 0 {
		return nil
	}
	t := time.NewTimer(time.Duration(ms) * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-r.Context().Done():
		return r.Context().Err()
	}
}

// event is one SSE event; name "" leaves the event line out.
func event(name string, v any) []byte {
	var b bytes.Buffer
	if name != "" {
		b.WriteString("event: " + name + "\n")
	}
	b.WriteString("data: ")
	b.Write(marshal(v))
	b.WriteString("\n\n")
	return b.Bytes()
}

// marshal is compact JSON as OpenAI writes it, < and > unescaped.
func marshal(v any) []byte { return encode(v, "") }

// marshalIndent is what OpenAI sends when it does not stream.
func marshalIndent(v any) []byte { return encode(v, "  ") }

func encode(v any, indent string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		panic("BUG: " + err.Error()) // our own types, and raw JSON that was decoded
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
