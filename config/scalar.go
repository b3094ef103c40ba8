package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// single is the form of one value: parse understands its text, and its error completes a sentence about it.
// The problem shows what stands in the file, where it can't be a secret.
func single[T any](want kind, parse func(string) (T, error), show func(T) any, s schema) form[T] {
	return form[T]{
		read: func(r *reader, v value, to *T) {
			text, ok := r.scalar(v, want)
			if !ok {
				return
			}
			parsed, err := parse(text)
			switch _, hidden := errors.AsType[hiddenError](err); {
			case err == nil:
				*to = parsed
			case hidden:
				r.refuse(v, "%v", err)
			default:
				r.refuse(v, "%q %v", shorten(v.node.Value), err)
			}
		},
		show:   show,
		schema: func(T) schema { return s },
	}
}

// hiddenError is about a value that may hold credentials, and is not shown for that.
type hiddenError string

func (e hiddenError) Error() string { return string(e) }

func asIs[T any](v T) any { return v }

// text is what check accepts.
func text(check func(string) error) form[string] {
	return single(words, func(s string) (string, error) { return s, check(s) }, asIs, schema{Type: []string{"string"}})
}

func anyText(string) error { return nil }

func nonEmpty(s string) error {
	if s == "" {
		return errors.New("is empty")
	}
	return nil
}

// word is a text from a fixed set.
func word(values ...string) form[string] {
	parse := func(s string) (string, error) {
		if !slices.Contains(values, s) {
			return "", fmt.Errorf("is none of %s", strings.Join(values, ", "))
		}
		return s, nil
	}
	enum := schema{}
	for _, v := range values {
		enum.Enum = append(enum.Enum, v)
	}
	return single(anything, parse, asIs, orVariable(enum))
}

// emptyStatus is the status that says that both pools are empty.
var emptyStatus = single(numbers, func(s string) (int, error) {
	switch s {
	case "402":
		return 402, nil
	case "429":
		return 429, nil
	}
	return 0, errors.New("is neither 402 nor 429")
}, asIs, orVariable(schema{Enum: []any{402, 429}}))

// boolean is true or false.
var boolean = single(flags, parseFlag, asIs, orVariable(schema{Type: []string{"boolean"}}))

func parseFlag(s string) (bool, error) {
	switch s {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, errors.New("is neither true nor false")
}

// number is a whole number.
func number(least, most int64) form[int64] {
	parse := func(s string) (int64, error) {
		n, err := parseWhole(s)
		return within(n, err, least, most, func(n int64) any { return n })
	}
	s := bounds(float64(least), float64(most))
	s.Type = []string{"integer"}
	return single(numbers, parse, asIs, orVariable(s))
}

// within adds the bounds to what a parser found.
func within[T int64 | float64 | time.Duration](n T, err error, least, most T, show func(T) any) (T, error) {
	switch {
	case err != nil:
		return 0, err
	case n < least:
		return 0, fmt.Errorf("is too small; at least %v", show(least))
	case n > most:
		return 0, fmt.Errorf("is too large; at most %v", show(most))
	}
	return n, nil
}

// size is a number of bytes, or one with a unit.
func size(least, most int64) form[int64] {
	parse := func(s string) (int64, error) {
		n, err := parseSize(s)
		return within(n, err, least, most, showSize)
	}
	whole := bounds(float64(least), float64(most))
	whole.Type = []string{"integer"}
	return single(words|numbers, parse, showSize, orVariable(whole, schema{Type: []string{"string"}, Pattern: sizePattern.String()}))
}

// span is a time with its unit.
func span(least, most time.Duration) form[time.Duration] {
	parse := func(s string) (time.Duration, error) {
		d, err := parseSpan(s)
		return within(d, err, least, most, showSpan)
	}
	return single(words|numbers, parse, showSpan, orVariable(schema{Type: []string{"string"}, Pattern: spanPattern.String()}))
}

// ratio is a share between 0 and 1.
var ratio = single(numbers, func(s string) (float64, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != f {
		return 0, errors.New("is not a number")
	}
	return within(f, nil, 0, 1, asIs[float64])
}, asIs, func() schema {
	s := bounds(0, 1)
	s.Type = []string{"number"}
	return orVariable(s)
}())

// weight is a decimal number, kept in thousandths.
var weight = single(numbers, func(s string) (int64, error) {
	n, err := parseThousandths(s)
	return within(n, err, 0, maxWeight, showThousandths)
}, showThousandths, func() schema {
	s := bounds(0, maxWeight/1000)
	s.Type = []string{"number"}
	return orVariable(s)
}())

// maxWeight in thousandths keeps any charge within an int64.
const maxWeight = 1000 * 1000

// address is host:port to listen on.
var address = single(anything, func(s string) (string, error) { return s, checkAddress(s) }, asIs, schema{Type: []string{"string"}})

func checkAddress(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return errors.New("is not an address; write host:port, like 127.0.0.1:8080 or :8080")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return errors.New("has no port between 0 and 65535")
	}
	_, err = netip.ParseAddr(host)
	numeric := strings.Trim(host, "0123456789.") == ""
	if host != "" && err != nil && (numeric || !hostName.MatchString(host)) {
		return errors.New("has a host that is neither a name nor an IP address")
	}
	return nil
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)

// origin is an http or https URL that others' paths are put behind.
func origin(check func(string) error) form[string] {
	parse := func(s string) (string, error) {
		if s == "" {
			return "", check(s)
		}
		return parseOrigin(s)
	}
	return single(words, parse, asIs, schema{Type: []string{"string"}})
}

func parseOrigin(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "", hiddenError("is not a URL that starts with http:// or https:// and a host")
	case u.User != nil:
		return "", hiddenError("has a user or password in it; credentials have settings of their own")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(s, "#"):
		return "", hiddenError("has a query or a fragment, which a base URL can't have")
	case strings.HasSuffix(u.Host, ":") || u.Port() != "" && !isPort(u.Port()):
		return "", hiddenError("has no port between 1 and 65535")
	case u.Path != "" && path.Clean(u.Path) != cmp.Or(strings.TrimRight(u.Path, "/"), "/"):
		return "", hiddenError("has a path with //, /./ or /../ in it")
	}
	return strings.TrimRight(s, "/"), nil
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// hidden is a secret; checkSecret judges it, wherever it came from.
var hidden = single(words, func(s string) (Secret, error) { return Secret(s), nil }, nil, schema{Type: []string{"string"}})

// storeForm is hidden as well: a database's URL has its password in it.
var storeForm = form[Secret]{
	read: hidden.read,
	show: func(s Secret) any {
		if s == "sqlite" {
			return s.Reveal()
		}
		return nil
	},
	schema: hidden.schema,
}
