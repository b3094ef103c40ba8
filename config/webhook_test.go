package config

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const signing = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

func TestWebhooksAreRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shop")
	if err := os.WriteFile(file, []byte(signing+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := mustParse(t, `
webhooks:
  targets:
    shop: { url: "https://shop.example/hooks?for=tollgate", secret_file: `+file+`, events: [account.low] }
    desk: { url: "http://10.0.0.7:8080", secret: "`+signing+`", old_secret: "`+signing+`" }
    here: { url: "http://127.0.0.1:1/", secret: "`+signing+`" }
  low_shares: [0.5, 1]
  timeout: 3s
  retries: [1s]
retention: { webhooks: 100d }
`, noEnv)
	w := c.Webhooks
	if len(w.Targets) != 3 || w.Timeout != 3*time.Second || c.RetentionWebhooks != 100*day {
		t.Fatalf("got %+v", w)
	}
	if diff := cmp.Diff([]any{[]int64{500, 1000}, []time.Duration{time.Second}}, []any{w.LowShares, w.Retries}); diff != "" {
		t.Errorf("shares and retries (-want +got):\n%s", diff)
	}
	shop, desk := w.Targets[0], w.Targets[1]
	if shop.Name != "shop" || shop.URL != "https://shop.example/hooks?for=tollgate" || shop.Secret.Reveal() != signing || shop.OldSecret != "" || len(shop.Events) != 1 {
		t.Errorf("shop: %+v", shop)
	}
	if desk.OldSecret.Reveal() != signing || len(desk.Events) != 4 {
		t.Errorf("desk: %+v", desk)
	}
	if len(c.Warnings) != 1 || c.Warnings[0].Line != 5 { // the one that leaves the machine in the clear
		t.Errorf("warnings: %v", c.Warnings)
	}

	next := mustParse(t, `
webhooks:
  targets:
    desk: { url: "http://10.0.0.7:8080", secret: "`+signing+`" }
    here: { url: "http://127.0.0.1:1/", secret: "`+signing+`" }
`, noEnv)
	applied, restart := c.Changed(next)
	want := []string{"webhooks.targets.desk", "webhooks.targets.shop", "webhooks.low_shares", "webhooks.timeout", "webhooks.retries", "retention.webhooks"}
	if diff := cmp.Diff(want, applied); diff != "" || len(restart) > 0 {
		t.Errorf("a reload applies (-want +got):\n%s and leaves to a restart %v", diff, restart)
	}
}
