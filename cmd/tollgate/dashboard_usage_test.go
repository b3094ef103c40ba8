package main_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// usageSum asks the API what an account was charged in the spans and by the filters of a query.
func (w *world) usageSum(t *testing.T, account, query string) (sum, requests int64) {
	t.Helper()
	var usage struct {
		Data []struct {
			Requests int64
			Charged  struct{ Total int64 }
		}
	}
	w.call(t, http.StatusOK, "GET", "/api/v1/accounts/"+account+"/usage?"+query, nil, &usage)
	for _, row := range usage.Data {
		sum, requests = sum+row.Charged.Total, requests+row.Requests
	}
	return sum, requests
}

// chartTable is the table behind the chart by day: its rows' totals.
const chartTable = `[...document.querySelectorAll("figure tbody tr")].map(r => Number(r.lastElementChild.textContent.replace(/\D/g, "")))`

// TestDashboardUsage: chart, table, shares and CSV say what the API says, with filters that stand in the address.
func TestDashboardUsage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	b := newBrowser(t, w.admin)
	b.size(1280, 900, "light")
	b.signIn(adminToken)
	for query, asked := range map[string]string{
		"":                                      "group_by=day",
		"by=chatbot&activity=chat":              "group_by=day&activity=chat",
		"range=7&by=model":                      "group_by=day&from=" + b.day("acme", -6) + "&to=" + b.day("acme", 0),
		"range=30&by=key&chatbot=support":       "group_by=day&chatbot=support&from=" + b.day("acme", -29) + "&to=" + b.day("acme", 0),
		"range=30&model=" + "gpt-4o-2024-08-06": "group_by=day&model=gpt-4o-2024-08-06&from=" + b.day("acme", -29) + "&to=" + b.day("acme", 0),
	} {
		b.open("#/accounts/acme/usage?" + query)
		sum, requests := w.usageSum(t, "acme", asked)
		var shown int64
		for _, total := range js[[]int64](b, chartTable) {
			shown += total
		}
		if shown != sum || sum == 0 {
			t.Errorf("%q: the chart's table sums up to %d, the API says %d", query, shown, sum)
		}
		figures := js[[]string](b, `[...document.querySelectorAll(".figures dd.num")].map(e => e.textContent)`)
		if want := js[string](b, fmt.Sprintf("(%d).toLocaleString()", requests)); figures[0] != want {
			t.Errorf("%q: the page says %q requests, the API %s", query, figures[0], want)
		}
		text := js[string](b, `fetch(document.querySelector("a[download]").href).then(r => r.text())`)
		if got := sumOfCSV(t, text, "charged_total"); got != sum {
			t.Errorf("%q: the CSV sums up to %d, the API says %d", query, got, sum)
		}
	}
	b.open("#/accounts/acme/usage")
	js[bool](b, `(s => { s.value = "ingest"; s.dispatchEvent(new Event("change", {bubbles: true})); return true })(named("combobox", "Activity"))`)
	b.until(`location.hash.includes("activity=ingest")`)
	b.settle()
	b.reload()
	if got := js[string](b, `named("combobox", "Activity").value`); got != "ingest" {
		t.Errorf("after a reload the filter is %q", got)
	}
}

// day is a calendar day now and so many days later in an account's zone, as the browser's clock has it.
func (b *browser) day(account string, days int) string {
	b.t.Helper()
	zone := map[string]string{"acme": "Asia/Manila"}[account]
	return js[string](b, fmt.Sprintf(`new Date(Date.parse(new Intl.DateTimeFormat("en-CA", {timeZone: %q}).format() + "T00:00:00Z") + %d * 864e5).toISOString().slice(0, 10)`, zone, days))
}

func sumOfCSV(t *testing.T, text, column string) (sum int64) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	at := -1
	for i, name := range strings.Split(strings.TrimSpace(lines[0]), ",") {
		if name == column {
			at = i
		}
	}
	for _, line := range lines[1:] {
		n, err := strconv.ParseInt(strings.TrimSpace(strings.Split(line, ",")[at]), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

// TestDashboardEvents pages through the events of a filter, and each is there once; one event's page has all of it.
func TestDashboardEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	b := newBrowser(t, w.admin)
	b.size(1280, 900, "light")
	b.signIn(adminToken)
	want := map[string]bool{}
	for _, e := range w.events(t, "acme") {
		if e.Activity == "preview" {
			want[e.ID] = true
		}
	}
	seen, pages := map[string]bool{}, 1
	b.open("#/accounts/acme/events?activity=preview")
	for ; ; pages++ {
		for _, link := range js[[]string](b, `[...document.querySelectorAll("tbody a[href*='/events/']")].map(e => e.hash)`) {
			id := link[strings.LastIndex(link, "/")+1:]
			if !want[id] || seen[id] {
				t.Errorf("page %d: event %s is not of this filter, or was there before", pages, id)
			}
			seen[id] = true
		}
		next := js[string](b, `named("link", "Next page")?.hash ?? ""`)
		if next == "" {
			break
		}
		b.open(next)
	}
	if len(seen) != len(want) || pages < 3 {
		t.Errorf("%d events on %d pages, the API has %d", len(seen), pages, len(want))
	}
	e := w.events(t, "acme")[0]
	b.open("#/accounts/acme/events/" + url.PathEscape(e.ID))
	for _, text := range []string{e.ID, e.TraceID, e.Key, e.Model, e.Provider, e.API,
		js[string](b, fmt.Sprintf("(%d).toLocaleString()", e.Tokens.Total)), js[string](b, fmt.Sprintf("(%d).toLocaleString()", e.Charged.Monthly))} {
		b.shows(text)
	}
	b.tabTo("Copy the trace id")
	b.press(kb.Enter)
}
