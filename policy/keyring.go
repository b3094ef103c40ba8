package policy

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"

	"github.com/tollgate/tollgate/accounting"
)

const (
	// lookups is how many keys are looked up in the store at once.
	lookups = 4
	// unknownKept is how long it is believed that no key has a hash.
	unknownKept = 10 * time.Second
)

// keyring remembers keys by hash, and apart from them hashes that no key has, so that a flood of made-up
// secrets can't push real keys out.
type keyring struct {
	keys    Keys
	flights singleflight.Group
	lookups chan struct{} // holds one for each running lookup

	mu       sync.Mutex // guards all below; simplelru has no lock of its own
	known    *simplelru.LRU[Hash, *Caller]
	unknown  *simplelru.LRU[Hash, time.Time] // until when it is believed
	ids      map[string]Hash                 // of known, by key
	accounts map[string]map[string]Hash      // of known, by account and key
	drops    int64                           // grows with each change; a lookup that began before it is not kept
}

func newKeyring(keys Keys, size int) *keyring {
	r := &keyring{keys: keys, lookups: make(chan struct{}, lookups)}
	r.known, _ = simplelru.NewLRU(max(1, size), r.unlist)
	r.unknown, _ = simplelru.NewLRU[Hash, time.Time](max(1, size/4), nil)
	r.ids, r.accounts = map[string]Hash{}, map[string]map[string]Hash{}
	return r
}

// find is the key's caller, nil for a hash that no key has. It fails when the store can't be asked.
func (r *keyring) find(ctx context.Context, hash Hash, now time.Time) (*Caller, error) {
	r.mu.Lock()
	c, ok := r.known.Get(hash)
	if !ok {
		if till, known := r.unknown.Get(hash); known && now.Before(till) {
			ok = true
		}
	}
	r.mu.Unlock()
	if ok {
		return c, nil
	}
	return r.ask(ctx, hash, now)
}

// ask waits for the store's answer, together with all who show the same secret.
func (r *keyring) ask(ctx context.Context, hash Hash, now time.Time) (*Caller, error) {
	flight := r.flights.DoChan(string(hash[:]), func() (any, error) { return r.lookUp(context.WithoutCancel(ctx), hash, now) })
	select {
	case got := <-flight:
		if got.Err != nil {
			return nil, got.Err
		}
		return got.Val.(*Caller), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// lookUp asks the store and remembers its answer. It serves all who wait for the same hash, so no one's
// leaving ends it.
func (r *keyring) lookUp(ctx context.Context, hash Hash, now time.Time) (*Caller, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	select {
	case r.lookups <- struct{}{}:
		defer func() { <-r.lookups }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r.mu.Lock()
	drops := r.drops
	r.mu.Unlock()
	k, accountLives, err := r.keys.Key(ctx, hash)
	switch {
	case errors.Is(err, accounting.ErrNotFound):
		r.mu.Lock()
		r.unknown.Add(hash, now.Add(unknownKept))
		r.mu.Unlock()
		return nil, nil
	case err != nil:
		return nil, err
	}
	c := newCaller(k, accountLives)
	r.keep(hash, c, drops)
	return c, nil
}

func (r *keyring) keep(hash Hash, c *Caller, drops int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.drops != drops {
		return
	}
	r.known.Add(hash, c)
	r.ids[c.Key.ID] = hash
	of := r.accounts[c.Key.Account]
	if of == nil {
		of = map[string]Hash{}
		r.accounts[c.Key.Account] = of
	}
	of[c.Key.ID] = hash
}

// unlist keeps the lists of known in step; the LRU calls it for every entry that leaves.
func (r *keyring) unlist(_ Hash, c *Caller) {
	delete(r.ids, c.Key.ID)
	of := r.accounts[c.Key.Account]
	delete(of, c.Key.ID)
	if len(of) == 0 {
		delete(r.accounts, c.Key.Account)
	}
}

// dropKey forgets a key that was changed.
func (r *keyring) dropKey(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drops++
	if hash, ok := r.ids[id]; ok {
		r.known.Remove(hash)
	}
}

// dropAccount forgets all keys of an account: it may have been deleted.
func (r *keyring) dropAccount(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drops++
	for _, hash := range r.accounts[id] {
		r.known.Remove(hash)
	}
}

// purge forgets everything.
func (r *keyring) purge() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drops++
	r.known.Purge()
	r.unknown.Purge()
}

func (r *keyring) sizes() (known, unknown int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int64(r.known.Len()), int64(r.unknown.Len())
}
