package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// smallDisk is a file system of its own.
func smallDisk(t *testing.T, size string) string {
	dir := t.TempDir()
	err := syscall.Mount("journal-test", dir, "tmpfs", 0, "size="+size)
	if errors.Is(err, syscall.EPERM) && os.Getenv("CI") == "" {
		t.Skip("only root may mount a small disk; CI does")
	}
	if err != nil {
		t.Fatalf("mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}

// glut takes all that is left of the disk.
func glut(t *testing.T, dir string) (path string) {
	path = filepath.Join(dir, "glut")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 1 << 12} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	return path
}

func TestFullDiskSettlesWhatWasAdmittedAndRecovers(t *testing.T) {
	dir := smallDisk(t, "16m")
	path := filepath.Join(dir, "journal.db")
	j, stop := start(t, path, Options{BallastBytes: 4 << 20})
	acknowledged := map[int64]string{}
	var mu sync.Mutex
	settle := func(n int) {
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for i := range n / 4 {
					rec := fmt.Sprint(w, " ", i, " ", strings.Repeat("x", 250))
					seq, err := j.Append([]byte(rec), "")
					if err != nil {
						t.Errorf("an admitted request did not settle: %v", err)
						return
					}
					mu.Lock()
					acknowledged[seq] = rec
					mu.Unlock()
				}
			})
		}
		wg.Wait()
	}
	settle(100)
	if err := j.Room(); err != nil {
		t.Fatalf("room on a disk with space: %v", err)
	}

	// The disk fills; what was admitted before goes on settling.
	filler := glut(t, dir)
	for range 100 {
		settle(40)
		if j.Room() != nil {
			break
		}
	}
	if err := j.Room(); !errors.Is(err, ErrFull) {
		t.Fatalf("room on a full disk: %v", err)
	}
	settle(2000)
	if err := j.Room(); !errors.Is(err, ErrFull) {
		t.Errorf("room on a full disk, later: %v", err)
	}

	// Space is back, and so is the journal, without a restart.
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	eventually(t, "there is room again", func() bool { return j.Room() == nil })
	if held, err := os.Stat(filepath.Join(dir, "journal.ballast")); err != nil || held.Size() != 4<<20 {
		t.Errorf("the ballast was not made again: %v", err)
	}
	settle(100)
	stop()

	j, _ = start(t, path, Options{})
	held := map[int64]string{}
	for _, r := range all(t, j) {
		held[r.Seq] = string(r.Bytes)
	}
	for seq, rec := range acknowledged {
		if held[seq] != rec {
			t.Errorf("number %d is lost", seq)
		}
	}
	if len(held) != len(acknowledged) {
		t.Errorf("%d records, %d were acknowledged", len(held), len(acknowledged))
	}
	fault(t, "disk-full acknowledged=%d lost=%d", len(acknowledged), len(acknowledged)-len(held))
}

func TestDiskFullToTheLastByteFailsAppendsWhole(t *testing.T) {
	dir := smallDisk(t, "8m")
	path := filepath.Join(dir, "journal.db")
	j, stop := start(t, path, Options{BallastBytes: 1 << 20})
	kept := map[int64]bool{}
	glut(t, dir)
	var failed error
	for range 200 { // more than the ballast was
		seq, err := j.Append(make([]byte, 64<<10), "")
		if err != nil {
			failed = err
			continue
		}
		kept[seq] = true
	}
	if !errors.Is(failed, ErrFull) {
		t.Fatalf("a disk without a byte left: %v", failed)
	}
	if err := j.Room(); !errors.Is(err, ErrFull) {
		t.Errorf("room: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "glut")); err != nil {
		t.Fatal(err)
	}
	seq := add(t, j, "there is space again")
	kept[seq] = true
	stop()

	j, _ = start(t, path, Options{})
	got := all(t, j)
	for _, r := range got {
		if !kept[r.Seq] {
			t.Errorf("number %d is there, but its append failed", r.Seq)
		}
	}
	if len(got) != len(kept) {
		t.Errorf("%d records, want %d", len(got), len(kept))
	}
}

func TestNoRoomWithoutBallast(t *testing.T) {
	dir := smallDisk(t, "2m")
	j, _ := start(t, filepath.Join(dir, "journal.db"), Options{BallastBytes: 4 << 20})
	if err := j.Room(); !errors.Is(err, ErrFull) {
		t.Errorf("room on a disk that can't hold the ballast: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "journal.ballast")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half a ballast is left: %v", err)
	}
	add(t, j, "an admitted request settles")
}

func TestSyncThatFindsNoSpaceIsAFullDisk(t *testing.T) {
	disk := newFaultyDisk(t)
	j, _ := start(t, file0(t), Options{vfs: disk.name, BallastBytes: 4096})
	full := true
	disk.fail(&disk.onSync, func() error {
		if full {
			full = false
			return syscall.ENOSPC
		}
		return nil
	})
	add(t, j, "settles in the ballast's place")
	if err := j.Room(); !errors.Is(err, ErrFull) {
		t.Errorf("room: %v", err)
	}
	eventually(t, "there is room again", func() bool { return j.Room() == nil })
}

func TestFailingDiskBreaksTheJournal(t *testing.T) {
	for name, hook := range map[string]func(*faultyDisk, func() error){
		"write": func(d *faultyDisk, f func() error) { d.fail(&d.onWrite, f) },
		"sync":  func(d *faultyDisk, f func() error) { d.fail(&d.onSync, f) },
	} {
		t.Run(name, func(t *testing.T) {
			disk := newFaultyDisk(t)
			path := file0(t)
			j, err := Open(path, Options{vfs: disk.name})
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error)
			go func() { ended <- j.Run(t.Context()) }()
			kept := add(t, j, "kept")
			hook(disk, func() error { return syscall.EIO })
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					if _, err := j.Append([]byte("x"), ""); !errors.Is(err, ErrBroken) {
						t.Errorf("append: %v", err)
					}
				})
			}
			wg.Wait()
			if err := <-ended; !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), path) {
				t.Errorf("Run: %v", err)
			}
			hook(disk, func() error { return nil })
			if _, err := j.Append([]byte("x"), ""); !errors.Is(err, ErrBroken) {
				t.Errorf("append after the fault: %v", err)
			}
			if err := j.Room(); !errors.Is(err, ErrBroken) {
				t.Errorf("room: %v", err)
			}
			if got := j.Last(); got != kept {
				t.Errorf("last is %d, want %d", got, kept)
			}
			if err := j.Close(); err != nil {
				t.Error(err)
			}
			fault(t, "failed-%s released_without_sync=%d", name, j.Last()-kept)
		})
	}
}
