package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/accounting/journal"
	"github.com/tollgate/tollgate/config"
	"github.com/tollgate/tollgate/store"
)

type backupCmd struct {
	File     string `arg:"" help:"Where the copy goes: one file, an SQLite database."`
	Config   string `help:"The file to read; gateway.yaml of this folder if there is one, else defaults." placeholder:"FILE"`
	AdminURL string `name:"admin-url" placeholder:"URL" help:"Where the running gateway's admin API listens; default: at admin.listen."`
	Force    bool   `help:"Overwrite FILE."`
}

// Run copies the store as it is at one moment, after everything that was journalled before it came is stored. So
// the copy needs no journal, and a request that still runs is not in it.
func (b backupCmd) Run(out *streams) error {
	c, err := load(b.Config)
	if err != nil {
		return report(out.stderr, err)
	}
	log := newLogger(out.stderr)
	ctx, stop := signalled(log)
	defer stop()
	if store.IsURL(c.Store.Reveal()) {
		return fmt.Errorf("backup: %w: pg_dump makes one of it", errShared)
	}
	if err := b.vacant(c.DataDir); err != nil {
		return err
	}
	path := filepath.Join(c.DataDir, storeFile)
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("backup: data_dir holds no store: %w", err)
	}
	if err := storeJournal(ctx, c, b.AdminURL, out); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	s, err := store.OpenReader(ctx, path)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer s.Close()
	if err := copyStore(ctx, s, b.File); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	made, err := store.OpenReader(ctx, b.File)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer made.Close()
	holds, err := describeStore(ctx, made)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	fmt.Fprintf(out.stdout, "ok: %s holds %s\n", b.File, holds)
	return nil
}

var errShared = errors.New("the store is a Postgres database, not the embedded one")

// vacant fails when FILE is there already, unless it may be overwritten. What the gateway itself works on never may.
func (b backupCmd) vacant(dataDir string) error {
	there, err := os.Stat(b.File)
	if err != nil {
		return nil
	}
	if !b.Force {
		return fmt.Errorf("backup: %s is there already; --force overwrites it", b.File)
	}
	for _, name := range []string{storeFile, journalFile} {
		if own, err := os.Stat(filepath.Join(dataDir, name)); err == nil && os.SameFile(there, own) {
			return fmt.Errorf("backup: %s is what the gateway works on", b.File)
		}
	}
	return nil
}

