package accounting_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/ncruces/go-sqlite3"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/accounting/journal"
	"github.com/tollgate/tollgate/store"
)

// unsteadyStore is the real store on a line that fails.
type unsteadyStore struct {
	*store.Store
	mu   sync.Mutex
	down error // every call fails before it reaches the store
	mute int   // how many of the next answers of Apply are lost on their way back
	hang bool  // calls wait for their context
}

func (u *unsteadyStore) set(f func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f()
}

var errLine = errors.New("the line is dead")

func (u *unsteadyStore) reach(ctx context.Context) (*store.Store, error) {
	u.mu.Lock()
	s, down, hang := u.Store, u.down, u.hang
	u.mu.Unlock()
	if hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return s, down
}

func (u *unsteadyStore) Position(ctx context.Context, journal string) (int64, error) {
	s, err := u.reach(ctx)
	if err != nil {
		return 0, err
	}
	return s.Position(ctx, journal)
}

func (u *unsteadyStore) Apply(ctx context.Context, b accounting.Batch) error {
	s, err := u.reach(ctx)
	if err != nil {
		return err
	}
	err = s.Apply(ctx, b)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.mute > 0 {
		u.mute--
		return errLine
	}
	return err
}

// gateway is a journal, a recorder and the real store in one directory.
type gateway struct {
	t        rapid.TB
	dir      string
	store    *unsteadyStore
	journal  *journal.Journal
	recorder *accounting.Recorder
	o        accounting.RecorderOptions
	j        journal.Options

	stopJournal, stopRecorder func()
	written                   map[string]int64 // what was settled: id → tokens
}

const account, monthly = "acme", 1 << 40

func open(t rapid.TB, dir string) *gateway {
	g := &gateway{
		t: t, dir: dir, store: &unsteadyStore{}, written: map[string]int64{},
		j: journal.Options{Keep: time.Hour, KeepBytes: 1 << 30},
	}
	g.openStore()
	total := int64(monthly)
	_, err := g.store.CreateAccount(context.Background(), accounting.Account{ID: account, MonthlyTokens: &total, Status: accounting.Active}, time.Now())
	g.must(err)
	return g
}

func (g *gateway) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *gateway) openStore() {
	s, err := store.Open(context.Background(), filepath.Join(g.dir, "tollgate.db"), store.Options{})
	g.must(err)
	g.store.set(func() { g.store.Store = s })
}

// start begins a life: journal, recovery, recorder.
func (g *gateway) start() {
	j, err := journal.Open(filepath.Join(g.dir, "journal.db"), g.j)
	g.must(err)
	g.journal = j
	g.recorder = accounting.NewRecorder(j, g.store, g.o)
	g.must(g.recorder.Recover(context.Background()))
	g.stopJournal = running(g.t, j.Run)
	g.stopRecorder = running(g.t, g.recorder.Run)
}

// stop ends a life cleanly.
func (g *gateway) stop() {
	g.stopRecorder()
	g.stopJournal()
	g.must(g.journal.Close())
}

func (g *gateway) close() {
	g.stop()
	g.must(g.store.Close())
}

func running(t rapid.TB, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	}
}

func started(t *testing.T, o accounting.RecorderOptions) *gateway {
	leaks := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, leaks) })
	g := open(t, t.TempDir())
	g.o = o
	g.start()
	return g
}

// settlement is a new one of so many tokens.
func settlement(tokens int64) accounting.Settlement {
	return accounting.Settlement{
		Event: accounting.Event{
			ID: uuid.Must(uuid.NewV7()).String(), Account: account, Key: "key_1", Activity: "chat", Provider: "openai",
			API: "chat.completions", Model: "gpt-4o", Status: 200, Outcome: accounting.Completed, Measured: accounting.ByProvider,
			Tokens: accounting.Tokens{Input: tokens, Total: tokens}, Charged: accounting.Charged{Total: tokens},
			StartedAt: time.Now().UTC(),
		},
		PeriodStart: accounting.PeriodAt(accounting.Anchor{}, time.Now()).Start,
		Epoch:       "epoch",
	}
}

func (g *gateway) settle(tokens int64) string {
	g.t.Helper()
	s := settlement(tokens)
	g.must(g.recorder.Settle(s, false))
	g.written[s.Event.ID] = tokens
	return s.Event.ID
}

// sync is the read barrier.
func (g *gateway) sync() {
	g.t.Helper()
	g.must(g.recorder.Sync(context.Background()))
}

