package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// bench is one run.
type bench struct {
	gateway       string // as the flag says
	rounds        int
	round         time.Duration
	streams, open int
	sample        float64
	profile       string // where to; "": none
	out           io.Writer

	loader *process
	// sides are the floor and the gateway, in this order.
	sides [2]side
}

// side is one of the two that are compared.
type side struct {
	*process
	floor  bool
	key    string
	settle func(context.Context) error
}

// run starts all processes, measures and prints.
func (b *bench) run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "tollgate-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	stop, err := b.start(ctx, dir)
	defer stop()
	if err != nil {
		return err
	}
	b.header()
	for _, part := range []func(context.Context) error{b.memory, b.large, b.profiled(b.costs), b.cut} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// start starts the five processes; stop ends those that run, also after an error.
func (b *bench) start(ctx context.Context, dir string) (stop func(), err error) {
	var running []*process
	stop = func() {
		for _, p := range slices.Backward(running) {
			p.stop()
		}
	}
	add := func(listens bool, args ...string) *process {
		if err != nil {
			return nil
		}
		var p *process
		if p, err = start(ctx, listens, args...); err == nil {
			running = append(running, p)
		}
		return p
	}
	provider := add(true, "provider")
	spans := add(true, "sink")
	b.loader = add(false, "load")
	if err != nil {
		return stop, err
	}
	floor := add(true, "floor", "-provider", provider.url)
	if err != nil {
		return stop, err
	}
	nothing := func(context.Context) error { return nil }
	b.sides[0] = side{floor, true, "sk-bench", nothing}
	if b.gateway == "none" {
		second := add(true, "floor", "-provider", provider.url)
		b.sides[1] = side{second, true, "sk-bench", nothing}
		return stop, err
	}
	if b.gateway == "" {
		if b.gateway, err = build(ctx, dir, b.profile != ""); err != nil {
			return stop, err
		}
	}
	g, err := b.startGateway(ctx, dir, provider.url, spans.url)
	if err != nil {
		return stop, err
	}
	running = append(running, g.process)
	b.sides[1] = side{g.process, false, g.key, g.settle}
	return stop, nil
}

// profiled has the gateway write a CPU profile of a part, if one is wanted.
func (b *bench) profiled(part func(context.Context) error) func(context.Context) error {
	if b.profile == "" {
		return part
	}
	return func(ctx context.Context) error {
		if err := os.Remove(b.profile); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		gateway := b.sides[1].cmd.Process
		if err := gateway.Signal(syscall.SIGUSR1); err != nil {
			return err
		}
		if err := part(ctx); err != nil {
			return err
		}
		if err := gateway.Signal(syscall.SIGUSR1); err != nil {
			return err
		}
		for range 100 {
			if _, err := os.Stat(b.profile); err == nil {
				return nil
			}
			time.Sleep(100 * time.Millisecond)
		}
		return fmt.Errorf("the gateway wrote no profile to %s", b.profile)
	}
}

// measured is one round on one side.
type measured struct {
	result
	cpu  time.Duration // of the process, until everything it had to do was done
	wall time.Duration
}

// each is the CPU time of one whole answer, in nanoseconds.
func (m measured) each() float64 { return float64(m.cpu) / float64(m.Requests-m.Cut) }

// measure has the load client do one thing to a side.
func (b *bench) measure(ctx context.Context, s side, o order) (m measured, err error) {
	o.URL, o.Key = s.url+"/v1/chat/completions", s.key
	before, err := cpu(s.pid())
	if err != nil {
		return m, err
	}
	start := time.Now()
	if m.result, err = b.loader.order(o); err != nil {
		return m, err
	}
	m.wall = time.Since(start)
	if err := s.settle(ctx); err != nil {
		return m, err
	}
	after, err := cpu(s.pid())
	m.cpu = after - before
	return m, err
}

// good is measure for loads in which nothing may go wrong, except that the floor may cut a stream: golang/go#40747.
func (b *bench) good(ctx context.Context, s side, o order) (measured, error) {
	m, err := b.measure(ctx, s, o)
	cutsMax := int64(0)
	if s.floor {
		cutsMax = m.Requests / 4
	}
	if err == nil && (m.Cut > cutsMax || m.Refused > 0 || m.Requests == 0) {
		err = fmt.Errorf("%d of %d answers were cut, %d refused: %s", m.Cut, m.Requests, m.Refused, m.Fault)
	}
	return m, err
}

// costs measures all worlds, both sides in turns.
func (b *bench) costs(ctx context.Context) error {
	table := newTable(b.out, "load", "requests/s", "floor µs", "gateway µs", "**CPU ratio**", "quartiles", "floor p50/p99 ms", "added p50/p99 ms")
	for _, w := range worlds() {
		rounds, err := b.world(ctx, w)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		of := func(f func(r [2]measured) float64) sample {
			var s sample
			for _, r := range rounds {
				s = append(s, f(r))
			}
			slices.Sort(s)
			return s
		}
		each := func(i int) float64 { return of(func(r [2]measured) float64 { return r[i].each() / 1e3 }).median() }
		ratio := of(func(r [2]measured) float64 { return r[1].each() / r[0].each() })
		added := func(q func(measured) time.Duration) float64 {
			return of(func(r [2]measured) float64 { return ms(q(r[1]) - q(r[0])) }).median()
		}
		floor := func(q func(measured) time.Duration) float64 {
			return of(func(r [2]measured) float64 { return ms(q(r[0])) }).median()
		}
		p50 := func(m measured) time.Duration { return m.P50 }
		p99 := func(m measured) time.Duration { return m.P99 }
		rate := of(func(r [2]measured) float64 { return float64(r[1].Requests) / r[1].wall.Seconds() }).median()
		table.row(w.name, fmt.Sprintf("%.0f", rate), fmt.Sprintf("%.1f", each(0)), fmt.Sprintf("%.1f", each(1)),
			fmt.Sprintf("**%.3f**", ratio.median()), fmt.Sprintf("%.3f–%.3f", ratio.at(1, 4), ratio.at(3, 4)),
			fmt.Sprintf("%.2f / %.2f", floor(p50), floor(p99)), fmt.Sprintf("%+.2f / %+.2f", added(p50), added(p99)))
	}
	return nil
}

