package dialect

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/estimates.md")

// estimated are the ratios of estimate to true count over the recorded streams of one format.
type estimated struct{ input, output []float64 }

// TestEstimatesAreAsDocumented measures what a charge is worth that had to be estimated: each recorded stream whose
// provider told its usage, as if it hadn't.
func TestEstimatesAreAsDocumented(t *testing.T) {
	formats := map[string]*estimated{}
	all := &estimated{}
	for _, r := range readRecordings(t, "") {
		want := wanted(r)
		if !r.response.Request.Stream || !want.Known() || r.response.Status >= 300 {
			continue
		}
		name := r.api.Name
		if formats[name] == nil {
			formats[name] = &estimated{}
		}
		got := meter(r.api, r.response, r.body, 0)
		for _, e := range []*estimated{formats[name], all} {
			if want.Output > 0 {
				e.output = append(e.output, float64(max(got.events, (got.text+3)/4))/float64(want.Output))
			}
			if want.Input > 0 && len(r.request) > 0 && !bytes.Contains(r.request, []byte("elided")) {
				e.input = append(e.input, float64((r.response.Request.TextBytes()+3)/4)/float64(want.Input))
			}
		}
	}
	page := estimatesPage(formats, all)
	const file = "../../docs/estimates.md"
	if *update {
		if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != page {
		t.Errorf("%s is not what the recordings give (%v); go test ./proxy/dialect -run Estimates -update writes it", file, err)
	}
}

func estimatesPage(formats map[string]*estimated, all *estimated) string {
	var b strings.Builder
	b.WriteString(`# What an estimate is worth

A response whose usage never comes is charged by an estimate and marked ` + "`estimated`" + `: one token per 4 bytes of request text, and one per 4
bytes of answer text or per streamed event, whichever is more; what the provider told of either counts before that. This page says how far such an
estimate is from the truth. Each recorded stream whose provider did tell its usage is estimated as if it had not; the figures are estimate ÷ true
count, as quantiles over the streams.

An output below 1 is mostly reasoning that is never shown; above 1, text that is long for its tokens (JSON, code, escapes). An input far below 1 is
what the provider adds (tools' texts, search results, Cohere's preamble), above 1 JSON around few words. Requests of which the recording left parts
out are not in the input columns.

The command that makes it: ` + "`go test ./proxy/dialect -run Estimates -update`" + `, with the recordings beside the checkout.

| | streams | output p5 | p25 | p50 | p75 | p95 | requests | input p5 | p25 | p50 | p75 | p95 |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
`)
	for _, name := range slices.Sorted(maps.Keys(formats)) {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, quantiles(formats[name].output), quantiles(formats[name].input))
	}
	fmt.Fprintf(&b, "| **all** | %s | %s |\n", quantiles(all.output), quantiles(all.input))
	return b.String()
}

func quantiles(ratios []float64) string {
	if len(ratios) == 0 {
		return "0 | | | | | "
	}
	slices.Sort(ratios)
	cells := []string{fmt.Sprint(len(ratios))}
	for _, q := range []float64{0.05, 0.25, 0.5, 0.75, 0.95} {
		cells = append(cells, fmt.Sprintf("%.2f", ratios[int(q*float64(len(ratios)-1)+0.5)]))
	}
	return strings.Join(cells, " | ")
}
