package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/config"
	"github.com/tollgate/tollgate/proxy/provider"
)

// ask makes one metered request that costs input tokens, and reads its answer.
func (p *inProcess) ask(secret string, input int) {
	p.t.Helper()
	body := `{"model":"gpt-4o-mini","max_tokens":5,"messages":[{"role":"user","content":"Hello"}],"proxytest":{"input":` + strconv.Itoa(input) + `,"output":0,"usage":{"prompt_tokens":` + strconv.Itoa(input) + `,"completion_tokens":0,"total_tokens":` + strconv.Itoa(input) + `}}}`
	res, answer := p.do(p.request(p.t.Context(), "POST", p.data+"/v1/chat/completions", secret, body))
	if res.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %s", res.Status, answer)
	}
}

func (p *inProcess) view(account string) (v accounting.View) {
	p.t.Helper()
	p.manage("GET", "/api/v1/accounts/"+account+"/tokens", "", &v)
	return v
}

// TestUsageBeforeAChangeCountsBeforeIt makes each change in the moment after a request, while the store has not
// heard of it: the answer must not depend on how fast the recorder is.
func TestUsageBeforeAChangeCountsBeforeIt(t *testing.T) {
	_, upstream := newUpstream(t)
	p := startInProcess(t, upstream, testProviderKey, "policy: { overdraft: forgive }\nplans: { basic: { monthly_tokens: 1000 } }\n")

	secret := p.account("lowered", 100, "")
	p.ask(secret, 50)
	p.manage("PATCH", "/api/v1/accounts/lowered", `{"monthly_tokens":10}`, nil)
	if v := p.view("lowered"); v.Monthly.Used != 50 || v.Over != 0 {
		t.Errorf("a lowered total: used %d, overdraft %d, want 50, 0", v.Monthly.Used, v.Over)
	}

	secret = p.account("forgiven", 20, "")
	p.ask(secret, 50)
	p.manage("POST", "/api/v1/accounts/forgiven/grants", `{"tokens":100,"reference":"r"}`, nil)
	if v := p.view("forgiven"); v.Extra.Used != 0 || v.Over != 30 {
		t.Errorf("forgive: extra used %d, overdraft %d, want 0, 30", v.Extra.Used, v.Over)
	}

	p.manage("POST", "/api/v1/accounts", `{"id":"planned","plan":"basic"}`, nil)
	var key struct{ Secret string }
	p.manage("POST", "/api/v1/accounts/planned/keys", `{"name":"k"}`, &key)
	p.ask(key.Secret, 500)
	if err := p.changePlans(t.Context(), map[string]int64{"basic": 100}); err != nil {
		t.Fatal(err)
	}
	if v := p.view("planned"); v.Monthly.Used != 500 || v.Monthly.Total != 100 || v.Over != 0 {
		t.Errorf("a lowered plan: used %d of %d, overdraft %d, want 500 of 100, 0", v.Monthly.Used, v.Monthly.Total, v.Over)
	}
}

// TestStartThatFailsSaysWhy covers each thing that newGateway opens and that an operator can get wrong.
func TestStartThatFailsSaysWhy(t *testing.T) {
	_, upstream := newUpstream(t)
	p := startInProcess(t, upstream, testProviderKey, "")
	for name, tc := range map[string]struct{ file, want string }{
		"data_dir in use":    {"listen: 127.0.0.1:0\nadmin: { listen: 127.0.0.1:0 }\ndata_dir: " + p.dir + "\n", "another"},
		"data_dir is no dir": {"listen: 127.0.0.1:0\nadmin: { listen: 127.0.0.1:0 }\ndata_dir: /proc/tollgate\n", "data_dir"},
		"port is in use":     {"listen: " + strings.TrimPrefix(p.data, "http://") + "\nadmin: { listen: 127.0.0.1:0 }\ndata_dir: " + filepath.Join(t.TempDir(), "d") + "\n", "listen"},
		"admin port in use":  {"listen: 127.0.0.1:0\nadmin: { listen: \"" + strings.TrimPrefix(p.admin, "http://") + "\" }\ndata_dir: " + filepath.Join(t.TempDir(), "d") + "\n", "admin.listen"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := config.Parse("gateway.yaml", []byte(tc.file), func(string) (string, bool) { return "", false }, config.Names{Providers: provider.Names()})
			if err != nil {
				t.Fatal(err)
			}
			g, err := newGateway(context.Background(), c, slog.New(slog.NewTextHandler(io.Discard, nil)))
			if err == nil {
				g.close()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v does not say %q", err, tc.want)
			}
		})
	}
}

// TestReloadFollowsTheFile: a token that leaves the file leaves the gateway, and what needs a restart is told by
// what the process began with.
func TestReloadFollowsTheFile(t *testing.T) {
	_, upstream := newUpstream(t)
	p := startInProcess(t, upstream, testProviderKey, "")
	kept := "tgadmin_kept_0123456789"
	if err := os.WriteFile(filepath.Join(p.dir, tokenKept), []byte(kept), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	reload := func(listen, token string) {
		t.Helper()
		text := "listen: " + listen + "\nadmin: { listen: \"127.0.0.1:0\"" + token + " }\ndata_dir: " + p.dir +
			"\nproviders:\n  openai: { api_key: " + testProviderKey + ", base_url: \"" + upstream + "\", drain_for: 2s }\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p.reload(t.Context(), file)
	}
	reload("127.0.0.1:1", ", token: tgadmin_other_0123456789")
	if got := *p.token.Load(); got != "tgadmin_other_0123456789" {
		t.Errorf("the token is %s", got)
	}
	if !strings.Contains(p.said.String(), `"needs_restart":["listen"]`) {
		t.Errorf("a new address is not told: %s", p.said.String())
	}
	reload("127.0.0.1:0", "")
	if got := *p.token.Load(); got != kept {
		t.Errorf("the token left the file and is still %s", got)
	}
	if said := p.said.String(); !strings.Contains(said[strings.LastIndex(said, "reloaded"):], `"needs_restart":null`) {
		t.Errorf("the old address needs no restart: %s", said[strings.LastIndex(said, "reloaded"):])
	}
}
