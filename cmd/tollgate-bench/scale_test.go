package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/tollgate/tollgate/store/pgtest"
)

// TestMain is also the measurement's provider, which is started as a process of this program.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "provider" {
		if err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(pgtest.Main(m))
}

func TestScaleMeasuresAndAddsUp(t *testing.T) {
	pgtest.URL(t) // without Postgres it says so and goes
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	var out bytes.Buffer
	err := run(t.Context(), strings.Fields("scale -events 20000 -few 1000 -accounts 40 -reads 5 -rate 50 -calm 1s -settled 2000"), nil, &out)
	if err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{
		`\| SQLite \| 2000 \| \*\*[1-9]\d+\*\* \|`, `\| Postgres \| 2000 \| \*\*[1-9]\d+\*\* \|`, `20000 events stored in`,
		`\| Token view \| \d+\.\d / \*\*\d+\.\d\*\* \| \d+\.\d / \*\*\d+\.\d\*\* \|`, `\| during: 1s \| 50 \| 0 \|`,
		`[1-9]\d* accounts began their month`, `verify: 0 drift`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("no %s in\n%s", want, &out)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
}
