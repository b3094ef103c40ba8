package accounting

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// NoticeKind names what a platform is told, as the type of a webhook.
type NoticeKind string

const (
	AccountLow     NoticeKind = "account.low"     // a share of the monthly pool is used
	AccountBlocked NoticeKind = "account.blocked" // both pools are empty
	AccountReset   NoticeKind = "account.reset"   // the monthly pool was filled again
	GrantCreated   NoticeKind = "grant.created"   // extra tokens were purchased
)

// NoticeKinds are all of them.
var NoticeKinds = []NoticeKind{AccountLow, AccountBlocked, AccountReset, GrantCreated}

// Notice is what happened to an account and its platform is told.
type Notice struct {
	Kind NoticeKind
	At   time.Time
	// PeriodStart is that of the period in which it happened.
	PeriodStart time.Time
	// Share is AccountLow's, in thousandths.
	Share int64
	// Grant is GrantCreated's; nil: it is another kind.
	Grant *Grant
}

// ID is made of the account, the period, the kind and what tells it from others of its kind: what happens once has one
// id, also when it is found out again after a database went back in time. It has no full stop. p is the account's pools
// with every grant of the period, used up or not.
func (n *Notice) ID(p *Pools) string {
	of := []string{p.Account.ID, strconv.FormatInt(n.PeriodStart.UnixMicro(), 10), string(n.Kind), n.once(p)}
	sum := sha256.Sum256([]byte(strings.Join(of, "\x00")))
	return "msg_" + hex.EncodeToString(sum[:16])
}

// once tells a notice from others of its kind in its period. An account is blocked once for each thing that can let it
// in again: a purchase, another monthly total.
func (n *Notice) once(p *Pools) string {
	switch n.Kind {
	case AccountLow:
		return strconv.FormatInt(n.Share, 10)
	case GrantCreated:
		return n.Grant.ID
	case AccountBlocked:
		newest := ""
		for _, g := range p.Grants {
			newest = max(newest, g.ID)
		}
		return strconv.FormatInt(p.Running().Total, 10) + " " + newest
	}
	return ""
}

// Notices are what a change of an account's pools is told as: was holds the pools before it, with at least the grants
// that had something left. It looks at the running period alone, and at crossings: what was so before is not told.
func Notices(was, is *Pools, lowShares []int64) (all []Notice) {
	if len(is.Entries) == 0 {
		return nil
	}
	run, at := *is.Running(), is.Entries[len(is.Entries)-1].At
	add := func(n Notice) {
		n.PeriodStart = run.Start
		all = append(all, n)
	}
	had, begun := before(was, run)
	if begun {
		add(Notice{Kind: AccountReset, At: run.Start})
	}
	for _, g := range purchases(was, is) {
		add(Notice{Kind: GrantCreated, At: at, Grant: &g})
	}
	for _, share := range lowShares {
		if run.reached(share) && !had.reached(share) {
			add(Notice{Kind: AccountLow, At: at, Share: share})
		}
	}
	if is.empty(run) && !was.empty(had) {
		add(Notice{Kind: AccountBlocked, At: at})
	}
	return all
}

// before is the running period as it was; begun says that it began with the change, and not with the account.
func before(was *Pools, run Period) (before Period, begun bool) {
	for _, p := range was.Periods {
		if p.Start.Equal(run.Start) {
			return p, false
		}
	}
	return Period{Start: run.Start, End: run.End, Total: run.Total}, len(was.Periods) > 0
}

// purchases are the grants that were not there before.
func purchases(was, is *Pools) (made []Grant) {
	if len(is.Grants) == len(was.Grants) {
		return nil
	}
	for _, g := range is.Grants {
		if !slices.ContainsFunc(was.Grants, func(had Grant) bool { return had.ID == g.ID }) {
			made = append(made, g)
		}
	}
	return made
}

// reached says whether a share of the monthly pool, in thousandths, is used. A pool of nothing is never low.
func (p Period) reached(share int64) bool { return p.Total > 0 && p.Used*1000 >= p.Total*share }

func (p *Pools) empty(run Period) bool { return run.Remaining()+p.Extra() <= 0 }

// Body is what a webhook carries: type, timestamp, and the numbers of the Token view after it happened.
func (n *Notice) Body(v View) []byte {
	type purchase struct {
		ID        string     `json:"id"`
		Reference string     `json:"reference"`
		Tokens    int64      `json:"tokens"`
		Collected int64      `json:"collected"`
		ExpiresAt *time.Time `json:"expires_at"`
	}
	type figures struct {
		Account string      `json:"account"`
		Pool    string      `json:"pool,omitempty"`
		Share   float64     `json:"share,omitempty"`
		Grant   *purchase   `json:"grant,omitempty"`
		Monthly MonthlyView `json:"monthly"`
		Reset   ResetView   `json:"reset"`
		Extra   ExtraView   `json:"extra"`
		Over    int64       `json:"overdraft"`
		Blocked bool        `json:"blocked"`
	}
	data := figures{Account: v.Account, Monthly: v.Monthly, Reset: v.Reset, Extra: v.Extra, Over: v.Over, Blocked: v.Blocked}
	if n.Kind == AccountLow {
		data.Pool, data.Share = "monthly", float64(n.Share)/1000
	}
	if g := n.Grant; g != nil {
		data.Grant = &purchase{g.ID, g.Reference, g.Tokens, g.Collected, nil}
		if !g.ExpiresAt.IsZero() {
			at := g.ExpiresAt.UTC()
			data.Grant.ExpiresAt = &at
		}
	}
	body, err := json.Marshal(struct {
		Type      NoticeKind `json:"type"`
		Timestamp time.Time  `json:"timestamp"`
		Data      figures    `json:"data"`
	}{n.Kind, n.At.UTC(), data})
	if err != nil {
		panic("BUG: a notice that is no JSON: " + err.Error())
	}
	return body
}
