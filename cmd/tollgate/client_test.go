package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/admin"
	"github.com/tollgate/tollgate/admin/dashboard"
	"github.com/tollgate/tollgate/store"
)

// shell runs the commands against a real admin plane.
type shell struct {
	t     *testing.T
	store *store.Store
}

func newShell(t *testing.T) *shell {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "tollgate.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	plans := map[string]int64{"pro": 10_000_000}
	if err := s.SetPlans(t.Context(), plans); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(admin.New(admin.Options{
		Store: s, Sync: func(context.Context) error { return nil }, Held: func(string) int64 { return 0 }, Kick: func() {},
		Plans: func() map[string]int64 { return plans }, Activities: func() []string { return nil },
		Providers: func() []string { return []string{"openai"} },
		Tokens: func() []admin.Token {
			return []admin.Token{{Name: "admin", Secret: "secret-admin-token", Role: admin.RoleAdmin}}
		}, Pages: dashboard.Files(),
		Ready: func() error { return nil }, Registry: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	}))
	t.Cleanup(server.Close)
	t.Setenv("TOLLGATE_ADMIN_URL", server.URL)
	t.Setenv("TOLLGATE_ADMIN_TOKEN", "secret-admin-token")
	return &shell{t, s}
}

// run runs a command line, words separated by spaces, and returns what it printed.
func (s *shell) run(line string) (status int, stdout, stderr string) {
	s.t.Helper()
	var out, hints strings.Builder
	status = run(strings.Fields(line), &out, &hints)
	return status, out.String(), hints.String()
}

// must is run for commands that have to go well.
func (s *shell) must(line string) string {
	s.t.Helper()
	status, stdout, stderr := s.run(line)
	if status != 0 {
		s.t.Fatalf("tollgate %s: status %d, %s", line, status, stderr)
	}
	return stdout
}

// prints wants each pattern in what a command prints; a space in a pattern stands for any run of spaces.
func (s *shell) prints(line string, patterns ...string) {
	s.t.Helper()
	got := s.must(line)
	for _, pattern := range patterns {
		if !regexp.MustCompile(`(?m)` + strings.ReplaceAll(pattern, " ", ` +`)).MatchString(got) {
			s.t.Errorf("tollgate %s: no %q in\n%s", line, pattern, got)
		}
	}
}

// member is one of the JSON object that a command prints.
func (s *shell) member(line, name string) string {
	s.t.Helper()
	got := s.must(line)
	var object map[string]any
	if err := json.Unmarshal([]byte(got), &object); err != nil {
		s.t.Fatalf("tollgate %s printed %q: %v", line, got, err)
	}
	text, ok := object[name].(string)
	if !ok {
		s.t.Fatalf("tollgate %s: no %s in %s", line, name, got)
	}
	return text
}

func (s *shell) settle(account string, events ...accounting.Event) {
	s.t.Helper()
	now := time.Now()
	pools, err := s.store.Pools(s.t.Context(), account, now)
	if err != nil {
		s.t.Fatal(err)
	}
	batch := accounting.Batch{Journal: "test", Upto: int64(len(events)), At: now}
	for _, e := range events {
		e.Account, e.StartedAt, e.Outcome, e.Measured, e.Status = account, now, accounting.Completed, accounting.ByProvider, 200
		e.Tokens.Total = e.Tokens.Input + e.Tokens.Output
		e.Charged.Total = e.Tokens.Total
		batch.Settlements = append(batch.Settlements, accounting.Settlement{Event: e, PeriodStart: pools.Running().Start, Epoch: "epoch"})
	}
	if err := s.store.Apply(s.t.Context(), batch); err != nil {
		s.t.Fatal(err)
	}
}

