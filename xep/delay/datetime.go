package delay

import (
	"errors"
	"strings"
	"time"
)

// FormatDateTime writes a moment in the DateTime profile (XEP-0082 §3.2), in
// UTC, with the fraction of the second if there is one, to the microsecond. The
// year must be one of 1 to 9999; [ParseDateTime] refuses what comes of another.
func FormatDateTime(t time.Time) string {
	return t.UTC().Truncate(time.Microsecond).Format("2006-01-02T15:04:05.999999Z")
}

// FormatDate writes the day of t, in t's own time zone, in the Date profile
// (XEP-0082 §3.1).
func FormatDate(t time.Time) string { return t.Format(time.DateOnly) }

// FormatTime writes the time of day of t in UTC in the Time profile (XEP-0082
// §3.3).
func FormatTime(t time.Time) string {
	return t.UTC().Truncate(time.Microsecond).Format("15:04:05.999999Z")
}

var (
	errDate = errors.New("it is not a date as XEP-0082 §3.1 has it")
	errTime = errors.New("it is not a time as XEP-0082 §3.3 has it")
	errBoth = errors.New("it is not a date and time as XEP-0082 §3.2 has it")
)

// ParseDateTime reads a moment in the DateTime profile (XEP-0082 §3.2): date,
// time and a time zone, which is required. The result is in UTC; fractions below
// the nanosecond are dropped. Everything else is an error.
func ParseDateTime(s string) (time.Time, error) {
	// A date has a fixed length.
	if len(s) < len(time.DateOnly)+1 || s[len(time.DateOnly)] != 'T' {
		return time.Time{}, errBoth
	}
	day, err := ParseDate(s[:len(time.DateOnly)])
	if err != nil {
		return time.Time{}, errBoth
	}
	since, zone, ok := timeOfDay(s[len(time.DateOnly)+1:])
	if !ok {
		return time.Time{}, errBoth
	}
	offset, ok := parseZone(zone)
	if !ok {
		return time.Time{}, errBoth
	}
	t := day.Add(since - offset)
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, errBoth
	}
	return t, nil
}

// ParseDate reads a day in the Date profile (XEP-0082 §3.1): its midnight in
// UTC. Everything else is an error.
func ParseDate(s string) (time.Time, error) {
	if len(s) != len(time.DateOnly) || s[4] != '-' || s[7] != '-' {
		return time.Time{}, errDate
	}
	century, ok1 := twoDigits(s)
	year, ok2 := twoDigits(s[2:])
	month, ok3 := twoDigits(s[5:])
	day, ok4 := twoDigits(s[8:])
	year += 100 * century
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	// A day that doesn't exist has become another.
	if !ok1 || !ok2 || !ok3 || !ok4 || year == 0 || int(t.Month()) != month || t.Day() != day {
		return time.Time{}, errDate
	}
	return t, nil
}

// ParseTime reads a time of day in the Time profile (XEP-0082 §3.3), as a moment
// of 1 January of year 1. Without a time zone, which is optional, it is taken for
// UTC. Everything else is an error.
func ParseTime(s string) (time.Time, error) {
	since, zone, ok := timeOfDay(s)
	var offset time.Duration
	if ok && zone != "" {
		offset, ok = parseZone(zone)
	}
	if !ok {
		return time.Time{}, errTime
	}
	const day = 24 * time.Hour
	return time.Time{}.Add((since - offset + day) % day), nil
}

// timeOfDay reads hh:mm:ss[.sss] and returns what follows.
func timeOfDay(s string) (since time.Duration, rest string, ok bool) {
	if len(s) < len(time.TimeOnly) || s[2] != ':' || s[5] != ':' {
		return 0, "", false
	}
	hour, ok1 := twoDigits(s)
	minute, ok2 := twoDigits(s[3:])
	second, ok3 := twoDigits(s[6:])
	if !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 59 {
		return 0, "", false
	}
	since = time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second
	fraction, found := strings.CutPrefix(s[len(time.TimeOnly):], ".")
	if !found {
		return since, fraction, true
	}
	digits := 0
	for unit := 100 * time.Millisecond; digits < len(fraction) && isDigit(fraction[digits]); digits++ {
		since += unit * time.Duration(fraction[digits]-'0')
		unit /= 10
	}
	return since, fraction[digits:], digits > 0
}

// parseZone reads Z or the offset of a time zone, which is 14 hours at most (XML
// Schema Part 2 §3.2.7.3).
func parseZone(s string) (offset time.Duration, ok bool) {
	if s == "Z" {
		return 0, true
	}
	if len(s) != len("+hh:mm") || s[3] != ':' || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	hour, ok1 := twoDigits(s[1:])
	minute, ok2 := twoDigits(s[4:])
	offset = time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
	if !ok1 || !ok2 || minute > 59 || offset > 14*time.Hour {
		return 0, false
	}
	if s[0] == '-' {
		offset = -offset
	}
	return offset, true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// twoDigits reads the first two bytes of s, which has them.
func twoDigits(s string) (n int, ok bool) {
	return 10*int(s[0]-'0') + int(s[1]-'0'), isDigit(s[0]) && isDigit(s[1])
}
