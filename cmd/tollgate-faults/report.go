package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report is what the tests said.
type report struct {
	began  time.Time
	took   time.Duration
	lines  []line
	failed []string // tests and runs
}

// line is one that a fault test printed.
type line struct {
	name, figures string
	ok            bool
}

var (
	printed = regexp.MustCompile(`\b(?:FAULT|CLUSTER|SHARED|MODEL) (\S+) (.*?) ?RESULT (ok|FAIL)$`)
	failure = regexp.MustCompile(`^\s*--- FAIL: (\S+)`)
)

// take keeps what a test printed, if it is of interest.
func (r *report) take(text string) bool {
	text = strings.TrimRight(text, " \r")
	if m := printed.FindStringSubmatch(text); m != nil {
		r.lines = append(r.lines, line{name: m[1], figures: m[2], ok: m[3] == "ok"})
		return true
	}
	if m := failure.FindStringSubmatch(text); m != nil {
		r.failed = append(r.failed, m[1])
		return true
	}
	return strings.HasPrefix(text, "ok ") || strings.HasPrefix(text, "FAIL")
}

// of are the lines of a fault.
func (r *report) of(f fault) (own []line) {
	for _, name := range f.lines {
		for _, l := range r.lines {
			if ok, err := path.Match(name, l.name); ok && err == nil {
				own = append(own, l)
			}
		}
	}
	return own
}

// missing are the names of the table that no line has.
func (r *report) missing() (names []string) {
	for _, f := range faults {
		for _, name := range f.lines {
			if len(r.of(fault{lines: []string{name}})) == 0 {
				names = append(names, name)
			}
		}
	}
	return names
}

// verdict is nil when all is well.
func (r *report) verdict() error {
	var problems []error
	for _, l := range r.lines {
		if !l.ok {
			problems = append(problems, fmt.Errorf("%s: FAIL", l.name))
		}
	}
	for _, name := range r.failed {
		problems = append(problems, fmt.Errorf("failed: %s", name))
	}
	for _, name := range r.missing() {
		problems = append(problems, fmt.Errorf("no line of %s", name))
	}
	return errors.Join(problems...)
}

// write writes the report as Markdown.
func (r *report) write(w io.Writer, machine string) error {
	fmt.Fprintf(w, `# Faults

Written by `+"`make faults`"+` on %s, in %v, on %s. Ledgers are compared with what the fake
provider and the load clients logged, never with themselves; a test prints its seed where it draws at random.

| fault | test | figures | result |
|---|---|---|---|
`, r.began.UTC().Format(time.DateOnly), r.took.Round(time.Second), machine)
	known := map[line]bool{}
	for _, f := range faults {
		what := f.what
		for _, l := range r.of(f) {
			known[l] = true
			writeLine(w, what, l)
			what = ""
		}
	}
	for _, l := range r.lines {
		if !known[l] {
			writeLine(w, "", l)
		}
	}
	text := "\nAll is well.\n"
	if err := r.verdict(); err != nil {
		text = "\nNot well:\n\n- " + strings.ReplaceAll(err.Error(), "\n", "\n- ") + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

func writeLine(w io.Writer, what string, l line) {
	result := "ok"
	if !l.ok {
		result = "**FAIL**"
	}
	fmt.Fprintf(w, "| %s | %s | %s | %s |\n", what, l.name, strings.ReplaceAll(l.figures, "|", `\|`), result)
}

// thisMachine is what the figures depend on.
func thisMachine(ctx context.Context) string {
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		kernel = []byte("?")
	}
	return fmt.Sprintf("%d cores, %s/%s %s, %s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, strings.TrimSpace(string(kernel)),
		runtime.Version(), postgresVersion(ctx))
}

func postgresVersion(ctx context.Context) string {
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(programs) == 0 {
		programs = []string{"postgres"}
	}
	out, err := exec.CommandContext(ctx, slices.Max(programs), "--version").Output()
	if err != nil {
		return "no Postgres"
	}
	version, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(out)), "postgres (PostgreSQL) "), " ")
	return "Postgres " + version
}
