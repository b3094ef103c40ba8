package main_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/proxy/proxytest"
	"github.com/tollgate/tollgate/store/pgtest"
)

// ordeal is load on the replicas of a cluster while something happens to their database.
type ordeal struct {
	*cluster
	provider *proxytest.Provider
	seed     uint64
	accounts []string
	storms   []*storm // one a replica
}

func newOrdeal(t *testing.T, replicas int, url string, more ...string) *ordeal {
	t.Helper()
	provider, origin := newProvider(t)
	o := &ordeal{cluster: newCluster(t, replicas, origin, url, "policy: { lease_tokens_max: 1000000000000 }\n"+strings.Join(more, "")), provider: provider, accounts: []string{"one", "two"}, seed: uint64(time.Now().UnixNano())}
	serial := &atomic.Int64{}
	for i, r := range o.replicas {
		var clients []*client
		for j, account := range o.accounts {
			var key string
			if i == 0 {
				key = r.account(t, account, 200_000_000, nil)
				r.purchase(t, account, "r", 1_000_000_000_000)
			} else {
				var made struct{ Secret string }
				r.call(t, http.StatusCreated, "POST", "/api/v1/accounts/"+account+"/keys", map[string]any{"name": fmt.Sprint("test", i)}, &made)
				key = made.Secret
			}
			for n := range 3 {
				clients = append(clients, &client{account, key, rand.New(rand.NewPCG(o.seed, uint64(100*i+10*j+n))), serial, ofAllKinds})
			}
		}
		s := newStorm(t, clients)
		s.origin.Store(&r.data)
		o.storms = append(o.storms, s)
	}
	time.Sleep(700 * time.Millisecond) // all keys and leases are known
	return o
}

// answered is how many responses ended so far.
func (o *ordeal) answered() (n int) {
	for _, s := range o.storms {
		s.lock.Lock()
		for _, a := range s.asked {
			if a.ended {
				n++
			}
		}
		s.lock.Unlock()
	}
	return n
}

// judge ends the load, waits until all is stored, and compares it with what clients and provider know.
func (o *ordeal) judge(t *testing.T, name, details string) {
	t.Helper()
	var remembered []asked
	for _, s := range o.storms {
		remembered = append(remembered, s.end()...)
	}
	began := time.Now()
	for _, r := range o.replicas[1:] {
		r.stop(t) // with its journal stored
	}
	last := o.replicas[0]
	var events []accounting.Event
	for _, account := range o.accounts {
		own := last.events(t, account)
		last.audit(t, account, own)
		events = append(events, own...)
	}
	drained := time.Since(began)
	found := compare(t, remembered, o.provider.Answered(), events)
	last.stop(t)
	said, status := tollgate(t, o.dirs[0], "verify")
	if status != 0 {
		t.Errorf("verify: %s", said)
	}
	deadlocks := 0
	for _, r := range o.replicas {
		deadlocks += r.log.count("40P01")
	}
	fmt.Printf("FAULT %s replicas=%d %s requests=%d answered=%d events=%d lost=%d dup=%d unexplained=%d wrong=%d deadlocks=%d drained_ms=%d verify=%q seed=%d %s\n",
		name, len(o.replicas), details, len(remembered), found.answered, found.events, found.lost, found.dup, found.unexplained, found.wrong, deadlocks,
		drained.Milliseconds(), strings.TrimSpace(said), o.seed, verdict(t))
}

func do(t *testing.T, steps ...func() error) {
	t.Helper()
	for _, step := range steps {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}

var (
	awayFlag   = flag.Duration("away", 8*time.Second, "how long TestPostgresIsAway stops the database")
	sparedFlag = flag.Bool("spared", false, "TestPostgresIsAway kills no gateway meanwhile")
)

// TestPostgresIsAway stops the database under load; one of two gateways is killed and started meanwhile.
func TestPostgresIsAway(t *testing.T) {
	t.Parallel()
	away, killed := *awayFlag, 0
	server := pgtest.Start(t)
	o := newOrdeal(t, 2, server.URL())
	time.Sleep(time.Second)
	before := o.answered()
	do(t, server.Stop)
	time.Sleep(away / 2)
	served := o.answered() - before
	if served < 50 {
		t.Errorf("%d requests were served from leases", served)
	}
	back := func() {}
	if !*sparedFlag {
		killed++
		back = o.restart(t, 1)
	}
	time.Sleep(away / 2)
	do(t, server.Start)
	back()
	time.Sleep(time.Second)
	o.judge(t, "postgres-away", fmt.Sprintf("away=%v served_from_leases=%d killed=%d", away, served, killed))
}

// restart kills a gateway and starts it again, without load; the function gives it its load when it is ready.
func (o *ordeal) restart(t *testing.T, i int) (ready func()) {
	t.Helper()
	o.storms[i].origin.Store(nil)
	o.replicas[i].kill(t)
	again, addresses := launch(t, o.dirs[i], o.files[i])
	return func() {
		t.Helper()
		select {
		case at := <-addresses:
			again.data, again.admin = at[0], at[1]
		case <-time.After(20 * time.Second):
			t.Fatal("not ready, though the database is back")
		}
		o.replicas[i] = again
		o.storms[i].origin.Store(&again.data)
	}
}

// TestAnswersWaitForPostgres where they are to be durable in it, and for the journal alone while it is away.
func TestAnswersWaitForPostgres(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	o := newOrdeal(t, 2, server.URL(), "durability: database\n")
	time.Sleep(time.Second)
	there := o.answered()
	do(t, server.Stop)
	time.Sleep(3 * time.Second)
	away := o.answered() - there
	do(t, server.Start)
	time.Sleep(time.Second)
	if there < 20 || away < 20 {
		t.Errorf("%d answers with the database, %d without", there, away)
	}
	o.judge(t, "durability-database", fmt.Sprintf("away=3s answered_meanwhile=%d", away))
}

// TestReplicasBehindAPooler share few connections to the database.
func TestReplicasBehindAPooler(t *testing.T) {
	t.Parallel()
	o := newOrdeal(t, 3, pgtest.Pooler(t, pgtest.Start(t)))
	time.Sleep(3 * time.Second)
	o.judge(t, "pooler", "mode=transaction connections=4")
}

// TestPostgresGoesBackInTime puts a copy of some seconds ago in the database's place, under load.
func TestPostgresGoesBackInTime(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	o := newOrdeal(t, 3, server.URL())
	do(t, server.Stop, server.Keep, server.Start)
	time.Sleep(3 * time.Second)
	do(t, server.Stop, server.Rewind, server.Start)
	time.Sleep(3 * time.Second)
	o.judge(t, "postgres-back-in-time", "back=3s")
	for i, r := range o.replicas {
		if r.log.count("the store went back in time; the journal refills it") == 0 {
			t.Errorf("replica %d did not notice", i)
		}
	}
}
