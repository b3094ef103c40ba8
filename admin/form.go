package admin

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

const (
	bodyBytesMax = 1 << 20
	tokensMax    = 1 << 53 // the largest whole number that every JSON reader has exactly
	nameRunesMax = 200
	listItemsMax = 100
)

// readBody reads a request's body whole. It is read as JSON whatever Content-Type says: many clients name their default.
func readBody(r *http.Request) ([]byte, error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" {
		return nil, unreadable("Content-Encoding", "the body must not be encoded, it is %q", encoding)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, bodyBytesMax+1))
	if err != nil {
		return nil, unreadable("", "the body ended too early")
	}
	if len(body) > bodyBytesMax {
		return nil, unreadable("", "the body is larger than 1 MiB")
	}
	return body, nil
}

// form is the JSON object of a request's body. Members are taken out by name and type; the first thing that is
// wrong is kept and everything after it reads as absent. Nothing of a form counts before done has returned nil.
type form struct {
	members map[string]json.RawMessage
	names   []string // in the order of the body
	wrong   *problem
}

// parseForm reads one JSON object with no member twice and nothing behind it.
func parseForm(body []byte) (*form, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, unreadable("", "the body is empty; it must be a JSON object")
	}
	if !utf8.Valid(body) {
		return nil, unreadable("", "the body is not valid UTF-8")
	}
	if !json.Valid(body) {
		return nil, unreadable("", "the body is not valid JSON: %v", json.Unmarshal(body, new(any)))
	}
	object := gjson.ParseBytes(body)
	if !object.IsObject() {
		return nil, unreadable("", "the body must be a JSON object")
	}
	f := &form{members: map[string]json.RawMessage{}}
	var twice error
	object.ForEach(func(key, value gjson.Result) bool {
		name := key.String()
		if _, there := f.members[name]; there {
			twice = unreadable(name, "the member %q stands there twice", name)
		}
		f.members[name] = json.RawMessage(value.Raw)
		f.names = append(f.names, name)
		return twice == nil
	})
	return f, twice
}

// member is one member of a form: absent, null or a value.
type member[T any] struct {
	given, null bool
	value       T
}

// or is the value where there is one, else the one given.
func (m member[T]) or(other T) T {
	if m.given && !m.null {
		return m.value
	}
	return other
}

// pointer is nil for null and absent members.
func (m member[T]) pointer() *T {
	if !m.given || m.null {
		return nil
	}
	return &m.value
}

// refuse keeps the first problem.
func (f *form) refuse(p *problem) {
	if f.wrong == nil {
		f.wrong = p
	}
}

// done says what is wrong with the form: the first bad member, else the first unknown one. fixed names members
// that exist and can't be changed.
func (f *form) done(fixed ...string) error {
	if f.wrong != nil {
		return f.wrong
	}
	for _, name := range f.names {
		if _, left := f.members[name]; !left {
			continue
		}
		if slices.Contains(fixed, name) {
			return wrong(name, "%s can't be changed", name)
		}
		return wrong(name, "there is no member %q here", name)
	}
	return nil
}

// take hands out a member once; what nobody takes is unknown.
func (f *form) take(name string) (json.RawMessage, bool) {
	raw, ok := f.members[name]
	delete(f.members, name)
	return raw, ok && f.wrong == nil
}

type nullable bool

const (
	notNull nullable = false
	orNull  nullable = true
)

// read is the frame of all kinds of members.
func read[T any](f *form, name string, n nullable, value func(raw json.RawMessage) (T, *problem)) member[T] {
	raw, given := f.take(name)
	if !given {
		return member[T]{}
	}
	if string(raw) == "null" {
		if n == notNull {
			f.refuse(wrong(name, "%s must not be null", name))
			return member[T]{}
		}
		return member[T]{given: true, null: true}
	}
	v, p := value(raw)
	if p != nil {
		f.refuse(p)
		return member[T]{}
	}
	return member[T]{given: true, value: v}
}

// text reads a string of at most 200 characters without control characters.
func (f *form) text(name string, n nullable) member[string] {
	return read(f, name, n, func(raw json.RawMessage) (string, *problem) {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return "", wrong(name, "%s must be a string", name)
		}
		return s, checkText(name, name, s)
	})
}

func checkText(field, what, s string) *problem {
	switch {
	case utf8.RuneCountInString(s) > nameRunesMax:
		return wrong(field, "%s must not be longer than %d characters", what, nameRunesMax)
	case strings.ContainsFunc(s, unicode.IsControl):
		return wrong(field, "%s must not contain control characters", what)
	}
	return nil
}

// secret reads a string that must be there, whatever its characters. No message quotes it.
func (f *form) secret(name string) string {
	m := read(f, name, notNull, func(raw json.RawMessage) (string, *problem) {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return "", wrong(name, "%s must be a string", name)
		}
		return s, nil
	})
	if !m.given {
		f.refuse(wrong(name, "%s must be there", name))
	}
	return m.value
}

// choice reads a string that is one of a few.
func (f *form) choice(name string, n nullable, choices ...string) member[string] {
	m := f.text(name, n)
	if m.given && !m.null && !slices.Contains(choices, m.value) {
		f.refuse(wrong(name, "%s must be %s, not %q", name, either(choices), m.value))
	}
	return m
}

// either lists choices for a message.
func either(choices []string) string {
	if len(choices) < 2 {
		return strings.Join(choices, "")
	}
	last := len(choices) - 1
	return strings.Join(choices[:last], ", ") + " or " + choices[last]
}

// whole reads a whole number within bounds, both included.
func (f *form) whole(name string, n nullable, least, most int64) member[int64] {
	return read(f, name, n, func(raw json.RawMessage) (int64, *problem) {
		if strings.ContainsAny(string(raw), `"{[tf`) {
			return 0, wrong(name, "%s must be a number", name)
		}
		if strings.ContainsAny(string(raw), ".eE") {
			return 0, wrong(name, "%s must be a whole number", name)
		}
		v, err := strconv.ParseInt(string(raw), 10, 64)
		if err != nil || v < least || v > most {
			return 0, wrong(name, "%s must be between %d and %d", name, least, most)
		}
		return v, nil
	})
}

// texts reads a list of strings; check says what is wrong with one of them.
func (f *form) texts(name string, check func(item string) (fault string)) member[[]string] {
	return read(f, name, notNull, func(raw json.RawMessage) ([]string, *problem) {
		var items []*string
		if json.Unmarshal(raw, &items) != nil {
			return nil, wrong(name, "%s must be a list of strings", name)
		}
		if len(items) > listItemsMax {
			return nil, wrong(name, "%s must not have more than %d items", name, listItemsMax)
		}
		list := make([]string, 0, len(items))
		for i, item := range items {
			place := name + "[" + strconv.Itoa(i) + "]"
			if item == nil {
				return nil, wrong(name, "%s must be a string", place)
			}
			if p := checkText(name, place, *item); p != nil {
				return nil, p
			}
			if fault := check(*item); fault != "" {
				return nil, wrong(name, "%s: %q %s", place, *item, fault)
			}
			list = append(list, *item)
		}
		return list, nil
	})
}

// future reads an instant after now, or null.
func (f *form) future(name string, now time.Time) member[time.Time] {
	return read(f, name, orNull, func(raw json.RawMessage) (time.Time, *problem) {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return time.Time{}, wrong(name, "%s must be a string or null", name)
		}
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return time.Time{}, wrong(name, "%s must be an instant as 2006-01-02T15:04:05Z, not %q", name, s)
		}
		if !at.After(now) {
			return time.Time{}, wrong(name, "%s must lie in the future", name)
		}
		return at.UTC(), nil
	})
}
