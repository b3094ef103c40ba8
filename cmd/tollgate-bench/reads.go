package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// timing is how long calls of one kind took, sorted.
type timing []time.Duration

func (t timing) at(percent int) time.Duration {
	if len(t) == 0 {
		return 0
	}
	return t[min(len(t)*percent/100, len(t)-1)]
}

// read is a call of the admin API about an account.
type read struct {
	name, path string
	largest    bool // of the largest account, else of any
}

func (h *history) reads() []read {
	instant := func(t time.Time) string { return url.QueryEscape(t.UTC().Format(time.RFC3339)) }
	old := h.from.Add(h.to.Sub(h.from) / 10)
	ms := old.UnixMilli()
	deep := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "events:%08x-%04x-7000-8000-000000000000", ms>>16, ms&0xffff))
	month := "/usage?group_by=day,activity&from=" + instant(h.to.Add(-30*day)) + "&to=" + instant(h.to)
	then := "/events?from=" + instant(old) + "&to=" + instant(old.Add(day))
	return []read{
		{"Token view", "/tokens", false},
		{"Token view, largest account", "/tokens", true},
		{"usage of 30 days by day and activity", month, false},
		{"usage of 30 days by day and activity, largest account", month, true},
		{"newest 100 events", "/events", false},
		{"newest 100 events, largest account", "/events", true},
		{"100 events behind a cursor that is months old", "/events?cursor=" + deep, false},
		{"100 events behind a cursor that is months old, largest account", "/events?cursor=" + deep, true},
		{"events of one day months ago", then, false},
		{"events of one day months ago, largest account", then, true},
		{"newest 100 ledger entries", "/ledger", false},
	}
}

// readAll times each kind of read, in turns.
func (s *scale) readAll(ctx context.Context, url string, h *history) ([]timing, error) {
	g, err := s.launch(ctx, url)
	if err != nil {
		return nil, err
	}
	defer g.stop()
	random := rand.New(rand.NewPCG(1, 4))
	kinds := h.reads()
	all := make([]timing, len(kinds))
	for range s.reads {
		for i, r := range kinds {
			account := 0
			if !r.largest {
				account = random.IntN(s.accounts)
			}
			began := time.Now()
			if err := g.call(ctx, http.MethodGet, "/api/v1/accounts/"+accountID(account)+r.path, nil, nil); err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
			all[i] = append(all[i], time.Since(began))
		}
	}
	for _, t := range all {
		slices.Sort(t)
	}
	return all, nil
}

// compare shows the reads of many events beside those of few.
func (s *scale) compare(many, few []timing) {
	table := newTable(s.out, "read, by the admin API", fmt.Sprintf("%d events: p50 / p95 ms", s.few), fmt.Sprintf("%d events: p50 / p95 ms", s.events))
	cell := func(t timing) string { return fmt.Sprintf("%.1f / **%.1f**", ms(t.at(50)), ms(t.at(95))) }
	for i, r := range new(history).reads() {
		table.row(r.name, cell(few[i]), cell(many[i]))
	}
}
