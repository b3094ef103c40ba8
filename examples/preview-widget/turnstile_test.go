package main

import (
	"fmt"
	"testing"
	"time"
)

func TestTurnstile(t *testing.T) {
	gate, now := newTurnstile(12), time.Unix(1_700_000_000, 0)
	pass := func(address string) bool { return gate.pass(visitor(address), now) == 0 }
	for i := range perVisitor {
		if !pass(fmt.Sprintf("[2001:db8::%d]:%d", i, 1000+i)) {
			t.Fatalf("visit %d of one network is refused", i)
		}
	}
	if pass("[2001:db8::ffff]:1") {
		t.Errorf("a network gets more than %d keys", perVisitor)
	}
	if !pass("192.0.2.1:1") || !pass("[::ffff:192.0.2.2]:1") {
		t.Error("other visitors are refused")
	}
	if pass("192.0.2.3:1") {
		t.Error("more keys than a minute has")
	}
	if wait := gate.pass(visitor("192.0.2.3:1"), now.Add(45*time.Second)); wait != 15*time.Second {
		t.Errorf("wait %v, want 15 s", wait)
	}
	now = now.Add(time.Minute)
	if !pass("192.0.2.3:1") || len(gate.each) != 1 {
		t.Errorf("the next minute remembers %d visitors", len(gate.each))
	}
}
