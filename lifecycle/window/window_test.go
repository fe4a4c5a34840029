package window_test

import (
	"errors"
	"testing"
	"time"

	"certquay/lifecycle/window"
	"certquay/model"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// spec: P7
func TestNextIsInAWindow(t *testing.T) {
	for _, c := range []struct{ name, window, now, next string }{
		{"before", "0 2 * * 6 4h UTC", "2026-03-05T12:00:00Z", "2026-03-07T02:00:00Z"},
		{"at its beginning", "0 2 * * 6 4h UTC", "2026-03-07T02:00:00Z", "2026-03-07T02:00:00Z"},
		{"inside", "0 2 * * 6 4h UTC", "2026-03-07T05:59:59Z", "2026-03-07T05:59:59Z"},
		{"at its end", "0 2 * * 6 4h UTC", "2026-03-07T06:00:00Z", "2026-03-14T02:00:00Z"},
		{"without a zone", "0 2 * * 6 4h", "2026-03-05T12:00:00Z", "2026-03-07T02:00:00Z"},
		{"over midnight", "30 23 * * * 2h UTC", "2026-03-07T01:00:00Z", "2026-03-07T01:00:00Z"},
		{"longer than its pause", "0 * * * * 90m UTC", "2026-03-07T01:00:00Z", "2026-03-07T01:00:00Z"},
		{"winter in Berlin", "0 2 * * * 1h Europe/Berlin", "2026-01-10T00:00:00Z", "2026-01-10T01:00:00Z"},
		{"summer in Berlin", "0 2 * * * 1h Europe/Berlin", "2026-07-10T00:30:00Z", "2026-07-10T00:30:00Z"},
		{"half an hour off", "0 2 * * * 1h Asia/Kolkata", "2026-07-10T12:00:00Z", "2026-07-10T20:30:00Z"},
		{"across the date line", "0 0 1 1 * 1h Pacific/Kiritimati", "2026-12-01T00:00:00Z", "2026-12-31T10:00:00Z"},
		// Clocks go from 02:00 to 03:00 on 2026-03-29 and from 03:00 back to 02:00 on
		// 2026-10-25, at 01:00 UTC both.
		{"after the hour left out", "0 4 * * * 1h Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z"},
		{"the hour that comes twice", "30 2 * * * 20m Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T01:30:00Z"},
		{"the hour that comes twice, once", "30 2 * * * 20m Europe/Berlin", "2026-10-25T01:50:00Z", "2026-10-26T01:30:00Z"},
		{"over the change back", "0 1 * * * 4h Europe/Berlin", "2026-10-25T02:59:59Z", "2026-10-25T02:59:59Z"},
		{"names", "0 2 * jan-mar sat 4h UTC", "2026-04-01T00:00:00Z", "2027-01-02T02:00:00Z"},
		{"leap day", "0 0 29 2 * 1h UTC", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
	} {
		w, err := window.Parse(c.window)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := window.Next([]window.Window{w}, at(c.now)); !got.Equal(at(c.next)) {
			t.Errorf("%s: after %s comes %s, want %s", c.name, c.now, got.Format(time.RFC3339), c.next)
		}
	}
}

// A window that begins in the hour that is left out in spring is not left out.
//
// spec: P7
func TestWindowInTheHourThatIsLeftOut(t *testing.T) {
	w, err := window.Parse("30 2 * * 0 2h Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	got := window.Next([]window.Window{w}, at("2026-03-28T12:00:00Z"))
	if got.Before(at("2026-03-29T00:00:00Z")) || got.After(at("2026-03-29T02:00:00Z")) {
		t.Errorf("it begins %s", got)
	}
}

// spec: P7
func TestTheEarliestOfSeveralWindowsCounts(t *testing.T) {
	all, err := window.ParseAll([]string{"0 2 * * 6 4h UTC", "0 2 * * 3 1h UTC"})
	if err != nil {
		t.Fatal(err)
	}
	if got := window.Next(all, at("2026-03-07T12:00:00Z")); !got.Equal(at("2026-03-11T02:00:00Z")) {
		t.Errorf("it begins %s", got)
	}
	if now := at("2026-03-07T12:00:00Z"); !window.Next(nil, now).Equal(now) {
		t.Error("without a window one has to wait")
	}
}

// spec: P7
func TestWindowsThatCannotBeRead(t *testing.T) {
	for s, code := range map[string]string{
		"":                              "window.fields",
		"0 2 * * 6":                     "window.fields",
		"@weekly 4h UTC":                "window.fields",
		"0 2 * * 6 4h Europe/Berlin x":  "window.fields",
		"61 2 * * 6 4h UTC":             "window.cron",
		"TZ=UTC 2 * * 6 4h UTC":         "window.cron",
		"0 2 * * 6 4 UTC":               "window.length",
		"0 2 * * 6 -4h UTC":             "window.length",
		"0 2 * * 6 30s UTC":             "window.length",
		"0 2 * * 6 169h UTC":            "window.length",
		"0 2 * * 6 4h Europe/Atlantis":  "window.zone",
		"0 2 * * 6 4h Local":            "window.zone",
		"0 2 * * 6 4h ../../etc/passwd": "window.zone",
		"0 2 30 2 * 4h UTC":             "window.never",
	} {
		_, err := window.Parse(s)
		var said *model.Error
		if !errors.As(err, &said) || said.Text.Code() != code {
			t.Errorf("%q: %v, want %s", s, err, code)
		}
	}
}
