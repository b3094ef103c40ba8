// Command tollgate-faults runs the fault tests and writes docs/faults.md from the lines that they print:
//
//	FAULT <name> key=value … RESULT ok|FAIL
//
// and likewise CLUSTER, SHARED and MODEL. It exits with 1 when a line says FAIL, when a test failed, or when a fault of
// its table has no line.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "tollgate-faults:", err)
		}
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("tollgate-faults", flag.ContinueOnError)
	file := flags.String("o", "docs/faults.md", "the `file` to write; empty: none")
	if err := flags.Parse(args); err != nil {
		return err
	}
	r := report{began: time.Now()}
	for _, tests := range all {
		if err := r.run(ctx, tests, out); err != nil {
			return err
		}
	}
	r.took = time.Since(r.began)
	if *file != "" {
		f, err := os.Create(*file)
		if err != nil {
			return err
		}
		if err := errors.Join(r.write(f, thisMachine(ctx)), f.Close()); err != nil {
			return err
		}
	}
	return r.verdict()
}

// run runs tests and shows what they print of interest. That a test failed is not an error of run.
func (r *report) run(ctx context.Context, t tests, out io.Writer) error {
	args := append([]string{"test", "-count=1", "-v", "-timeout=60m", "-run", t.names}, t.flags...)
	fmt.Fprintf(out, "go %s %s\n", strings.Join(args, " "), t.of)
	cmd := exec.CommandContext(ctx, "go", append(args, strings.Fields(t.of)...)...)
	if len(t.own) > 0 { // flags of the test itself come last
		cmd.Args = append(append(cmd.Args, "-args"), t.own...)
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stderr = out
	said, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("go test %s: %w", t.of, err)
	}
	for scan := lines(said); scan.Scan(); {
		if r.take(scan.Text()) {
			fmt.Fprintln(out, strings.TrimSpace(scan.Text()))
		}
	}
	if err := cmd.Wait(); err != nil {
		r.failed = append(r.failed, fmt.Sprintf("go test -run '%s' %s: %v", t.names, t.of, err))
	}
	return ctx.Err()
}

func lines(of io.Reader) *bufio.Scanner {
	s := bufio.NewScanner(of)
	s.Buffer(nil, 16<<20)
	return s
}
