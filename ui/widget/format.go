package widget

import (
	"strconv"
	"time"
)

// translate returns the text of a catalogue key with arguments.
type translate = func(key string, args ...any) string

// Day formats a date with layout, or with its year if it is more than about eleven
// months away.
func Day(t, now time.Time, layout string) string {
	if t.IsZero() {
		return "–"
	}
	if d := t.Sub(now); d > -300*24*time.Hour && d < 330*24*time.Hour {
		return t.Format(layout)
	}
	return t.Format("2006-01-02")
}

// Stamp formats a time in UTC to the minute.
func Stamp(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}

// Days formats the time from now to t in whole days, or in hours within a day; negative
// in the past.
func Days(say translate, t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	d := t.Sub(now)
	if d > -24*time.Hour && d < 24*time.Hour {
		return say("time.h", int(d.Hours()))
	}
	return say("time.d", int(d.Hours()/24))
}

// Ago formats the time since t in its largest unit.
func Ago(say translate, t, now time.Time) string {
	if t.IsZero() {
		return "–"
	}
	d := now.Sub(t)
	switch {
	case d < time.Minute:
		return say("time.s", max(int(d.Seconds()), 0))
	case d < time.Hour:
		return say("time.min", int(d.Minutes()))
	case d < 48*time.Hour:
		return say("time.h", int(d.Hours()))
	}
	return say("time.d", int(d.Hours()/24))
}

// Validity formats a validity period in years, days or hours.
func Validity(say translate, d time.Duration) string {
	days := int((d + 12*time.Hour).Hours() / 24)
	switch {
	case d <= 0:
		return "–"
	case days >= 360 && days%365 < 6:
		return say("time.y", (days+3)/365)
	case days == 0:
		return say("time.h", int(d.Hours()))
	}
	return say("time.d", days)
}

// Count formats a number with a comma after each three digits.
func Count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Money formats an amount in minor units of a currency.
func Money(amount int64, currency string) string {
	sign := ""
	if amount < 0 {
		sign, amount = "-", -amount
	}
	cents := strconv.FormatInt(amount%100, 10)
	if len(cents) < 2 {
		cents = "0" + cents
	}
	return sign + Count(int(amount/100)) + "." + cents + " " + currency
}
