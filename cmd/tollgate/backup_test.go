package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/accounting/journal"
	"github.com/tollgate/tollgate/store"
)

// site is a data_dir with the file that names it: what the commands are told.
type site struct {
	t              *testing.T
	data, file     string
	upstream       string
	backup, stored string // FILE, and the store's path
}

func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{t: t, data: filepath.Join(dir, "data"), file: filepath.Join(dir, "gateway.yaml"), backup: filepath.Join(dir, "backup")}
	s.stored = filepath.Join(s.data, storeFile)
	_, s.upstream = newUpstream(t)
	text := fmt.Sprintf("listen: 127.0.0.1:0\nadmin: { listen: \"127.0.0.1:0\", token: %q }\ndata_dir: %q\n", testToken, s.data)
	if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) serve() *inProcess {
	s.t.Helper()
	return startOn(s.t, s.data, s.upstream, testProviderKey, "")
}

// run runs a command with this site's file.
func (s *site) run(args ...string) (status int, stdout, stderr string) {
	s.t.Helper()
	var out, complaints strings.Builder
	status = run(append(args, "--config", s.file), &out, &complaints)
	return status, out.String(), complaints.String()
}

func (s *site) must(args ...string) string {
	s.t.Helper()
	status, stdout, stderr := s.run(args...)
	if status != 0 {
		s.t.Fatalf("tollgate %q: status %d, %s%s", args, status, stdout, stderr)
	}
	return stdout
}

// fails wants status 1 and the words in what is said.
func (s *site) fails(words string, args ...string) {
	s.t.Helper()
	status, stdout, stderr := s.run(args...)
	if status != statusFailed || !strings.Contains(stdout+stderr, words) {
		s.t.Errorf("tollgate %q: status %d, %s%s; want 1 and %q", args, status, stdout, stderr, words)
	}
}

// book is all that a store holds of the account acme.
type book struct {
	Events []accounting.Event
	Ledger []accounting.Entry
	Grants []accounting.Grant
}

