package journal

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"
)

var crashes = flag.Int("crashes", 150, "how often TestPowerLoss cuts the power")

// mains is a disk that loses power: of what was not synced it keeps a random part, sector by sector.
type mains struct {
	mu    sync.Mutex
	files map[string]*platter
	left  int // writes, truncations and syncs until the power goes
	noise *rand.Rand
}

type platter struct {
	synced, seen []byte
	since        []change // what led from synced to seen
}

// change is a write, or a truncation when bytes is nil.
type change struct {
	at    int64
	bytes []byte
}

func (c change) apply(p []byte) []byte {
	if c.bytes == nil {
		return resize(p, c.at)
	}
	if end := c.at + int64(len(c.bytes)); end > int64(len(p)) {
		p = resize(p, end)
	}
	copy(p[c.at:], c.bytes)
	return p
}

func resize(p []byte, size int64) []byte {
	if size <= int64(len(p)) {
		return p[:size]
	}
	return append(p, make([]byte, size-int64(len(p)))...)
}

// lose cuts the power: the files are what a disk would give back, and it works again.
func (m *mains) lose() {
	m.mu.Lock()
	defer m.mu.Unlock()
	keep := m.noise.Float64()
	for _, p := range m.files {
		after := p.synced
		for _, c := range p.since {
			if c.bytes == nil {
				if m.noise.Float64() < keep {
					after = c.apply(after)
				}
				continue
			}
			for from := 0; from < len(c.bytes); from += 512 {
				if m.noise.Float64() < keep {
					after = change{c.at + int64(from), c.bytes[from:min(from+512, len(c.bytes))]}.apply(after)
				}
			}
		}
		p.synced, p.since = after, nil
		p.seen = append([]byte(nil), after...)
	}
}

// work counts one operation; when the power is off it fails.
func (m *mains) work() error {
	if m.left--; m.left < 0 {
		return syscall.EIO
	}
	return nil
}

func (m *mains) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.files[name]
	if p == nil {
		if flags&vfs.OPEN_CREATE == 0 {
			return nil, flags, sqlite3.CANTOPEN
		}
		p = &platter{}
		m.files[name] = p
	}
	return &mainsFile{m, p}, flags, nil
}

func (m *mains) Delete(name string, _ bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.work(); err != nil {
		return err
	}
	delete(m.files, name)
	return nil
}

func (m *mains) Access(name string, _ vfs.AccessFlag) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.files[name] != nil, nil
}

func (m *mains) FullPathname(name string) (string, error) { return name, nil }

type mainsFile struct {
	disk *mains
	*platter
}

func (f *mainsFile) ReadAt(p []byte, off int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if off >= int64(len(f.seen)) {
		return 0, io.EOF
	}
	n := copy(p, f.seen[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *mainsFile) WriteAt(p []byte, off int64) (int, error) {
	return len(p), f.change(change{off, append([]byte{}, p...)})
}

func (f *mainsFile) Truncate(size int64) error { return f.change(change{at: size}) }

func (f *mainsFile) change(c change) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.work(); err != nil {
		return err
	}
	f.seen = c.apply(f.seen)
	f.since = append(f.since, c)
	return nil
}

func (f *mainsFile) Sync(vfs.SyncFlag) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.work(); err != nil {
		return err
	}
	f.synced, f.since = append([]byte(nil), f.seen...), nil
	return nil
}

func (f *mainsFile) Size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return int64(len(f.seen)), nil
}

func (f *mainsFile) Close() error                     { return nil }
func (f *mainsFile) Lock(vfs.LockLevel) error         { return nil }
func (f *mainsFile) Unlock(vfs.LockLevel) error       { return nil }
func (f *mainsFile) CheckReservedLock() (bool, error) { return false, nil }
func (f *mainsFile) SectorSize() int                  { return 512 }
func (f *mainsFile) DeviceCharacteristics() vfs.DeviceCharacteristic {
	return vfs.IOCAP_POWERSAFE_OVERWRITE
}

func TestPowerLossLosesNothingAcknowledged(t *testing.T) {
	lost, acknowledged, refused := losePower(t, Options{}, *crashes)
	if lost > 0 || refused > 0 {
		t.Errorf("lost_acked=%d refused_start=%d", lost, refused)
	}
	if acknowledged < *crashes {
		t.Errorf("%d records in %d crashes: nothing was tested", acknowledged, *crashes)
	}
	fault(t, "power-loss crashes=%d acknowledged=%d lost_acked=%d refused_start=%d", *crashes, acknowledged, lost, refused)
}

// The test above can fail: without syncs it does.
func TestPowerLossShowsAMissingSync(t *testing.T) {
	if lost, _, refused := losePower(t, Options{Memory: true}, 40); lost+refused == 0 {
		t.Error("a journal without syncs lost nothing in 40 crashes")
	}
}

// losePower counts a number that is given twice as lost, too. It appends, marks and deletes on a disk whose power goes at random, also while a journal opens.
func losePower(t *testing.T, o Options, crashes int) (lost, acknowledged, refused int) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	disk := &mains{files: map[string]*platter{}, noise: rand.New(rand.NewPCG(seed, 0))}
	o.vfs = "mains-" + t.Name()
	vfs.Register(o.vfs, disk)
	defer vfs.Unregister(o.vfs)
	held := map[int64]string{} // acknowledged and not told as stored
	given := map[int64]bool{}
	for range crashes {
		disk.left = disk.noise.IntN(120)
		for seq, rec := range lifeUntilPowerLoss(o) {
			if given[seq] {
				lost++
			}
			given[seq] = true
			held[seq] = rec
			acknowledged++
		}
		disk.lose()
		disk.left = 1 << 30
		j, err := Open("/journal.db", o)
		if err != nil {
			t.Logf("refused: %v", err)
			refused++
			clear(disk.files)
			clear(held)
			continue
		}
		got := map[int64]string{}
		for _, r := range all(t, j) {
			got[r.Seq] = string(r.Bytes)
		}
		for seq, rec := range held {
			if got[seq] != rec {
				lost++
				delete(held, seq)
			}
		}
		cut := disk.noise.IntN(len(held) + 1)
		for _, seq := range slices.Sorted(maps.Keys(held))[:cut] {
			delete(held, seq)
			if err := j.Stored(seq); err != nil {
				t.Error(err)
			}
		}
		if disk.noise.IntN(2) == 0 {
			disk.left = 0 // the next life finds the WAL as it is
		}
		j.Close()
	}
	return lost, acknowledged, refused
}

// lifeUntilPowerLoss gives what it acknowledged before the power went.
func lifeUntilPowerLoss(o Options) map[int64]string {
	acknowledged := map[int64]string{}
	j, err := Open("/journal.db", o)
	if err != nil {
		return acknowledged
	}
	j.file.walPages(8) // many checkpoints
	j.chores()         // deletes what is stored
	ended := make(chan struct{})
	go func() {
		j.Run(context.Background())
		close(ended)
	}()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for w := range 3 {
		wg.Go(func() {
			for i := 0; ; i++ {
				rec := fmt.Sprintf("%d %d %s", w, i, strings.Repeat("y", 100*(i%9)))
				j.Mark(fmt.Sprint(w), []byte(rec))
				seq, err := j.Append([]byte(rec), fmt.Sprint(w))
				if err != nil {
					return
				}
				mu.Lock()
				acknowledged[seq] = rec
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	<-ended
	j.Close()
	return acknowledged
}
