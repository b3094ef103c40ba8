package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/proxy/proxytest"
	"github.com/tollgate/tollgate/store/pgtest"
)

const (
	adminToken  = "test-admin-token-0123456789abcdef"
	providerKey = "sk-provider-0123456789abcdef"
)

// binary is the program that the tests of this file's kind start as a process.
var binary string

func TestMain(m *testing.M) {
	os.Exit(withBinary(m))
}

func withBinary(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tollgate-test")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "tollgate")
	args := []string{"build", "-pgo=off", "-o", binary}
	if raced {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build tollgate: %v\n%s", err, out)
		return 1
	}
	return pgtest.Main(m)
}

// newProvider starts a provider for the length of the test.
func newProvider(t *testing.T) (*proxytest.Provider, string) {
	t.Helper()
	p := proxytest.New(proxytest.Options{APIKey: providerKey, KeepBodies: true})
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return p, server.URL
}

// settings are a gateway.yaml for one provider; more is added at its end.
func settings(data, provider, more string) string {
	return fmt.Sprintf(`listen: 127.0.0.1:0
admin: { listen: "127.0.0.1:0", token: %q }
data_dir: %q
providers:
  openai: { api_key: %q, base_url: %q }
%s`, adminToken, data, providerKey, provider, more)
}

// child is a running `tollgate serve`.
type child struct {
	cmd         *exec.Cmd
	data, admin string // origins
	log         *lines
	ended       chan error
}

// lines collects what a process says.
type lines struct {
	lock sync.Mutex
	all  bytes.Buffer
	// race is set once the race detector spoke: a gateway that is killed can't tell by its status.
	race bool
}

func (l *lines) add(line string) {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.all.WriteString(line + "\n")
	l.race = l.race || strings.Contains(line, "WARNING: DATA RACE")
}

func (l *lines) raced() bool {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.race
}

// count is how often all of it has a text.
func (l *lines) count(text string) int {
	l.lock.Lock()
	defer l.lock.Unlock()
	return bytes.Count(l.all.Bytes(), []byte(text))
}

// String is the last 8 KiB.
func (l *lines) String() string {
	l.lock.Lock()
	defer l.lock.Unlock()
	b := l.all.Bytes()
	return string(b[max(0, len(b)-8<<10):])
}

// launch starts `tollgate serve` without waiting for it. ready gives its addresses, or is closed when it ended before.
func launch(t *testing.T, dir, yaml string) (c *child, ready <-chan [2]string) {
	t.Helper()
	file := filepath.Join(dir, "gateway.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	c = &child{cmd: exec.Command(binary, "serve", "--config", file), log: &lines{}, ended: make(chan error, 1)}
	c.cmd.Dir = dir
	said, err := c.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	addresses := make(chan [2]string, 1)
	go func() {
		defer close(addresses)
		for scan := bufio.NewScanner(said); scan.Scan(); {
			c.log.add(scan.Text())
			var line struct{ Msg, Listen, Admin string }
			if json.Unmarshal(scan.Bytes(), &line) == nil && line.Msg == "ready" {
				addresses <- [2]string{"http://" + line.Listen, "http://" + line.Admin}
			}
		}
		c.ended <- c.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill() // if it still runs
		if c.log.raced() {
			t.Error("the gateway has a data race")
		}
		if t.Failed() {
			t.Logf("the gateway's log:\n%s", c.log)
		}
	})
	return c, addresses
}

// begin starts the gateway and waits until it is ready.
func begin(t *testing.T, dir, yaml string) *child {
	t.Helper()
	c, ready := launch(t, dir, yaml)
	select {
	case a, ok := <-ready:
		if !ok {
			t.Fatalf("the gateway did not start:\n%s", c.log)
		}
		c.data, c.admin = a[0], a[1]
	case <-time.After(60 * time.Second):
		t.Fatalf("the gateway is not ready after a minute:\n%s", c.log)
	}
	return c
}

// kill ends the gateway by SIGKILL and waits until it is gone.
func (c *child) kill(t *testing.T) {
	t.Helper()
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	_ = c.wait(t, 30*time.Second) // killed
}

// stop asks for the end and expects a clean one.
func (c *child) stop(t *testing.T) {
	t.Helper()
	c.signal(t, syscall.SIGTERM)
	if err := c.wait(t, 60*time.Second); err != nil {
		t.Errorf("SIGTERM ended the gateway with %v, want status 0:\n%s", err, c.log)
	}
}

