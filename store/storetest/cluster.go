package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
)

// Rewinder is a store that can be put back to an earlier moment, as a restored database is.
type Rewinder interface {
	Store
	// Keep copies the database; Rewind puts the newest copy in its place.
	Keep()
	Rewind()
}

// RunCluster drives replicas that share an account, fail, and lose answers, on a store that in every other history goes
// back in time; it checks what they may rely on.
func RunCluster(t *testing.T, kind string, open func(t *testing.T, now func() time.Time) Rewinder) {
	r := &rig{T: t, now: start}
	w := open(t, func() time.Time { return r.now })
	r.Store = w
	count, steps := 0, 0
	seed()
	t.Cleanup(func() { report(t, "cluster", kind, count, steps) })
	rapid.Check(t, func(t *rapid.T) {
		count++
		c := newCluster(t, r, count)
		if rapid.Bool().Draw(t, "rewinds") {
			c.rewinder = w
		}
		t.Repeat(c.actions())
		c.quiesce(t)
		steps += c.steps
	})
	r.verified()
}

// cluster is replicas on one account, each of which spends only what it was lent.
type cluster struct {
	*rig
	id           string
	replicas     []*replica
	events, sets int // number events, and purchases and copies
	steps        int

	rewinder      Rewinder // nil: this store stays
	kept, rewound bool
	// astray: an answer that opened a period's lease was lost. If that period ends before the next one, its replica
	// never hears of the lease, and it stays until the replica's next life.
	astray bool
}

// replica is a gate and a journal, as far as the store sees them.
type replica struct {
	journal string
	life    int
	leases  []*lent // the newest last
	holds   []held
	records []accounting.Settlement
}

// lent is a lease as its replica knows it.
type lent struct {
	start                          time.Time
	granted, returned, spent, held int64
	untold                         bool // the last answer was lost
}

func (l *lent) free() int64 { return l.granted - l.returned - l.spent - l.held }

type held struct {
	*lent
	tokens int64
}

func (r *replica) epoch() string { return fmt.Sprint(r.journal, "-life", r.life) }

func newCluster(t *rapid.T, r *rig, count int) *cluster {
	r.now = start
	c := &cluster{rig: r, id: fmt.Sprint("c", count)}
	r.account(c.id, rapid.SampledFrom([]int64{0, 100, 300, 20_000}).Draw(t, "monthly"))
	for i := range rapid.IntRange(1, 3).Draw(t, "replicas") {
		one := &replica{journal: fmt.Sprintf("c%d-%d", count, i)}
		c.begin(one)
		c.replicas = append(c.replicas, one)
	}
	return c
}

// begin is a replica's start, after a crash too: what it held in memory is gone, its journal is not.
func (c *cluster) begin(r *replica) {
	r.life++
	r.leases, r.holds = nil, nil
	c.do(c.Start(c.ctx(), r.epoch(), r.journal, c.now))
	c.drain(r, len(r.records))
	c.do(c.CloseEpochs(c.ctx(), r.journal, r.epoch()))
}

// drain stores the journal's records up to one, from where the store is.
func (c *cluster) drain(r *replica, upto int) {
	at := must[int64](c.rig)(c.Position(c.ctx(), r.journal))
	if at > int64(len(r.records)) {
		c.Fatalf("the store is at %d of a journal of %d", at, len(r.records))
	}
	if int64(upto) <= at {
		return
	}
	b := accounting.Batch{Journal: r.journal, After: at, Upto: int64(upto), Settlements: slices.Clone(r.records[at:upto]), At: c.now}
	c.do(c.Apply(c.ctx(), b))
}

func (c *cluster) draw(t *rapid.T) *replica { return rapid.SampledFrom(c.replicas).Draw(t, "replica") }

func (c *cluster) actions() map[string]func(*rapid.T) {
	all := map[string]func(*rapid.T){
		"": func(t *rapid.T) {
			c.steps++
			c.freeAndHeld(t)
		},
		"admit":  c.admit,
		"settle": c.settle,
		"record": func(t *rapid.T) {
			r := c.draw(t)
			c.drain(r, rapid.IntRange(0, len(r.records)).Draw(t, "upto"))
		},
		"crash": func(t *rapid.T) { c.begin(c.draw(t)) },
		"rest":  func(t *rapid.T) { c.rest(c.draw(t)) },
		"purchase": func(t *rapid.T) {
			c.sets++
			c.buy(c.id, fmt.Sprint(c.sets), rapid.Int64Range(1, 600).Draw(t, "tokens"))
		},
		"time": func(t *rapid.T) {
			c.now = c.now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "days")) * 24 * time.Hour)
		},
		"copy": func(t *rapid.T) { // tells what is stored again, in any order
			r := c.draw(t)
			if n := must[int64](c.rig)(c.Position(c.ctx(), r.journal)); n > 0 {
				c.sets++
				some := rapid.Permutation(r.records[:n]).Draw(t, "order")
				c.do(c.Apply(c.ctx(), accounting.Batch{Journal: fmt.Sprint(r.journal, "-copy", c.sets), Upto: n, Settlements: some, At: c.now}))
			}
		},
	}
	if c.rewinder != nil {
		all["rewind"] = c.rewind
	}
	return all
}

// freeAndHeld wants every hold within the lease that it was taken from.
func (c *cluster) freeAndHeld(t *rapid.T) {
	for _, r := range c.replicas {
		held := map[*lent]int64{}
		for _, h := range r.holds {
			held[h.lent] += h.tokens
		}
		for _, l := range r.leases {
			if l.held != held[l] || l.free() < 0 {
				t.Fatalf("%d are held of %+v, free %d: what the store answered took it away", held[l], *l, l.free())
			}
		}
	}
}

