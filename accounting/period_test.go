package accounting

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var oddZones = []string{
	"UTC", "Asia/Manila", "America/New_York", "America/Sao_Paulo", "America/Havana", "Africa/Cairo", "Asia/Kathmandu",
	"Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati", "America/St_Johns", "Asia/Beirut", "Asia/Gaza", "Europe/Dublin",
	"Antarctica/Troll", "Asia/Tehran", "Pacific/Pago_Pago",
}

func instantOf(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestResetIsTheFirstInstantOfTheLocalDay(t *testing.T) {
	for _, c := range []struct{ zone, day, want string }{
		{"UTC", "2026-12-01", "2026-12-01T00:00:00Z"},
		{"Asia/Manila", "2026-12-01", "2026-11-30T16:00:00Z"},
		{"Asia/Kathmandu", "2026-12-01", "2026-11-30T18:15:00Z"},
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"}, // clocks go from 00:00 to 01:00
		{"America/Havana", "2024-11-03", "2024-11-03T04:00:00Z"},    // from 01:00 back to 00:00
		{"America/St_Johns", "2007-11-04", "2007-11-04T02:30:00Z"},  // from 00:01 back to 23:01 of the day before
		{"America/St_Johns", "2007-03-11", "2007-03-11T03:30:00Z"},  // from 00:01 to 01:01
		{"Asia/Beirut", "2024-03-31", "2024-03-30T22:00:00Z"},       // from 00:00 to 01:00
		{"Asia/Beirut", "2024-10-27", "2024-10-26T22:00:00Z"},       // from 00:00 back to 23:00 of the day before
		{"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"},      // the day does not exist: the first of the 31st
		{"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"},
		{"Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z"},
		{"Local", "2026-12-01", "2026-12-01T00:00:00Z"},
		{"Mars/Olympus", "2026-12-01", "2026-12-01T00:00:00Z"},
	} {
		day, err := time.Parse(time.DateOnly, c.day)
		if err != nil {
			t.Fatal(err)
		}
		got := firstInstant(day.Year(), day.Month(), day.Day(), Anchor{Timezone: c.zone}.location())
		if want := instantOf(t, c.want); !got.Equal(want) {
			t.Errorf("first instant of %s in %s: got %s, want %s", c.day, c.zone, got.Format(time.RFC3339), c.want)
		}
	}
}

func TestAMonthWithoutTheResetDayResetsOnItsLast(t *testing.T) {
	p := PeriodAt(Anchor{Day: 31}, instantOf(t, "2024-01-31T00:00:00Z"))
	for _, want := range []string{"2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"} {
		if got := p.End.Format(time.DateOnly); got != want {
			t.Fatalf("reset after %s: got %s, want %s", p.Start.Format(time.DateOnly), got, want)
		}
		p = PeriodAt(Anchor{Day: 31}, p.End)
	}
}

func drawAnchor(t *rapid.T, label string) Anchor {
	return Anchor{Timezone: rapid.SampledFrom(oddZones).Draw(t, label+" zone"), Day: rapid.IntRange(0, 31).Draw(t, label+" day")}
}

func drawInstant(t *rapid.T, label string) time.Time {
	from := time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	to := time.Date(2045, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	return time.Unix(rapid.Int64Range(from, to).Draw(t, label), 0).UTC()
}

func TestPeriodsTileTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, now := drawAnchor(t, "anchor"), drawInstant(t, "now")
		p := PeriodAt(a, now)
		if now.Before(p.Start) || !now.Before(p.End) {
			t.Fatalf("%+v at %s: got the period %s to %s", a, now, p.Start, p.End)
		}
		if inside := PeriodAt(a, p.End.Add(-time.Nanosecond)); inside != p {
			t.Fatalf("%+v: the period's last instant is in %v, want %v", a, inside, p)
		}
		if next := PeriodAt(a, p.End); !next.Start.Equal(p.End) {
			t.Fatalf("%+v: the period after %s begins %s", a, p.End, next.Start)
		}
		if length := p.End.Sub(p.Start); length < shortestPeriod || length > 32*24*time.Hour {
			t.Fatalf("%+v: the period from %s is %s long", a, p.Start, length)
		}
	})
}

func TestAChangeOfAnchorBringsNoSecondAllowance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := PeriodAt(drawAnchor(t, "first"), drawInstant(t, "now"))
		start := p.Start
		changes := rapid.IntRange(1, 24).Draw(t, "changes")
		for range changes {
			end := NextReset(drawAnchor(t, "next"), p.End)
			if end.Sub(p.End) < shortestPeriod {
				t.Fatalf("a period of %s from %s", end.Sub(p.End), p.End)
			}
			p.End = end
		}
		if resets := int64(p.End.Sub(start) / shortestPeriod); resets < int64(changes) {
			t.Fatalf("%d changes gave more than %d allowances between %s and %s", changes, resets, start, p.End)
		}
	})
}

