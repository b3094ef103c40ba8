package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/tollgate/tollgate/config"
	"github.com/tollgate/tollgate/proxy/provider"
	"github.com/tollgate/tollgate/store"
)

type serveCmd struct {
	Config string `help:"The file to read; gateway.yaml of this folder if there is one, else defaults." placeholder:"FILE"`
}

func (s serveCmd) Run(out *streams) error {
	c, err := load(s.Config)
	if err != nil {
		return report(out.stderr, err)
	}
	log := newLogger(out.stderr)
	ctx, stop := signalled(log)
	defer stop()
	collectSeldom(c.Limits)
	g, err := newGateway(ctx, c, log)
	if err != nil {
		return err
	}
	warn(c, log)
	watching, done := context.WithCancel(ctx)
	defer done()
	go g.watch(watching, s.Config)
	return g.Run(ctx)
}

// collectSeldom lets the heap grow to five times what lives before it is collected: a gateway's heap is small and
// short-lived, and collecting it at twice its size cost a quarter of a bare proxy's CPU. The limit bounds that
// where much lives: request bodies, and about as much again for open streams. GOGC and GOMEMLIMIT win.
func collectSeldom(l config.Limits) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(4 * max(l.MaxBufferedBytes, 256<<20))
	}
}

// load reads the file; path "" is gateway.yaml here, or defaults without one.
func load(path string) (*config.Config, error) {
	return config.Load(path, os.LookupEnv, config.Names{Providers: provider.Names(), Serves: provider.Serves, Judge: judge, Store: store.CheckURL})
}

// judge makes the provider of an entry, to see whether it can be.
func judge(p config.Provider) (setting string, err error) {
	_, err = provider.New(providerSettings(p))
	if unusable, ok := errors.AsType[*provider.Unusable](err); ok {
		return unusable.Setting, unusable.Err
	}
	return "", err
}

// report prints every problem of the file on a line of its own.
func report(w io.Writer, err error) error {
	problems, ok := errors.AsType[config.Problems](err)
	if !ok {
		return err
	}
	for _, p := range problems {
		fmt.Fprintln(w, p)
	}
	return errSilent
}

// warn says what will hardly be as it was meant.
func warn(c *config.Config, log *slog.Logger) {
	for _, w := range c.Warnings {
		log.Warn("configuration", "warning", w.String())
	}
	if c.Durability == "memory" {
		log.Warn("durability: memory: a crash loses the usage that the store has not got yet")
	}
}

// newLogger writes JSON unless a person reads.
func newLogger(w io.Writer) *slog.Logger {
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return slog.New(slog.NewTextHandler(w, nil))
		}
	}
	return slog.New(slog.NewJSONHandler(w, nil))
}

// oneSignal is how near two signals are one: shells and process managers signal a process and its group.
const oneSignal = 100 * time.Millisecond

// signalled gives a context that SIGTERM and SIGINT end. A second signal ends the process at once: what was
// acknowledged is in the journal.
func signalled(log *slog.Logger) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		cancel()
		for first := time.Now(); ; {
			<-signals
			if time.Since(first) > oneSignal {
				log.Warn("stopped at once by a second signal")
				os.Exit(statusFailed)
			}
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel() }
}

// heldToken is the file's, else the one that data_dir keeps; "" before the first start.
func heldToken(c *config.Config) (string, error) {
	if token := c.Admin.Token.Reveal(); token != "" {
		return token, nil
	}
	kept, err := os.ReadFile(filepath.Join(c.DataDir, tokenKept))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("admin.token: %w", err)
	}
	return strings.TrimSpace(string(kept)), nil
}

// openToken is the token that the gateway begins with: it makes one where there is none.
func openToken(c *config.Config) (string, error) {
	token, err := heldToken(c)
	if token != "" || err != nil {
		return token, err
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	token = "tgadmin_" + base64.RawURLEncoding.EncodeToString(secret)
	if err := os.WriteFile(filepath.Join(c.DataDir, tokenKept), []byte(token+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("admin.token: %w", err)
	}
	return token, nil
}

// reloadEvery is how often the file is looked at. Polling sees every editor's and every orchestrator's way of
// replacing it, on every file system.
const reloadEvery = time.Second

// watch applies the file again when it changed or SIGHUP asks for it.
func (g *gateway) watch(ctx context.Context, path string) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	seen := fingerprint(g.config.Load().Files)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
		case <-tick.C:
			now := fingerprint(g.config.Load().Files)
			if now == seen {
				continue
			}
			seen = now
		}
		g.reload(ctx, path)
		seen = fingerprint(g.config.Load().Files)
	}
}

// fingerprint changes when the content of one of the files does; a file that can't be read counts as empty.
func fingerprint(files []string) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, path := range files {
		content, _ := os.ReadFile(path)
		own := sha256.Sum256(content)
		h.Write(own[:])
	}
	return [sha256.Size]byte(h.Sum(sum[:0]))
}

// reload applies what can be applied; a bad file is refused whole.
func (g *gateway) reload(ctx context.Context, path string) {
	next, err := load(path)
	if problems, ok := errors.AsType[config.Problems](err); ok {
		for _, p := range problems {
			g.log.Error("reload refused, the old settings stay", "problem", p.String())
		}
		return
	}
	if err != nil {
		g.log.Error("reload refused, the old settings stay", "error", err)
		return
	}
	settings, err := newSettings(next, g.log)
	if err != nil {
		g.log.Error("reload refused, the old settings stay", "error", err)
		return
	}
	warn(next, g.log)
	applied, _ := g.config.Load().Changed(next)
	_, restart := g.began.Changed(next)
	if token, err := heldToken(next); err != nil {
		g.log.Error("the admin token stays as it was", "error", err)
	} else if token != "" {
		g.token.Store(&token)
	}
	g.proxy.Apply(settings)
	g.gate.Apply(gateOptions(next, ""))
	g.store.Tell(audience(next))
	g.sender.Apply(webhookSettings(next))
	g.config.Store(next)
	if err := g.changePlans(ctx, next.Plans); err != nil {
		g.log.Error("plans not stored", "error", err)
	}
	g.gate.Kick()
	g.log.Info("reloaded", "applied", applied, "needs_restart", restart)
}

// changePlans counts what was used before the change before it: the order decides what the pool had to pay.
func (g *gateway) changePlans(ctx context.Context, plans map[string]int64) error {
	if err := g.record.Sync(ctx); err != nil {
		return err
	}
	return g.store.SetPlans(ctx, plans)
}
