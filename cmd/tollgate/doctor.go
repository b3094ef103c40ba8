package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/tollgate/tollgate/config"
	"github.com/tollgate/tollgate/store"
)

type doctorCmd struct {
	Config string `help:"The file to read; gateway.yaml of this folder if there is one, else defaults." placeholder:"FILE"`
	JSON   bool   `name:"json" help:"Print JSON."`
}

const (
	// examineFor bounds all that doctor does, tryFor one thing of it.
	examineFor = 14 * time.Second
	tryFor     = 4 * time.Second
)

// verdict is how one thing stands.
type verdict string

const (
	fine    verdict = "ok"
	suspect verdict = "warn"
	failing verdict = "fail"
)

// finding is one line of what doctor prints. No detail has a key in it.
type finding struct {
	Status verdict `json:"status"`
	Name   string  `json:"name"`
	Detail string  `json:"detail"`
}

// Run tries everything that the file asks for, and changes nothing.
func (d doctorCmd) Run(out *streams) error {
	ctx, cancel := context.WithTimeout(context.Background(), examineFor)
	defer cancel()
	findings, err := examine(ctx, d.Config)
	if err != nil {
		return err
	}
	sick := slices.ContainsFunc(findings, func(f finding) bool { return f.Status == failing })
	if err := d.print(out, findings, !sick); err != nil {
		return err
	}
	if sick {
		return errSilent
	}
	return nil
}

func (d doctorCmd) print(out *streams, findings []finding, ok bool) error {
	if d.JSON {
		return json.NewEncoder(out.stdout).Encode(struct {
			OK     bool      `json:"ok"`
			Checks []finding `json:"checks"`
		}{ok, findings})
	}
	t := newTable(out.stdout)
	for _, f := range findings {
		t.row(string(f.Status), f.Name, f.Detail)
	}
	return t.Flush()
}

// examine runs the examinations side by side and gives what they found in their order. A file that can't be read
// leaves nothing to try.
func examine(ctx context.Context, path string) ([]finding, error) {
	c, err := load(path)
	if problems, ok := errors.AsType[config.Problems](err); ok {
		return findProblems(failing, problems), nil
	}
	if err != nil {
		return nil, err
	}
	examinations := []func(context.Context) []finding{
		func(context.Context) []finding { return examineDisk(c.DataDir) },
		func(ctx context.Context) []finding {
			if store.IsURL(c.Store.Reveal()) {
				return examineSharedStore(ctx, c, time.Now())
			}
			return examineStore(ctx, filepath.Join(c.DataDir, storeFile), time.Now())
		},
	}
	for _, p := range c.Providers {
		examinations = append(examinations, func(ctx context.Context) []finding { return []finding{examineProvider(ctx, p)} })
	}
	for _, t := range c.Webhooks.Targets {
		examinations = append(examinations, func(ctx context.Context) []finding { return []finding{examineTarget(ctx, t)} })
	}
	examinations = append(examinations,
		func(ctx context.Context) []finding { return examineTelemetry(ctx, c.Telemetry) },
		func(ctx context.Context) []finding { return examinePorts(ctx, c) })
	found := make([][]finding, len(examinations))
	var all sync.WaitGroup
	for i, look := range examinations {
		all.Go(func() { found[i] = look(ctx) })
	}
	all.Wait()
	findings := append(findProblems(suspect, c.Warnings), finding{fine, "config", configRead(c)})
	return append(findings, slices.Concat(found...)...), nil
}

func configRead(c *config.Config) string {
	if _, err := os.Stat(c.Files[0]); err != nil {
		return "no " + c.Files[0] + ": defaults"
	}
	return c.Files[0]
}

func findProblems(v verdict, problems config.Problems) (findings []finding) {
	for _, p := range problems {
		findings = append(findings, finding{v, "config", p.String()})
	}
	return findings
}

const (
	diskSyncs = 20
	diskSlow  = 20 * time.Millisecond
)

// examineDisk writes where the journal will, or where its directory will be made, as often and as little.
func examineDisk(dataDir string) []finding {
	dir, detail := dataDir, "writable"
	for _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir); _, err = os.Stat(dir) {
		dir, detail = filepath.Dir(dir), "the first start makes it"
	}
	p50, err := syncTime(dir)
	if err != nil {
		return []finding{{failing, "data_dir", err.Error()}}
	}
	return []finding{{fine, "data_dir", dataDir + ": " + detail}, judgeDisk(p50)}
}

