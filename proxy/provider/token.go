package provider

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// tokens authorizes requests with a token that lasts for a while. A request that finds half of its life over starts
// the renewal and goes on with the old one; it waits only where none is left. One renewal runs at a time, for at most
// fetchFor.
type tokens struct {
	exchange exchange
	setting  string // what of the file the exchange is made with, for errors
	client   *http.Client
	log      *slog.Logger

	mu      sync.Mutex
	value   string
	end     time.Time     // from then on value is of no use
	renew   time.Time     // no renewal begins before
	running chan struct{} // closed when the renewal that runs is over; nil: none runs
	failed  error         // of the last renewal
}

// exchange gets a token for the operator's key. Implementations are comparable: equal ones get tokens of equal worth.
// The token's Expiry is set.
type exchange interface {
	fetch(client *http.Client) (*oauth2.Token, error)
}

const (
	// fetchFor bounds an exchange.
	fetchFor = 10 * time.Second
	// fetchPause is between a renewal that failed and the next.
	fetchPause = time.Second
	// travel is how long before its end a token is used no more: a request may be that long on its way to a
	// provider. Of a token that lasts less than five minutes it is a tenth.
	travel = 30 * time.Second
)

func newTokens(e exchange, setting string, log *slog.Logger) *tokens {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &tokens{exchange: e, setting: setting, log: log, client: &http.Client{
		Timeout: fetchFor,
		// Tokens are fetched too seldom to keep a connection for.
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (t *tokens) authorize(out *http.Request, _ []byte) error {
	value, err := t.token(out.Context())
	if err != nil {
		return fmt.Errorf("%s: no token: %w", t.setting, err)
	}
	return bearer(value).authorize(out, nil)
}

func (t *tokens) token(ctx context.Context) (string, error) {
	for {
		value, running, err := t.held()
		if running == nil {
			return value, err
		}
		select {
		case <-running:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

// held is the token while it lasts, else the renewal to wait for, else why the last one failed.
func (t *tokens) held() (value string, running <-chan struct{}, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if t.running == nil && !now.Before(t.renew) {
		t.running = make(chan struct{})
		go t.fetch()
	}
	switch {
	case now.Before(t.end):
		return t.value, nil, nil
	case t.running != nil:
		return "", t.running, nil
	}
	return "", nil, t.failed
}

// fetch is one renewal. A token's life is counted from before it was asked for, and on the wall clock: a machine's
// sleep is a part of it.
func (t *tokens) fetch() {
	began := time.Now().Round(0)
	got, err := t.exchange.fetch(t.client)
	t.mu.Lock()
	defer t.mu.Unlock()
	defer func() { close(t.running); t.running = nil }()
	if err != nil {
		if t.failed == nil {
			t.log.Warn("token not renewed", "setting", t.setting, "error", err, "lasts_until", t.end)
		}
		t.failed, t.renew = err, time.Now().Add(fetchPause)
		return
	}
	life := time.Until(got.Expiry)
	t.value, t.failed = got.AccessToken, nil
	t.renew, t.end = began.Add(life/2), began.Add(life-min(travel, life/10))
}