func readBook(t *testing.T, path string) (b book) {
	t.Helper()
	ctx := context.Background()
	s, err := store.OpenReader(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if drifts, err := s.Verify(ctx); err != nil || len(drifts) > 0 {
		t.Errorf("verify %s: %v, %v", path, drifts, err)
	}
	if b.Events, err = s.Events(ctx, "acme", accounting.EventFilter{}, "", 10_000); err != nil {
		t.Fatal(err)
	}
	if b.Ledger, err = s.Ledger(ctx, "acme", 1<<62, 10_000); err != nil {
		t.Fatal(err)
	}
	if b.Grants, err = s.Grants(ctx, "acme", "", 1000); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b book) ids() map[string]bool {
	ids := make(map[string]bool, len(b.Events))
	for _, e := range b.Events {
		ids[e.ID] = true
	}
	return ids
}

// traffic asks until it is told to stop, and remembers the events of what was answered whole.
type traffic struct {
	stop  chan struct{}
	group sync.WaitGroup
	lock  sync.Mutex
	ids   map[string]bool
}

func newTraffic(p *inProcess, key string) *traffic {
	f := &traffic{stop: make(chan struct{}), ids: map[string]bool{}}
	for range 4 {
		f.group.Go(func() {
			for {
				select {
				case <-f.stop:
					return
				default:
				}
				res, _ := p.do(p.request(context.Background(), "POST", p.data+chatPath, key, scripted("", `{"input":20,"output":5,"delay_ms":2}`)))
				if res.StatusCode != http.StatusOK {
					p.t.Errorf("under load: %s", res.Status)
					return
				}
				f.lock.Lock()
				f.ids[res.Header.Get("X-Tollgate-Request-Id")] = true
				f.lock.Unlock()
			}
		})
	}
	return f
}

func (f *traffic) answered() map[string]bool {
	f.lock.Lock()
	defer f.lock.Unlock()
	return maps.Clone(f.ids)
}

func (f *traffic) atLeast(t *testing.T, n int) map[string]bool {
	t.Helper()
	eventually(t, fmt.Sprint(n, " answers"), func() bool { return len(f.answered()) >= n })
	return f.answered()
}

func (f *traffic) end() map[string]bool {
	close(f.stop)
	f.group.Wait()
	return f.ids
}

// TestRestoreIsTheStateOfTheBackup takes a backup under load and goes back to it.
func TestRestoreIsTheStateOfTheBackup(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	gateway := s.serve()
	key := gateway.account("acme", 300, "") // so that both pools pay
	gateway.manage("POST", "/api/v1/accounts/acme/grants", `{"tokens":1000000,"reference":"before"}`, nil)
	load := newTraffic(gateway, key)
	before := load.atLeast(t, 30)
	s.must("backup", s.backup, "--admin-url", gateway.admin)
	load.atLeast(t, len(load.answered())+30)
	all := load.end()
	gateway.manage("POST", "/api/v1/accounts/acme/grants", `{"tokens":7,"reference":"after"}`, nil)
	s.fails("a gateway runs on", "restore", s.backup)
	gateway.end()

	want := readBook(t, s.backup)
	missing := maps.Clone(before)
	maps.DeleteFunc(missing, func(id string, _ bool) bool { return want.ids()[id] })
	if len(missing) > 0 || len(want.Events) >= len(all) {
		t.Errorf("the backup lacks %d of %d events that were answered before it, and has %d of %d", len(missing), len(before), len(want.Events), len(all))
	}
	said := s.must("restore", s.backup)
	if diff := cmp.Diff(want, readBook(t, s.stored)); diff != "" {
		t.Errorf("the restored store is not the backup: %s", diff)
	}
	replaced := s.replaced(said)
	if got := readBook(t, filepath.Join(replaced, storeFile)).ids(); !maps.Equal(got, all) {
		t.Errorf("what was moved aside has %d events, want %d", len(got), len(all))
	}
	gateway = s.serve()
	if got := gateway.events("acme"); len(got) != len(want.Events) {
		t.Errorf("the gateway has %d events after its start, want %d", len(got), len(want.Events))
	}
	s.answers(gateway, key) // the leases of the life that was backed up are over
	gateway.end()
	got := readBook(t, s.stored)
	if diff := cmp.Diff(want.Events, got.Events[1:]); len(got.Events) != len(want.Events)+1 || diff != "" {
		t.Errorf("the next life has %d events, want %d and one: %s", len(got.Events), len(want.Events), diff)
	}
	s.must("verify")
}

// answers makes one request that must go well.
func (s *site) answers(gateway *inProcess, key string) {
	s.t.Helper()
	res, answer := gateway.do(gateway.request(s.t.Context(), "POST", gateway.data+chatPath, key, scripted("", `{}`)))
	if res.StatusCode != http.StatusOK {
		s.t.Errorf("the restored gateway answers %s: %s", res.Status, answer)
	}
}

// replaced is the folder that restore named.
func (s *site) replaced(said string) string {
	s.t.Helper()
	folders, err := filepath.Glob(filepath.Join(s.data, "replaced-*"))
	if err != nil || len(folders) == 0 || !strings.Contains(said, folders[len(folders)-1]) {
		s.t.Fatalf("restore said %q; there is %q", said, folders)
	}
	return folders[len(folders)-1]
}

// TestKeptJournalRefillsTheStore loses the store and nothing else.
func TestKeptJournalRefillsTheStore(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	gateway := s.serve()
	key := gateway.account("acme", 1_000_000, "")
	s.answers(gateway, key)
	s.must("backup", s.backup, "--admin-url", gateway.admin)
	for range 5 {
		s.answers(gateway, key)
	}
	gateway.end()
	want := readBook(t, s.stored).ids()
	for _, path := range []string{s.stored, s.stored + "-wal"} {
		if err := os.WriteFile(path, bytes.Repeat([]byte("rubbish "), 1000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.fails("not a database", "verify")
	s.must("restore", s.backup, "--keep-journal")
	gateway = s.serve()
	s.answers(gateway, key)
	gateway.end()
	got := readBook(t, s.stored).ids()
	if len(got) != len(want)+1 {
		t.Errorf("%d events, want %d and one", len(got), len(want))
	}
	for id := range want {
		if !got[id] {
			t.Errorf("event %s is lost", id)
		}
	}
}

// TestBackupOfAStoppedGateway has events in its journal that the store has not got.
func TestBackupOfAStoppedGateway(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	gateway := s.serve()
	s.answers(gateway, gateway.account("acme", 1_000_000, ""))
	gateway.end()
	s.journals(5)
	s.must("backup", s.backup)
	if got := readBook(t, s.backup); len(got.Events) != 6 {
		t.Errorf("the backup has %d events, want 6", len(got.Events))
	}
	kept, err := os.ReadFile(s.backup)
	if err != nil {
		t.Fatal(err)
	}
	s.fails("is there already", "backup", s.backup)
	s.fails("what the gateway works on", "backup", s.stored, "--force")
	if now, _ := os.ReadFile(s.backup); !bytes.Equal(now, kept) {
		t.Error("a refused backup changed the file")
	}
	s.must("backup", s.backup, "--force")
	if info, err := os.Stat(s.backup); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup's mode is %v, %v", info.Mode(), err)
	}
	if said := s.must("verify", s.backup); said != "ok: 1 accounts, 0 drift\n" {
		t.Errorf("verify of the backup said %q", said)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(s.backup), ".tollgate-backup-*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// journals settles requests of acme while no recorder runs.
func (s *site) journals(n int) {
	s.t.Helper()
	j, err := journal.Open(filepath.Join(s.data, journalFile), journal.Options{Keep: time.Hour, KeepBytes: 1 << 20})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- j.Run(ctx) }()
	r := accounting.NewRecorder(j, nil, accounting.RecorderOptions{Logger: slog.New(slog.DiscardHandler)})
	for range n {
		e := accounting.Event{ID: uuid.Must(uuid.NewV7()).String(), Account: "acme", Outcome: accounting.Completed, StartedAt: time.Now()}
		e.Tokens.Input, e.Tokens.Total, e.Charged.Total = 10, 10, 10
		if err := r.Settle(accounting.Settlement{Event: e, PeriodStart: time.Now()}, false); err != nil {
			s.t.Error(err)
		}
	}
	end()
	if err := <-ended; err != nil {
		s.t.Error(err)
	}
	if err := j.Close(); err != nil {
		s.t.Error(err)
	}
}

func TestRestoreChecksFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	gateway := s.serve()
	key := gateway.account("acme", 1_000_000, "")
	for range 3 {
		s.answers(gateway, key)
	}
	gateway.end()
	s.must("backup", s.backup)
	whole, err := os.ReadFile(s.backup)
	if err != nil {
		t.Fatal(err)
	}
	newer := bytes.Clone(whole)
	newer[63] = 99 // user_version
	holed := bytes.Clone(whole)
	clear(holed[3*4096 : 6*4096])
	names := s.names()
	for name, tc := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":     {nil, "no backup of tollgate's"},
		"text":      {bytes.Repeat([]byte("text "), 1000), "no backup of tollgate's"},
		"cut short": {whole[:len(whole)/2], "nothing was changed"},
		"damaged":   {holed, "nothing was changed"},
		"newer":     {newer, "newer tollgate"},
	} {
		if err := os.WriteFile(s.backup, tc.content, 0o600); err != nil {
			t.Fatal(err)
		}
		before := readBook(t, s.stored)
		s.fails(tc.want, "restore", s.backup)
		if diff := cmp.Diff(before, readBook(t, s.stored)); diff != "" {
			t.Errorf("%s: the store was changed: %s", name, diff)
		}
		if now := s.names(); !slices.Equal(now, names) {
			t.Errorf("%s: data_dir holds %q, want %q", name, now, names)
		}
	}
	s.fails("no such file", "restore", s.backup+"-none")
}

// names are the files of data_dir that stay.
func (s *site) names() (names []string) {
	s.t.Helper()
	entries, err := os.ReadDir(s.data)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), "-wal") && !strings.HasSuffix(e.Name(), "-shm") {
			names = append(names, e.Name())
		}
	}
	return names
}

