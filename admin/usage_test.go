package admin_test

import (
	"encoding/csv"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollgate/tollgate/accounting"
)

// used is an account in Manila with four events on two of its days, one of them before the running period.
func used(t *testing.T) *plane {
	p := newPlane(t)
	p.must(201, "POST", "/api/v1/accounts", `{"id":"acme","monthly_tokens":100,"timezone":"Asia/Manila","reset_day":24}`)
	at := func(s string) time.Time {
		t.Helper()
		parsed, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	p.settle("acme",
		accounting.Event{StartedAt: at("2026-11-23T15:30:00Z"), Activity: "chat", Chatbot: "b1", Model: "m1", Provider: "openai", Key: "key_1", Tokens: accounting.Tokens{Input: 1, Output: 2}},
		accounting.Event{StartedAt: at("2026-11-23T16:30:00Z"), Activity: "chat", Chatbot: "b1", Model: "m1", Provider: "openai", Key: "key_1", Tokens: accounting.Tokens{Input: 10, Output: 20, CachedInput: 4, CacheWriteInput: 3, ReasoningOutput: 5}},
		accounting.Event{StartedAt: at("2026-11-24T11:00:00Z"), Activity: "ingest", Chatbot: "b2", Model: "m2", Provider: "openai", Key: "key_2", Tokens: accounting.Tokens{Input: 100}},
		accounting.Event{StartedAt: at("2026-11-24T11:30:00Z"), Activity: "chat", Chatbot: "b2", Model: "m1", Provider: "local", Key: "key_1", Tokens: accounting.Tokens{Output: 7}},
	)
	return p
}

func TestUsageIsSummedAsAsked(t *testing.T) {
	p := used(t)
	day := p.must(200, "GET", acme+"/usage", "") // by day, in the running period
	day.want("from", "2026-11-23T16:00:00Z", "to", "2026-12-23T16:00:00Z", "data.0.day", "2026-11-24", "data.0.requests", 3,
		"data.0.tokens.input", 110, "data.0.tokens.output", 27, "data.0.tokens.cached_input", 4, "data.0.tokens.cache_write_input", 3,
		"data.0.tokens.reasoning_output", 5, "data.0.tokens.total", 137, "data.0.charged.total", 137)
	for _, c := range []struct {
		query string
		want  []string
	}{
		{"from=2026-11-23&to=2026-11-23", []string{"2026-11-23 3"}},
		{"from=2026-11-23&to=2026-11-24", []string{"2026-11-23 3", "2026-11-24 137"}},
		{"from=2026-11-24T11:00:00Z&to=2026-11-24T12:00:00Z", []string{"2026-11-24 107"}},
		{"from=2026-11-24T19:00:00%2B08:00", []string{"2026-11-24 107"}},
		{"to=2026-11-24T11:00:00Z", []string{"2026-11-24 30"}},
		{"group_by=activity", []string{"chat 37", "ingest 100"}},
		{"group_by=model,activity", []string{"m1 chat 37", "m2 ingest 100"}},
		{"group_by=key,day,provider,chatbot", []string{"key_1 2026-11-24 local b2 7", "key_1 2026-11-24 openai b1 30", "key_2 2026-11-24 openai b2 100"}},
		{"group_by=", []string{"137"}},
		{"activity=chat&group_by=day", []string{"2026-11-24 37"}},
		{"chatbot=b2&group_by=activity", []string{"chat 7", "ingest 100"}},
		{"model=m1&provider=local&group_by=key", []string{"key_1 7"}},
		{"key=key_2&group_by=", []string{"100"}},
		{"key=key_2&model=m1&group_by=", nil},
		{"activity=&chatbot=&model=&provider=&key=&group_by=", []string{"137"}},
		{"group_by=&from=2020-01-01&to=2020-01-02", nil},
		{"from=2020-01-01&to=2020-01-02", nil},
	} {
		a := p.must(200, "GET", acme+"/usage?"+c.query, "")
		if diff := cmp.Diff(c.want, rowsOf(a, groupBy(c.query))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.query, diff)
		}
	}
}

func groupBy(query string) []string {
	_, list, given := strings.Cut(query, "group_by=")
	list, _, _ = strings.Cut(list, "&")
	switch {
	case !given:
		return []string{"day"}
	case list == "":
		return nil
	}
	return strings.Split(list, ",")
}

// rowsOf are the rows of an answer: what they are grouped by, and the total of their tokens.
func rowsOf(a answer, names []string) (rows []string) {
	for i := range a.length("data") {
		at := "data." + string(rune('0'+i)) + "."
		var parts []string
		for _, name := range names {
			parts = append(parts, a.text(at+name))
		}
		total, _ := a.get(at + "tokens.total").(float64)
		rows = append(rows, strings.Join(append(parts, strconv.Itoa(int(total))), " "))
	}
	return rows
}

func TestUsageAsCSVIsFilteredToo(t *testing.T) {
	p := used(t)
	a := p.must(200, "GET", acme+"/usage.csv?group_by=model,provider&activity=chat&chatbot=b2", "")
	if lines := strings.Split(string(a.body), "\n"); len(lines) != 3 || !strings.HasPrefix(lines[1], "m1,local,1,0,7,") {
		t.Errorf("got %q", a.body)
	}
	p.must(422, "GET", acme+"/usage.csv?outcome=completed", "").want("error.field", "outcome")
}

