package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// TestDoctorReachesTargetsAndTellsThemNothing: any answer will do but none.
func TestDoctorReachesTargetsAndTellsThemNothing(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	_, origin := newUpstream(t)
	var asked, told atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Method != http.MethodHead || r.ContentLength > 0 || r.Header.Get("webhook-id") != "" {
			told.Add(1)
		}
		w.WriteHeader(http.StatusMethodNotAllowed)
	}))
	defer target.Close()
	secret := "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	status, found := c.examine(yamlFor(filepath.Join(c.dir, "data"), origin, testProviderKey, fmt.Sprintf(`webhooks:
  targets:
    shop: { url: "%s/hooks?token=geheim", secret: %q, events: [account.reset, account.low] }
    down: { url: "http://127.0.0.1:1/geheim", secret: %q }
`, target.URL, secret, secret)))
	c.want(found, "webhooks.targets.shop", fine, "reached (account.low, account.reset)")
	c.want(found, "webhooks.targets.down", failing, "127.0.0.1:1: dial tcp")
	if status != statusFailed || asked.Load() != 1 || told.Load() != 0 {
		t.Errorf("status %d, the target was asked %d times, told %d times", status, asked.Load(), told.Load())
	}
}
