package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestReaderReadsBesideTheWriterAndChangesNothing(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "tollgate.db")
	s, err := Open(ctx, path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, err := OpenReader(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := s.SetPlans(ctx, map[string]int64{"pro": 1}); err != nil {
		t.Fatal(err)
	}
	if err := r.Check(ctx); err != nil {
		t.Error(err)
	}
	if at, err := r.Newest(ctx); err != nil || !at.Equal(time.Time{}) {
		t.Errorf("newest event of an empty store: %v, %v", at, err)
	}
	if err := r.SetPlans(ctx, map[string]int64{"pro": 2}); err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Errorf("a write by the reader: %v", err)
	}
}

func TestReaderWantsAStoreOfThisVersion(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	if _, err := OpenReader(ctx, filepath.Join(dir, "none.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	for name, tc := range map[string]struct{ content, want string }{
		"empty":   {"", "no store of tollgate's"},
		"text":    {strings.Repeat("this is no database ", 100), "not a database"},
		"shorter": {"SQLite format 3\x00", "not a database"},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(tc.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if r, err := OpenReader(ctx, path); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
			if err == nil {
				r.Close()
			}
		}
		if got, _ := os.ReadFile(path); string(got) != tc.content {
			t.Errorf("%s: the file was changed", name)
		}
	}
	path := filepath.Join(dir, "newer.db")
	s, err := Open(ctx, path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.writer.db.ExecContext(ctx, `PRAGMA user_version = 99`); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := OpenReader(ctx, path); err == nil || !strings.Contains(err.Error(), "newer tollgate") {
		t.Errorf("newer: %v", err)
	}
}
