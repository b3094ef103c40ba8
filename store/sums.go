package store

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

// chatbotsMax is how many chatbots an account's hour tells apart; what else it has goes by chatbotOther.
const (
	chatbotsMax  = 1000
	chatbotOther = "(other)"
)

// sums are what a batch adds to rollups, keys and leases, so that each row is written once.
type sums struct {
	hourly map[hourly]*usage
	keys   map[keyPeriod]int64
	leases map[leaseID]int64
}

// hourly identifies a row of usage_hourly.
type hourly struct {
	account                                 string
	hour                                    int64
	chatbot, activity, model, provider, key string
}

// Rows are written in the order of these, so that no two batches wait for each other.

func (h hourly) compare(o hourly) int {
	return cmp.Or(strings.Compare(h.account, o.account), cmp.Compare(h.hour, o.hour), strings.Compare(h.chatbot, o.chatbot),
		strings.Compare(h.activity, o.activity), strings.Compare(h.model, o.model), strings.Compare(h.provider, o.provider),
		strings.Compare(h.key, o.key))
}

func (p keyPeriod) compare(o keyPeriod) int {
	return cmp.Or(strings.Compare(p.key, o.key), cmp.Compare(p.start, o.start))
}

func (l leaseID) compare(o leaseID) int {
	return cmp.Or(strings.Compare(l.account, o.account), cmp.Compare(l.start, o.start), strings.Compare(l.epoch, o.epoch))
}

type usage struct {
	requests int64
	tokens   accounting.Tokens
	charged  accounting.Charged
}

type keyPeriod struct {
	key   string
	start int64
}

type leaseID struct {
	account string
	start   int64
	epoch   string
}

func newSums() *sums {
	return &sums{hourly: map[hourly]*usage{}, keys: map[keyPeriod]int64{}, leases: map[leaseID]int64{}}
}

// add counts an event whose charge is split; start is that of the period it was booked on.
func (s *sums) add(of *accounting.Settlement, anchor accounting.Anchor, start time.Time) {
	e := &of.Event
	row := hourly{e.Account, micros(anchor.Hour(e.StartedAt)), e.Chatbot, e.Activity, e.Model, e.Provider, e.Key}
	u := s.hourly[row]
	if u == nil {
		u = &usage{}
		s.hourly[row] = u
	}
	u.add(1, e.Tokens, e.Charged)
	s.keys[keyPeriod{e.Key, micros(start)}] += e.Charged.Total
	if !of.PeriodStart.IsZero() { // else it was admitted without a lease
		s.leases[leaseID{e.Account, micros(of.PeriodStart), of.Epoch}] += e.Charged.Total
	}
}

func (u *usage) add(requests int64, t accounting.Tokens, c accounting.Charged) {
	u.requests += requests
	u.tokens.Input += t.Input
	u.tokens.Output += t.Output
	u.tokens.CachedInput += t.CachedInput
	u.tokens.CacheWriteInput += t.CacheWriteInput
	u.tokens.ReasoningOutput += t.ReasoningOutput
	u.tokens.Total += t.Total
	u.charged.Total += c.Total
	u.charged.Monthly += c.Monthly
	u.charged.Extra += c.Extra
	u.charged.Overdraft += c.Overdraft
}

var keysUpsert = bulk{
	head:  `INSERT INTO key_usage (key, period_start, used) `,
	tail:  ` ON CONFLICT (key, period_start) DO UPDATE SET used = key_usage.used + excluded.used`,
	types: "tii", insert: true,
}

// settledUpsert counts against leases. One that the store does not know (it was closed, or a database went back in
// time) gets a row on which nothing is outstanding.
var settledUpsert = bulk{
	head:  `INSERT INTO lease (account, period_start, epoch, settled, granted, returned, spent) `,
	tail:  ` ON CONFLICT (account, period_start, epoch) DO UPDATE SET settled = lease.settled + excluded.settled`,
	types: "titiiii", insert: true,
}

func (t *tx) saveSums(s *sums) error {
	if err := t.limitChatbots(s); err != nil {
		return err
	}
	if err := hourlyUpsert.exec(t, s.hourlyArguments()); err != nil {
		return err
	}
	var keys, leases []any
	for _, k := range slices.SortedFunc(maps.Keys(s.keys), keyPeriod.compare) {
		keys = append(keys, k.key, k.start, s.keys[k])
	}
	if err := keysUpsert.exec(t, keys); err != nil {
		return err
	}
	for _, l := range slices.SortedFunc(maps.Keys(s.leases), leaseID.compare) {
		leases = append(leases, l.account, l.start, l.epoch, s.leases[l], int64(0), int64(0), int64(0))
	}
	return settledUpsert.exec(t, leases)
}

