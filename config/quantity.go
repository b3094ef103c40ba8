package config

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// parseWhole reads a whole number in decimal; underscores may group its digits.
func parseWhole(s string) (int64, error) {
	digits := strings.ReplaceAll(s, "_", "")
	n, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, errors.New("is beyond all bounds")
	case err != nil || len(strings.TrimLeft(digits, "+-")) > 1 && strings.TrimLeft(digits, "+-")[0] == '0':
		return 0, errors.New("is not a whole number")
	}
	return n, nil
}

var sizePattern = regexp.MustCompile(`^([0-9]+) ?(B|KiB|MiB|GiB|TiB)$`)

var sizeUnits = []struct {
	name  string
	bytes int64
}{{"TiB", 1 << 40}, {"GiB", gib}, {"MiB", mib}, {"KiB", kib}, {"B", 1}}

// parseSize reads 32MiB, or a number of bytes.
func parseSize(s string) (int64, error) {
	m := sizePattern.FindStringSubmatch(s)
	if m == nil {
		if n, err := parseWhole(s); err == nil {
			return n, nil
		}
		return 0, errors.New("is not a size; write a number of bytes, or one with KiB, MiB or GiB")
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	for _, u := range sizeUnits {
		if u.name == m[2] && err == nil && n <= math.MaxInt64/u.bytes {
			return n * u.bytes, nil
		}
	}
	return 0, errors.New("is beyond all bounds")
}

func showSize(n int64) any {
	for _, u := range sizeUnits {
		if u.bytes > 1 && n > 0 && n%u.bytes == 0 {
			return fmt.Sprintf("%d%s", n/u.bytes, u.name)
		}
	}
	return n
}

var spanPattern = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(d|h|m|s|ms|us|µs|ns))+$`)

// parseSpan reads what time.ParseDuration does, and days.
func parseSpan(s string) (time.Duration, error) {
	switch _, err := strconv.ParseFloat(s, 64); {
	case s == "0":
		return 0, nil
	case err == nil:
		return 0, errors.New("has no unit; write ms, s, m, h or d behind it")
	case !spanPattern.MatchString(s):
		return 0, errors.New("is not a time; write 500ms, 30s, 15m, 1h30m or 400d")
	}
	days, rest, found := strings.Cut(s, "d")
	if !found {
		days, rest = "0", s
	}
	n, err := strconv.ParseFloat(days, 64)
	if err != nil || strings.ContainsRune(rest, 'd') {
		return 0, errors.New("is not a time; write the days first and once, like 1d12h")
	}
	var d time.Duration
	if rest != "" {
		d, err = time.ParseDuration(rest)
	}
	if err != nil || n > 100_000 {
		return 0, errors.New("is beyond all bounds")
	}
	return d + time.Duration(n*float64(day)), nil
}

// showSpan writes whole days from two on as days, and nothing that is zero.
func showSpan(d time.Duration) any {
	switch {
	case d == 0:
		return "0"
	case d >= 2*day && d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

var thousandthsPattern = regexp.MustCompile(`^([0-9]{1,9})(?:\.([0-9]{1,3})0*)?$`)

// parseThousandths reads a decimal number with at most three digits behind the point.
func parseThousandths(s string) (int64, error) {
	m := thousandthsPattern.FindStringSubmatch(s)
	switch {
	case m == nil && strings.HasPrefix(s, "-"):
		return 0, errors.New("is too small; at least 0")
	case m == nil:
		return 0, errors.New("is not a number like 4 or 0.5, with at most three digits behind the point")
	}
	n, err := strconv.ParseInt(m[1]+(m[2] + "000")[:3], 10, 64)
	return n, err
}

func showThousandths(n int64) any { return float64(n) / 1000 }