func TestAccountsFromAShell(t *testing.T) {
	s := newShell(t)
	s.prints("account create acme --monthly-tokens 2000000 --timezone Asia/Manila --reset-day 15 --name Acme", `^id acme$`, `^monthly tokens 2000000$`, `^plan -$`)
	s.must("account create beta --plan pro")
	s.prints("account list", `^ID NAME PLAN`, `^acme Acme - 2000000 15 Asia/Manila active$`, `^beta beta pro - 1 UTC active$`)
	s.prints("account change acme --plan pro --monthly-tokens none --status suspended --admission strict", `^plan pro$`, `^monthly tokens -$`, `^status suspended$`, `^admission strict$`)
	s.prints("account change acme --monthly-tokens 5 --effective next_period", `^plan pro$`, `^next monthly tokens 5$`)
	s.prints("account show acme", `^name Acme$`)
	s.prints("account tokens acme", `^tokens 0 of 10000000 used, 10000000 remaining$`, `^monthly usage reset .* \(Asia/Manila\)$`, `^extra tokens 0 of 0 used, 0 remaining$`, `^blocked false$`)
	s.prints("account ledger acme", `^SEQ AT KIND`, `^1 .* opened 2000000 0 2000000 0`)
	s.prints("account delete acme", `^deleted acme$`)
	if got := s.must("account list"); strings.Contains(got, "acme") {
		t.Errorf("a deleted account is listed:\n%s", got)
	}
}

func TestKeysFromAShell(t *testing.T) {
	s := newShell(t)
	s.must("account create acme --plan pro")
	s.prints("key create acme --name backend", `^id key_[0-9a-f]+$`, `^secret tg_[A-Za-z0-9_-]{43} \(shown only now\)$`, `^scope call$`)
	id := s.member("key create acme --json --scope view --origins https://a.example,https://b.example --ttl-seconds 900 --monthly-cap 5 --models gpt-4o*", "id")
	s.prints("key list acme", `backend call chat`, "^"+id+` .*view`)
	s.prints("key change acme "+id+" --monthly-cap none --models= --expires-at none --name page", `^name page$`, `^monthly cap -$`, `^models -$`, `^expires -$`,
		`^origins https://a.example,https://b.example$`, `^labels fixed$`)
	s.prints("key revoke acme "+id, `^revoked 20`)
	status, _, stderr := s.run("key change acme " + id + " --name again")
	if status != 1 || stderr != "tollgate: the key is revoked (conflict)\n" {
		t.Errorf("status %d, %q", status, stderr)
	}
}

func TestGrantsFromAShell(t *testing.T) {
	s := newShell(t)
	s.must("account create acme --plan pro")
	id := s.member("grant create acme --tokens 500 --reference invoice-1 --expires-at 2126-01-01T00:00:00Z --json", "id")
	if again := s.member("grant create acme --tokens 500 --reference invoice-1 --json", "id"); again != id {
		t.Errorf("the same purchase made %s and %s", id, again)
	}
	s.prints("grant list acme", "^"+id+` invoice-1 500 500 2126-01-01T00:00:00Z`)
	s.prints("grant void acme "+id, `^remaining 0$`, `^voided 20`)
}

func TestUsageFromAShell(t *testing.T) {
	s := newShell(t)
	s.must("account create acme --plan pro")
	s.settle("acme",
		accounting.Event{ID: "019a0000-0000-7000-8000-000000000001", Activity: "chat", Model: "gpt-4o", Key: "key_1", Tokens: accounting.Tokens{Input: 10, Output: 5}},
		accounting.Event{ID: "019a0000-0000-7000-8000-000000000002", Activity: "ingest", Model: "=cmd\x1b[2J", Key: "key_1", Tokens: accounting.Tokens{Input: 100}})
	today := time.Now().UTC().Format(time.DateOnly)
	s.prints("usage acme", `^DAY REQUESTS INPUT OUTPUT CHARGED MONTHLY EXTRA OVERDRAFT$`, "^"+today+` 2 110 5 115 115 0 0$`)
	s.prints("usage acme --group-by activity,key --from 2020-01-01 --to 2126-01-01", `^ACTIVITY KEY`, `^chat key_1 1 10 5`, `^ingest key_1 1 100 0`)
	s.prints("usage acme --group-by=", `^2 110 5 115`)
	s.prints("usage acme --group-by activity --activity chat --key key_1 --provider= --chatbot= --model=", `^chat 1 10 5`)
	s.prints("usage acme --csv --group-by activity --activity ingest", `^activity,requests`, `^ingest,1,100,0`)
	s.prints("usage acme --csv --group-by activity", `^activity,requests,tokens_input`, `^chat,1,10,5`)
	s.prints("usage acme --json", `^\{"data":\[\{"day":"`+today)
	s.prints("events acme", `chat - gpt-4o 200 completed provider 10 5 15 019a0000-0000-7000-8000-000000000001$`)
	if got := s.must("events acme --activity ingest"); strings.Contains(got, "\x1b") || strings.Contains(got, "gpt-4o") || !strings.Contains(got, "=cmd\uFFFD[2J") {
		t.Errorf("got %q", got)
	}
	s.prints("events acme --limit 1 --json", `"next_cursor":"`)
	_, _, hint := s.run("events acme --limit 1")
	cursor := strings.TrimSpace(strings.TrimPrefix(hint, "there are more: --cursor "))
	s.prints("events acme --limit 1 --cursor "+cursor, `000000000001$`)
}