func (c *child) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		t.Fatalf("signal %v: %v\n%s", s, err, c.log)
	}
}

func (c *child) wait(t *testing.T, limit time.Duration) error {
	t.Helper()
	select {
	case err := <-c.ended:
		c.ended <- err
		return err
	case <-time.After(limit):
		t.Fatalf("the gateway still runs after %v:\n%s", limit, c.log)
		return nil
	}
}

// call asks the admin API and fails the test at any status but the wanted one.
func (c *child) call(t *testing.T, want int, method, path string, in, out any) {
	t.Helper()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.NewReader(b)
	}
	q, err := http.NewRequestWithContext(t.Context(), method, c.admin+path, body)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+adminToken)
	if in != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", method, path, err, c.log)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		t.Fatalf("%s %s: got %s, %v, want %d: %s", method, path, resp.Status, err, want, answer)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, answer)
		}
	}
}

// account opens an account and gives a key to it.
func (c *child) account(t *testing.T, id string, monthly int64, more map[string]any) (key string) {
	t.Helper()
	in := map[string]any{"id": id, "monthly_tokens": monthly}
	for name, value := range more {
		in[name] = value
	}
	c.call(t, http.StatusCreated, "POST", "/api/v1/accounts", in, nil)
	var made struct{ Secret string }
	c.call(t, http.StatusCreated, "POST", "/api/v1/accounts/"+id+"/keys", map[string]any{"name": "test"}, &made)
	return made.Secret
}

func (c *child) purchase(t *testing.T, account, reference string, tokens int64) {
	t.Helper()
	c.call(t, http.StatusCreated, "POST", "/api/v1/accounts/"+account+"/grants", map[string]any{"tokens": tokens, "reference": reference}, nil)
}

func (c *child) tokens(t *testing.T, account string) accounting.View {
	t.Helper()
	var v accounting.View
	c.call(t, http.StatusOK, "GET", "/api/v1/accounts/"+account+"/tokens", nil, &v)
	return v
}

// events are all of an account's.
func (c *child) events(t *testing.T, account string) (all []accounting.Event) {
	t.Helper()
	for cursor := ""; ; {
		var page struct {
			Data       []accounting.Event `json:"data"`
			NextCursor *string            `json:"next_cursor"`
		}
		c.call(t, http.StatusOK, "GET", "/api/v1/accounts/"+account+"/events?limit=1000"+cursor, nil, &page)
		all = append(all, page.Data...)
		if page.NextCursor == nil {
			return all
		}
		cursor = "&cursor=" + *page.NextCursor
	}
}

// request is one for the data plane, or for the provider itself.
func request(t *testing.T, url, key, body string) *http.Request {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Authorization", "Bearer "+key)
	return q
}

// crowd is a client that opens as many connections as are asked for.
var crowd = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1024, DisableCompression: true}}

// audit checks that an account's book adds up: each charge by its pools, the pools by their charges.
func (c *child) audit(t *testing.T, account string, events []accounting.Event) accounting.View {
	t.Helper()
	var sum accounting.Charged
	for _, e := range events {
		if e.Charged.Total != e.Charged.Monthly+e.Charged.Extra+e.Charged.Overdraft || e.Tokens.Total != e.Tokens.Input+e.Tokens.Output {
			t.Errorf("event %s does not add up: %+v", e.ID, e)
		}
		sum.Total += e.Charged.Total
		sum.Monthly += e.Charged.Monthly
		sum.Extra += e.Charged.Extra
		sum.Overdraft += e.Charged.Overdraft
	}
	v := c.tokens(t, account)
	if v.Monthly.Used != sum.Monthly || v.Extra.Used != sum.Extra || v.Over != sum.Overdraft {
		t.Errorf("account %s: monthly used %d, extra used %d, overdraft %d; its events say %+v", account, v.Monthly.Used, v.Extra.Used, v.Over, sum)
	}
	if v.Held != 0 {
		t.Errorf("account %s: %d tokens are held at rest", account, v.Held)
	}
	return v
}

// verdict is the last words of a FAULT line.
func verdict(t *testing.T) string {
	if t.Failed() {
		return "RESULT FAIL"
	}
	return "RESULT ok"
}
