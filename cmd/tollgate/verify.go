package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/tollgate/tollgate/config"
	"github.com/tollgate/tollgate/store"
)

type verifyCmd struct {
	File   string `arg:"" optional:"" help:"A backup to verify; default: the store that the file names, whether gateways run on it or not."`
	Config string `help:"The file to read; gateway.yaml of this folder if there is one, else defaults." placeholder:"FILE"`
}

// Run recomputes every balance of one state of the store and prints what differs.
func (v verifyCmd) Run(out *streams) error {
	c, err := load(v.Config)
	if err != nil {
		return report(out.stderr, err)
	}
	ctx, stop := signalled(newLogger(out.stderr))
	defer stop()
	s, err := v.open(ctx, c)
	if err != nil {
		return err
	}
	defer s.Close()
	drifts, err := s.Verify(ctx)
	if err != nil {
		return err
	}
	accounts, err := countAccounts(ctx, s)
	if err != nil {
		return err
	}
	if len(drifts) == 0 {
		fmt.Fprintf(out.stdout, "ok: %d accounts, 0 drift\n", accounts)
		return nil
	}
	for _, d := range drifts {
		fmt.Fprintln(out.stdout, describeDrift(d.Account, d.What, d.Want, d.Have))
	}
	fmt.Fprintf(out.stdout, "%d accounts, %d drift\n", accounts, len(drifts))
	return errSilent
}

func (v verifyCmd) open(ctx context.Context, c *config.Config) (*store.Store, error) {
	if v.File == "" && store.IsURL(c.Store.Reveal()) {
		return meetStore(ctx, c)
	}
	s, err := store.OpenReader(ctx, cmp.Or(v.File, filepath.Join(c.DataDir, storeFile)))
	if err != nil {
		return nil, err
	}
	if err := s.Check(ctx); err != nil { // what is damaged may add up
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// meetStore opens the shared store, to read it.
func meetStore(ctx context.Context, c *config.Config) (*store.Store, error) {
	s, err := store.Connect(c.Store.Reveal(), store.Options{})
	if err != nil {
		return nil, err
	}
	if err := s.Meet(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func describeDrift(account, what string, want, have int64) string {
	return fmt.Sprintf("account %s: %s: should be %d, is %d", account, what, want, have)
}