// exchange tells of a lease and asks for need more; nil tells of none. The answer may get lost.
func (c *cluster) exchange(r *replica, l *lent, need int64, lost bool) {
	ask := policy.Ask{Account: c.id, Epoch: r.epoch(), Held: len(r.holds) > 0, Need: need, Now: c.now}
	if l != nil {
		l.returned += max(0, l.free())
		l.untold = lost
		ask.PeriodStart, ask.Granted, ask.Returned, ask.Spent = l.start, l.granted, l.returned, l.spent
	}
	answer := must[policy.Lease](c.rig)(c.Exchange(c.ctx(), ask))
	if answer.Returned > answer.Granted {
		c.Fatalf("more returned than granted: %+v", answer)
	}
	if lost {
		c.astray = c.astray || l == nil || !answer.Period.Start.Equal(l.start)
		return
	}
	running := r.running(answer.Period.Start)
	if running == nil {
		running = &lent{start: answer.Period.Start}
		if len(r.leases) == 0 {
			running.spent = max(answer.Spent, answer.Granted-answer.Returned)
		}
		r.leases = append(r.leases, running)
	}
	running.granted, running.returned = max(running.granted, answer.Granted), max(running.returned, answer.Returned)
}

func (r *replica) running(start time.Time) *lent {
	for _, l := range r.leases {
		if l.start.Equal(start) {
			return l
		}
	}
	return nil
}

// admit sets tokens aside for a request, if the lease has them or grows.
func (c *cluster) admit(t *rapid.T) {
	r := c.draw(t)
	need := rapid.Int64Range(1, 400).Draw(t, "need")
	if len(r.leases) == 0 {
		c.exchange(r, nil, 0, false) // learns the terms
	}
	newest := func() *lent { return r.leases[len(r.leases)-1] }
	if l := newest(); l.free() < need || !accounting.PeriodAt(accounting.Anchor{}, c.now).Start.Equal(l.start) {
		c.exchange(r, l, need, rapid.IntRange(0, 4).Draw(t, "lost") == 0)
	}
	l := newest()
	if l.free() >= need && accounting.PeriodAt(accounting.Anchor{}, c.now).Start.Equal(l.start) {
		l.held += need
		r.holds = append(r.holds, held{l, need})
	}
}

// settle ends a request that took no more than was set aside.
func (c *cluster) settle(t *rapid.T) {
	r := c.draw(t)
	if len(r.holds) > 0 {
		i := rapid.IntRange(0, len(r.holds)-1).Draw(t, "hold")
		c.end(r, i, r.holds[i].tokens-rapid.Int64Range(0, r.holds[i].tokens).Draw(t, "spared"))
	}
}

func (c *cluster) end(r *replica, i int, took int64) {
	h := r.holds[i]
	r.holds = slices.Delete(r.holds, i, i+1)
	h.held -= h.tokens
	h.spent += took
	c.events++
	r.records = append(r.records, accounting.Settlement{PeriodStart: h.start, Epoch: r.epoch(), Event: c.event(c.id, id(c.events), took)})
}

// rest gives back all that a replica has free, and forgets the account if nothing of it runs.
func (c *cluster) rest(r *replica) {
	for i := 0; i < len(r.leases); i++ {
		for l := r.leases[i]; l.free() > 0 || l.untold; {
			c.exchange(r, l, 0, false)
		}
	}
	if len(r.holds) == 0 {
		r.leases = nil
	}
}

// rewind copies the store once, and puts it back once.
func (c *cluster) rewind(t *rapid.T) {
	switch {
	case !c.kept:
		c.rewinder.Keep()
		c.kept = true
	case !c.rewound && rapid.IntRange(0, 2).Draw(t, "now") == 0:
		c.rewinder.Rewind()
		c.rewound = true
	}
}

// quiesce ends all that runs, stores all that was journalled, and compares it with the books.
func (c *cluster) quiesce(t *rapid.T) {
	var want []string
	var total int64
	for _, r := range c.replicas {
		for len(r.holds) > 0 {
			c.end(r, 0, r.holds[0].tokens)
		}
		c.rest(r)
		c.drain(r, len(r.records))
		for _, s := range r.records {
			want, total = append(want, s.Event.ID), total+s.Event.Charged.Total
		}
	}
	s := c.state(c.id)
	var got []string
	var charged accounting.Charged
	for _, e := range s.Events {
		got = append(got, e.ID)
		charged.Total += e.Charged.Total
		charged.Overdraft += e.Charged.Overdraft
	}
	slices.Sort(want)
	slices.Sort(got)
	c.same("events", want, got)
	if charged.Total != total {
		t.Fatalf("%d were spent, %d charged", total, charged.Total)
	}
	if !c.rewound { // what was lent after the copy was made, the store could lend again
		c.allIsThere(t, s.Pools, charged.Overdraft)
	}
	c.do(c.CloseEpochs(c.ctx(), "", "")) // they are none of the next cluster's
}

// allIsThere wants no overdraft, and every token that is left to be lent.
func (c *cluster) allIsThere(t *rapid.T, v accounting.View, overdraft int64) {
	if overdraft != 0 {
		t.Fatalf("overdraft of %d, though each spent only what it was lent", overdraft)
	}
	for _, r := range c.replicas {
		if c.astray {
			c.begin(r)
		}
	}
	left := v.Monthly.Remaining + v.Extra.Remaining
	c.do(c.Start(c.ctx(), c.id+"-last", c.id+"-last", c.now))
	if l := c.rig.exchange(policy.Ask{Account: c.id, Epoch: c.id + "-last", Need: left}); l.Granted != left {
		t.Fatalf("%d are left and all gave back what they had, but %d are lent: %+v", left, l.Granted, l)
	}
}