func TestUsageMembersStandInOrder(t *testing.T) {
	p := used(t)
	a := p.must(200, "GET", acme+"/usage?group_by=model,day", "")
	if !strings.HasPrefix(string(a.body), `{"data":[{"model":"m1","day":"2026-11-24","requests":2,"tokens":{"input":10,`) {
		t.Errorf("got %s", a.body)
	}
}

func TestUsageAsCSVCannotRunInASpreadsheet(t *testing.T) {
	p := newPlane(t)
	p.acme()
	for _, model := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "gpt-4o", `a,"b"`} {
		p.settle("acme", accounting.Event{Model: model, Activity: "chat", Tokens: accounting.Tokens{Input: 1, Output: 2, CachedInput: 1}})
	}
	a := p.must(200, "GET", acme+"/usage.csv?group_by=model,activity", "")
	if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, "text/csv") {
		t.Errorf("Content-Type %q", got)
	}
	if got := a.header.Get("Content-Disposition"); got != `attachment; filename="usage-acme.csv"` {
		t.Errorf("Content-Disposition %q", got)
	}
	records, err := csv.NewReader(strings.NewReader(string(a.body))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"model", "activity", "requests", "tokens_input", "tokens_output", "tokens_cached_input", "tokens_cache_write_input", "tokens_reasoning_output",
		"tokens_total", "charged_total", "charged_monthly", "charged_extra", "charged_overdraft"}
	if diff := cmp.Diff(want, records[0]); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	got := map[string]bool{}
	for _, record := range records[1:] {
		got[record[0]] = true
		if diff := cmp.Diff([]string{"chat", "1", "1", "2", "1", "0", "0", "3", "3", "3", "0", "0"}, record[1:]); diff != "" {
			t.Errorf("%q (-want +got):\n%s", record[0], diff)
		}
	}
	for _, cell := range []string{"'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tx", "'\rx", "'\nx", "gpt-4o", `a,"b"`} {
		if !got[cell] {
			t.Errorf("no cell %q in %q", cell, a.body)
		}
	}
}

func TestEventsAreFiltered(t *testing.T) {
	p := used(t)
	for query, want := range map[string][]string{
		"":                           {"b2 local", "b2 openai", "b1 openai", "b1 openai"},
		"?activity=ingest":           {"b2 openai"},
		"?chatbot=b1":                {"b1 openai", "b1 openai"},
		"?model=m2":                  {"b2 openai"},
		"?key=key_1":                 {"b2 local", "b1 openai", "b1 openai"},
		"?outcome=completed":         {"b2 local", "b2 openai", "b1 openai", "b1 openai"},
		"?outcome=interrupted":       nil,
		"?from=2026-11-24":           {"b2 local", "b2 openai", "b1 openai"},
		"?to=2026-11-23":             {"b1 openai"},
		"?from=2026-11-24T11:30:00Z": {"b2 local"},
		"?from=2026-11-24T11:00:00Z&to=2026-11-24T11:30:00Z": {"b2 openai"},
		"?activity=chat&chatbot=b2":                          {"b2 local"},
	} {
		a := p.must(200, "GET", acme+"/events"+query, "")
		var got []string
		for i := range a.length("data") {
			at := "data." + string(rune('0'+i)) + "."
			got = append(got, a.text(at+"chatbot")+" "+a.text(at+"provider"))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", query, diff)
		}
	}
}

func TestEventIsAsTheContractSays(t *testing.T) {
	p := newPlane(t)
	p.acme()
	first := int64(312)
	p.settle("acme", accounting.Event{Key: "key_1", Activity: "chat", Chatbot: "bot-1", User: "u", Provider: "openai", API: "chat.completions",
		Model: "gpt-4o-mini-2024-07-18", RequestedModel: "gpt-4o-mini", Stream: true, Tokens: accounting.Tokens{Input: 12, Output: 34},
		FirstTokenMS: &first, DurationMS: 1290, TraceID: "4bf92f3577b34da6a3ce929d0e0e4736"})
	id := p.must(200, "GET", acme+"/events", "").text("data.0.id")
	a := p.must(200, "GET", acme+"/events/"+id, "")
	want := `{"id":"` + id + `","account":"acme","key":"key_1","activity":"chat","chatbot":"bot-1","user":"u",` +
		`"provider":"openai","api":"chat.completions","model":"gpt-4o-mini-2024-07-18","requested_model":"gpt-4o-mini",` +
		`"stream":true,"status":200,"outcome":"completed","measured":"provider",` +
		`"tokens":{"input":12,"output":34,"cached_input":0,"cache_write_input":0,"reasoning_output":0,"total":46},` +
		`"charged":{"total":46,"monthly":46,"extra":0,"overdraft":0},` +
		`"started_at":"2026-11-24T12:00:00Z","first_token_ms":312,"duration_ms":1290,"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}` + "\n"
	if string(a.body) != want {
		t.Errorf("got  %swant %s", a.body, want)
	}
	if a.header.Get("ETag") == "" {
		t.Error("no ETag")
	}
}