// world runs the rounds of one load; the sides take turns in being first.
func (b *bench) world(ctx context.Context, w world) (rounds [][2]measured, err error) {
	o := order{Body: w.body, Connections: w.connections, Duration: b.round}
	for round := -1; round < b.rounds; round++ { // the first warms up
		var r [2]measured
		for turn := range 2 {
			i := (turn + round + 2) % 2
			if r[i], err = b.good(ctx, b.sides[i], o); err != nil {
				return nil, err
			}
		}
		if round >= 0 {
			rounds = append(rounds, r)
		}
	}
	return rounds, nil
}

// memory opens streams on each side and looks how much it grew.
func (b *bench) memory(ctx context.Context) error {
	table := newTable(b.out, "memory", "at rest MiB", fmt.Sprintf("with %d open streams MiB", b.open), "KiB per open stream")
	var each [2]float64
	for i, s := range b.sides {
		warm := order{Body: worlds()[0].body, Connections: 4, Count: 200}
		if _, err := b.good(ctx, s, warm); err != nil {
			return fmt.Errorf("memory: %w", err)
		}
		before, err := resident(s.pid())
		if err != nil {
			return err
		}
		hold := order{Body: idle(), Connections: b.open, Hold: true, URL: s.url + "/v1/chat/completions", Key: s.key}
		r, err := b.loader.order(hold)
		if err == nil && r.Requests != int64(b.open) {
			err = fmt.Errorf("only %d of %d streams opened: %s", r.Requests, b.open, r.Fault)
		}
		if err != nil {
			return fmt.Errorf("memory: %w", err)
		}
		after, err := resident(s.pid())
		if err != nil {
			return err
		}
		each[i] = float64(after-before) / 1024 / float64(b.open)
		table.row(name(i), fmt.Sprintf("%.1f", mib(before)), fmt.Sprintf("%.1f", mib(after)), fmt.Sprintf("%.0f", each[i]))
	}
	table.row("ratio", "", "", fmt.Sprintf("**%.2f**", each[1]/each[0]))
	return b.drop(ctx)
}

// large passes answers of 50 MB and looks how much each side grows at most meanwhile: what it keeps of an answer.
func (b *bench) large(ctx context.Context) error {
	const atOnce = 4
	table := newTable(b.out, fmt.Sprintf("JSON answers of 50 MB, %d at once", atOnce), "at rest MiB", "at most MiB", "KiB per answer")
	for i, s := range b.sides {
		before, err := resident(s.pid())
		if err != nil {
			return err
		}
		watched, stop := context.WithCancel(ctx)
		most := make(chan int64)
		go func() { most <- peak(watched, s.pid()) }()
		_, err = b.good(ctx, s, order{Body: huge(), Connections: atOnce, Count: 2 * atOnce})
		stop()
		after := max(<-most, before)
		if err != nil {
			return fmt.Errorf("large answers: %w", err)
		}
		table.row(name(i), fmt.Sprintf("%.1f", mib(before)), fmt.Sprintf("%.1f", mib(after)), fmt.Sprintf("**%.0f**", float64(after-before)/1024/atOnce))
	}
	return nil
}

// peak is the most that a process had resident until ctx ended.
func peak(ctx context.Context, pid int) (most int64) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		n, _ := resident(pid) // a process that is gone shows in the load's own error
		most = max(most, n)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return most
		}
	}
}

// drop has the load client leave its streams, and waits until the gateway no longer drains any.
func (b *bench) drop(ctx context.Context) error {
	if _, err := b.good(ctx, b.sides[0], order{Body: worlds()[0].body, Connections: 1, Count: 1}); err != nil {
		return err
	}
	select {
	case <-time.After(drainFor + time.Second):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// cut counts the streams that did not end whole, with the cores busy. The floor is there for the record: see golang/go#40747.
func (b *bench) cut(ctx context.Context) error {
	table := newTable(b.out, "paced streams, 16 chunks 10 ms apart", "streams", "at once", "cut", "refused", "seconds", "p50/p99/longest ms")
	var cut, refused int64
	var fault string
	for i, s := range b.sides {
		m, err := b.measure(ctx, s, order{Body: short(), Connections: b.open, Count: int64(b.streams)})
		if err != nil {
			return fmt.Errorf("cut streams: %w", err)
		}
		table.row(name(i), fmt.Sprint(m.Requests), fmt.Sprint(b.open), fmt.Sprintf("**%d**", m.Cut), fmt.Sprint(m.Refused), fmt.Sprintf("%.1f", m.wall.Seconds()),
			fmt.Sprintf("%.0f / %.0f / %.0f", ms(m.P50), ms(m.P99), ms(m.Max)))
		cut, refused, fault = m.Cut, m.Refused, m.Fault
	}
	if b.gateway != "none" && cut+refused > 0 {
		return fmt.Errorf("the gateway cut %d streams and refused %d: %s", cut, refused, fault)
	}
	return nil
}

func name(side int) string { return [2]string{"floor", "gateway"}[side] }

func (b *bench) header() {
	version, err := exec.Command("go", "version").Output()
	if err != nil {
		version = []byte("go version unknown")
	}
	fmt.Fprintf(b.out, "%d rounds of %v a side; %d cores; %s", b.rounds, b.round, runtime.NumCPU(), version)
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