// copyStore writes the copy beside its place and puts it there when it is whole and on disk.
func copyStore(ctx context.Context, s *store.Store, file string) error {
	dir, err := os.MkdirTemp(filepath.Dir(file), ".tollgate-backup-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	copied := filepath.Join(dir, storeFile)
	if err := s.Backup(ctx, copied); err != nil {
		return err
	}
	if err := os.Chmod(copied, 0o600); err != nil {
		return err
	}
	if err := os.Rename(copied, file); err != nil {
		return err
	}
	return syncDir(filepath.Dir(file))
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// describeStore says what a store holds.
func describeStore(ctx context.Context, s *store.Store) (string, error) {
	accounts, err := countAccounts(ctx, s)
	if err != nil {
		return "", err
	}
	newest, err := s.Newest(ctx)
	if err != nil {
		return "", err
	}
	if newest.IsZero() {
		return fmt.Sprintf("%d accounts, no event", accounts), nil
	}
	return fmt.Sprintf("%d accounts, newest event of %s", accounts, newest.Format(time.RFC3339)), nil
}

func countAccounts(ctx context.Context, s *store.Store) (n int, err error) {
	const page = 1000
	for after := ""; ; {
		some, err := s.Accounts(ctx, after, page)
		if err != nil {
			return 0, err
		}
		n += len(some)
		if len(some) < page {
			return n, nil
		}
		after = some[page-1].ID
	}
}

// storeJournal returns when the store has everything that was journalled before the call. Where a gateway runs, it
// alone can read its journal: a read of its admin API waits for that. Where none does, this does what its next
// start would do first.
func storeJournal(ctx context.Context, c *config.Config, adminURL string, out *streams) (err error) {
	path := filepath.Join(c.DataDir, journalFile)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	log := newLogger(out.stderr)
	j, err := journal.Open(path, journalOptions(c, log))
	if errors.Is(err, journal.ErrInUse) {
		return askToStore(ctx, c, adminURL)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	s, err := store.Open(ctx, filepath.Join(c.DataDir, storeFile), store.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := accounting.NewRecorder(j, s, accounting.RecorderOptions{Logger: log}).Recover(ctx); err != nil {
		return err
	}
	if left := j.Lag().Records; left > 0 {
		return fmt.Errorf("the store does not take %d events of the journal", left)
	}
	return nil
}

// storeFor is how long a running gateway may take to store what it has journalled.
const storeFor = 20 * time.Second

func askToStore(ctx context.Context, c *config.Config, adminURL string) error {
	ctx, cancel := context.WithTimeout(ctx, storeFor)
	defer cancel()
	client, origin, err := adminClient(c, adminURL)
	if err != nil {
		return err
	}
	token, err := heldToken(c)
	if err != nil {
		return err
	}
	for {
		err := readAccounts(ctx, client, origin, token)
		if err == nil || !errors.Is(err, errNotStored) {
			return err
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

var errNotStored = errors.New("the running gateway's store does not take the newest events: see its log")

// readAccounts asks for as little as there is.
func readAccounts(ctx context.Context, client *http.Client, origin, token string) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/api/v1/accounts?limit=1", nil)
	if err != nil {
		return err
	}
	q.Header.Set("Authorization", "Bearer "+token)
	res, err := client.Do(q)
	if err != nil {
		return fmt.Errorf("a gateway runs on this data_dir, and its admin API is not reached (--admin-url says where it is): %w", err)
	}
	defer res.Body.Close()
	io.Copy(io.Discard, io.LimitReader(res.Body, answerBytesMax))
	switch res.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusServiceUnavailable:
		return errNotStored
	case http.StatusUnauthorized:
		return fmt.Errorf("the gateway at %s does not take this file's admin token: is it another gateway?", origin)
	}
	return fmt.Errorf("the gateway at %s answers with status %d", origin, res.StatusCode)
}

// adminClient calls the admin plane of the gateway that the file describes.
func adminClient(c *config.Config, adminURL string) (*http.Client, string, error) {
	if adminURL != "" {
		return plainClient(&http.Transport{}), strings.TrimSuffix(adminURL, "/"), nil
	}
	if _, port, err := net.SplitHostPort(c.Admin.Listen); err != nil || port == "0" {
		return nil, "", fmt.Errorf("admin.listen %q does not say where a gateway runs: --admin-url does", c.Admin.Listen)
	}
	return localClient(c.Admin.Listen, c.Admin.TLS)
}

// localClient calls what listens at an address of gateway.yaml, from this machine; it gives the origin, too.
func localClient(listen string, t *config.TLS) (*http.Client, string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, "", err
	}
	address := net.JoinHostPort(dialled(host), port)
	if t == nil {
		return plainClient(&http.Transport{}), "http://" + address, nil
	}
	trust, err := trusting(t)
	return plainClient(&http.Transport{TLSClientConfig: trust}), "https://" + address, err
}

// plainClient makes single calls: it goes where it is sent, and keeps no connection.
func plainClient(t *http.Transport) *http.Client {
	t.DisableKeepAlives = true
	return &http.Client{Transport: t, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// dialled is the host at which a listener on host is reached from this machine.
func dialled(host string) string {
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return "127.0.0.1"
	}
	return host
}

// trusting takes a listener's own certificate, by whatever name it has.
func trusting(t *config.TLS) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, err
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	roots.AddCert(pair.Leaf)
	name := ""
	switch {
	case len(pair.Leaf.DNSNames) > 0:
		name = strings.Replace(pair.Leaf.DNSNames[0], "*", "gateway", 1)
	case len(pair.Leaf.IPAddresses) > 0:
		name = pair.Leaf.IPAddresses[0].String()
	}
	return &tls.Config{RootCAs: roots, ServerName: name, MinVersion: tls.VersionTLS12}, nil
}
