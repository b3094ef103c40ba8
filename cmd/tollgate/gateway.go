package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/accounting/journal"
	"github.com/tollgate/tollgate/admin"
	"github.com/tollgate/tollgate/admin/dashboard"
	"github.com/tollgate/tollgate/admin/webhook"
	"github.com/tollgate/tollgate/config"
	"github.com/tollgate/tollgate/policy"
	"github.com/tollgate/tollgate/proxy"
	"github.com/tollgate/tollgate/store"
)

// The files of data_dir, beside the journal's ballast.
const (
	journalFile = "journal.db"
	storeFile   = "tollgate.db"
	tokenKept   = "admin.token"
)

// gateway is one running Tollgate: what serve builds, runs and stops. Fields stand in the order in which
// they are opened; they are closed in the opposite one.
type gateway struct {
	log     *slog.Logger
	began   *config.Config // what the process started with; some of it only a restart can change
	config  atomic.Pointer[config.Config]
	token   atomic.Pointer[string] // the admin token in force
	journal *journal.Journal
	commits prometheus.Histogram // the journal's
	store   *store.Store
	clock   *storeClock // the store, timed
	record  *accounting.Recorder
	gate    *policy.Gate
	traces  *telemetry
	sender  *webhook.Sender
	proxy   *proxy.Handler
	data    *listener
	admin   *listener
	ready   atomic.Bool
	member  *member            // nil: the store is this gateway's alone
	cut     context.CancelFunc // ends running requests when the grace is over
}

// listener is one of the two doors.
type listener struct {
	server *http.Server
	net.Listener
	tls *config.TLS
}

