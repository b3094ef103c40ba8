package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/store"
)

var errPanic = errors.New("panic")

// damaged opens what is left of a store's files, and reads all events if it is whole.
func damaged(t *testing.T, db, wal []byte) (events []accounting.Event, err error) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("panic: %v", p)
			err = errPanic
		}
	}()
	file := filepath.Join(t.TempDir(), "tollgate.db")
	for suffix, content := range map[string][]byte{"": db, "-wal": wal} {
		if err := os.WriteFile(file+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := store.Open(t.Context(), file, store.Options{})
	if err != nil {
		if !strings.Contains(err.Error(), file) {
			t.Errorf("the error does not name the file: %v", err)
		}
		return nil, err
	}
	defer s.Close()
	if err := s.Check(t.Context()); err != nil {
		return nil, err
	}
	return s.Events(t.Context(), "acme", accounting.EventFilter{}, "", 1000)
}

// written makes a store with 300 events and gives its files, before and after they were joined.
func written(t *testing.T) (db, wal, whole []byte, events []accounting.Event) {
	file := filepath.Join(t.TempDir(), "tollgate.db")
	s := openStore(t, file, store.Options{})
	account(t, s, "acme", 1000)
	for n := range int64(30) {
		b := accounting.Batch{Journal: "j", After: 10 * n, Upto: 10 * (n + 1), At: now}
		for i := range 10 {
			b.Settlements = append(b.Settlements, event("acme", int(10*n)+i, 7))
		}
		if err := s.Apply(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) []byte {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	db, wal = read(file), read(file+"-wal")
	events, err := s.Events(t.Context(), "acme", accounting.EventFilter{}, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "whole.db")
	if err := s.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	return db, wal, read(copied), events
}

// TestADamagedStoreIsFound truncates the file, zeroes each page and flips bits: the store does not open, says by what
// Check finds that it is damaged, or has every event as it was, so far as SQLite can tell.
func TestADamagedStoreIsFound(t *testing.T) {
	t.Parallel()
	db, wal, whole, events := written(t)
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	found, harmless, changed, panics := 0, 0, 0, 0
	try := func(what string, db, wal []byte, within int) {
		t.Helper()
		switch got, err := damaged(t, db, wal); {
		case errors.Is(err, errPanic):
			panics++
		case err != nil:
			found++
		case cmp.Equal(got, events) || len(got) < len(events) && cmp.Equal(got, events[len(events)-len(got):]) && within > 0:
			harmless++
		case within == 0:
			t.Errorf("%s: opened, with %d events of %d", what, len(got), len(events))
		default:
			changed++ // a bit of a value: SQLite has no checksums of pages
		}
	}
	for _, size := range []int{1, 100, 4095, 4096, 4097, len(whole) / 2, len(whole) - 4096, len(whole) - 1} {
		try(fmt.Sprint("truncated to ", size), whole[:size], nil, 0)
	}
	for page := 0; page < len(whole); page += 4096 {
		zeroed := bytes.Clone(whole)
		clear(zeroed[page : page+4096])
		try(fmt.Sprint("zeroed page at ", page), zeroed, nil, 0)
	}
	for range 100 {
		flipped := bytes.Clone(whole)
		at := random.IntN(len(flipped))
		flipped[at] ^= 1 << random.IntN(8)
		try(fmt.Sprint("flipped a bit at ", at), flipped, nil, 1)
	}
	for i := range 60 { // of the WAL, what is before the damage is whole
		at := 32 + random.IntN(len(wal)-32)
		part := bytes.Clone(wal)
		if i%2 == 0 {
			part = part[:at]
		} else {
			part[at] ^= 1 << random.IntN(8)
		}
		try(fmt.Sprint("WAL at ", at), db, part, 1)
	}
	fmt.Printf("FAULT damaged-store found=%d harmless=%d a_value_changed=%d panics=%d seed=%d %s\n", found, harmless, changed, panics, seed, result(t))
}