// verify compares the store with what was settled: every event once, and the pool charged with their sum.
func (g *gateway) verify() {
	g.t.Helper()
	var sum int64
	for _, tokens := range g.written {
		sum += tokens
	}
	seen := map[string]bool{}
	for before := ""; ; {
		page, err := g.store.Events(context.Background(), account, accounting.EventFilter{}, before, 100)
		g.must(err)
		for _, e := range page {
			if tokens, ok := g.written[e.ID]; !ok || tokens != e.Charged.Total || seen[e.ID] {
				g.t.Errorf("event %s: stored with %d tokens (seen before: %t), settled with %d (settled: %t)", e.ID, e.Charged.Total, seen[e.ID], tokens, ok)
			}
			seen[e.ID], before = true, e.ID
		}
		if len(page) == 0 {
			break
		}
	}
	if len(seen) != len(g.written) {
		g.t.Errorf("%d events are stored, %d were settled", len(seen), len(g.written))
	}
	p, err := g.store.Pools(context.Background(), account, time.Now())
	g.must(err)
	if used := p.Running().Used; used != sum {
		g.t.Errorf("%d tokens are charged, %d were settled", used, sum)
	}
}

func TestSettlementsReachTheStore(t *testing.T) {
	g := started(t, accounting.RecorderOptions{})
	defer g.close()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for w := range 8 {
		wg.Go(func() {
			for i := range 20 {
				s := settlement(int64(w*100 + i))
				if err := g.recorder.Settle(s, false); err != nil {
					t.Error(err)
				}
				mu.Lock()
				g.written[s.Event.ID] = s.Event.Charged.Total
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	g.sync()
	g.verify()
	if r := g.recorder; r.Recorded() != 160 || r.Lag() != (journal.Lag{}) || r.Retries() != 0 || r.Dead() != 0 {
		t.Errorf("recorded %d, lag %v, retries %d, dead %d", r.Recorded(), r.Lag(), r.Retries(), r.Dead())
	}
}

func TestSettlementsAreStoredWithoutAskingForIt(t *testing.T) {
	g := started(t, accounting.RecorderOptions{})
	defer g.close()
	id := g.settle(5)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := g.store.Event(context.Background(), account, id); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("not stored after 20 s")
		}
	}
}

func TestLostAnswerIsNotAppliedTwice(t *testing.T) {
	g := started(t, accounting.RecorderOptions{})
	defer g.close()
	for range 5 {
		g.store.set(func() { g.store.mute = 1 })
		g.settle(7)
		if err := g.recorder.Sync(context.Background()); err == nil {
			t.Error("sync over a lost answer says that all is stored")
		}
		g.settle(9)
		g.sync()
	}
	g.verify()
	if g.recorder.Retries() != 5 {
		t.Errorf("%d retries, want 5", g.recorder.Retries())
	}
}

func TestSyncSaysWhenTheStoreIsDown(t *testing.T) {
	g := started(t, accounting.RecorderOptions{})
	defer g.close()
	g.store.set(func() { g.store.down = errLine })
	for range 3 {
		g.settle(1)
		if err := g.recorder.Sync(context.Background()); !errors.Is(err, errLine) {
			t.Errorf("sync: %v", err)
		}
	}
	if lag := g.recorder.Lag(); lag.Records != 3 || lag.Bytes == 0 {
		t.Errorf("lag is %v", lag)
	}
	g.store.set(func() { g.store.down = nil })
	g.sync()
	g.verify()
}

func TestSyncEndsWithItsContext(t *testing.T) {
	g := started(t, accounting.RecorderOptions{Grace: 20 * time.Millisecond})
	defer g.close()
	g.store.set(func() { g.store.hang = true })
	g.settle(1)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := g.recorder.Sync(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("sync: %v", err)
	}
}

func TestRecordThatCannotBeStoredIsPutAside(t *testing.T) {
	g := started(t, accounting.RecorderOptions{})
	defer g.close()
	g.settle(1)
	bad := settlement(-1)
	g.must(g.recorder.Settle(bad, false))
	g.settle(2)
	if _, err := g.journal.Append([]byte("no settlement at all"), ""); err != nil {
		t.Fatal(err)
	}
	g.settle(3)
	g.sync()
	g.verify()
	if g.recorder.Dead() != 2 {
		t.Errorf("%d dead, want 2", g.recorder.Dead())
	}
	if n, err := g.store.DeadLetters(context.Background()); err != nil || n != 2 {
		t.Errorf("the store has %d dead letters, %v; want 2", n, err)
	}
}

func TestStopStoresWhatIsJournalled(t *testing.T) {
	g := started(t, accounting.RecorderOptions{})
	for range 20 {
		g.settle(3)
	}
	g.stop()
	g.verify()
	g.must(g.store.Close())
}

func TestStopIsBoundedWhenTheStoreHangs(t *testing.T) {
	g := started(t, accounting.RecorderOptions{Grace: 20 * time.Millisecond})
	g.sync()
	g.store.set(func() { g.store.hang = true })
	g.settle(3)
	g.stop()
	g.store.set(func() { g.store.hang = false })
	g.start()
	g.verify()
	g.close()
}

func TestStoreFirstWaitsForTheStore(t *testing.T) {
	g := started(t, accounting.RecorderOptions{StoreFirst: true})
	defer g.close()
	for range 5 {
		id := g.settle(3)
		if _, err := g.store.Event(context.Background(), account, id); err != nil {
			t.Errorf("settled and not in the store: %v", err)
		}
	}
	g.store.set(func() { g.store.down = errLine })
	g.settle(4) // the journal is enough now
	if g.recorder.Lag().Records != 1 {
		t.Errorf("lag is %v", g.recorder.Lag())
	}
	g.store.set(func() { g.store.down = nil })
	g.sync()
	g.verify()
}

// A store that is back is not waited for until the next try would be due.
func TestTryEndsTheWaitForAStoreThatIsBack(t *testing.T) {
	g := started(t, accounting.RecorderOptions{StoreFirst: true})
	defer g.close()
	g.store.set(func() { g.store.down = errLine })
	g.settle(4)
	if err := g.recorder.Try(context.Background()); !errors.Is(err, errLine) {
		t.Errorf("a store that is down was tried: %v", err)
	}
	g.store.set(func() { g.store.down = nil })
	if err := g.recorder.Try(context.Background()); err != nil || g.recorder.Lag().Records != 0 {
		t.Errorf("tried: %v, lag %v", err, g.recorder.Lag())
	}
	id := g.settle(3)
	if _, err := g.store.Event(context.Background(), account, id); err != nil {
		t.Errorf("settled and not in the store: %v", err)
	}
	g.verify()
}

func TestBrokenJournalSettlesInTheStore(t *testing.T) {
	g := started(t, accounting.RecorderOptions{})
	g.settle(1)
	g.sync()
	g.stopRecorder()
	g.stopJournal()
	for range 3 {
		g.settle(2)
	}
	g.verify()
	g.store.set(func() { g.store.down = errLine })
	err := g.recorder.Settle(settlement(5), false)
	if !errors.Is(err, journal.ErrBroken) || !errors.Is(err, errLine) {
		t.Errorf("neither journal nor store took it: %v", err)
	}
	g.store.set(func() { g.store.down = nil })
	g.settle(6)
	g.verify()
	g.must(g.journal.Close())
	g.must(g.store.Close())
}

func TestInterruptedRequestsAreSettledByTheNextLife(t *testing.T) {
	g := started(t, accounting.RecorderOptions{})
	running, settled, settledUnmarked, unmarked := settlement(10), settlement(20), settlement(30), settlement(40)
	for _, s := range []accounting.Settlement{running, settled, settledUnmarked, unmarked} {
		g.recorder.Mark(s)
	}
	g.must(g.recorder.Settle(settlement(0), true)) // writes the marks
	g.must(g.recorder.Settle(settled, true))
	g.must(g.recorder.Settle(settledUnmarked, false)) // its mark stays
	g.recorder.Unmark(unmarked.Event.ID)
	g.journal.Mark("damaged", []byte("damaged"))
	g.stop()
	g.start()
	defer g.close()
	marks, err := g.journal.Running()
	if err != nil || len(marks) != 0 {
		t.Errorf("marks are left: %v, %v", marks, err)
	}
	for _, c := range []struct {
		s    accounting.Settlement
		want accounting.Outcome
	}{{running, accounting.Interrupted}, {settled, accounting.Completed}, {settledUnmarked, accounting.Completed}, {unmarked, ""}} {
		e, err := g.store.Event(context.Background(), account, c.s.Event.ID)
		if e.Outcome != c.want || (err != nil) != (c.want == "") {
			t.Errorf("event of %d tokens: outcome %q, %v; want %q", c.s.Event.Charged.Total, e.Outcome, err, c.want)
		}
	}
	if n := len(all(t, g)); n != 4 { // with the one that wrote the marks
		t.Errorf("%d events, want 4", n)
	}
}

func all(t *testing.T, g *gateway) []accounting.Event {
	events, err := g.store.Events(context.Background(), account, accounting.EventFilter{}, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func TestReplayChangesNothing(t *testing.T) {
	g := started(t, accounting.RecorderOptions{})
	for range 10 {
		g.settle(4)
	}
	g.sync()
	g.must(g.journal.Stored(0)) // the journal forgets what the store told
	g.settle(5)
	g.stop()
	g.start()
	g.verify()
	g.close()
}

func TestRewoundStoreIsRefilled(t *testing.T) {
	g := started(t, accounting.RecorderOptions{})
	defer g.close()
	for range 5 {
		g.settle(4)
	}
	g.sync()
	backup := filepath.Join(g.dir, "backup.db")
	g.backup(backup)
	for range 5 {
		g.settle(5)
	}
	g.sync()
	g.restore(backup)
	g.settle(6)
	g.sync()
	g.verify()
}

// backup copies the database as it is.
func (g *gateway) backup(to string) {
	g.t.Helper()
	c, err := sqlite3.Open(filepath.Join(g.dir, "tollgate.db"))
	g.must(err)
	defer c.Close()
	g.must(c.Exec(`VACUUM INTO ` + sqlite3.Quote(to)))
}

// restore puts an older copy of the database in place, under the running gateway.
func (g *gateway) restore(backup string) {
	g.t.Helper()
	g.store.mu.Lock()
	defer g.store.mu.Unlock()
	g.must(g.store.Store.Close())
	path := filepath.Join(g.dir, "tollgate.db")
	b, err := os.ReadFile(backup)
	g.must(err)
	for _, suffix := range []string{"-wal", "-shm"} {
		os.Remove(path + suffix)
	}
	g.must(os.WriteFile(path, b, 0o600))
	s, err := store.Open(context.Background(), path, store.Options{})
	g.must(err)
	g.store.Store = s
}

func TestCopiedJournalDoesNotSkipRecords(t *testing.T) {
	g := started(t, accounting.RecorderOptions{})
	defer g.close()
	g.settle(1)
	g.sync()
	at, err := g.store.Position(context.Background(), g.journal.ID())
	g.must(err)
	// Another gateway with a copy of this data_dir goes on from here.
	g.must(g.store.Store.Apply(context.Background(), accounting.Batch{Journal: g.journal.ID(), After: at, Upto: at + 1<<30, At: time.Now()}))
	g.settle(2)
	if err := g.recorder.Sync(context.Background()); err == nil || !strings.Contains(err.Error(), "copy of this data_dir") {
		t.Errorf("sync: %v", err)
	}
	if g.recorder.Lag().Records != 1 {
		t.Errorf("lag is %v: the record was skipped", g.recorder.Lag())
	}
}

// Whatever happens to line, store and process, the ledger ends as the settlements say (LEDGER, I9 and I11).
func TestLedgerEqualsSettlementsAfterAnyFaults(t *testing.T) {
	checks := flag.Lookup("rapid.checks").Value
	defer checks.Set(checks.String())
	checks.Set("30") // each opens two databases several times
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		dir := filepath.Join(t.TempDir(), fmt.Sprint(n))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			rt.Fatal(err)
		}
		g := open(rt, dir)
		g.start()
		defer func() { g.close() }()
		backup := ""
		steps := rapid.SliceOfN(rapid.SampledFrom([]string{
			"settle", "settle", "settle", "sync", "lost answer", "down", "up", "restart", "forget", "backup", "restore",
		}), 5, 25).Draw(rt, "steps")
		for i, step := range steps {
			switch step {
			case "settle":
				for range rapid.IntRange(1, 5).Draw(rt, "settlements") {
					g.settle(rapid.Int64Range(0, 5000).Draw(rt, "tokens"))
				}
			case "sync":
				g.recorder.Sync(context.Background())
			case "lost answer":
				g.store.set(func() { g.store.mute = 1 })
			case "down":
				g.store.set(func() { g.store.down = errLine })
			case "up":
				g.store.set(func() { g.store.down = nil })
			case "restart":
				g.stop()
				g.start()
			case "forget":
				g.must(g.journal.Stored(0))
			case "backup":
				backup = filepath.Join(dir, fmt.Sprint("backup", i))
				g.backup(backup)
			case "restore":
				if backup != "" {
					g.restore(backup)
				}
			}
		}
		g.store.set(func() { g.store.down, g.store.mute = nil, 0 })
		g.settle(1)
		g.sync()
		g.verify()
	})
}
