package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("JOURNAL_TEST_CHILD"); path != "" {
		child(path)
	}
	goleak.VerifyTestMain(m)
}

// start opens a journal and runs it until the test ends or stop is called.
func start(tb testing.TB, path string, o Options) (j *Journal, stop func()) {
	tb.Helper()
	j, err := Open(path, o)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Errorf("Run: %v", err)
		}
		if err := j.Close(); err != nil {
			tb.Error(err)
		}
	})
	tb.Cleanup(stop)
	return j, stop
}

func file0(tb testing.TB) string { return filepath.Join(tb.TempDir(), "journal.db") }

func add(tb testing.TB, j *Journal, rec string) int64 {
	tb.Helper()
	seq, err := j.Append([]byte(rec), "")
	if err != nil {
		tb.Fatalf("append %q: %v", rec, err)
	}
	return seq
}

// all reads the whole journal in pages of three.
func all(tb testing.TB, j *Journal) (records []Record) {
	tb.Helper()
	for after := int64(0); ; after = records[len(records)-1].Seq {
		page, err := j.Read(after, 3)
		if err != nil {
			tb.Fatal(err)
		}
		if records = append(records, page...); len(page) == 0 {
			return records
		}
	}
}

// eventually waits for what another goroutine brings about.
func eventually(tb testing.TB, what string, done func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("after 20 s still not so: %s", what)
		}
	}
}

// fault reports a fault test's figures and its outcome so far on one line.
func fault(t *testing.T, format string, figures ...any) {
	t.Helper()
	result := "ok"
	if t.Failed() {
		result = "FAIL"
	}
	t.Logf("FAULT "+format+" RESULT %s", append(figures, result)...)
}

func TestAppendedRecordsAreReadInOrderAlsoAfterRestart(t *testing.T) {
	path := file0(t)
	j, stop := start(t, path, Options{})
	var want []Record
	for i := range 10 {
		rec := fmt.Sprint("record ", i)
		want = append(want, Record{add(t, j, rec), []byte(rec)})
	}
	if got := all(t, j); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	if got := j.Last(); got != want[9].Seq {
		t.Errorf("Last is %d, want %d", got, want[9].Seq)
	}
	id := j.ID()
	stop()

	j, _ = start(t, path, Options{})
	if got := all(t, j); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	if j.ID() != id {
		t.Errorf("id is %s after a restart, was %s", j.ID(), id)
	}
	if seq := add(t, j, "next"); seq <= want[9].Seq {
		t.Errorf("number %d after a restart, the last one was %d", seq, want[9].Seq)
	}
}

func TestConcurrentAppendsShareCommits(t *testing.T) {
	j, _ := start(t, file0(t), Options{Gather: 2 * time.Millisecond})
	const writers, each = 32, 20
	var wg sync.WaitGroup
	seqs := make([][]int64, writers)
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				seq, err := j.Append(fmt.Appendf(nil, "%d/%d", w, i), "")
				if err != nil {
					t.Error(err)
				}
				seqs[w] = append(seqs[w], seq)
			}
		})
	}
	wg.Wait()
	got := all(t, j)
	if len(got) != writers*each {
		t.Fatalf("%d records, want %d", len(got), writers*each)
	}
	text := map[int64]string{}
	for _, r := range got {
		text[r.Seq] = string(r.Bytes)
	}
	for w := range writers {
		for i, seq := range seqs[w] {
			if want := fmt.Sprintf("%d/%d", w, i); text[seq] != want {
				t.Errorf("number %d is %q, Append gave it to %q", seq, text[seq], want)
			}
		}
		if !slices.IsSorted(seqs[w]) {
			t.Errorf("writer %d got numbers out of order: %v", w, seqs[w])
		}
	}
	if n := j.commits.Load(); n > writers*each/3 {
		t.Errorf("%d commits for %d appends of %d writers", n, writers*each, writers)
	}
}