// newGateway opens everything that a running gateway needs and starts nothing that serves. On an error nothing
// stays open.
func newGateway(ctx context.Context, c *config.Config, log *slog.Logger) (*gateway, error) {
	g := &gateway{log: log}
	g.config.Store(c)
	g.began = c
	if err := g.open(ctx, c); err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

func (g *gateway) open(ctx context.Context, c *config.Config) error {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	token, err := openToken(c)
	if err != nil {
		return err
	}
	g.token.Store(&token)
	g.commits = newCommitClock()
	o := journalOptions(c, g.log)
	o.Committed = func(took time.Duration) { g.commits.Observe(took.Seconds()) }
	if g.journal, err = journal.Open(filepath.Join(c.DataDir, journalFile), o); err != nil {
		return err
	}
	if g.store, err = openStore(ctx, c); err != nil {
		return err
	}
	g.store.Tell(audience(c)) // first: what the journal still has may be news
	g.clock = newStoreClock(g.store)
	g.record = accounting.NewRecorder(g.journal, g.clock, accounting.RecorderOptions{Logger: g.log, StoreFirst: c.Durability == "database"})
	epoch := uuid.Must(uuid.NewV7()).String()
	g.gate = policy.New(currentKeys{g.clock, g.record}, g.clock, gateOptions(c, epoch))
	if g.traces, err = newTelemetry(ctx, c.Telemetry, g.journal.ID(), g.log); err != nil {
		return err
	}
	if err := g.begin(ctx, c, epoch); err != nil {
		return err
	}
	settings, err := newSettings(c, g.log)
	if err != nil {
		return err
	}
	return g.doors(c, settings)
}

// currentKeys is the store's keys, with what this replica has journalled for them counted in.
type currentKeys struct {
	*storeClock
	record *accounting.Recorder
}

func (k currentKeys) Used(ctx context.Context, key string, start time.Time) (int64, error) {
	if err := k.record.Sync(ctx); err != nil {
		return 0, err
	}
	return k.storeClock.Used(ctx, key, start)
}

// openStore opens the embedded store, or makes the shared one, which is reached when the gateway runs.
func openStore(ctx context.Context, c *config.Config) (*store.Store, error) {
	o := store.Options{Forgive: c.Policy.Overdraft == "forgive", SliceTokensMax: c.Policy.LeaseTokensMax}
	if url := c.Store.Reveal(); store.IsURL(url) {
		return store.Connect(url, o)
	}
	return store.Open(ctx, filepath.Join(c.DataDir, storeFile), o)
}

// begin brings the store up to what the last life of this gateway left in the journal, and opens a new epoch. It
// closes all others, those of a journal that was moved aside or belonged to a backup too: nobody else shares the
// embedded store. Of a shared one, this gateway becomes a member as soon as it runs.
func (g *gateway) begin(ctx context.Context, c *config.Config, epoch string) error {
	if store.IsURL(c.Store.Reveal()) {
		g.member = &member{gateway: g, epoch: epoch}
		return g.record.Interrupted()
	}
	if err := g.record.Recover(ctx); err != nil { // first: what was used before a plan changed counts before it
		return err
	}
	if err := g.store.SetPlans(ctx, g.config.Load().Plans); err != nil {
		return err
	}
	if err := g.store.Start(ctx, epoch, g.journal.ID(), time.Now()); err != nil {
		return err
	}
	return g.store.CloseEpochs(ctx, "", epoch)
}

// doors builds the handlers of both planes and opens their ports.
func (g *gateway) doors(c *config.Config, settings *proxy.Settings) (err error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	g.registerMetrics(registry)
	g.sender = webhook.New(webhook.Options{Outbox: g.store, Registerer: registry, Log: g.log}, webhookSettings(c))
	stop, cut := context.WithCancel(context.Background())
	g.cut = cut
	plane := admin.New(admin.Options{
		Store: g.store, Sync: g.record.Sync, Held: g.gate.Held, Kick: g.gate.Kick,
		Plans:      func() map[string]int64 { return g.config.Load().Plans },
		Activities: func() []string { return g.config.Load().Activities },
		Providers:  func() []string { return providerNames(g.config.Load()) },
		Tokens:     g.adminTokens,
		SessionTTL: func() time.Duration { return g.config.Load().Admin.SessionTTL },
		Pages:      dashboard.Files(),
		Ready:      g.readiness,
		Registry:   registry,
		Log:        g.log,
	})
	g.proxy = proxy.New(proxy.Options{
		Gate: g.gate, Recorder: g.record, View: plane.View, Embed: dashboard.Embed, Settings: settings, Stop: stop,
		Tracer: g.traces.tracer(), Registerer: registry, Log: g.log,
	})
	if g.data, err = listen(c.Listen, c.TLS, g.proxy, c.Limits, g.log); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if g.admin, err = listen(c.Admin.Listen, c.Admin.TLS, limitBodies(plane, c.Limits.BodyTimeout), c.Limits, g.log); err != nil {
		return fmt.Errorf("admin.listen: %w", err)
	}
	return nil
}

// adminTokens are who may come in at the admin plane now: the bearer of admin.token, and the others of the file.
func (g *gateway) adminTokens() []admin.Token {
	all := []admin.Token{{Name: "admin", Secret: *g.token.Load(), Role: admin.RoleAdmin}}
	for _, t := range g.config.Load().Admin.Tokens {
		all = append(all, admin.Token{Name: t.Name, Secret: t.Token.Reveal(), Role: admin.Role(t.Role), Account: t.Account})
	}
	return all
}

var errStarting = errors.New("the gateway is starting or stopping")

func (g *gateway) readiness() error {
	if !g.ready.Load() {
		if g.member != nil {
			return g.member.waiting()
		}
		return errStarting
	}
	if g.gate.Over() {
		return errors.New("it waits for its store, and its leases are over")
	}
	return g.record.Room()
}

// Run serves until ctx ends, then stops in the order that loses nothing: no new requests, requests to their
// settlement, recorder, journal, store. It returns nil after a clean stop.
func (g *gateway) Run(ctx context.Context) error {
	defer g.close()
	life, end := context.WithCancel(context.Background())
	defer end()
	var writer, work errgroup.Group
	broken := make(chan error, 1)
	writing, endWriting := context.WithCancel(life)
	writer.Go(func() error {
		err := g.journal.Run(writing)
		if err != nil {
			broken <- err
		}
		return err
	})
	work.Go(func() error { return g.record.Run(life) })
	work.Go(func() error { return g.gate.Run(life) })
	work.Go(func() error { return g.proxy.Run(life) })
	work.Go(func() error { return g.retain(life) })
	work.Go(func() error { return g.sender.Run(life) })

	served := make(chan error, 2)
	for _, l := range []*listener{g.data, g.admin} {
		go func() { served <- l.serve() }()
	}
	outcast := make(chan error, 1)
	membership, resign := context.WithCancel(life)
	defer resign()
	if g.member == nil {
		g.isReady()
	} else {
		work.Go(func() error {
			if err := g.member.Run(membership); err != nil {
				outcast <- err
			}
			return nil
		})
	}

	var failed, unmended error
	select {
	case <-ctx.Done():
		g.log.Info("stopping", "grace", g.config.Load().ShutdownGrace)
	case failed = <-broken:
		g.log.Error("the journal is broken", "error", failed)
	case failed = <-served:
	case unmended = <-outcast: // what runs may end
	}
	resign()
	g.ready.Store(false)
	g.stopServing(failed != nil)
	end()
	failed = errors.Join(failed, unmended, work.Wait())
	if g.member != nil {
		g.member.leave()
	}
	endWriting()
	return errors.Join(failed, writer.Wait())
}

// isReady says so, to whoever asks and in the log.
func (g *gateway) isReady() {
	g.ready.Store(true)
	g.log.Info("ready", "listen", g.data.Addr().String(), "admin", g.admin.Addr().String())
}

// stopServing ends the data plane within the grace, then the admin plane, which shows until then that the
// gateway is not ready. Requests that the grace cuts are settled before it returns.
func (g *gateway) stopServing(now bool) {
	grace := g.config.Load().ShutdownGrace
	if now {
		grace = 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if g.data.server.Shutdown(ctx) != nil {
		g.cut()
		settled, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		g.data.server.Shutdown(settled)
	}
	rest, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	g.admin.server.Shutdown(rest)
}

// close closes what is open, in the opposite order.
func (g *gateway) close() {
	for _, l := range []*listener{g.data, g.admin} {
		if l != nil {
			l.server.Close()
			l.Close()
		}
	}
	if g.cut != nil {
		g.cut()
	}
	if g.traces != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := g.traces.stop(ctx); err != nil {
			g.log.Warn("traces not sent", "error", err)
		}
	}
	if g.journal != nil {
		if err := g.journal.Close(); err != nil {
			g.log.Error("journal not closed", "error", err)
		}
	}
	if g.store != nil {
		if err := g.store.Close(); err != nil {
			g.log.Error("store not closed", "error", err)
		}
	}
}

// retainEach is how often retain looks, retainMax how much one of its transactions deletes.
const (
	retainEach = time.Minute
	retainMax  = 500
)

// retain deletes what is past its time, a little at a time: events, what webhooks told, changes that were heard, replicas
// that ended.
func (g *gateway) retain(ctx context.Context) error {
	tick := time.NewTicker(retainEach)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			c := g.config.Load()
			g.deleteAll(ctx, "events", func() (int, error) { return g.store.DeleteEvents(ctx, now.Add(-c.RetentionEvents), retainMax) })
			g.deleteAll(ctx, "webhooks", func() (int, error) {
				return g.store.DeleteNotices(ctx, now.Add(-c.RetentionWebhooks), retainMax)
			})
			g.deleteAll(ctx, "changes", func() (int, error) { return g.store.DeleteChanges(ctx, store.ChangesKept, retainMax) })
			g.deleteAll(ctx, "replicas", func() (int, error) { return g.store.DeleteEnded(ctx, now.Add(-store.EndedKept), retainMax) })
		}
	}
}