// TestRestoreOnABareMachine has a backup and nothing else.
func TestRestoreOnABareMachine(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	gateway := s.serve()
	key := gateway.account("acme", 1_000_000, "")
	s.answers(gateway, key)
	s.must("backup", s.backup, "--admin-url", gateway.admin)
	gateway.end()
	if err := os.RemoveAll(s.data); err != nil {
		t.Fatal(err)
	}
	s.fails("no such file", "verify")
	s.fails("holds no store", "backup", s.backup+"2")
	if said := s.must("restore", s.backup); strings.Contains(said, "replaced") {
		t.Errorf("nothing was replaced, but restore said %q", said)
	}
	gateway = s.serve()
	s.answers(gateway, key)
	if got := gateway.events("acme"); len(got) != 2 {
		t.Errorf("%d events, want 2", len(got))
	}
	gateway.end()
}

func TestRestoreReplacesADamagedJournal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	gateway := s.serve()
	key := gateway.account("acme", 1_000_000, "")
	s.answers(gateway, key)
	s.must("backup", s.backup, "--admin-url", gateway.admin)
	gateway.end()
	damaged := filepath.Join(s.data, journalFile)
	rubbish := bytes.Repeat([]byte("rubbish "), 1000)
	if err := os.WriteFile(damaged, rubbish, 0o600); err != nil {
		t.Fatal(err)
	}
	s.fails("damaged", "backup", s.backup+"2")
	s.fails("damaged", "restore", s.backup, "--keep-journal")
	said := s.must("restore", s.backup)
	if kept, _ := os.ReadFile(filepath.Join(s.replaced(said), journalFile)); !bytes.Equal(kept, rubbish) {
		t.Error("the damaged journal was not kept as it was")
	}
	gateway = s.serve()
	s.answers(gateway, key)
	gateway.end()
}

func TestVerifyPrintsEachDrift(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	gateway := s.serve()
	s.answers(gateway, gateway.account("acme", 1_000_000, ""))
	gateway.account("beta", 1_000_000, "")
	gateway.events("acme") // which waits for the store
	if said := s.must("verify"); said != "ok: 2 accounts, 0 drift\n" {
		t.Errorf("beside a running gateway it said %q", said)
	}
	gateway.end()
	db, err := sql.Open("sqlite3", "file:"+s.stored)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`UPDATE account_period SET used = used + 7 WHERE account = 'acme'`); err != nil {
		t.Fatal(err)
	}
	s.fails("account acme: monthly tokens used by events: should be", "verify")
	s.fails("2 accounts, 2 drift", "verify")
}
