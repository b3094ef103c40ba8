// Package storetest is what a store means: the conformance suite that every implementation passes.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/admin"
	"github.com/tollgate/tollgate/policy"
)

// Store is all that a store does for the rest of the program.
type Store interface {
	admin.Store
	policy.Keys
	policy.Credit
	SetPlans(ctx context.Context, plans map[string]int64) error
	Start(ctx context.Context, epoch, journal string, now time.Time) error
	CloseEpochs(ctx context.Context, journal, except string) error
	Seen(ctx context.Context, epoch, journal string, now time.Time) error
	Forfeit(ctx context.Context, before time.Time) ([]string, error)
	DeleteEvents(ctx context.Context, before time.Time, limit int) (int, error)
	DeleteChanges(ctx context.Context, keep, limit int) (int, error)
	DeleteEnded(ctx context.Context, before time.Time, limit int) (int, error)
	Tell(a accounting.Audience)
	ClaimNotices(ctx context.Context, target string, now, until time.Time, limit int) ([]accounting.Delivery, error)
	FinishNotices(ctx context.Context, attempts []accounting.Attempt) error
	WaitingNotices(ctx context.Context, target string) (n int64, oldest time.Time, err error)
	DeleteNotices(ctx context.Context, before time.Time, limit int) (int, error)
	ResetEnded(ctx context.Context, limit int) (more bool, err error)
	DeadLetters(ctx context.Context) (int64, error)
	Verify(ctx context.Context) ([]accounting.Drift, error)
}

// Opener opens an empty store that the test's end closes. forgive and now are its options.
type Opener func(t *testing.T, forgive bool, now func() time.Time) Store

// Run runs the suite, each part on a store of its own; kind names the stores in what it prints.
func Run(t *testing.T, kind string, open Opener) {
	seed()
	for _, part := range []struct {
		name string
		run  func(*rig)
	}{
		{"accounts are made, read, changed and closed", accounts},
		{"a change of an account is refused whole", accountRefusals},
		{"plans count for running periods", plans},
		{"keys are made, found, changed and revoked", keys},
		{"origins are those of live keys", origins},
		{"changes come in order", changes},
		{"a reference is one purchase", purchases},
		{"void and expired grants pay nothing", lapses},
		{"a purchase pays the overdraft or forgives it", overdraft},
		{"a batch is stored once", batches},
		{"records that can't be stored are refused or kept", deadRecords},
		{"events are charged to the period of their admission", lateEvents},
		{"events of an account that never was are kept", strangers},
		{"events are listed and filtered", events},
		{"old events are deleted and the sums stay", retention},
		{"usage is summed by local days", usage},
		{"an hour tells a thousand chatbots apart", manyChatbots},
		{"the newest balance is the view's", ledger},
		{"a lease is everything, once", exchange},
		{"a lease survives its period, its epoch and its store", exchangeOverTime},
		{"what was overspent in an earlier period does not weigh on the running one", exchangeAfterOverspend},
		{"many accounts give back at once", giveBack},
		{"a refusal says why", refusals},
		{"answers are remembered for a day", remembered},
		{"text of a model's name is stored as far as it can be", oddModels},
		{"replicas share what there is", sharing},
		{"a replica that is not seen any more forfeits its leases", forfeits},
		{"calls may be concurrent", concurrent},
		{"a batch that comes twice at once is stored once", twiceAtOnce},
		{"replicas that ask at once are never lent more than there is", lentAtOnce},
		{"changes are heard in the order of their commits", heardInOrder},
		{"old changes are deleted and the numbers go on", oldChanges},
		{"a follower of changes misses none unnoticed", followed},
		{"replicas that ended are deleted and their events booked", endedReplicas},
		{"a threshold is told once a period", thresholds},
		{"a notice carries the numbers of its moment", noticeBody},
		{"a target is told what it wants", subscriptions},
		{"a notice is one replica's at a time", noticeClaims},
		{"notices that are claimed at once go to one each", claimedAtOnce},
		{"a reset is told without traffic", sleepers},
		{"old notices are deleted", oldNotices},
		{"the ledger holds under anything", func(r *rig) { model(r, kind) }},
	} {
		t.Run(part.name, func(t *testing.T) {
			r := &rig{T: t, now: start}
			r.Store = open(t, false, func() time.Time { return r.now })
			part.run(r)
			r.verified()
		})
	}
	t.Run("an overdraft is forgiven where the operator says so", func(t *testing.T) {
		r := &rig{T: t, now: start}
		r.Store = open(t, true, func() time.Time { return r.now })
		forgiven(r)
		r.verified()
	})
}
