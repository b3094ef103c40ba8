package main_test

import (
	"bufio"
	bigendian "encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
	"github.com/tollgate/tollgate/store"
	"github.com/tollgate/tollgate/store/pgtest"
)

// wire is a connection to Postgres that counts what is waited for: each Sync and each simple query.
type wire struct {
	to    string
	trips atomic.Int64
}

// newWire gives the database's URL by way of it.
func newWire(t *testing.T, database string) (*wire, string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	w := &wire{to: u.Host}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go w.carry(c)
		}
	}()
	u.Host = l.Addr().String()
	return w, u.String()
}

func (w *wire) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		io.Copy(client, server)
		client.Close()
	}()
	in := bufio.NewReader(client)
	for started := false; ; started = true {
		head := make([]byte, 4, 5)
		if started { // the first message has no type
			head = head[:5]
		}
		if _, err := io.ReadFull(in, head); err != nil {
			return
		}
		if started && (head[0] == 'S' || head[0] == 'Q') {
			w.trips.Add(1)
		}
		if _, err := server.Write(head); err != nil {
			return
		}
		if _, err := io.CopyN(server, in, int64(bigendian.BigEndian.Uint32(head[len(head)-4:]))-4); err != nil {
			return
		}
	}
}

// TestRoundTripsOfACall counts what the calls of a running gateway wait for, once a connection knows their texts.
func TestRoundTripsOfACall(t *testing.T) {
	w, by := newWire(t, pgtest.URL(t))
	s, err := store.Connect(by, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	now := time.Now()
	do(t, func() error { return s.Migrate(t.Context()) }, func() error { return s.Start(t.Context(), "epoch", "journal", now) })
	const accounts = 30
	for i := range 2 * accounts {
		monthly := int64(1_000_000)
		a := accounting.Account{ID: fmt.Sprint("account", i), Status: accounting.Active, MonthlyTokens: &monthly}
		if _, err := s.CreateAccount(t.Context(), a, now); err != nil {
			t.Fatal(err)
		}
	}
	seq := int64(0)
	for first := range 2 { // the first time round, the connection learns
		leases, asks, batch := make([]policy.Lease, accounts), make([]policy.Ask, accounts), accounting.Batch{Journal: "journal", After: seq}
		at, id := now, func(i int) string { return fmt.Sprint("account", accounts*first+i) }
		lend := func(i int) error {
			ask := policy.Ask{Account: id(i), Epoch: "epoch", Need: 100, Now: at}
			if !leases[i].Period.Start.IsZero() {
				ask.PeriodStart, ask.Granted, ask.Returned = leases[i].Period.Start, leases[i].Granted, leases[i].Granted
			}
			var err error
			leases[i], err = s.Exchange(t.Context(), ask)
			return err
		}
		for _, tc := range []struct {
			call string
			want int64
			do   func() error
		}{
			{"first exchange", 2, func() error { return lend(0) }},
			{"exchange that tells of a lease", 2, func() error { return lend(0) }},
			{"first exchange of a month", 2, func() error { at = leases[0].Period.End; return lend(0) }},
			{"first exchange after years", 2, func() error { at = at.AddDate(2, 0, 0); return lend(0) }},
			{"30 accounts that give back as their month ends", 2, func() error {
				for i := range asks {
					asks[i] = policy.Ask{Account: id(i), Epoch: "epoch", Now: at}
				}
				answers, err := s.GiveBack(t.Context(), asks)
				if len(answers) != accounts {
					t.Errorf("%d answers", len(answers))
				}
				return err
			}},
			{"batch of 30 accounts with chatbots", 4, func() error {
				for i := range accounts {
					batch.Settlements = append(batch.Settlements, accounting.Settlement{Epoch: "epoch", PeriodStart: leases[0].Period.Start,
						Event: accounting.Event{ID: fmt.Sprint(seq, i), Account: id(i), Chatbot: "bot", StartedAt: at, Charged: accounting.Charged{Total: 5}}})
				}
				batch.At, batch.Upto = at, batch.After+accounts
				seq = batch.Upto
				return s.Apply(t.Context(), batch)
			}},
		} {
			before := w.trips.Load()
			if err := tc.do(); err != nil {
				t.Fatalf("%s: %v", tc.call, err)
			}
			if got := w.trips.Load() - before; first > 0 && got != tc.want {
				t.Errorf("%s: %d round trips, want %d", tc.call, got, tc.want)
			}
		}
	}
}

// TestTheDatabaseIsNotOnTheWayOfARequest counts the round trips to it for 1,000 requests, and all that follows of them.
func TestTheDatabaseIsNotOnTheWayOfARequest(t *testing.T) {
	const requests = 1000
	_, origin := newProvider(t)
	database := pgtest.URL(t)
	w, by := newWire(t, database)
	c := newCluster(t, 1, origin, by, "")
	direct, err := store.Connect(database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	if err := direct.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		accounts int
		most     int64
	}{{1, 100}, {10, 200}, {1000, 5 * requests}} {
		secrets := make([]string, tc.accounts)
		for i := range secrets {
			id, monthly := fmt.Sprintf("of%d-%d", tc.accounts, i), int64(1_000_000)
			if _, err := direct.CreateAccount(t.Context(), accounting.Account{ID: id, Status: accounting.Active, MonthlyTokens: &monthly}, time.Now()); err != nil {
				t.Fatal(err)
			}
			secrets[i] = fmt.Sprintf("tg_%043d", 10_000*tc.accounts+i)
			key := policy.Key{Account: id, Name: "test", Scope: policy.ScopeCall, Activity: "chat", Labels: policy.LabelsOpen}
			if _, err := direct.CreateKey(t.Context(), key, policy.HashSecret(secrets[i]), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(600 * time.Millisecond) // the replica has heard of them
		before, began := w.trips.Load(), time.Now()
		var wait sync.WaitGroup
		for worker := range 8 {
			wait.Go(func() {
				for i := range requests / 8 {
					if got := status(t, c.replicas[0].data, secrets[(8*i+worker)%tc.accounts], 100); got != http.StatusOK {
						t.Errorf("status %d", got)
					}
				}
			})
		}
		wait.Wait()
		took := time.Since(began)
		served := w.trips.Load() - before
		time.Sleep(3500 * time.Millisecond) // all is stored, and every lease was given back
		all := w.trips.Load() - before
		if all > tc.most {
			t.Errorf("%d round trips for %d requests of %d accounts", all, requests, tc.accounts)
		}
		fmt.Printf("SHARED round-trips requests=%d accounts=%d while_served=%d with_what_followed=%d served_in=%v %s\n",
			requests, tc.accounts, served, all, took.Round(time.Millisecond), verdict(t))
	}
	c.stop(t)
}
