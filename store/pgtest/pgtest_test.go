package pgtest

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

func TestEachTestHasASchemaOfItsOwn(t *testing.T) {
	one, other := URL(t), URL(t)
	Exec(t, one, "CREATE TABLE account (id TEXT); INSERT INTO account VALUES ('acme')")
	Exec(t, other, "CREATE TABLE account (id TEXT)")
}

func TestAServerKeepsWhatItHoldsWhenItIsStopped(t *testing.T) {
	s := Start(t)
	Exec(t, s.URL(), "CREATE TABLE account (id TEXT)")
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if c, err := pgx.Connect(context.Background(), s.URL()); err == nil {
		c.Close(context.Background())
		t.Error("a stopped server takes connections")
	}
	was := s.URL()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if s.URL() != was {
		t.Errorf("it was at %s and is at %s", was, s.URL())
	}
	Exec(t, s.URL(), "INSERT INTO account VALUES ('acme')")
	if err := s.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its folder after the end: %v", err)
	}
}
