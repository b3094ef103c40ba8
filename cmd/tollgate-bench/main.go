// Command tollgate-bench measures what Tollgate costs: it runs the gateway with everything on and a bare
// httputil.ReverseProxy (the floor) in turns in front of the same provider, each as a process of its own, and
// prints CPU per request and per stream, added latency and memory per open stream as ratios. Then it counts streams that are cut.
//
// `tollgate-bench scale` measures the shared store with ten million events in it, and `tollgate-bench fill` puts such a
// history into a store of yours.
//
// A ratio is taken within each round, and the median of the rounds is shown: the machine's moods then hit both sides.
// It exits with 1 if anything could not be measured, or if the gateway cut a stream.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "tollgate-bench:", err)
		}
		stop()
		os.Exit(1)
	}
}

// run is the driver, or one of its processes: those end with their standard input.
func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "provider":
			return serve(in, out, provider())
		case "sink":
			return serve(in, out, sink())
		case "floor":
			return floor(args[1:], in, out)
		case "load":
			return load(in, out)
		case "scale":
			return runScale(ctx, args[1:], out)
		case "fill":
			return runFill(ctx, args[1:], out)
		}
	}
	var b bench
	flags := flag.NewFlagSet("tollgate-bench", flag.ContinueOnError)
	flags.StringVar(&b.gateway, "gateway", "", "the tollgate `binary`; empty: built from ./cmd/tollgate; none: the floor beside itself")
	flags.IntVar(&b.rounds, "rounds", 12, "rounds of each kind of load")
	flags.DurationVar(&b.round, "round", 800*time.Millisecond, "length of one round on one side")
	flags.IntVar(&b.streams, "streams", 10_000, "streams to run when looking for cut ones")
	flags.IntVar(&b.open, "open", 500, "streams held open to measure memory, and run at once when looking for cut ones")
	flags.Float64Var(&b.sample, "sample", 1, "share of traces that the gateway exports")
	flags.StringVar(&b.profile, "profile", "", "write a CPU profile of the gateway under load to `file`: cmd/tollgate/default.pgo is made so")
	quick := flags.Bool("quick", false, "few and short rounds: whether it runs, not what it costs")
	limit := flags.Duration("limit", 6*time.Minute, "give up after this long")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if b.profile != "" {
		if b.gateway != "" {
			return errors.New("-profile builds the gateway itself")
		}
		path, err := filepath.Abs(b.profile)
		if err != nil {
			return err
		}
		b.profile = path
	}
	if *quick {
		b.rounds, b.round, b.streams, b.open = 3, 300*time.Millisecond, 1000, 100
	}
	ctx, cancel := context.WithTimeoutCause(ctx, *limit, fmt.Errorf("not done after %v", *limit))
	defer cancel()
	b.out = out
	err := b.run(ctx)
	if cause := context.Cause(ctx); cause != nil {
		err = errors.Join(cause, err)
	}
	return err
}