func TestEveryAppendIsSyncedBeforeItReturns(t *testing.T) {
	disk := newFaultyDisk(t)
	j, _ := start(t, file0(t), Options{vfs: disk.name})
	for i := range 20 {
		before := disk.walSyncs.Load()
		add(t, j, fmt.Sprint(i))
		if disk.walSyncs.Load() == before {
			t.Fatalf("append %d returned without a sync of the WAL", i)
		}
	}
	fault(t, "sync-happens commits=%d syncs=%d", j.commits.Load(), disk.walSyncs.Load())
}

func TestMemoryDurabilityDoesNotSync(t *testing.T) {
	disk := newFaultyDisk(t)
	j, _ := start(t, file0(t), Options{vfs: disk.name, Memory: true})
	before := disk.walSyncs.Load()
	for i := range 20 {
		add(t, j, fmt.Sprint(i))
	}
	if n := disk.walSyncs.Load() - before; n != 0 {
		t.Errorf("%d syncs", n)
	}
}

func TestLoneAppendDoesNotGather(t *testing.T) {
	j, _ := start(t, file0(t), Options{Gather: time.Hour})
	for i := range 5 {
		add(t, j, fmt.Sprint(i))
	}
}

func TestNumbersAreNeverGivenTwice(t *testing.T) {
	path := file0(t)
	j, stop := start(t, path, Options{})
	last := add(t, j, "a")
	if err := j.Stored(last); err != nil {
		t.Fatal(err)
	}
	eventually(t, "everything is deleted", func() bool { return j.Gone() == last })
	stop()

	j, stop = start(t, path, Options{})
	if got := all(t, j); len(got) != 0 {
		t.Fatalf("records are left: %v", got)
	}
	next := add(t, j, "b")
	if next <= last {
		t.Errorf("number %d was given again, the last one was %d", next, last)
	}
	ahead := next + 1<<40
	if err := j.Stored(ahead); err != nil { // the clock was set back, or a copy of the file was put back
		t.Fatal(err)
	}
	if seq := add(t, j, "c"); seq <= ahead {
		t.Errorf("number %d, but the store is at %d already", seq, ahead)
	}
	stop()
	j, _ = start(t, path, Options{})
	if seq := add(t, j, "d"); seq <= ahead+1 {
		t.Errorf("number %d after a restart, but the store is at %d already", seq, ahead+1)
	}
}

func TestRestoredCopyGivesNewNumbers(t *testing.T) {
	path := file0(t)
	j, stop := start(t, path, Options{})
	add(t, j, "a")
	stop()
	copied, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	j, stop = start(t, path, Options{})
	var last int64
	for range 5 {
		last = add(t, j, "b")
	}
	stop()
	if err := os.WriteFile(path, copied, 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(time.Unix(last>>20+1, 0)))
	j, _ = start(t, path, Options{})
	if seq := add(t, j, "c"); seq <= last {
		t.Errorf("number %d was given again after an older copy was put back, the last one was %d", seq, last)
	}
}

