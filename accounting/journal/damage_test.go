package journal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// written makes a journal of 200 records and gives its file, and its WAL when it is not closed before.
func written(t *testing.T, closed bool) (db, wal []byte, records []Record) {
	path := file0(t)
	j, stop := start(t, path, Options{})
	for i := range 200 {
		rec := fmt.Sprintf("%d %s", i, strings.Repeat("x", i))
		records = append(records, Record{add(t, j, rec), []byte(rec)})
	}
	if closed {
		stop()
	}
	var err error
	if db, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	if wal, err = os.ReadFile(path + "-wal"); err != nil && !closed {
		t.Fatal(err)
	}
	return db, wal, records
}

// reopened puts files in place and reads what a new journal makes of them.
func reopened(t *testing.T, db, wal []byte) ([]Record, error) {
	path := file0(t)
	if err := os.WriteFile(path, db, 0o600); err != nil {
		t.Fatal(err)
	}
	if wal != nil {
		if err := os.WriteFile(path+"-wal", wal, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	j, err := Open(path, Options{})
	if err != nil {
		for _, want := range []string{path, "move it aside", "may hold events"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error does not say %q: %v", want, err)
			}
		}
		return nil, err
	}
	defer j.Close()
	return all(t, j), nil
}

func sameRecord(a, b Record) bool { return a.Seq == b.Seq && bytes.Equal(a.Bytes, b.Bytes) }

func TestDamagedFileIsFoundAtOpening(t *testing.T) {
	db, _, records := written(t, true)
	if got, err := reopened(t, db, nil); err != nil || !slices.EqualFunc(got, records, sameRecord) {
		t.Fatalf("the whole file gives %d records, %v", len(got), err)
	}
	found, harmless := 0, 0
	check := func(what string, damaged []byte) {
		t.Helper()
		got, err := reopened(t, damaged, nil)
		switch {
		case err != nil:
			found++
		case slices.EqualFunc(got, records, sameRecord):
			harmless++
		default:
			t.Errorf("%s: opened, with %d records of %d", what, len(got), len(records))
		}
	}
	for _, size := range []int{1, 100, 4095, 4096, 4097, len(db) / 2, len(db) - 4096, len(db) - 1} {
		check(fmt.Sprint("truncated to ", size), db[:size])
	}
	for page := 0; page < len(db); page += 4096 {
		damaged := bytes.Clone(db)
		clear(damaged[page : page+4096])
		check(fmt.Sprint("zeroed page at ", page), damaged)
	}
	for range 150 {
		at, bit := rand.IntN(len(db)), byte(1)<<rand.IntN(8)
		damaged := bytes.Clone(db)
		damaged[at] ^= bit
		check(fmt.Sprintf("byte %d xor %d", at, bit), damaged)
	}
	check("no database at all", bytes.Repeat([]byte("tollgate"), 2000))
	fault(t, "damaged-journal found=%d harmless=%d", found, harmless)
}

// What is behind a damaged place of the WAL is lost, as SQLite can't tell it from a torn tail; what is before
// it is whole.
func TestDamagedWALGivesAPrefix(t *testing.T) {
	db, wal, records := written(t, false)
	if got, err := reopened(t, db, wal); err != nil || !slices.EqualFunc(got, records, sameRecord) {
		t.Fatalf("the whole WAL gives %d records, %v", len(got), err)
	}
	for i := range 100 {
		at := 32 + 24 + 4096 + rand.IntN(len(wal)-32-24-4096)
		damaged := bytes.Clone(wal)
		what := "flipped a bit at"
		if i%3 == 0 {
			what, damaged = "truncated to", damaged[:at]
		} else {
			damaged[at] ^= 1 << rand.IntN(8)
		}
		got, err := reopened(t, db, damaged)
		if err != nil { // damage before the tables were there
			continue
		}
		if len(got) > len(records) || !slices.EqualFunc(got, records[:len(got)], sameRecord) {
			t.Errorf("%s %d: %d records that are no prefix", what, at, len(got))
		}
	}
}

func TestNewerFileIsLeftAlone(t *testing.T) {
	path := file0(t)
	_, stop := start(t, path, Options{})
	stop()
	f := &file{}
	if err := f.open(path, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := f.conn.Exec(`PRAGMA user_version = 99`); err != nil {
		t.Fatal(err)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); err == nil || !strings.Contains(err.Error(), "a newer version made it") || !strings.Contains(err.Error(), path) {
		t.Errorf("open: %v", err)
	}
}