// deleteAll calls delete, which says how many it deleted, until it had less than retainMax to do.
func (g *gateway) deleteAll(ctx context.Context, what string, delete func() (int, error)) {
	for {
		n, err := delete()
		if err != nil && ctx.Err() == nil {
			g.log.Warn("what is past its time was not deleted", "what", what, "error", err)
		}
		if n < retainMax || err != nil {
			return
		}
	}
}

// listen opens a door. HTTP/2 is served with TLS and, with prior knowledge, without: some SDKs speak only that.
func listen(addr string, t *config.TLS, h http.Handler, l config.Limits, log *slog.Logger) (*listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &listener{
		Listener: ln,
		tls:      t,
		server: &http.Server{
			Handler:           h,
			Protocols:         &protocols,
			ReadHeaderTimeout: l.HeaderTimeout,
			IdleTimeout:       l.IdleTimeout,
			MaxHeaderBytes:    int(l.MaxHeaderBytes),
			ErrorLog:          newServerLog(log),
			TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12},
			// OPTIONS * is refused like any other preflight without an origin.
			DisableGeneralOptionsHandler: true,
		},
	}, nil
}

func (l *listener) serve() error {
	var err error
	if l.tls != nil {
		err = l.server.ServeTLS(l.Listener, l.tls.CertFile, l.tls.KeyFile)
	} else {
		err = l.server.Serve(l.Listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
