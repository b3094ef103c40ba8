package policy

import (
	"context"
	"fmt"
	"testing"
)

// busyGate is a gate that knows all of 10,000 accounts, their keys and their leases.
func busyGate(tb testing.TB) (*Gate, []string) {
	l := newLedger()
	g := New(l, l, Options{Epoch: "e1"})
	secrets := make([]string, 10_000)
	for i := range secrets {
		id := fmt.Sprintf("account-%d", i)
		secrets[i] = "key_" + id
		l.account(id, 1e12)
		c, err := g.Identify(context.Background(), secrets[i])
		if err != nil {
			tb.Fatal(err)
		}
		h, err := g.Admit(context.Background(), c, asking(400, 100))
		if err != nil {
			tb.Fatal(err)
		}
		h.Release()
	}
	return g, secrets
}

func BenchmarkIdentify(b *testing.B) {
	g, secrets := busyGate(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := g.Identify(context.Background(), secrets[i*7919%len(secrets)]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAdmitSettle(b *testing.B) {
	g, secrets := busyGate(b)
	callers := make([]*Caller, len(secrets))
	for i, s := range secrets {
		callers[i], _ = g.Identify(context.Background(), s)
	}
	for name, spread := range map[string]int{"one account": 1, "10000 accounts": len(callers)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					h, err := g.Admit(context.Background(), callers[i*7919%spread], asking(400, 100))
					if err != nil {
						b.Fatal(err)
					}
					h.Settle(150)
				}
			})
		})
	}
}

// TestHotPathAllocations guards what a request costs once its key and account are known: its hold.
func TestHotPathAllocations(t *testing.T) {
	l := newLedger().account("acme", 1e9)
	w := newWorld(t, l, Options{})
	w.admit("acme", asking(400, 100)).Release()
	c := w.caller("key_acme")
	if n := testing.AllocsPerRun(100, func() { w.caller("key_acme") }); n > 0 {
		t.Errorf("Identify allocates %v times, want 0", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		h, _ := w.gate.Admit(context.Background(), c, asking(400, 100))
		h.Settle(100)
	}); n > 1 {
		t.Errorf("Admit and Settle allocate %v times, want 1", n)
	}
}
