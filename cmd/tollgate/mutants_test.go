package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tollgate/tollgate/store/pgtest"
)

// mutant is the program with one bug in it, and the test that has to notice.
type mutant struct {
	bug      string
	file     string // of the module
	from, to string
	caught   string // package and test
}

var mutants = []mutant{
	{
		"no fsync", "accounting/journal/file.go",
		`want := "2"`, `want := "0"`,
		"accounting/journal ^TestPowerLossLosesNothingAcknowledged$",
	},
	{
		"ack before commit", "accounting/journal/batch.go",
		"<-b.done\n\treturn b.first + int64(i), b.err", "return b.first + int64(i), nil",
		"accounting/journal ^TestEveryAppendIsSyncedBeforeItReturns$",
	},
	{
		"end released before journal", "proxy/tap.go",
		"if !t.c.settled && t.c.settle(outcome) != nil {\n\t\tt.err = errUnrecorded\n\t\treturn\n\t}",
		"if !t.c.settled {\n\t\tt.c.settled = true\n\t\tgo t.c.settle(outcome)\n\t}",
		"proxy ^TestUnrecordedAnswerIsCut$",
	},
	{
		"hold not released", "policy/hold.go",
		"{ h.end(0, false) }", "{}",
		"policy ^TestConcurrent$",
	},
	{
		"month split at grant", "store/apply.go",
		"events = eventArguments(", "monthly := min(s.Event.Charged.Total, before[s.Event.Account].Monthly)\n" +
			"\t\ts.Event.Charged.Extra += s.Event.Charged.Monthly - monthly\n\t\ts.Event.Charged.Monthly = monthly\n\t\tevents = eventArguments(",
		"store ^TestSQLiteIsAStore$/^a_batch_is_stored_once$",
	},
	{
		"period of the settlement", "store/apply.go",
		"start := admitted(s)", "start := at",
		"store ^TestSQLiteIsAStore$/^events_are_charged_to_the_period_of_their_admission$",
	},
	{
		"no position check", "store/apply.go",
		"if l.at != b.After {", "if false {",
		"accounting ^TestRewoundStoreIsRefilled$",
	},
	{
		"a share is told with each charge", "accounting/notice.go",
		" && !had.reached(share)", "",
		"accounting ^TestNotices$",
	},
	{
		"a notice is claimed by all", "store/notice.go",
		"SET due_at = $4, tries", "SET due_at = due_at + 0 * $4, tries",
		"store ^TestSQLiteIsAStore$/^a_notice_is_one_replica's_at_a_time$",
	},
	{
		"accounts not locked", "store/postgres.go",
		`forUpdate: " FOR UPDATE", `, "",
		"store ^TestOneOfManyIsLentTheLast$",
	},
	{
		"closed lives are lent more", "store/replica.go",
		"return l.drainedAt != 0", "return false",
		"store ^TestSQLiteIsAStore$/^a_replica_that_is_not_seen_any_more_forfeits_its_leases$",
	},
	{
		"earlier periods' leases not counted", "accounting/exchange.go",
		"- running - min(balance.Extra, draw)", "- running - min(0, draw)",
		"accounting ^TestEarlierPeriodsClaimOnlyWhatTheirOwnPoolCannotPay$",
	},
	{
		"others' use of a cap not heard", "policy/cap.go",
		"(g.alone ||", "(true ||",
		"policy ^TestCapAcrossReplicas$",
	},
}

// TestEachSeededBugIsCaught builds the program with each bug and expects the test that is there for it to fail.
func TestEachSeededBugIsCaught(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	caught := 0
	for _, m := range mutants {
		t.Run(m.bug, func(t *testing.T) {
			if strings.Contains(m.file, "postgres") {
				pgtest.URL(t) // skips where there is none
			}
			if m.isCaught(t, root) {
				caught++
			}
		})
	}
	fmt.Printf("FAULT seeded-bugs bugs=%d caught=%d %s\n", len(mutants), caught, verdict(t))
}

func (m mutant) isCaught(t *testing.T, root string) bool {
	t.Helper()
	path := filepath.Join(root, m.file)
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.from); n != 1 {
		t.Fatalf("%s has %q %d times, want once", m.file, m.from, n)
	}
	dir := t.TempDir()
	bugged, overlay := filepath.Join(dir, "bugged.go"), filepath.Join(dir, "overlay.json")
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{path: bugged}})
	if err != nil {
		t.Fatal(err)
	}
	do(t, func() error {
		return os.WriteFile(bugged, []byte(strings.Replace(string(source), m.from, m.to, 1)), 0o600)
	},
		func() error { return os.WriteFile(overlay, list, 0o600) })
	pkg, test, _ := strings.Cut(m.caught, " ")
	args := []string{"test", "-overlay", overlay, "-count=1", "-vet=off", "-timeout=3m", "-run", test}
	if raced {
		args = append(args, "-race")
	}
	run := exec.CommandContext(t.Context(), "go", append(args, "./"+pkg)...)
	run.Dir = root
	said, err := run.CombinedOutput()
	if err == nil || !strings.Contains(string(said), "--- FAIL: ") {
		t.Errorf("%s: %s did not notice (%v):\n%s", m.bug, m.caught, err, said[max(0, len(said)-2000):])
		return false
	}
	return true
}
