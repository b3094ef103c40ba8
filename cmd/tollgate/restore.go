package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/tollgate/tollgate/accounting/journal"
	"github.com/tollgate/tollgate/config"
	"github.com/tollgate/tollgate/store"
)

type restoreCmd struct {
	File        string `arg:"" help:"What backup wrote."`
	Config      string `help:"The file to read; gateway.yaml of this folder if there is one, else defaults." placeholder:"FILE"`
	KeepJournal bool   `help:"Leave the journal where it is: the next start books again what it holds from after the backup."`
}

// Run puts a checked copy of FILE in the store's place. What was there before is moved aside, never deleted: a
// restore that was a mistake is undone by moving it back. It needs the journal's lock, so that no gateway runs.
func (r restoreCmd) Run(out *streams) error {
	c, err := load(r.Config)
	if err != nil {
		return report(out.stderr, err)
	}
	if store.IsURL(c.Store.Reveal()) {
		return fmt.Errorf("restore: %w: pg_restore brings it back", errShared)
	}
	ctx, stop := signalled(newLogger(out.stderr))
	defer stop()
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	lock, err := r.lock(c)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	staged, err := os.MkdirTemp(c.DataDir, ".restore-")
	if err != nil {
		return errors.Join(fmt.Errorf("restore: %w", err), lock.release())
	}
	defer os.RemoveAll(staged)
	copied := filepath.Join(staged, storeFile)
	holds, err := stage(ctx, r.File, copied, out.stderr)
	if err != nil {
		return errors.Join(fmt.Errorf("restore: nothing was changed: %w", err), lock.release())
	}
	old := aside{dir: c.DataDir, to: filepath.Join(c.DataDir, "replaced-"+time.Now().UTC().Format("20060102T150405.000Z"))}
	err = errors.Join(old.replaceStore(copied), lock.release())
	if err == nil && !r.KeepJournal && lock.used {
		err = old.takeJournal()
	}
	if err != nil {
		return fmt.Errorf("restore: not finished, run it again: %w", err)
	}
	fmt.Fprintf(out.stdout, "ok: the store holds %s\n", holds)
	old.tell(out.stdout, lock.unstored)
	return nil
}

// dataLock is the journal's lock, as long as it is held.
type dataLock struct {
	journal  *journal.Journal // nil: it is damaged, and no gateway starts with it
	used     bool             // it held something
	unstored int64            // events that the store had not got when the journal was last told
}

// lock fails when a gateway runs on data_dir.
func (r restoreCmd) lock(c *config.Config) (*dataLock, error) {
	o := journalOptions(c, nil)
	o.BallastBytes = 0
	j, err := journal.Open(filepath.Join(c.DataDir, journalFile), o)
	switch {
	case errors.Is(err, journal.ErrInUse):
		return nil, fmt.Errorf("a gateway runs on %s: stop it first: %w", c.DataDir, err)
	case errors.Is(err, journal.ErrDamaged) && !r.KeepJournal:
		return &dataLock{used: true}, nil
	case err != nil:
		return nil, err
	}
	marks, err := j.Running()
	if err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return &dataLock{journal: j, used: j.Last() > 0 || len(marks) > 0, unstored: j.Lag().Records}, nil
}

func (l *dataLock) release() error {
	if l.journal == nil {
		return nil
	}
	return l.journal.Close()
}

// stage copies a backup, brings the copy up to this program's schema and checks it. FILE is only read.
func stage(ctx context.Context, file, copied string, warn io.Writer) (holds string, err error) {
	if err := copyBackup(file, copied); err != nil {
		return "", err
	}
	s, err := store.Open(ctx, copied, store.Options{})
	if err != nil {
		return "", err
	}
	err = errors.Join(s.Check(ctx), s.Close())
	if err != nil {
		return "", err
	}
	r, err := store.OpenReader(ctx, copied)
	if err != nil {
		return "", err
	}
	defer r.Close()
	drifts, err := r.Verify(ctx)
	if err != nil {
		return "", err
	}
	for _, d := range drifts {
		fmt.Fprintln(warn, "warning:", describeDrift(d.Account, d.What, d.Want, d.Have))
	}
	return describeStore(ctx, r)
}

// copyBackup copies what begins like a store that was written.
func copyBackup(file, copied string) error {
	from, err := os.Open(file)
	if err != nil {
		return err
	}
	defer from.Close()
	head := make([]byte, 100) // of an SQLite database; sqlite.org/fileformat2.html, 1.3
	if _, err := io.ReadFull(from, head); err != nil || string(head[:16]) != "SQLite format 3\x00" || binary.BigEndian.Uint32(head[60:]) == 0 {
		return fmt.Errorf("%s is no backup of tollgate's", file)
	}
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return err
	}
	to, err := os.OpenFile(copied, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Sync(), to.Close())
}

// aside is where the files of data_dir go that a restore replaces.
type aside struct {
	dir, to string
	moved   []string
}

// move moves a file aside, if there is one.
func (a *aside) move(name string) error {
	if err := os.MkdirAll(a.to, 0o700); err != nil {
		return err
	}
	err := os.Rename(filepath.Join(a.dir, name), filepath.Join(a.to, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		a.moved = append(a.moved, name)
	}
	return err
}

// replaceStore puts the copy in the store's place.
func (a *aside) replaceStore(copied string) error {
	for _, name := range []string{storeFile + "-wal", storeFile + "-shm", storeFile} {
		if err := a.move(name); err != nil {
			return err
		}
	}
	if err := os.Rename(copied, filepath.Join(a.dir, storeFile)); err != nil {
		return err
	}
	return errors.Join(syncDir(a.to), syncDir(a.dir))
}

// takeJournal moves the journal aside, whose lock was released, and brings it back if a gateway was quicker.
func (a *aside) takeJournal() error {
	for _, name := range []string{journalFile, journalFile + "-wal"} {
		if err := a.move(name); err != nil {
			return err
		}
	}
	const all = math.MaxInt64
	j, err := journal.Open(filepath.Join(a.to, journalFile), journal.Options{Keep: all, KeepBytes: all})
	switch {
	case err == nil:
		err = j.Close()
	case errors.Is(err, journal.ErrInUse):
		err = errors.Join(fmt.Errorf("a gateway was started meanwhile: %w", err),
			os.Rename(filepath.Join(a.to, journalFile), filepath.Join(a.dir, journalFile)))
	case errors.Is(err, journal.ErrDamaged): // it is kept as it is
		err = nil
	}
	return errors.Join(err, syncDir(a.to), syncDir(a.dir))
}

func (a *aside) tell(out io.Writer, unstored int64) {
	if len(a.moved) == 0 {
		os.Remove(a.to)
		return
	}
	fmt.Fprintf(out, "what it replaces is in %s: %q\n", a.to, a.moved)
	if unstored > 0 {
		fmt.Fprintf(out, "the journal there holds %d events that its store had not got\n", unstored)
	}
}
