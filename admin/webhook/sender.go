// Package webhook tells an operator's own servers what happens to accounts, by the Standard Webhooks specification 1.0.0
// (github.com/standard-webhooks/standard-webhooks).
//
// What is told is decided in the store, in the transaction that made it true; here it is carried out: at least once, by
// one replica at a time, until the target has taken it or the schedule is over. Targets come from gateway.yaml alone. No
// redirect is followed, and of an answer nothing but its status and Retry-After counts.
package webhook

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tollgate/tollgate/accounting"
)

// Outbox is where notices wait, shared by all replicas.
type Outbox interface {
	// ClaimNotices gives notices of a target that are due, limit at most. Nobody else gets them until then.
	ClaimNotices(ctx context.Context, target string, now, until time.Time, limit int) ([]accounting.Delivery, error)
	// FinishNotices stores how tries ended, before their claims are over.
	FinishNotices(ctx context.Context, attempts []accounting.Attempt) error
	// WaitingNotices counts what a target has not got yet, and says when the oldest of it happened.
	WaitingNotices(ctx context.Context, target string) (n int64, oldest time.Time, err error)
	// ResetEnded resets accounts whose period has ended, limit at most, and says whether there are more.
	ResetEnded(ctx context.Context, limit int) (more bool, err error)
}

// Target is where notices are posted.
type Target struct {
	Name, URL string
	// Keys sign each: the newest first.
	Keys [][]byte
}

// Settings are what a reload may change. The zero value tells nobody.
type Settings struct {
	Targets []Target
	Timeout time.Duration
	// Retries are the waits after the first, second, … try; after the last one a notice is given up.
	Retries []time.Duration
	// Resets says that a target is told of resets: accounts that nobody uses have to be reset for it.
	Resets bool
}

// Options are all but Settings.
type Options struct {
	Outbox     Outbox
	Registerer prometheus.Registerer
	Log        *slog.Logger
}

// Sender posts notices.
type Sender struct {
	outbox   Outbox
	log      *slog.Logger
	client   *http.Client
	figures  *figures
	settings atomic.Pointer[Settings]
	changed  chan struct{}
}

// New starts nothing.
func New(o Options, set Settings) *Sender {
	s := &Sender{outbox: o.Outbox, log: o.Log, client: newClient(), figures: newFigures(o.Registerer), changed: make(chan struct{}, 1)}
	s.settings.Store(&set)
	return s
}

// Apply makes other settings count: tries that run may end as they began.
func (s *Sender) Apply(set Settings) {
	s.settings.Store(&set)
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Run posts until ctx ends, and then for endFor at most what has begun. It returns nil.
func (s *Sender) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		round, end := context.WithCancel(ctx)
		var running sync.WaitGroup
		set := s.settings.Load()
		for _, t := range set.Targets {
			running.Go(func() { (&route{Sender: s, target: t, set: set}).run(round) })
		}
		if len(set.Targets) > 0 {
			running.Go(func() { s.watch(round, set) })
		}
		select {
		case <-ctx.Done():
		case <-s.changed:
		}
		end()
		running.Wait()
	}
	s.client.CloseIdleConnections()
	return nil
}

const (
	// resetEach is how often it is looked for periods that ended, resetMax how many are reset in one transaction.
	resetEach = time.Second
	resetMax  = 100
	// countEvery is how many such looks lie between two counts of what waits.
	countEvery = 15
)

// watch resets accounts that nobody uses, and counts what waits.
func (s *Sender) watch(ctx context.Context, set *Settings) {
	for n := 0; ; n++ {
		if n%countEvery == 0 {
			s.count(ctx, set)
		}
		for more := set.Resets; more && ctx.Err() == nil; {
			var err error
			if more, err = s.outbox.ResetEnded(ctx, resetMax); err != nil && ctx.Err() == nil {
				s.log.Warn("accounts that nobody uses were not reset", "error", err)
			}
		}
		if !sleep(ctx, resetEach) {
			return
		}
	}
}

// count leaves the figures as they were where the store does not answer.
func (s *Sender) count(ctx context.Context, set *Settings) {
	var all int64
	var first time.Time
	for _, t := range set.Targets {
		n, oldest, err := s.outbox.WaitingNotices(ctx, t.Name)
		if err != nil {
			return
		}
		if all += n; n > 0 && (first.IsZero() || oldest.Before(first)) {
			first = oldest
		}
	}
	s.figures.wait(all, first)
}

// sleep says whether ctx still runs afterwards.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
