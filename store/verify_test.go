package store_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/store"
	"github.com/tollgate/tollgate/store/pgtest"
)

func TestVerifyFindsEachKindOfDrift(t *testing.T) {
	for name, open := range map[string]func(*testing.T) (s *store.Store, damage func(string)){"SQLite": damagedFile, "Postgres": damagedDatabase} {
		t.Run(name, func(t *testing.T) { findsEachKindOfDrift(t, open) })
	}
}

func damagedFile(t *testing.T) (*store.Store, func(string)) {
	file := filepath.Join(t.TempDir(), "tollgate.db")
	s, hand := openStore(t, file, store.Options{}), raw(t, file)
	return s, func(statement string) {
		if _, err := hand.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

func damagedDatabase(t *testing.T) (*store.Store, func(string)) {
	url := pgtest.URL(t)
	return connect(t, url, store.Options{}), func(statement string) { pgtest.Exec(t, url, statement) }
}

func findsEachKindOfDrift(t *testing.T, open func(*testing.T) (*store.Store, func(string))) {
	for _, c := range []struct {
		damage string
		want   []string
	}{
		{`UPDATE account_period SET used = used - 1 WHERE account = 'acme'`, []string{"monthly pool by the ledger", "monthly tokens used by events"}},
		{`UPDATE account_period SET overdraft = overdraft + 1 WHERE account = 'acme'`, []string{"overdraft by events and purchases"}},
		{`UPDATE "grant" SET remaining = remaining + 5`, []string{"extra pool by the ledger", "extra pool by purchases and events"}},
		{`UPDATE ledger_entry SET monthly_delta = monthly_delta - 1 WHERE kind = 'usage'`, []string{"ledger entries whose balance is not the sum of the changes"}},
		{`UPDATE usage_event SET charged_total = charged_total + 1`, []string{"events whose charge is not the sum of its split", "rollups by events"}},
		{`DELETE FROM usage_event`, []string{"extra pool by purchases and events", "monthly tokens used by events", "overdraft by events and purchases", "rollups by events"}},
		{`UPDATE usage_hourly SET charged_total = 0`, []string{"rollups by events"}},
	} {
		s, damage := open(t)
		account(t, s, "acme", 100)
		account(t, s, "other", 100)
		if _, _, err := s.CreateGrant(t.Context(), accounting.Grant{Account: "acme", Reference: "r", Tokens: 50}, now); err != nil {
			t.Fatal(err)
		}
		b := accounting.Batch{Journal: "j", Upto: 1, At: now, Settlements: []accounting.Settlement{event("acme", 1, 160)}}
		if err := s.Apply(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if drifts, err := s.Verify(t.Context()); err != nil || len(drifts) != 0 {
			t.Fatalf("before the damage: %+v, %v", drifts, err)
		}
		damage(c.damage)
		drifts, err := s.Verify(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range drifts {
			if d.Account != "acme" || d.Want == d.Have {
				t.Errorf("%s: drift %+v", c.damage, d)
			}
			got = append(got, d.What)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.damage, diff)
		}
	}
}
