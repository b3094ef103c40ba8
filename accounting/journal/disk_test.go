package journal

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ncruces/go-sqlite3/vfs"
)

// faultyDisk is the operating system's files under SQLite, with faults and counters.
type faultyDisk struct {
	name     string
	walSyncs atomic.Int64
	onWrite  atomic.Pointer[func() error] // before a write to the WAL
	onSync   atomic.Pointer[func() error] // instead of a sync of the WAL, if it fails
}

func newFaultyDisk(tb testing.TB) *faultyDisk {
	d := &faultyDisk{name: "faulty-" + strings.ReplaceAll(tb.Name(), "/", "-")}
	vfs.Register(d.name, d)
	tb.Cleanup(func() { vfs.Unregister(d.name) })
	return d
}

func (d *faultyDisk) fail(hook *atomic.Pointer[func() error], f func() error) { hook.Store(&f) }

func (d *faultyDisk) Open(string, vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	panic("SQLite calls OpenFilename")
}

func (d *faultyDisk) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, flags, err := vfs.Find("").(vfs.VFSFilename).OpenFilename(name, flags)
	if err != nil {
		return nil, flags, err
	}
	return &faultyFile{f, d, flags&vfs.OPEN_WAL != 0}, flags, nil
}

func (d *faultyDisk) Delete(name string, syncDir bool) error {
	return vfs.Find("").Delete(name, syncDir)
}

func (d *faultyDisk) Access(name string, flags vfs.AccessFlag) (bool, error) {
	return vfs.Find("").Access(name, flags)
}

func (d *faultyDisk) FullPathname(name string) (string, error) {
	return vfs.Find("").FullPathname(name)
}

type faultyFile struct {
	vfs.File
	disk *faultyDisk
	wal  bool
}

func (f *faultyFile) WriteAt(p []byte, off int64) (int, error) {
	if hook := f.disk.onWrite.Load(); f.wal && hook != nil {
		if err := (*hook)(); err != nil {
			return 0, err
		}
	}
	return f.File.WriteAt(p, off)
}

func (f *faultyFile) Sync(flags vfs.SyncFlag) error {
	if !f.wal {
		return f.File.Sync(flags)
	}
	if hook := f.disk.onSync.Load(); hook != nil {
		if err := (*hook)(); err != nil {
			return err
		}
	}
	f.disk.walSyncs.Add(1)
	return f.File.Sync(flags)
}
