package webhook

import (
	"context"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

const (
	// idleFor is how often a target's notices are looked for while there are none.
	idleFor = time.Second
	// batchMax is how many notices a target is told of at once.
	batchMax = 16
	// finishFor is how long the store may take for how they ended: it belongs to the time for which they are claimed.
	finishFor = 10 * time.Second
	// endFor is how long a try may go on once the gateway stops or its settings changed.
	endFor = 2 * time.Second
	// A target that takes nothing is left alone for pauseMin at first, then for twice as long each time, up to pauseMax.
	pauseMin = 250 * time.Millisecond
	pauseMax = 30 * time.Second
)

// route is the way to one target under one set of settings.
type route struct {
	*Sender
	target Target
	set    *Settings
	// silent is how long the target is left alone; 0: it took something last.
	silent time.Duration
	// blind counts looks into the outbox that failed, one after the other.
	blind int
}

// run tells the target until ctx ends.
func (r *route) run(ctx context.Context) {
	for wait := time.Duration(0); sleep(ctx, wait); {
		told, taken := r.round(ctx)
		switch {
		case told == 0:
			wait = idleFor
		case taken == 0:
			r.silent = min(pauseMax, max(pauseMin, 2*r.silent))
			wait = longer(r.silent)
		default:
			wait, r.silent = 0, 0
		}
	}
}

// round claims what is due, posts it side by side and stores how it ended.
func (r *route) round(ctx context.Context) (told, taken int) {
	now := time.Now()
	claimed, err := r.outbox.ClaimNotices(ctx, r.target.Name, now, now.Add(r.set.Timeout+finishFor), batchMax)
	if err != nil {
		if r.blind++; r.blind%60 == 0 {
			r.log.Warn("webhooks wait for the store", "target", r.target.Name, "error", err)
		}
		return 0, 0
	}
	r.blind = 0
	if len(claimed) == 0 {
		return 0, 0
	}
	attempts := r.postAll(ctx, claimed)
	for _, a := range attempts {
		r.figures.tries.WithLabelValues(string(a.Kind), string(a.Fate)).Inc()
		if a.Fate == accounting.Delivered {
			taken++
		}
	}
	stored, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishFor)
	defer cancel()
	if err := r.outbox.FinishNotices(stored, attempts); err != nil {
		r.log.Warn("how webhooks ended was not stored: they are sent again", "target", r.target.Name, "webhooks", len(attempts), "error", err)
	}
	return len(attempts), taken
}

// postAll posts all of them at once, each within the timeout, and within endFor once ctx has ended.
func (r *route) postAll(ctx context.Context, claimed []accounting.Delivery) []accounting.Attempt {
	try, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.set.Timeout)
	defer cancel()
	unlink := context.AfterFunc(ctx, func() {
		if sleep(try, endFor) {
			cancel()
		}
	})
	defer unlink()
	attempts := make([]accounting.Attempt, len(claimed))
	done := make(chan struct{}, len(claimed))
	for i, d := range claimed {
		go func() {
			attempts[i] = r.attempt(ctx, try, d)
			done <- struct{}{}
		}()
	}
	for range claimed {
		<-done
	}
	return attempts
}

// attempt posts one notice. What the gateway's own end broke off is tried again by its next life.
func (r *route) attempt(ctx, try context.Context, d accounting.Delivery) accounting.Attempt {
	said := post(try, r.client, r.target, d, time.Now())
	a := accounting.Attempt{Delivery: d, Fate: accounting.Failed}
	switch {
	case said.taken():
		a.Fate = accounting.Delivered
	case ctx.Err() != nil && said.status == 0:
		a.Next = time.Now()
		return a
	case said.gone() || d.Tries > int64(len(r.set.Retries)):
		a.Fate = accounting.GivenUp
		r.log.Error("webhook given up", "target", r.target.Name, "type", d.Kind, "id", d.ID, "tries", d.Tries, "reason", said.reason())
	default:
		a.Next = time.Now().Add(max(longer(r.set.Retries[d.Tries-1]), said.after))
		r.log.Warn("webhook not taken", "target", r.target.Name, "type", d.Kind, "id", d.ID, "try", d.Tries, "reason", said.reason())
	}
	return a
}