var hourlyUpsert = bulk{
	head: `INSERT INTO usage_hourly (account, hour, chatbot, activity, model, provider, key, requests, input, output, cached_input,
		cache_write_input, reasoning_output, total, charged_total, charged_monthly, charged_extra, charged_overdraft) `,
	tail: ` ON CONFLICT (account, hour, chatbot, activity, model, provider, key) DO UPDATE SET
		requests = usage_hourly.requests + excluded.requests, input = usage_hourly.input + excluded.input,
		output = usage_hourly.output + excluded.output, cached_input = usage_hourly.cached_input + excluded.cached_input,
		cache_write_input = usage_hourly.cache_write_input + excluded.cache_write_input,
		reasoning_output = usage_hourly.reasoning_output + excluded.reasoning_output, total = usage_hourly.total + excluded.total,
		charged_total = usage_hourly.charged_total + excluded.charged_total, charged_monthly = usage_hourly.charged_monthly + excluded.charged_monthly,
		charged_extra = usage_hourly.charged_extra + excluded.charged_extra,
		charged_overdraft = usage_hourly.charged_overdraft + excluded.charged_overdraft`,
	types: "tittttt" + "iiiiiiiiiii", insert: true,
}

func (s *sums) hourlyArguments() []any {
	args := make([]any, 0, len(s.hourly)*len(hourlyUpsert.types))
	for _, r := range slices.SortedFunc(maps.Keys(s.hourly), hourly.compare) {
		u := s.hourly[r]
		args = append(args, r.account, r.hour, r.chatbot, r.activity, r.model, r.provider, r.key, u.requests,
			u.tokens.Input, u.tokens.Output, u.tokens.CachedInput, u.tokens.CacheWriteInput, u.tokens.ReasoningOutput, u.tokens.Total,
			u.charged.Total, u.charged.Monthly, u.charged.Extra, u.charged.Overdraft)
	}
	return args
}

// accountHour is what chatbots are counted in.
type accountHour struct {
	account string
	hour    int64
}

type chatbotHour struct {
	accountHour
	chatbot string
}

var chatbotsQuery = bulk{
	head: `SELECT DISTINCT account, hour, chatbot FROM usage_hourly WHERE (account, hour, chatbot) IN (`, tail: `)`, types: "tit",
}

// limitChatbots moves chatbots for which an account's hour has no room to chatbotOther.
func (t *tx) limitChatbots(s *sums) error {
	fresh, err := t.freshChatbots(s)
	if err != nil {
		return err
	}
	had := make(map[accountHour]int, len(fresh))
	var asked []query
	for at := range fresh {
		if len(fresh[at]) > 0 {
			asked = append(asked, query{text: chatbotsCount, args: []any{at.account, at.hour, chatbotOther, chatbotsMax}, scan: func(r row) error {
				var n int
				err := r.Scan(&n)
				had[at] = n
				return err
			}})
		}
	}
	if err := t.all(asked...); err != nil {
		return err
	}
	for at, n := range had {
		names := sortedKeys(fresh[at])
		for _, name := range names[min(len(names), chatbotsMax-n):] {
			s.rename(at, name)
		}
	}
	return nil
}

const chatbotsCount = `SELECT COUNT(*) FROM (SELECT DISTINCT chatbot FROM usage_hourly
	WHERE account = $1 AND hour = $2 AND chatbot <> '' AND chatbot <> $3 LIMIT $4) AS named`

// freshChatbots are the batch's chatbots that have no row in their hour.
func (t *tx) freshChatbots(s *sums) (map[accountHour]map[string]bool, error) {
	fresh := map[accountHour]map[string]bool{}
	var args []any
	for r := range s.hourly {
		at := accountHour{r.account, r.hour}
		if r.chatbot == "" || r.chatbot == chatbotOther || fresh[at][r.chatbot] {
			continue
		}
		if fresh[at] == nil {
			fresh[at] = map[string]bool{}
		}
		fresh[at][r.chatbot] = true
		args = append(args, r.account, r.hour, r.chatbot)
	}
	err := chatbotsQuery.each(t, func(r row) error {
		var known chatbotHour
		err := r.Scan(&known.account, &known.hour, &known.chatbot)
		delete(fresh[known.accountHour], known.chatbot)
		return err
	}, nil, args)
	return fresh, err
}

// rename books a chatbot's rows of an hour under chatbotOther.
func (s *sums) rename(at accountHour, chatbot string) {
	for r, u := range s.hourly {
		if r.account != at.account || r.hour != at.hour || r.chatbot != chatbot {
			continue
		}
		delete(s.hourly, r)
		r.chatbot = chatbotOther
		if s.hourly[r] == nil {
			s.hourly[r] = &usage{}
		}
		s.hourly[r].add(u.requests, u.tokens, u.charged)
	}
}
