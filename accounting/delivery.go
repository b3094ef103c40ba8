package accounting

import "time"

// Delivery is a notice on its way to one target, claimed for one try.
type Delivery struct {
	ID     string // the notice's: the same for all targets and tries
	Target string
	Kind   NoticeKind
	At     time.Time
	Body   string
	// Tries counts this one too.
	Tries int64
	// Until is when it may be claimed again, if nobody says how the try ended.
	Until time.Time
}

// Fate is how a try to deliver ended.
type Fate string

const (
	Delivered Fate = "delivered"
	Failed    Fate = "failed"   // another try follows
	GivenUp   Fate = "given_up" // none does
)

// Attempt is a try that has ended.
type Attempt struct {
	Delivery
	Fate Fate
	// Next is when the next try is due, after one that Failed.
	Next time.Time
}
