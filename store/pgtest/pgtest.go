package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// shared is the test binary's own server.
var shared struct {
	sync.Once
	server  *Server
	err     error
	schemas atomic.Int64
}

// Main runs the tests and removes the server that URL started. TestMain passes its result to os.Exit.
func Main(m *testing.M) int {
	status := m.Run()
	if shared.server == nil {
		return status
	}
	if err := shared.server.Remove(); err != nil {
		fmt.Fprintln(os.Stderr, "postgres:", err)
		return max(status, 1)
	}
	return status
}

// URL is where a schema of the test's own is reached, on a server that all tests of the binary share. Without
// Postgres the test fails in CI and is skipped elsewhere.
func URL(t testing.TB) string {
	t.Helper()
	shared.Do(func() { shared.server, shared.err = Run() })
	need(t, shared.err)
	schema := fmt.Sprintf("test_%d", shared.schemas.Add(1))
	Exec(t, shared.server.URL(), "CREATE SCHEMA "+schema)
	return shared.server.URL() + "&search_path=" + schema
}

// Start starts a server of the test's own, which the test's end removes.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := Run()
	need(t, err)
	t.Cleanup(func() {
		if err := s.Remove(); err != nil {
			t.Errorf("postgres: %v", err)
		}
	})
	return s
}

func need(t testing.TB, err error) {
	t.Helper()
	switch {
	case errors.Is(err, ErrMissing) && os.Getenv("CI") == "":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
}

// Exec runs statements without arguments on a connection of its own.
func Exec(t testing.TB, url, statements string) {
	t.Helper()
	c, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	if _, err := c.Exec(context.Background(), statements); err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
}
