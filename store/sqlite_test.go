package store_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/tollgate/tollgate/store"
	"github.com/tollgate/tollgate/store/storetest"
)

var _ storetest.Store = (*store.Store)(nil)

func openStore(t *testing.T, file string, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), file, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestSQLiteIsAStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, forgive bool, now func() time.Time) storetest.Store {
		return openStore(t, filepath.Join(t.TempDir(), "tollgate.db"), store.Options{Forgive: forgive, Now: now})
	})
}
