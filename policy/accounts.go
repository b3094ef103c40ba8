package policy

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// accounts is all accounts in memory. Its lock comes before an account's and is never taken under one.
type accounts struct {
	limit int

	mu  sync.Mutex
	all *simplelru.LRU[string, *account] // bounded by limit here, since not every account may go
	// active are those of which the store may have to hear: what they hold here goes back when they are idle.
	active map[*account]struct{}
	// forgotten is what the accounts that went out of memory had counted; lost says that one of them had a lease.
	forgotten Stats
	lost      bool
}

func newAccounts(limit int) *accounts {
	all, err := simplelru.NewLRU[string, *account](math.MaxInt, nil)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return &accounts{limit: limit, all: all, active: map[*account]struct{}{}}
}

// lock finds or makes an account, locked.
func (s *accounts) lock(id string) *account {
	for {
		a := s.find(id)
		a.mu.Lock()
		if !a.evicted {
			return a
		}
		a.mu.Unlock()
	}
}

func (s *accounts) find(id string) *account {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.all.Get(id); ok {
		return a
	}
	s.shrink()
	a := &account{id: id, fresh: !s.lost}
	s.all.Add(id, a)
	return a
}

// peek is an account if it is in memory, else nil.
func (s *accounts) peek(id string) *account {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, _ := s.all.Peek(id)
	return a
}

// shrink makes room for one more: the longest unused accounts go, as far as nothing of them is here. It tries
// a few only: what is active now comes to rest soon, and is met again.
func (s *accounts) shrink() {
	for range 8 {
		if s.all.Len() < s.limit {
			return
		}
		id, a, _ := s.all.GetOldest()
		if !s.forget(a) {
			s.all.Get(id) // to the other end
			continue
		}
		s.all.Remove(id)
	}
}

func (s *accounts) forget(a *account) bool {
	if _, active := s.active[a]; active {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.resting() {
		return false
	}
	a.evicted = true
	s.lost = s.lost || a.lease != nil
	s.forgotten.Admitted += a.admitted
	s.forgotten.Settled += a.settled
	s.forgotten.Released += a.released
	return true
}

// activate notes that the account may hold a lease.
func (s *accounts) activate(a *account) {
	s.mu.Lock()
	s.active[a] = struct{}{}
	s.mu.Unlock()
}

// awake are the active accounts.
func (s *accounts) awake() []*account {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*account, 0, len(s.active))
	for a := range s.active {
		all = append(all, a)
	}
	return all
}

// rest takes an account off the active ones, if nothing of it is here.
func (s *accounts) rest(a *account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.resting() {
		delete(s.active, a)
	}
}

// snapshot is all accounts, and what those that were forgotten before had counted.
func (s *accounts) snapshot() (Stats, []*account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.forgotten
	stats.Accounts = int64(s.all.Len())
	return stats, s.all.Values()
}