func TestRefusedCommandsSayWhatIsWrong(t *testing.T) {
	s := newShell(t)
	s.must("account create acme --plan pro")
	for line, want := range map[string]string{
		"account create acme --plan pro":              "tollgate: there is an account acme already, or there was one (already_exists: id)\n",
		"account create beta --plan gold":             "tollgate: there is no plan \"gold\"; gateway.yaml has pro (invalid_field: plan)\n",
		"account show a/keys":                         "tollgate: there is no account \"a/keys\" (not_found)\n",
		"grant create acme --tokens 0 --reference r":  "tollgate: tokens must be between 1 and 9007199254740992 (invalid_field: tokens)\n",
		"key create acme --origins *":                 "tollgate: origins[0]: \"*\" must be an origin as https://app.example.com (invalid_field: origins)\n",
		"account list --limit 0":                      "tollgate: limit must be a number between 1 and 1000, not \"0\" (invalid_field: limit)\n",
		"usage acme --group-by week":                  "tollgate: group_by takes day,activity,chatbot,model,provider,key, not \"week\" (invalid_field: group_by)\n",
		"usage none --csv":                            "tollgate: there is no account \"none\" (not_found)\n",
		"account list --admin-url http://127.0.0.1:1": "tollgate: admin API http://127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused\n",
		"account list --admin-url " + notTollgate(t):  "tollgate: admin API " + elsewhere + ": status 302, not an answer of Tollgate's admin API\n",
	} {
		status, stdout, stderr := s.run(line)
		stderr = strings.ReplaceAll(stderr, os.Getenv("ELSEWHERE"), elsewhere)
		if status != 1 || stdout != "" || stderr != want {
			t.Errorf("tollgate %s: status %d, stdout %q, stderr\n%q, want\n%q", line, status, stdout, stderr, want)
		}
	}
	if status, _, stderr := s.run("account change acme --monthly-tokens many"); status != 2 || !strings.Contains(stderr, `must be a whole number or none, not "many"`) {
		t.Errorf("status %d, %q", status, stderr)
	}
	if status, _, _ := s.run("account create"); status != 2 {
		t.Errorf("no id: status %d", status)
	}
}

// elsewhere stands for the address of notTollgate in messages.
const elsewhere = "http://elsewhere"

// notTollgate is a server that is none of ours and sends its callers away: nothing may follow it with the token.
func notTollgate(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stolen" {
			t.Error("a redirect was followed")
		}
		http.Redirect(w, r, "/stolen", http.StatusFound)
	}))
	t.Cleanup(server.Close)
	t.Setenv("ELSEWHERE", server.URL)
	return server.URL
}

func TestTheAdminTokenComesFromEnvironmentOrFile(t *testing.T) {
	s := newShell(t)
	t.Chdir(t.TempDir())
	t.Setenv("TOLLGATE_ADMIN_TOKEN", "")
	status, _, stderr := s.run("account list")
	if status != 1 || stderr != "tollgate: set TOLLGATE_ADMIN_TOKEN, or run this where data/admin.token is (unauthorized)\n" {
		t.Errorf("without a token: status %d, %q", status, stderr)
	}
	if err := os.Mkdir("data", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("data/admin.token", []byte("secret-admin-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.prints("account list", `^ID`)
	t.Setenv("TOLLGATE_ADMIN_TOKEN", "wrong")
	if status, _, stderr := s.run("account list"); status != 1 || !strings.Contains(stderr, "the admin token must stand in Authorization: Bearer (unauthorized)") {
		t.Errorf("a wrong token: status %d, %q", status, stderr)
	}
	if help := run([]string{"account", "--help"}, io.Discard, io.Discard); help != 0 {
		t.Errorf("--help: status %d", help)
	}
}
