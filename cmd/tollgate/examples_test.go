package main_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/tollgate/tollgate/deploy/deploytest"
)

// buildExample builds one of the programs in examples.
func buildExample(t *testing.T, name string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	args := []string{"build", "-o", file}
	if raced {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./examples/"+name)...)
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	return file
}

var printedOrigin = regexp.MustCompile(`http://[0-9.]+:[0-9]+`)

// serveExample starts a program that serves until the test ends, and gives the origin that it prints and what it logs.
func serveExample(t *testing.T, file string, env []string, args ...string) (origin string, log *lines) {
	t.Helper()
	cmd := exec.Command(file, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	log = &lines{}
	var ended sync.WaitGroup
	ended.Go(func() {
		for scan := bufio.NewScanner(said); scan.Scan(); {
			log.add(scan.Text())
		}
	})
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // if it still runs
		ended.Wait()
		_ = cmd.Wait() // killed
		if log.raced() {
			t.Errorf("%s has a data race:\n%s", filepath.Base(file), log)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if origin = printedOrigin.FindString(line); origin == "" {
		t.Fatalf("%s says %q, %v, and no origin:\n%s", filepath.Base(file), line, err, log)
	}
	return origin, log
}

const shopSecret = "whsec_dGhlIHNob3BzIG93biBzZWNyZXQ="

// delivery is one message of the shop; what is empty is as it should be.
type delivery struct {
	id, body string
	signed   string // the body that was signed
	age      time.Duration
}

func (d delivery) send(t *testing.T, origin string) (status int) {
	t.Helper()
	secret, err := webhooks.NewWebhook(shopSecret)
	if err != nil {
		t.Fatal(err)
	}
	signed, at := d.signed, time.Now().Add(-d.age)
	if signed == "" {
		signed = d.body
	}
	signature, err := secret.Sign(d.id, at, []byte(signed))
	if err != nil {
		t.Fatal(err)
	}
	q := request(t, origin+"/webhook", "", d.body)
	q.Header.Set(webhooks.HeaderWebhookID, d.id)
	q.Header.Set(webhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	q.Header.Set(webhooks.HeaderWebhookSignature, signature)
	resp, err := crowd.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

func paid(invoice, customer, product string) string {
	return fmt.Sprintf(`{"type":"invoice.paid","data":{"invoice":%q,"customer":%q,"product":%q}}`, invoice, customer, product)
}

// grants are an account's purchases: tokens by reference.
func (c *child) grants(t *testing.T, account string) map[string]int64 {
	t.Helper()
	var page struct {
		Data []struct {
			Reference string
			Tokens    int64
		}
	}
	c.call(t, http.StatusOK, "GET", "/api/v1/accounts/"+account+"/grants", nil, &page)
	granted := map[string]int64{}
	for _, g := range page.Data {
		granted[g.Reference] += g.Tokens
	}
	return granted
}

// TestTopUpExample: whatever a shop sends, and however often, a paid invoice is granted once.
func TestTopUpExample(t *testing.T) {
	_, provider := newProvider(t)
	dir := t.TempDir()
	yaml := strings.Replace(settings(dir+"/data", provider, ""), `listen: "127.0.0.1:0"`, fmt.Sprintf("listen: %q", freeAddress(t)), 1)
	c := begin(t, dir, yaml)
	key := c.account(t, "acme", 10, nil)
	file, env := buildExample(t, "top-up"), []string{"SHOP_WEBHOOK_SECRET=" + shopSecret, "TOLLGATE_ADMIN_TOKEN=" + adminToken}
	origin, log := serveExample(t, file, env, "-listen", "127.0.0.1:0", "-admin", c.admin)
	eventually(t, "the block", 10*time.Second, func() bool { return status(t, c.data, key, 10) == http.StatusPaymentRequired })

	invoice := paid("invoice-1", "acme", "tokens-100k")
	for _, d := range []struct {
		name string
		delivery
		want int
	}{
		{"another body than was signed", delivery{id: "m0", body: paid("invoice-1", "acme", "tokens-1m"), signed: invoice}, 401},
		{"an old message", delivery{id: "m0", body: invoice, age: 6 * time.Minute}, 401},
		{"a message of the future", delivery{id: "m0", body: invoice, age: -6 * time.Minute}, 401},
		{"no JSON", delivery{id: "m0", body: "{"}, 400},
		{"of no interest", delivery{id: "m0", body: `{"type":"invoice.created"}`}, 204},
		{"no such product", delivery{id: "m0", body: paid("invoice-0", "acme", "helmet")}, 422},
		{"no such account", delivery{id: "m0", body: paid("invoice-0", "nobody", "tokens-1m")}, 422},
		{"paid", delivery{id: "m1", body: invoice}, 200},
		{"the same message again", delivery{id: "m1", body: invoice}, 200},
		{"the same invoice in another message", delivery{id: "m2", body: invoice}, 200},
		{"the same invoice with another product", delivery{id: "m3", body: paid("invoice-1", "acme", "tokens-1m")}, 422},
	} {
		if got := d.send(t, origin); got != d.want {
			t.Errorf("%s: %d, want %d", d.name, got, d.want)
		}
	}
	eventually(t, "three lines that tell a person", 10*time.Second, func() bool { return log.count("PAID, NOT GRANTED") == 3 })
	if got := status(t, c.data, key, 10); got != http.StatusOK {
		t.Errorf("a request after the purchase: %d", got)
	}
	var at20 sync.WaitGroup
	for i := range 20 {
		at20.Go(func() {
			d := delivery{id: fmt.Sprint("n", i%10), body: paid("invoice-2", "acme", "tokens-100k")}
			if got := d.send(t, origin); got != 200 {
				t.Errorf("20 at once: %d", got)
			}
		})
	}
	at20.Wait()

	c.kill(t)
	if got := (delivery{id: "m4", body: paid("invoice-3", "acme", "tokens-1m")}).send(t, origin); got != http.StatusServiceUnavailable {
		t.Errorf("without a gateway: %d, want 503", got)
	}
	shop := exec.Command(file, "-listen", strings.TrimPrefix(origin, "http://"), "-pay", "invoice-3", "-customer", "acme", "-product", "tokens-1m")
	shop.Env = append(os.Environ(), env...)
	delivered := make(chan string, 1)
	go func() {
		out, err := shop.CombinedOutput()
		delivered <- fmt.Sprintf("%s%v", out, err)
	}()
	eventually(t, "the shop's first try", 10*time.Second, func() bool { return log.count("not granted yet") >= 2 })
	c = begin(t, dir, yaml)
	if said := <-delivered; !strings.Contains(said, "again in 1s") || !strings.HasSuffix(said, "delivered\n<nil>") {
		t.Errorf("the shop says %s", said)
	}
	want, got := map[string]int64{"invoice-1": 100_000, "invoice-2": 100_000, "invoice-3": 1_000_000}, c.grants(t, "acme")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
	fmt.Printf("EXAMPLE top-up invoices_granted=%d tokens=%d %s\n", len(got), c.tokens(t, "acme").Extra.Purchased, verdict(t))
}

// TestChatbotBackendExample runs what people copy: each request counts for what it is for, and a refusal says what to do.
func TestChatbotBackendExample(t *testing.T) {
	p, provider := newProvider(t)
	dir := t.TempDir()
	c := begin(t, dir, settings(dir+"/data", provider, ""))
	for name, command := range map[string]func(*testing.T) *exec.Cmd{"go": goBackend, "node": nodeBackend} {
		t.Run(name, func(t *testing.T) {
			rich, poor := c.account(t, name+"-rich", 100_000, nil), c.account(t, name+"-poor", 0, nil)
			out, err := runBackend(t, command(t), c.data, rich)
			if err != nil || !strings.Contains(out, "ingest    3 documents") || strings.Count(out, "training  ") != 2 || !strings.Contains(out, "chat      How") {
				t.Errorf("%v: %s", err, out)
			}
			got := map[string]int{}
			for _, e := range c.events(t, name+"-rich") {
				got[fmt.Sprintf("%s %s stream=%t chatbot=%s user=%s", e.Activity, e.API, e.Stream, e.Chatbot, e.User)]++
			}
			want := map[string]int{
				"ingest embeddings stream=false chatbot=velo-support user=":                1,
				"training embeddings stream=false chatbot=velo-support user=":              2,
				"training chat.completions stream=false chatbot=velo-support user=":        2,
				"chat embeddings stream=false chatbot=velo-support user=visitor-7f3a":      1,
				"chat chat.completions stream=true chatbot=velo-support user=visitor-7f3a": 1,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}

			calls, refused := p.Calls(), c.log.count(`"refused":"insufficient_quota"`)
			out, err = runBackend(t, command(t), c.data, poor)
			if err == nil || !strings.Contains(out, "both pools are empty") || !strings.Contains(out, "Buy extra tokens") {
				t.Errorf("an empty account: %v: %s", err, out)
			}
			if refused = c.log.count(`"refused":"insufficient_quota"`) - refused; p.Calls() != calls || refused != 1 {
				t.Errorf("an empty account: asked %d times, the provider got %d requests, want 1 and 0", refused, p.Calls()-calls)
			}
			waits := waitsForHeldTokens(t, c, name+"-held", command(t))
			fmt.Printf("EXAMPLE chatbot-backend/%s events_by_activity=ingest:1,training:4,chat:2 asked_when_empty=%d waits_on_tokens_held=%d %s\n", name, refused, waits, verdict(t))
		})
	}
}

// waitsForHeldTokens runs a backend while one slow answer holds all that its account has.
func waitsForHeldTokens(t *testing.T, c *child, account string, command *exec.Cmd) (waits int) {
	t.Helper()
	key := c.account(t, account, 1000, nil)
	slow := request(t, c.data+"/v1/chat/completions", key,
		`{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"hello"}],"proxytest":{"chunks":10,"pace":200,"input":10,"output":10}}`)
	resp, err := crowd.Do(slow)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("the slow answer: %v, %v", resp, err)
	}
	defer resp.Body.Close()
	go io.Copy(io.Discard, resp.Body)
	before := c.log.count(`"refused":"tokens_held"`)
	if out, err := runBackend(t, command, c.data, key); err != nil {
		t.Errorf("tokens are held for a moment: %v: %s", err, out)
	}
	if waits = c.log.count(`"refused":"tokens_held"`) - before; waits == 0 {
		t.Error("nothing was held: the test shows nothing")
	}
	return waits
}

func runBackend(t *testing.T, cmd *exec.Cmd, gateway, key string) (string, error) {
	t.Helper()
	if filepath.Base(cmd.Path) == "node" {
		cmd.Args = append(cmd.Args, gateway)
	} else {
		cmd.Args = append(cmd.Args, "-gateway", gateway)
	}
	cmd.Env = append(os.Environ(), "TOLLGATE_KEY="+key)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func goBackend(t *testing.T) *exec.Cmd { return exec.Command(buildExample(t, "chatbot-backend")) }

// nodeBackend installs the one package that the example has, if it is not there as the lockfile has it.
func nodeBackend(t *testing.T) *exec.Cmd {
	t.Helper()
	const dir = "../../examples/chatbot-backend"
	npmInstall(t, dir)
	cmd := exec.Command("node", "backend.mjs")
	cmd.Dir = dir
	return cmd
}

// npmInstall brings the packages that a folder's lockfile names.
func npmInstall(t *testing.T, dir string) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		deploytest.Missing(t, fmt.Errorf("%s: %w", dir, err))
	}
	lock, err := os.Stat(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	// npm writes its own lockfile into node_modules once everything is there.
	if done, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err == nil && !done.ModTime().Before(lock.ModTime()) {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, bytes.TrimSpace(out))
	}
}
