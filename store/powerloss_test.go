package store_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/store"
	"github.com/tollgate/tollgate/store/disktest"
)

var crashes = flag.Int("crashes", 100, "how often TestPowerLoss cuts the power")

func TestPowerLoss(t *testing.T) {
	t.Parallel()
	p := losePower(t, *crashes, false)
	if p.lost > 0 || p.refused > 0 || p.drifts > 0 {
		t.Errorf("%+v", *p)
	}
	if p.acknowledged < *crashes {
		t.Errorf("%d changes in %d crashes: nothing was tested", p.acknowledged, *crashes)
	}
	fmt.Printf("FAULT power-loss-store crashes=%d acknowledged=%d lost_acked=%d refused_start=%d drifts=%d seed=%d %s\n",
		*crashes, p.acknowledged, p.lost, p.refused, p.drifts, p.seed, result(t))
}

// The test above can fail: on a disk that does not sync it does.
func TestPowerLossShowsADiskThatLies(t *testing.T) {
	t.Parallel()
	if p := losePower(t, 60, true); p.lost+p.refused+p.drifts == 0 {
		t.Errorf("a disk that does not sync lost nothing in 60 crashes, of %d changes", p.acknowledged)
	}
}

// TestEndsAtEachPoint ends the store at each write, truncation, deletion and sync of a life that makes its tables, changes
// things and closes: as a process that is killed, and as one whose power goes.
func TestEndsAtEachPoint(t *testing.T) {
	t.Parallel()
	p := &powered{T: t, disk: disktest.New(t, 1)}
	points := 0
	for _, end := range []func(*disktest.Disk){(*disktest.Disk).Stop, (*disktest.Disk).Lose} {
		whole := false
		for after := 0; !whole; after++ {
			p.disk.Noise = rand.New(rand.NewPCG(1, 0)) // all lives are the same
			p.empty()
			p.disk.OffAfter(after)
			whole = p.live()
			end(p.disk)
			p.look()
			points++
		}
	}
	if p.lost > 0 || p.refused > 0 || p.drifts > 0 || points < 50 {
		t.Errorf("%d points: %+v", points, *p)
	}
	fmt.Printf("FAULT ends-at-each-point-store points=%d acknowledged=%d lost=%d refused_start=%d drifts=%d %s\n",
		points, p.acknowledged, p.lost, p.refused, p.drifts, result(t))
}

// result ends a fault's line.
func result(t *testing.T) string {
	if t.Failed() {
		return "RESULT FAIL"
	}
	return "RESULT ok"
}

// powered is a store on a disk whose power goes, and what it said was stored.
type powered struct {
	*testing.T
	disk *disktest.Disk
	seed uint64

	account  string
	position int64    // of the journal
	events   []string // ids
	bought   int64

	acknowledged, lost, refused, drifts int
}

// livesOfADisk is how many crashes one disk sees before an empty one takes its place.
const livesOfADisk = 25

func losePower(t *testing.T, crashes int, lies bool) *powered {
	p := &powered{T: t, seed: rand.Uint64()}
	p.disk = disktest.New(t, p.seed)
	p.disk.Lies = lies
	for n := range crashes {
		if n%livesOfADisk == 0 {
			p.empty()
		}
		p.disk.OffAfter(p.disk.Noise.IntN(600))
		p.live()
		p.disk.Lose()
		p.look()
	}
	return p
}

func (p *powered) empty() {
	p.disk.Clear()
	p.account, p.position, p.events, p.bought = "", 0, nil, 0
}

func (p *powered) open() (*store.Store, error) {
	return store.Open(p.Context(), "/tollgate.db", store.Options{Now: func() time.Time { return now }}.On(p.disk.VFS()))
}

// live changes things until the power goes, or closes the store before: then it was whole.
func (p *powered) live() (whole bool) {
	s, err := p.open()
	if err != nil {
		return false
	}
	whole = true
	for range p.disk.Noise.IntN(20) {
		if err := p.change(s); err != nil {
			whole = false
			break
		}
		p.acknowledged++
	}
	return s.Close() == nil && whole && p.disk.Works()
}

func (p *powered) change(s *store.Store) error {
	switch {
	case p.account == "":
		monthly := int64(1000)
		_, err := s.CreateAccount(p.Context(), accounting.Account{ID: "acme", Status: accounting.Active, MonthlyTokens: &monthly}, now)
		if err == nil {
			p.account = "acme"
		}
		return err
	case p.disk.Noise.IntN(3) == 0:
		_, _, err := s.CreateGrant(p.Context(), accounting.Grant{Account: p.account, Reference: fmt.Sprint("r", p.bought), Tokens: 10}, now)
		if err == nil {
			p.bought += 10
		}
		return err
	}
	b := accounting.Batch{Journal: "journal", After: p.position, At: now}
	var ids []string
	for range 1 + p.disk.Noise.IntN(5) {
		e := event(p.account, len(p.events)+len(ids), int64(p.disk.Noise.IntN(300)))
		b.Settlements, ids = append(b.Settlements, e), append(ids, e.Event.ID)
	}
	b.Upto = b.After + int64(len(ids))
	err := s.Apply(p.Context(), b)
	if err == nil {
		p.position, p.events = b.Upto, append(p.events, ids...)
	}
	return err
}

// look opens the store after a crash and compares it with what it had said. What was on its way may be there too.
func (p *powered) look() {
	s, err := p.open()
	if err != nil {
		p.Logf("refused: %v", err)
		p.refused++
		p.empty()
		return
	}
	defer s.Close()
	drifts, err := s.Verify(p.Context())
	if err != nil {
		p.Logf("verify: %v", err)
		p.refused++
		p.empty()
		return
	}
	p.drifts += len(drifts)
	if p.account == "" {
		if _, err := s.Account(p.Context(), "acme"); err != nil {
			return
		}
		p.account = "acme" // it was on its way
	}
	p.compare(s)
}

func (p *powered) compare(s *store.Store) {
	pools, err := s.Pools(p.Context(), p.account, now)
	if err != nil {
		p.lost++
		p.empty()
		return
	}
	position, err := s.Position(p.Context(), "journal")
	events, failed := s.Events(p.Context(), p.account, accounting.EventFilter{}, "", 1000)
	if err != nil || failed != nil {
		p.Fatal(err, failed)
	}
	ids := make([]string, len(events))
	for i, e := range events {
		ids[len(events)-1-i] = e.ID
	}
	bought := pools.Purchased()
	if position < p.position || len(ids) != int(position) || bought < p.bought || !slices.Equal(ids[:min(len(ids), len(p.events))], p.events) {
		p.lost++
	}
	p.position, p.events, p.bought = position, ids, bought
}
