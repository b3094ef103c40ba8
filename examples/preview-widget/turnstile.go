package main

import (
	"net/netip"
	"sync"
	"time"
)

// perVisitor is how many keys one visitor gets in a minute: pages are reloaded, and several people share an address.
const perVisitor = 10

// turnstile bounds how many keys are made in a minute, for one visitor and for all together. It remembers no more visitors
// than it lets through.
type turnstile struct {
	perMinute int

	mu    sync.Mutex
	began time.Time // of the running minute
	all   int
	each  map[netip.Prefix]int
}

func newTurnstile(perMinute int) *turnstile {
	return &turnstile{perMinute: perMinute, each: map[netip.Prefix]int{}}
}

// pass counts a visit, or says how long to wait.
func (t *turnstile) pass(visitor netip.Prefix, now time.Time) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.began) >= time.Minute {
		t.began, t.all = now, 0
		clear(t.each)
	}
	if t.all >= t.perMinute || t.each[visitor] >= perVisitor {
		return t.began.Add(time.Minute).Sub(now)
	}
	t.all++
	t.each[visitor]++
	return 0
}

// visitor is an address, or of IPv6 the network that one customer has. Behind a proxy of your own, take the address from the
// header that it sets, and from no other.
func visitor(remote string) netip.Prefix {
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	a := peer.Addr().Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // never too many
	return p
}
