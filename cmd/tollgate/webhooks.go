package main

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/admin/webhook"
	"github.com/tollgate/tollgate/config"
)

// audience is who the store writes notices for.
func audience(c *config.Config) accounting.Audience {
	a := accounting.Audience{LowShares: c.Webhooks.LowShares}
	for _, t := range c.Webhooks.Targets {
		target := accounting.Target{Name: t.Name}
		for _, event := range t.Events {
			target.Kinds = append(target.Kinds, accounting.NoticeKind(event))
		}
		a.Targets = append(a.Targets, target)
	}
	return a
}

// webhookSettings is who the notices are posted to, and how.
func webhookSettings(c *config.Config) webhook.Settings {
	told := audience(c)
	s := webhook.Settings{Timeout: c.Webhooks.Timeout, Retries: c.Webhooks.Retries, Resets: told.Wants(accounting.AccountReset)}
	for _, t := range c.Webhooks.Targets {
		target := webhook.Target{Name: t.Name, URL: t.URL}
		for _, secret := range []config.Secret{t.Secret, t.OldSecret} {
			if secret != "" {
				target.Keys = append(target.Keys, signingKey(secret))
			}
		}
		s.Targets = append(s.Targets, target)
	}
	return s
}

// signingKey is what config has found to be right.
func signingKey(s config.Secret) []byte {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Reveal(), "whsec_"))
	if err != nil {
		panic("BUG: a secret of webhooks that config let pass")
	}
	return key
}

// examineTarget asks for headers alone: nothing is told. Any answer will do, as there is none to a webhook that says
// nothing.
func examineTarget(ctx context.Context, t config.WebhookTarget) finding {
	name := "webhooks.targets." + t.Name
	to, err := url.Parse(t.URL)
	if err != nil {
		return finding{failing, name, "the URL can't be read"}
	}
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodHead, t.URL, nil)
	if err != nil {
		return finding{failing, name, to.Host + ": the URL can't be called"}
	}
	res, err := outward().Do(q)
	if err != nil {
		return finding{failing, name, to.Host + ": " + reason(err)}
	}
	res.Body.Close()
	return finding{fine, name, to.Host + ": reached (" + strings.Join(slices.Sorted(slices.Values(t.Events)), ", ") + ")"}
}
