package accounting

import "time"

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
// nearer than 28 days less an hour of daylight saving; after a change of anchor the first period runs
// to the first new reset that is at least this far away, so that no change brings a second allowance.
const shortestPeriod = 27 * 24 * time.Hour

// location is the anchor's time zone; an unknown name, which config and admin refuse, reads as UTC.
func (a Anchor) location() *time.Location {
	loc, err := time.LoadLocation(a.Timezone)
	if err != nil {
		return time.UTC
	}
	return loc
}

// reset is the anchor's reset instant in the given month (which may be out of 1 to 12).
func (a Anchor) reset(year int, month time.Month, loc *time.Location) time.Time {
	day := max(1, a.Day)
	last := time.Date(year, month+1, 0, 12, 0, 0, 0, time.UTC).Day()
	return firstInstant(year, month, min(day, last), loc)
}

// firstInstant is the first instant of a local day. Where daylight saving removes midnight, that is
// later than 00:00; where it repeats midnight, it is the earlier of the two.
func firstInstant(year int, month time.Month, day int, loc *time.Location) time.Time {
	t := time.Date(year, month, day, 0, 0, 0, 0, loc)
	y, m, d := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Date()
	sameDay := func(t time.Time) bool { ty, tm, td := t.Date(); return ty == y && tm == m && td == d }
	if !sameDay(t) { // midnight does not exist and Date chose the offset before the gap
		_, end := t.ZoneBounds()
		return end.UTC()
	}
	start, _ := t.ZoneBounds()
	if !start.IsZero() && sameDay(start) && start.Before(t) { // the zone changed earlier on this day
		t = start
	}
	if start, _ := t.ZoneBounds(); start.Equal(t) { // a repeated midnight began one offset earlier
		before := t.Add(-time.Nanosecond)
		_, was := before.Zone()
		earlier := time.Date(year, month, day, 0, 0, 0, 0, time.FixedZone("", was))
		if earlier.Before(t) && sameDay(earlier.In(loc)) {
			t = earlier
		}
	}
	return t.UTC()
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
