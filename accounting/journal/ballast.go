package journal

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
)

// ballast is a file that only takes up space, to be given up when the disk is full: what it frees is
// enough for the requests that were admitted before.
type ballast struct {
	path  string
	bytes int64
}

func ballastOf(journal string, bytes int64) ballast {
	return ballast{filepath.Join(filepath.Dir(journal), "journal.ballast"), bytes}
}

// make makes the file, or leaves it as it is if it is whole. On an error there is none.
func (b ballast) make() error {
	if b.bytes <= 0 {
		return nil
	}
	if held, err := os.Stat(b.path); err == nil && held.Size() == b.bytes {
		return nil
	}
	err := b.fill()
	if err != nil {
		os.Remove(b.path)
		return fmt.Errorf("make ballast %s of %d bytes: %w", b.path, b.bytes, err)
	}
	return nil
}

// fill writes noise: some file systems store zeros as nothing.
func (b ballast) fill() error {
	f, err := os.OpenFile(b.path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	noise := make([]byte, 1<<20)
	for left := b.bytes; left > 0 && err == nil; left -= int64(len(noise)) {
		noise = noise[:min(left, int64(len(noise)))]
		rand.Read(noise)
		_, err = f.Write(noise)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// drop gives the space back.
func (b ballast) drop() { os.Remove(b.path) }