// TestWaiting: the oldest record that the store lacks says how far the store is behind, whatever came since.
func TestWaiting(t *testing.T) {
	var commits int
	j, stop := start(t, file0(t), Options{Keep: time.Hour, KeepBytes: 1 << 20, Committed: func(took time.Duration) {
		if commits++; took <= 0 {
			t.Errorf("a commit took %s", took)
		}
	}})
	waiting := func(now time.Time) time.Duration {
		d, err := j.Waiting(now)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if d := waiting(time.Now()); d != 0 {
		t.Errorf("%s of an empty journal", d)
	}
	began := time.Now()
	first, second := add(t, j, "one"), add(t, j, "two!")
	if d := waiting(began.Add(time.Minute)); d < 59*time.Second || d > 61*time.Second {
		t.Errorf("a record that was made a minute ago has waited %s", d)
	}
	if err := j.Stored(first); err != nil {
		t.Fatal(err)
	}
	if d := waiting(began.Add(time.Minute)); d < 59*time.Second || d > 61*time.Second {
		t.Errorf("the second one has waited %s", d)
	}
	if err := j.Stored(second); err != nil {
		t.Fatal(err)
	}
	if d := waiting(began.Add(time.Minute)); d != 0 {
		t.Errorf("%s though all is stored", d)
	}
	if n := j.Bytes(); n != 7 {
		t.Errorf("the journal holds %d bytes, want 7, those included that the store has", n)
	}
	stop()
	if commits < 2 {
		t.Errorf("%d commits were told", commits)
	}
}

func TestOnlyStoredRecordsAreDeleted(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
		keep int // of 10 records of 100 bytes of which 6 are stored
	}{
		{"at once", Options{}, 4},
		{"beyond bytes", Options{Keep: time.Hour, KeepBytes: 250}, 6},
		{"none", Options{Keep: time.Hour, KeepBytes: 600}, 10},
		{"old", Options{KeepBytes: 600}, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			j, _ := start(t, file0(t), c.o)
			var seqs []int64
			for range 10 {
				seqs = append(seqs, add(t, j, strings.Repeat("x", 100)))
			}
			if err := j.Stored(seqs[5]); err != nil {
				t.Fatal(err)
			}
			if got, want := j.Lag(), (Lag{4, 400}); got != want {
				t.Errorf("lag is %v, want %v", got, want)
			}
			time.Sleep(2*time.Second + choresEvery)
			got := all(t, j)
			if len(got) != c.keep {
				t.Errorf("%d records are left, want %d", len(got), c.keep)
			}
			if want := seqs[10-c.keep]; got[0].Seq != want {
				t.Errorf("the oldest is %d, want %d", got[0].Seq, want)
			}
		})
	}
}

func TestStoreThatWentBackIsCountedAgain(t *testing.T) {
	j, _ := start(t, file0(t), Options{Keep: time.Hour, KeepBytes: 1 << 20})
	var seqs []int64
	for range 10 {
		seqs = append(seqs, add(t, j, "12345"))
	}
	for _, c := range []struct {
		stored int64
		lag    Lag
	}{{seqs[9], Lag{0, 0}}, {seqs[1], Lag{8, 40}}, {0, Lag{10, 50}}, {seqs[4], Lag{5, 25}}} {
		if err := j.Stored(c.stored); err != nil {
			t.Fatal(err)
		}
		if got := j.Lag(); got != c.lag {
			t.Errorf("stored to %d: lag is %v, want %v", c.stored, got, c.lag)
		}
	}
	if got, err := j.Read(seqs[1], 100); err != nil || len(got) != 8 {
		t.Errorf("refill gave %d records, %v; want 8", len(got), err)
	}
}

func TestNoRoomWhenTheStoreLacksTooMuch(t *testing.T) {
	path := file0(t)
	o := Options{MaxBytes: 100}
	j, stop := start(t, path, o)
	add(t, j, strings.Repeat("x", 100))
	if err := j.Room(); err != nil {
		t.Errorf("100 of 100 bytes: %v", err)
	}
	last := add(t, j, "y")
	if err := j.Room(); !errors.Is(err, ErrFull) {
		t.Errorf("101 of 100 bytes: %v", err)
	}
	add(t, j, "an admitted request settles all the same")
	stop()
	j, _ = start(t, path, o)
	if err := j.Room(); !errors.Is(err, ErrFull) {
		t.Errorf("after a restart: %v", err)
	}
	if err := j.Stored(last); err != nil {
		t.Fatal(err)
	}
	if err := j.Room(); err != nil {
		t.Errorf("after the store took it: %v", err)
	}
}

