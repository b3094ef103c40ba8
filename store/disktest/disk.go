// Package disktest is a disk under SQLite that loses power, to see what a database keeps of what it said was stored.
package disktest

import (
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"
)

// sector is what a disk writes whole or not at all.
const sector = 512

// Disk is one that loses power: of what was not synced it keeps a random part, sector by sector. Its files are as good
// as any other's to several connections of this process, in WAL mode too.
type Disk struct {
	// Noise decides when the power goes and what is kept. It is not for concurrent use with the disk.
	Noise *rand.Rand
	// Lies has it say that it synced and not do so: a test that uses it has to fail then.
	Lies bool

	name string
	dir  string // of the files that SQLite shares memory by
	mu   sync.Mutex
	// files are as they were written, left is how many writes, truncations, deletions and syncs are to come before the
	// power goes.
	files map[string]*platter
	left  int
	lives int
}

type platter struct {
	synced, seen []byte
	since        []change // what led from synced to seen

	// Who has locked it, as SQLite's locks are.
	shared            int
	reserved, pending bool
}

// New registers an empty disk with SQLite until the test ends. Its power is on.
func New(t *testing.T, seed uint64) *Disk {
	d := &Disk{Noise: rand.New(rand.NewPCG(seed, 0)), name: "disk-" + t.Name(), dir: t.TempDir(), files: map[string]*platter{}}
	d.On()
	vfs.Register(d.name, d)
	t.Cleanup(func() { vfs.Unregister(d.name) })
	return d
}

// VFS is what SQLite knows the disk by.
func (d *Disk) VFS() string { return d.name }

// On lets everything that is written from now on succeed.
func (d *Disk) On() { d.OffAfter(1 << 30) }

// OffAfter lets so many operations succeed; after them, the power is off until Lose.
func (d *Disk) OffAfter(operations int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = operations
}

// Works says that the power is on.
func (d *Disk) Works() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.left > 0
}

// Clear empties the disk.
func (d *Disk) Clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.files)
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

// Stop ends the process that wrote: all that it wrote is there, and the next one may write again.
func (d *Disk) Stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = 1 << 30
	d.lives++
}

// Lose cuts the power: the files are what a disk would give back, and it works again. Nobody may have it open.
func (d *Disk) Lose() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = 1 << 30
	d.lives++
	keep := d.Noise.Float64()
	for _, p := range d.files {
		after := p.synced
		for _, c := range p.since {
			if c.bytes == nil {
				if d.Noise.Float64() < keep {
					after = c.apply(after)
				}
				continue
			}
			for from := 0; from < len(c.bytes); from += sector {
				if d.Noise.Float64() < keep {
					after = change{c.at + int64(from), c.bytes[from:min(from+sector, len(c.bytes))]}.apply(after)
				}
			}
		}
		p.synced, p.since = after, nil
		p.seen = append([]byte(nil), after...)
	}
}

// work counts one operation; when the power is off it fails.
func (d *Disk) work() error {
	if d.left--; d.left < 0 {
		return syscall.EIO
	}
	return nil
}

func (d *Disk) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.files[name]
	if p == nil {
		if flags&vfs.OPEN_CREATE == 0 {
			return nil, flags, sqlite3.CANTOPEN
		}
		p = &platter{}
		d.files[name] = p
	}
	shared := vfs.NewSharedMemory(filepath.Join(d.dir, fmt.Sprint(filepath.Base(name), "-shm-", d.lives)), flags)
	return &file{disk: d, platter: p, shared: shared}, flags, nil
}

func (d *Disk) Delete(name string, _ bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.work(); err != nil {
		return err
	}
	delete(d.files, name)
	return nil
}

func (d *Disk) Access(name string, _ vfs.AccessFlag) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.files[name] != nil, nil
}

func (d *Disk) FullPathname(name string) (string, error) { return name, nil }

type file struct {
	disk *Disk
	*platter
	shared vfs.SharedMemory // nil for all but the database itself
	level  vfs.LockLevel    // of this connection
}

func (f *file) SharedMemory() vfs.SharedMemory { return f.shared }

func (f *file) ReadAt(p []byte, off int64) (int, error) {
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

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	return len(p), f.change(change{off, append([]byte{}, p...)})
}

func (f *file) Truncate(size int64) error { return f.change(change{at: size}) }

func (f *file) change(c change) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.work(); err != nil {
		return err
	}
	f.seen = c.apply(f.seen)
	f.since = append(f.since, c)
	return nil
}

func (f *file) Sync(vfs.SyncFlag) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.work(); err != nil {
		return err
	}
	if !f.disk.Lies {
		f.synced, f.since = append([]byte(nil), f.seen...), nil
	}
	return nil
}

func (f *file) Size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return int64(len(f.seen)), nil
}

func (f *file) Close() error {
	f.Unlock(vfs.LOCK_NONE)
	if f.shared == nil {
		return nil
	}
	return f.shared.Close()
}

func (f *file) Lock(level vfs.LockLevel) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	switch {
	case level <= f.level:
		return nil
	case level == vfs.LOCK_SHARED && f.pending, level == vfs.LOCK_RESERVED && f.reserved:
		return sqlite3.BUSY
	case level == vfs.LOCK_SHARED:
		f.platter.shared++
	case level == vfs.LOCK_RESERVED:
		f.reserved = true
	case level == vfs.LOCK_EXCLUSIVE:
		if f.pending && f.level < vfs.LOCK_PENDING {
			return sqlite3.BUSY
		}
		f.pending, f.level = true, vfs.LOCK_PENDING
		if f.platter.shared > 1 {
			return sqlite3.BUSY
		}
	}
	f.level = level
	return nil
}

func (f *file) Unlock(level vfs.LockLevel) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.level <= level {
		return nil
	}
	if f.level >= vfs.LOCK_PENDING {
		f.pending = false
	}
	if f.level >= vfs.LOCK_RESERVED {
		f.reserved = false
	}
	if level == vfs.LOCK_NONE {
		f.platter.shared--
	}
	f.level = level
	return nil
}

func (f *file) CheckReservedLock() (bool, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return f.reserved, nil
}

func (f *file) SectorSize() int { return sector }
func (f *file) DeviceCharacteristics() vfs.DeviceCharacteristic {
	return vfs.IOCAP_POWERSAFE_OVERWRITE
}
