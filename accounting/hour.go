package accounting

import "time"

// Hour is the instant at which the local hour of t began: the bucket of t in the rollups. Local hours, so that
// the days of zones off by half an hour are exact; an hour that daylight saving cuts begins at the cut.
func (a Anchor) Hour(t time.Time) time.Time {
	local := t.In(a.location())
	into := time.Duration(local.Minute())*time.Minute + time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
	hour := local.Add(-into)
	if cut := offsetChange(hour, t, a.location()); !cut.IsZero() {
		hour = cut
	}
	return hour.UTC()
}

// Date is the local calendar day of t, as 2006-01-02.
func (a Anchor) Date(t time.Time) string { return t.In(a.location()).Format(time.DateOnly) }