func judgeDisk(p50 time.Duration) finding {
	detail := fmt.Sprintf("a sync takes %s (p50 of %d)", p50.Round(10*time.Microsecond), diskSyncs)
	if p50 > diskSlow {
		return finding{suspect, "disk", detail + fmt.Sprintf(": over %s; the end of each answer waits for one", diskSlow)}
	}
	return finding{fine, "disk", detail}
}

// syncTime is the median of what small synced writes take in a directory. It gives up early on a disk that hardly moves.
func syncTime(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, ".doctor-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var took []time.Duration
	for began := time.Now(); len(took) < diskSyncs && time.Since(began) < tryFor; {
		one := time.Now()
		if _, err := f.Write(make([]byte, 512)); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(one))
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

// examineStore opens the store, reads it as far as time allows, and holds the clock against it.
func examineStore(ctx context.Context, path string, now time.Time) []finding {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return []finding{{fine, "store", path + ": the first start makes it"}, judgeClock(now, time.Time{})}
	}
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	s, err := store.OpenReader(ctx, path)
	if err != nil {
		return []finding{{failing, "store", err.Error()}, judgeClock(now, time.Time{})}
	}
	defer s.Close()
	newest, err := s.Newest(ctx)
	if err != nil {
		return []finding{{failing, "store", err.Error()}, judgeClock(now, time.Time{})}
	}
	return append(findDeadLetters(ctx, s, checkStore(ctx, s, path)), judgeClock(now, newest))
}

func findDeadLetters(ctx context.Context, s *store.Store, found ...finding) []finding {
	if n, err := s.DeadLetters(ctx); err == nil && n > 0 {
		found = append(found, finding{suspect, "store", fmt.Sprintf("%d events could not be stored and wait in dead_letter for a person to look at", n)})
	}
	return found
}

// examineSharedStore reaches the store as a gateway does, changes nothing, and holds the clock against it.
func examineSharedStore(ctx context.Context, c *config.Config, now time.Time) []finding {
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	began := time.Now()
	s, err := meetStore(ctx, c)
	switch {
	case errors.Is(err, store.ErrNone):
		return []finding{{fine, "store", "reached; the first start makes its tables"}, judgeClock(now, time.Time{})}
	case err != nil:
		return []finding{{failing, "store", err.Error()}, judgeClock(now, time.Time{})}
	}
	defer s.Close()
	reached := finding{fine, "store", fmt.Sprintf("%s: reached and known in %d ms", s.Place(), time.Since(began).Milliseconds())}
	newest, err := s.Newest(ctx)
	if err != nil {
		return []finding{reached, {failing, "store", err.Error()}, judgeClock(now, time.Time{})}
	}
	return append(findDeadLetters(ctx, s, reached), judgeClock(now, newest))
}

func checkStore(ctx context.Context, s *store.Store, path string) finding {
	switch err := s.Check(ctx); {
	case ctx.Err() != nil:
		return finding{fine, "store", fmt.Sprintf("%s: opens; too large to be read whole in %s", path, tryFor)}
	case err != nil:
		return finding{failing, "store", err.Error()}
	}
	return finding{fine, "store", path + ": read whole, sound"}
}

// clockBegin is before any clock that is right, clockSlack what two readings of one may differ by.
const (
	clockBegin = 2026
	clockSlack = 2 * time.Second
)

// judgeClock holds the clock against the newest event; the zero time: there is none.
func judgeClock(now, newest time.Time) finding {
	shown := now.UTC().Format(time.RFC3339)
	switch behind := newest.Sub(now); {
	case now.Year() < clockBegin:
		return finding{failing, "clock", shown + " can't be: periods would be wrong"}
	case !newest.IsZero() && behind > clockSlack:
		return finding{failing, "clock", fmt.Sprintf("%s is %s behind the newest event: it was set back, or ran ahead when that was written", shown, behind.Round(time.Second))}
	}
	return finding{fine, "clock", shown}
}
