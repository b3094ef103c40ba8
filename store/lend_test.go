package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tollgate/tollgate/policy"
	"github.com/tollgate/tollgate/store"
	"github.com/tollgate/tollgate/store/pgtest"
)

// TestOneOfManyIsLentTheLast has several replicas ask for most of an account in the same moment, of many accounts: of
// each, one replica may have it.
func TestOneOfManyIsLentTheLast(t *testing.T) {
	const accounts, replicas = 20, 4
	s := connect(t, pgtest.URL(t), store.Options{})
	for r := range replicas {
		if err := s.Start(t.Context(), fmt.Sprint("epoch", r), fmt.Sprint("journal", r), now); err != nil {
			t.Fatal(err)
		}
	}
	for a := range accounts {
		id := fmt.Sprint("account", a)
		account(t, s, id, 1000)
		var granted, busy int64
		var lock sync.Mutex
		var asking sync.WaitGroup
		for r := range replicas {
			asking.Go(func() {
				l, err := s.Exchange(t.Context(), policy.Ask{Account: id, Epoch: fmt.Sprint("epoch", r), Need: 700, Now: now.Add(time.Second)})
				if err != nil {
					t.Error(err)
				}
				lock.Lock()
				defer lock.Unlock()
				granted += l.Granted
				if l.Verdict == policy.Busy {
					busy++
				}
			})
		}
		asking.Wait()
		if granted != 1000 || busy != replicas-1 {
			t.Errorf("%s: %d of 1000 were lent, %d replicas were refused", id, granted, busy)
		}
	}
}
