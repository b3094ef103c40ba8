package policy

import (
	"time"

	"github.com/tollgate/tollgate/accounting"
)

// Hold is tokens set aside for a running request. Exactly one of Settle and Release ends it, once.
type Hold struct {
	// Period is the one that the request belongs to, whenever it ends; Epoch names the lease.
	Period accounting.Period
	Epoch  string
	// Held is how many tokens are set aside.
	Held int64
	// OutputLimit is what the request's output limit per choice has to be set to; 0: it stays as it is.
	OutputLimit int64
	// Standing is how the account stood when the request was admitted.
	Standing Standing

	gate    *Gate
	account *account
	lease   *lease
	entry   *entry // nil for a key without limits
	at      time.Time

	// Guarded by account.mu.
	ended        bool
	older, newer *Hold
}

// mostSettled keeps absurd usage from overflowing the counters of a lease; the event keeps its own figure.
const mostSettled = int64(1) << 50

// Settle ends the hold with a charge, in charged tokens. It can't fail: facts are booked.
func (h *Hold) Settle(tokens int64) { h.end(min(max(0, tokens), mostSettled), true) }

// Release ends the hold without a charge: the request never reached the provider, or cost nothing.
func (h *Hold) Release() { h.end(0, false) }

func (h *Hold) end(tokens int64, settled bool) {
	a := h.account
	a.mu.Lock()
	if h.ended {
		a.mu.Unlock()
		h.gate.doubleEnds.Add(1)
		return
	}
	a.drop(h)
	h.lease.spent += tokens
	if settled {
		a.settled++
	} else {
		a.released++
	}
	a.mu.Unlock()
	if h.entry != nil {
		h.gate.limits.end(h.entry, tokens)
	}
}

// undo takes back a hold that never left Admit.
func (h *Hold) undo() {
	a := h.account
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drop(h)
	a.admitted--
}
