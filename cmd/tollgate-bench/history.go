package main

import (
	"encoding/hex"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
)

// sessionEvents is how many requests make one session: an account, one chatbot, the better part of an hour.
const sessionEvents = 20

// history is what platforms' accounts used over months, the same for the same numbers: sessions in order of time, of
// accounts whose sizes follow Zipf's law. It is shared by any number of goroutines.
type history struct {
	accounts, events int
	from, to         time.Time
	share            []float64 // of the accounts up to each
}

func newHistory(accounts, events int, from, to time.Time) *history {
	h := &history{accounts: accounts, events: events, from: from, to: to, share: make([]float64, accounts)}
	sum := 0.0
	for i := range h.share {
		sum += 1 / float64(i+10)
		h.share[i] = sum
	}
	for i := range h.share {
		h.share[i] /= sum
	}
	return h
}

func accountID(i int) string { return fmt.Sprintf("account-%05d", i) }
func keyID(i int) string     { return fmt.Sprintf("key_%05d", i) }
func secret(i int) string    { return fmt.Sprintf("tg_%043d", i) }

// account is the i-th. Every tenth has half of what it needs for a month, the others have twice that and something.
func (h *history) account(i int) accounting.Account {
	share := h.share[i]
	if i > 0 {
		share -= h.share[i-1]
	}
	months := h.to.Sub(h.from).Hours() / (30 * 24)
	monthly := int64(share * float64(h.events) * tokensMean / months)
	if monthly = 2*monthly + 1_000_000; lacks(i) {
		monthly = monthly/4 - 250_000 + 1
	}
	zones := [...]string{"", "Europe/Berlin", "America/New_York", "Asia/Kolkata"}
	return accounting.Account{ID: accountID(i), Name: accountID(i), MonthlyTokens: &monthly, Status: accounting.Active,
		Anchor: accounting.Anchor{Timezone: zones[i%len(zones)], Day: 1 + i%28}}
}

func lacks(i int) bool { return i%10 == 9 }

// grant is the purchase that every third account made at the beginning.
func (h *history) grant(i int) (g accounting.Grant, bought bool) {
	return accounting.Grant{ID: fmt.Sprintf("grant_%05d", i), Account: accountID(i), Reference: "invoice-1", Tokens: 100_000}, i%3 == 0
}

func (h *history) key(i int) (policy.Key, policy.Hash) {
	return policy.Key{ID: keyID(i), Account: accountID(i), Name: "history", Scope: policy.ScopeCall, Activity: "chat", Labels: policy.LabelsOpen},
		policy.HashSecret(secret(i))
}

// session is a run of events of one account.
type session struct {
	account, events int
	at              time.Time
	seed            uint64
}

// sessions are those of the accounts whose number is part of parts, in order.
func (h *history) sessions(part, parts int) iter.Seq[session] {
	return func(yield func(session) bool) {
		random := rand.New(rand.NewPCG(1, 2))
		n := (h.events + sessionEvents - 1) / sessionEvents
		every := h.to.Sub(h.from) / time.Duration(n)
		for k := range n {
			at := h.from.Add(time.Duration(k) * every)
			account, _ := slices.BinarySearch(h.share, random.Float64())
			account = min(account, h.accounts-1)
			events := min(sessionEvents, h.events-k*sessionEvents)
			if account%parts == part && !yield(session{account, events, at, uint64(k)}) {
				return
			}
		}
	}
}

const (
	inputMax, outputMax = 1600, 400
	tokensMean          = (inputMax + outputMax) / 2
)

// settlements appends the session's events.
func (s session) settlements(to []accounting.Settlement) []accounting.Settlement {
	random := rand.New(rand.NewPCG(s.seed, 3))
	activities := [...]string{"chat", "chat", "search"}
	models := [...]string{"gpt-4o-mini-2024-07-18", "claude-sonnet-4-5"}
	chatbot, activity, model := fmt.Sprintf("bot-%d", random.IntN(3)), activities[random.IntN(3)], models[random.IntN(2)]
	at := s.at
	for range s.events {
		first := 200 + random.Int64N(500)
		input, output := 1+random.Int64N(inputMax), 1+random.Int64N(outputMax)
		to = append(to, accounting.Settlement{Event: accounting.Event{
			ID: eventID(at, random), Account: accountID(s.account), Key: keyID(s.account), Activity: activity, Chatbot: chatbot,
			Provider: "openai", API: "chat.completions", Model: model, RequestedModel: "gpt-4o-mini", Stream: random.IntN(2) == 0, Status: 200,
			Outcome: accounting.Completed, Measured: accounting.ByProvider,
			Tokens:    accounting.Tokens{Input: input, Output: output, Total: input + output},
			Charged:   accounting.Charged{Total: input + output},
			StartedAt: at, FirstTokenMS: &first, DurationMS: first + 900, TraceID: fmt.Sprintf("%016x%016x", random.Uint64(), random.Uint64()),
		}})
		at = at.Add(time.Duration(5+random.IntN(100)) * time.Second)
	}
	return to
}

// eventID is a UUIDv7 of an instant.
func eventID(at time.Time, random *rand.Rand) string {
	ms, a, b := at.UnixMilli(), random.Uint64(), random.Uint64()
	var id [16]byte
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	for i := range 8 {
		id[6+i], id[8+i] = byte(a>>(8*i)), byte(b>>(8*i))
	}
	id[6], id[8] = 0x70|id[6]&0x0f, 0x80|id[8]&0x3f
	text := hex.EncodeToString(id[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}