func TestMarksOutliveTheProcessUntilTheyAreSettled(t *testing.T) {
	path := file0(t)
	j, stop := start(t, path, Options{})
	j.Mark("settled before it was written", []byte("1"))
	j.Mark("settled", []byte("2"))
	j.Mark("forgotten", []byte("3"))
	j.Mark("running", []byte("4"))
	j.Mark("running", []byte("5"))
	j.Mark("empty", nil)
	if _, err := j.Append([]byte("1"), "settled before it was written"); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Append([]byte("2"), "settled"); err != nil {
		t.Fatal(err)
	}
	j.Forget("forgotten")
	stop()

	j, stop = start(t, path, Options{})
	got, err := j.Running()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]byte{"running": []byte("5"), "empty": nil}
	if !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	if err := j.AppendAll([][]byte{[]byte("interrupted")}, []string{"running", "empty"}); err != nil {
		t.Fatal(err)
	}
	stop()
	j, _ = start(t, path, Options{})
	if got, err := j.Running(); err != nil || len(got) != 0 {
		t.Errorf("marks after they were settled: %v, %v", got, err)
	}
	if n := len(all(t, j)); n != 3 {
		t.Errorf("%d records, want 3", n)
	}
}

func TestMarkIsWrittenWithoutAnAppend(t *testing.T) {
	j, _ := start(t, file0(t), Options{})
	j.Mark("a", []byte("1"))
	eventually(t, "the mark is written", func() bool {
		marks, err := j.Running()
		return err == nil && len(marks) == 1
	})
}

func TestWaitReturnsWhenThereIsEnough(t *testing.T) {
	j, stop := start(t, file0(t), Options{})
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := j.Wait(short, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("wait on an empty journal: %v", err)
	}
	woken := make(chan error)
	go func() { woken <- j.Wait(t.Context(), 3) }()
	for i := range 3 {
		select {
		case err := <-woken:
			t.Fatalf("woken after %d records: %v", i, err)
		case <-time.After(5 * time.Millisecond):
		}
		add(t, j, "x")
	}
	if err := <-woken; err != nil {
		t.Error(err)
	}
	go func() { woken <- j.Wait(context.Background(), 4) }()
	stop()
	if err := <-woken; !errors.Is(err, ErrBroken) {
		t.Errorf("wait on a closed journal: %v", err)
	}
}

func TestAppendAfterTheEndFails(t *testing.T) {
	j, stop := start(t, file0(t), Options{})
	stop()
	if _, err := j.Append([]byte("x"), ""); !errors.Is(err, ErrBroken) {
		t.Errorf("append: %v", err)
	}
	if err := j.Room(); !errors.Is(err, ErrBroken) {
		t.Errorf("room: %v", err)
	}
}

func TestQueuedAppendsAreCommittedAtTheEnd(t *testing.T) {
	path := file0(t)
	j, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, err := j.Append([]byte("x"), ""); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "10 appends wait", func() bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		return len(j.queue.records) == 10
	})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.Run(ended); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestSecondGatewayIsTurnedAway(t *testing.T) {
	path := file0(t)
	start(t, path, Options{})
	check := func(who, text string) {
		for _, want := range []string{path, "another process has it open", "data_dir of its own"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q does not say %q", who, text, want)
			}
		}
	}
	if _, err := Open(path, Options{}); err == nil {
		t.Fatal("opened twice in one process")
	} else {
		check("same process", err.Error())
	}
	second := exec.Command(os.Args[0])
	second.Env = append(os.Environ(), "JOURNAL_TEST_CHILD="+path)
	out, err := second.CombinedOutput()
	if err == nil {
		t.Fatal("opened in two processes")
	}
	check("other process", string(out))
}

func TestAppendAllocatesLittle(t *testing.T) {
	j, _ := start(t, file0(t), Options{})
	rec := make([]byte, 250)
	got := testing.AllocsPerRun(200, func() {
		if _, err := j.Append(rec, ""); err != nil {
			t.Fatal(err)
		}
	})
	if got > 6 { // the batch, its records, its channel, a map of marks; the rest is noise
		t.Errorf("%v allocations for an append that is alone", got)
	}
}