// dayStarts walks the wall clock of a zone in quarters of an hour and notes when it first showed each day. It knows
// nothing of offsets: it asks for the date alone.
type dayStarts struct {
	dates []string // sorted
	at    []time.Time
}

func scanDays(t testing.TB, zone string, from, to time.Time) dayStarts {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	var s dayStarts
	newest := ""
	for at := from; at.Before(to); at = at.Add(15 * time.Minute) {
		y, m, d := at.In(loc).Date()
		if n := len(s.dates); n > 0 && d == dayOf(s.dates[n-1]) {
			continue
		}
		if date := fmt.Sprintf("%04d-%02d-%02d", y, m, d); date > newest {
			newest = date
			s.dates, s.at = append(s.dates, date), append(s.at, at)
		}
	}
	return s
}

func dayOf(date string) int { return int(date[8]-'0')*10 + int(date[9]-'0') }

// first is when the calendar reached the date.
func (s dayStarts) first(date string) time.Time { return s.at[sort.SearchStrings(s.dates, date)] }

// resets are those of a reset day, by counting the days of each month of the calendar that Go's AddDate walks.
func (s dayStarts) resets(day int, from, to time.Time) []time.Time {
	var all []time.Time
	for month := time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, 1, 0); month.Before(to.AddDate(0, -2, 0)); month = month.AddDate(0, 1, 0) {
		on := month
		for i := 1; i < day && on.AddDate(0, 0, 1).Month() == month.Month(); i++ {
			on = on.AddDate(0, 0, 1)
		}
		all = append(all, s.first(on.Format(time.DateOnly)))
	}
	return all
}

// TestPeriodsOfAHundredAccounts compares ten zones times ten reset days with what a walk along each zone's wall
// clock finds, over years that hold daylight saving at midnight, leap days and a day that a zone skipped.
func TestPeriodsOfAHundredAccounts(t *testing.T) {
	zones := []string{"UTC", "Asia/Manila", "America/New_York", "Europe/Berlin", "America/Sao_Paulo", "America/Havana",
		"Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo"}
	days := []int{1, 2, 7, 15, 25, 27, 28, 29, 30, 31}
	spans := [][2]int{{2010, 2014}, {2024, 2028}}
	random := rand.New(rand.NewPCG(3, 20261124))
	accounts, resets, wrong := 0, 0, 0
	for _, zone := range zones {
		for _, span := range spans {
			from, to := time.Date(span[0], 1, 1, 0, 0, 0, 0, time.UTC), time.Date(span[1], 1, 1, 0, 0, 0, 0, time.UTC)
			calendar := scanDays(t, zone, from.Add(-48*time.Hour), to)
			for _, day := range days {
				accounts++
				want := calendar.resets(day, from, to)
				for i := range len(want) - 1 {
					resets++
					now := want[i].Add(time.Duration(random.Int64N(int64(want[i+1].Sub(want[i])))))
					p := PeriodAt(Anchor{Timezone: zone, Day: day}, now)
					if !p.Start.Equal(want[i]) || !p.End.Equal(want[i+1]) {
						wrong++
						t.Errorf("%s day %d at %s: got %s to %s, want %s to %s", zone, day, now.Format(time.RFC3339), p.Start.Format(time.RFC3339),
							p.End.Format(time.RFC3339), want[i].Format(time.RFC3339), want[i+1].Format(time.RFC3339))
					}
				}
			}
		}
	}
	result := "ok"
	if wrong > 0 || accounts != 100*len(spans) {
		result = "FAIL"
		t.Fail()
	}
	fmt.Printf("FAULT periods accounts=%d zones=%d reset_days=%d resets=%d wrong=%d RESULT %s\n", accounts/len(spans), len(zones), len(days), resets, wrong, result)
}

func TestHourKeepsTheLocalDay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, at := drawAnchor(t, "anchor"), drawInstant(t, "at")
		hour := a.Hour(at)
		if into := at.Sub(hour); into < 0 || into >= time.Hour {
			t.Fatalf("%s in %s: its hour began %s before", at, a.Timezone, into)
		}
		if a.Date(hour) != a.Date(at) {
			t.Fatalf("%s in %s: the day is %s, that of its hour %s", at, a.Timezone, a.Date(at), a.Date(hour))
		}
		if again := a.Hour(hour); !again.Equal(hour) {
			t.Fatalf("%s in %s: the hour of its hour %s is %s", at, a.Timezone, hour, again)
		}
	})
}
