package admin

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	pageDefault = 100
	pageMax     = 1000
)

// query is a request's query: known parameters, each at most once.
type query map[string]string

func readQuery(r *http.Request, known []string) (query, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, unreadable("", "the query can't be read: %v", err)
	}
	q := query{}
	for name, all := range values {
		switch {
		case !slices.Contains(known, name):
			return nil, wrong(name, "there is no parameter %q here", name)
		case len(all) > 1:
			return nil, wrong(name, "the parameter %s is given twice", name)
		case !isText(all[0]):
			return nil, unreadable(name, "the parameter %s is no text in UTF-8", name)
		}
		q[name] = all[0]
	}
	return q, nil
}

// isText says whether every store can be asked for s: Postgres takes neither zero bytes nor broken UTF-8.
func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// page is one page of a list: the items asked for, and where the page before ended.
type page struct {
	limit int
	after string // an id or a sequence number; "" for the first page
	kind  string // of list: a cursor of one kind fits no other
}

// list is the JSON form of a page.
type list struct {
	Data       any     `json:"data"`
	NextCursor *string `json:"next_cursor"`
}

// position is what a cursor may hold.
var position = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

func (q query) page(kind string) (page, error) {
	p := page{limit: pageDefault, kind: kind}
	if s, given := q["limit"]; given {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > pageMax {
			return p, wrong("limit", "limit must be a number between 1 and %d, not %q", pageMax, s)
		}
		p.limit = n
	}
	if s, given := q["cursor"]; given {
		plain, err := base64.RawURLEncoding.Strict().DecodeString(s)
		if strings.ContainsAny(s, "\r\n") { // which the decoder would pass over
			err = base64.CorruptInputError(0)
		}
		after, ours := strings.CutPrefix(string(plain), kind+":")
		if err != nil || !ours || !position.MatchString(after) {
			return p, unreadable("cursor", "the cursor is not one that this list gave")
		}
		p.after = after
	}
	return p, nil
}

// seq is after as a sequence number, 0 for the first page.
func (p page) seq() (int64, error) {
	if p.after == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(p.after, 10, 64)
	if err != nil || n < 1 {
		return 0, unreadable("cursor", "the cursor is not one that this list gave")
	}
	return n, nil
}

// ask is how many items to ask the store for: one more than the page, to learn whether another one follows.
func (p page) ask() int { return p.limit + 1 }

// listed makes the answer of a page out of what the store gave for ask.
func listed[T, J any](p page, items []T, place func(T) string, show func(T) J) reply {
	answer := list{}
	if len(items) > p.limit {
		items = items[:p.limit]
		cursor := base64.RawURLEncoding.EncodeToString([]byte(p.kind + ":" + place(items[p.limit-1])))
		answer.NextCursor = &cursor
	}
	data := make([]J, len(items))
	for i, item := range items {
		data[i] = show(item)
	}
	answer.Data = data
	return reply{status: http.StatusOK, body: answer}
}

// span reads from and to: instants, or days of a time zone, then both included. Absent ones are zero.
func (q query) span(zone *time.Location) (from, to time.Time, err error) {
	if from, err = q.instant("from", zone, 0); err != nil {
		return
	}
	if to, err = q.instant("to", zone, 1); err != nil {
		return
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		err = wrong("to", "to must be after from")
	}
	return
}

func (q query) instant(name string, zone *time.Location, addDays int) (time.Time, error) {
	s, given := q[name]
	if !given {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		return time.Date(day.Year(), day.Month(), day.Day()+addDays, 0, 0, 0, 0, zone).UTC(), nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, wrong(name, "%s must be a day as 2006-01-02 or an instant as 2006-01-02T15:04:05Z, not %q", name, s)
	}
	return at.UTC(), nil
}
