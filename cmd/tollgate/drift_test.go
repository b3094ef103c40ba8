package main_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tollgate/tollgate/store/pgtest"
)

// TestVerifyFindsWhatAHandChanged in a shared database, beside the gateway that uses it.
func TestVerifyFindsWhatAHandChanged(t *testing.T) {
	t.Parallel()
	_, origin := newProvider(t)
	database := pgtest.URL(t)
	dir, yaml := sharing(t, origin, database)
	c := begin(t, dir, yaml)
	for _, account := range []string{"acme", "other"} {
		key := c.account(t, account, 1000, nil)
		if got := status(t, c.data, key, 100); got != http.StatusOK {
			t.Fatalf("status %d", got)
		}
		c.events(t, account) // all is stored
	}
	if said, status := tollgate(t, dir, "verify"); status != 0 || said != "ok: 2 accounts, 0 drift\n" {
		t.Errorf("before: status %d, %s", status, said)
	}
	found := 0
	for _, change := range []struct{ by, back, says string }{
		{"UPDATE account_period SET used = used - 7 WHERE account = 'acme'", "UPDATE account_period SET used = used + 7 WHERE account = 'acme'",
			"account acme: monthly tokens used by events: should be 100, is 93"},
		{"UPDATE usage_hourly SET charged_total = charged_total * 2 WHERE account = 'other'", "UPDATE usage_hourly SET charged_total = charged_total / 2 WHERE account = 'other'",
			"account other: rollups by events: should be 100, is 200"},
		{"DELETE FROM ledger_entry WHERE account = 'acme' AND kind = 'usage'", "", "account acme: monthly pool by the ledger: should be 1000, is 900"},
	} {
		pgtest.Exec(t, database, change.by)
		said, status := tollgate(t, dir, "verify")
		if status != 1 || !strings.Contains(said, change.says) {
			t.Errorf("%s: status %d, %s", change.by, status, said)
			continue
		}
		found++
		pgtest.Exec(t, database, change.back)
	}
	fmt.Printf("FAULT verify-by-hand drifts=3 found=%d %s\n", found, verdict(t))
	c.stop(t)
}
