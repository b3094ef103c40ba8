package admin

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

// dimensions are what usage can be grouped by.
var dimensions = []string{"day", "activity", "chatbot", "model", "provider", "key"}

// usageParameters are what a query for usage may have.
var usageParameters = []string{"from", "to", "group_by", "activity", "chatbot", "model", "provider", "key"}

// usageRow is a sum with the names of its group: a member each, before the figures.
type usageRow struct {
	names []string
	accounting.UsageRow
}

func (u usageRow) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range u.names {
		b.Write(encode(name))
		b.WriteByte(':')
		b.Write(encode(u.Group[i]))
		b.WriteByte(',')
	}
	figures := encode(struct {
		Requests int64              `json:"requests"`
		Tokens   accounting.Tokens  `json:"tokens"`
		Charged  accounting.Charged `json:"charged"`
	}{u.Requests, u.Tokens, u.Charged})
	b.Write(figures[1:])
	return b.Bytes(), nil
}

// usageView is the JSON form of an account's usage, with the span that it covers.
type usageView struct {
	Data []json.Marshaler `json:"data"`
	From time.Time        `json:"from"`
	To   time.Time        `json:"to"`
}

func (h *Handler) showUsage(ctx context.Context, r *http.Request, q query) (reply, error) {
	asked, rows, err := h.usage(ctx, r, q)
	if err != nil {
		return reply{}, err
	}
	v := usageView{From: asked.From, To: asked.To, Data: make([]json.Marshaler, len(rows))}
	for i, row := range rows {
		v.Data[i] = usageRow{asked.GroupBy, row}
	}
	return reply{status: http.StatusOK, body: v}, nil
}

// usage reads the sums that a query asks for: by day and for the running period, if it does not say otherwise.
func (h *Handler) usage(ctx context.Context, r *http.Request, q query) (accounting.UsageQuery, []accounting.UsageRow, error) {
	asked := accounting.UsageQuery{
		Activity: q["activity"], Chatbot: q["chatbot"], Model: q["model"], Provider: q["provider"], Key: q["key"], GroupBy: []string{"day"},
	}
	if list, given := q["group_by"]; given {
		asked.GroupBy = nil
		for name := range strings.SplitSeq(list, ",") {
			switch {
			case list == "":
				continue
			case !slices.Contains(dimensions, name):
				return asked, nil, wrong("group_by", "group_by takes %s, not %q", strings.Join(dimensions, ","), name)
			case slices.Contains(asked.GroupBy, name):
				return asked, nil, wrong("group_by", "group_by names %s twice", name)
			}
			asked.GroupBy = append(asked.GroupBy, name)
		}
	}
	a, err := h.known(ctx, r)
	if err != nil {
		return asked, nil, err
	}
	if asked.From, asked.To, err = h.usageSpan(ctx, a, q); err != nil {
		return asked, nil, err
	}
	rows, err := h.Store.Usage(ctx, a.ID, asked)
	return asked, rows, err
}

// usageSpan fills what the query leaves open with the running period's start and end.
func (h *Handler) usageSpan(ctx context.Context, a accounting.Account, q query) (from, to time.Time, err error) {
	from, to, err = q.span(location(a))
	if err != nil || (!from.IsZero() && !to.IsZero()) {
		return from, to, err
	}
	period, err := h.runningPeriod(ctx, a)
	if err != nil {
		return from, to, err
	}
	if from.IsZero() {
		from = period.Start.UTC()
	}
	if to.IsZero() {
		to = period.End.UTC()
	}
	if !from.Before(to) {
		return from, to, wrong("from", "the span from %s to %s is empty", from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	return from, to, nil
}

// runningPeriod is the account's period now; a deleted account has the one that its anchor gives.
func (h *Handler) runningPeriod(ctx context.Context, a accounting.Account) (accounting.Period, error) {
	now := h.Now()
	if !a.Live() {
		return accounting.PeriodAt(a.Anchor, now), nil
	}
	pools, err := h.Store.Pools(ctx, a.ID, now)
	if err != nil {
		return accounting.Period{}, err
	}
	return *pools.Running(), nil
}

// location is the account's time zone. Stored names were checked; one that this machine lacks reads as UTC.
func location(a accounting.Account) *time.Location {
	zone, err := time.LoadLocation(a.Anchor.Timezone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// figureNames are the columns of usage.csv behind those of the group.
var figureNames = []string{
	"requests", "tokens_input", "tokens_output", "tokens_cached_input", "tokens_cache_write_input", "tokens_reasoning_output", "tokens_total",
	"charged_total", "charged_monthly", "charged_extra", "charged_overdraft",
}

func (h *Handler) showUsageCSV(ctx context.Context, r *http.Request, q query) (reply, error) {
	asked, rows, err := h.usage(ctx, r, q)
	if err != nil {
		return reply{}, err
	}
	return reply{
		header: map[string]string{
			"Content-Type":           "text/csv; charset=utf-8; header=present",
			"Content-Disposition":    `attachment; filename="usage-` + r.PathValue("account") + `.csv"`,
			"X-Content-Type-Options": "nosniff",
			"Cache-Control":          "no-store",
		},
		stream: func(w http.ResponseWriter) error { return writeUsage(csv.NewWriter(w), asked.GroupBy, rows) },
	}, nil
}

func writeUsage(w *csv.Writer, groupBy []string, rows []accounting.UsageRow) error {
	w.Write(slices.Concat(groupBy, figureNames))
	for _, row := range rows {
		record := make([]string, 0, len(groupBy)+len(figureNames))
		for _, value := range row.Group {
			record = append(record, cell(value))
		}
		t, c := row.Tokens, row.Charged
		for _, n := range []int64{row.Requests, t.Input, t.Output, t.CachedInput, t.CacheWriteInput, t.ReasoningOutput, t.Total,
			c.Total, c.Monthly, c.Extra, c.Overdraft} {
			record = append(record, strconv.FormatInt(n, 10))
		}
		w.Write(record)
	}
	w.Flush()
	return w.Error()
}

// cell keeps a spreadsheet from running a text as a formula: OWASP, "CSV Injection".
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}
