package accounting

import (
	"sort"
	"sync"
	"time"
)

// Anchor says when an account's month begins: at the first instant of Day in Timezone.
type Anchor struct {
	// Timezone is an IANA name. "" is UTC.
	Timezone string
	// Day is 1 to 31; a month that lacks it resets on its last day. 0 is 1.
	Day int
}

// Period is one month of an account, from reset to reset: [Start, End).
type Period struct {
	Start, End time.Time
	// Total is the monthly pool, Used what of it was charged.
	Total, Used int64
	// Overdraft is what no pool could pay and no purchase has paid since.
	Overdraft int64
}

// Remaining is what the monthly pool still holds; never negative, though a lowered plan can leave Used above Total.
func (p Period) Remaining() int64 { return max(0, p.Total-p.Used) }

// shortestPeriod separates a reset of this month from the next one. No two resets of one anchor lie
// nearer than 28 days less what a zone's clock was put forward in them; after a change of anchor the first
// period runs to the first new reset that is at least this far away, so that no change brings a second allowance.
const shortestPeriod = 27 * 24 * time.Hour

// zones caches locations by name: time.LoadLocation reads the time zone database each time.
var zones sync.Map // string → *time.Location

// location is the anchor's time zone; an unknown name, which config and admin refuse, reads as UTC, and so
// does "Local", which would mean another zone on each machine.
func (a Anchor) location() *time.Location {
	if a.Timezone == "" || a.Timezone == "Local" {
		return time.UTC
	}
	if loc, ok := zones.Load(a.Timezone); ok {
		return loc.(*time.Location)
	}
	loc, err := time.LoadLocation(a.Timezone)
	if err != nil {
		return time.UTC
	}
	zones.Store(a.Timezone, loc)
	return loc
}

// reset is the anchor's reset instant in the given month (which may be out of 1 to 12).
func (a Anchor) reset(year int, month time.Month, loc *time.Location) time.Time {
	day := max(1, a.Day)
	last := time.Date(year, month+1, 0, 12, 0, 0, 0, time.UTC).Day()
	return firstInstant(year, month, min(day, last), loc)
}

// firstInstant is the first instant at which the local calendar shows the given day or, where the zone
// skips that day (Pacific/Apia, 2011-12-30), the day after it. Where daylight saving removes midnight that is
// later than 00:00; where it repeats midnight it is the earlier of the two.
//
// Between two changes of its offset a zone's clock runs evenly, so the answer is the first of these stretches
// that reaches the day's midnight before it ends.
func firstInstant(year int, month time.Month, day int, loc *time.Location) time.Time {
	midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	t := midnight.Add(-48 * time.Hour) // before the day, whatever the offset
	for {
		reached := midnight.Add(-offset(t, loc))
		if !reached.After(t) {
			return t
		}
		change := offsetChange(t, reached, loc)
		if change.IsZero() {
			return reached
		}
		t = change
	}
}

func offset(t time.Time, loc *time.Location) time.Duration {
	_, seconds := t.In(loc).Zone()
	return time.Duration(seconds) * time.Second
}

// offsetChange is the first change of the zone's offset after from and not after to, zero when there is none. It
// looks at the clock rather than at Time.ZoneBounds, which on the last day of a leap year gives an end before the
// time asked about (Go 1.26.8, zones that go by a rule: New York, 2044-12-31).
func offsetChange(from, to time.Time, loc *time.Location) time.Time {
	const step = 30 * time.Minute // no zone changed twice within one
	was := offset(from, loc)
	for from.Before(to) {
		next := from.Add(step)
		if next.After(to) {
			next = to
		}
		if offset(next, loc) != was {
			steps := sort.Search(int(next.Sub(from)/time.Second), func(i int) bool {
				return offset(from.Add(time.Duration(i)*time.Second), loc) != was
			})
			return from.Add(time.Duration(steps) * time.Second)
		}
		from = next
	}
	return time.Time{}
}

// NextReset is the end of the period that began at start: the anchor's first reset at least 27 days later.
func NextReset(a Anchor, start time.Time) time.Time {
	loc := a.location()
	local := start.In(loc)
	for i := 0; ; i++ {
		r := a.reset(local.Year(), local.Month()+time.Month(i), loc)
		if r.Sub(start) >= shortestPeriod {
			return r
		}
	}
}

// PeriodAt is the period that contains now, by the anchor alone. It serves an account that has none yet;
// from then on periods follow one another by NextReset.
func PeriodAt(a Anchor, now time.Time) Period {
	loc := a.location()
	local := now.In(loc)
	for i := 1; ; i-- {
		if start := a.reset(local.Year(), local.Month()+time.Month(i), loc); !start.After(now) {
			return Period{Start: start, End: NextReset(a, start)}
		}
	}
}
