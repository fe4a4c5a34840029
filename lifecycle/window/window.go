// Package window reads deployment windows: the times in which a product is deployed to
// without asking a person (spec P7).
package window

import (
	"strings"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"certquay/model"
)

// Window is a period that begins again and again.
type Window struct {
	begins cron.Schedule // in the clock of the zone
	length time.Duration
	zone   *time.Location
}

// Example is a window as a person writes it: Saturdays from 02:00 to 06:00 in Berlin.
const Example = "0 2 * * 6 4h Europe/Berlin"

// Bounds of the length of a window.
const (
	minLength = time.Minute
	maxLength = 7 * 24 * time.Hour
)

// cronFields is how many fields a cron expression has: minute, hour, day of month, month
// and day of week.
const cronFields = 5

var parser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// zones are those that were read, by name: reading one means reading a file.
var zones sync.Map

// Parse reads a window: the five fields of a cron expression that says when it begins, its
// length such as 4h or 90m, and a time zone of the IANA database, without which it is in
// UTC. What is wrong is a [*model.Error].
func Parse(s string) (w Window, err error) {
	fields := strings.Fields(s)
	if len(fields) < cronFields+1 || len(fields) > cronFields+2 {
		return w, model.Fail("window.fields")
	}
	expression := strings.Join(fields[:cronFields], " ")
	if w.begins, err = parser.Parse(expression); err != nil {
		return w, model.Fail("window.cron", "cron", expression, "cause", model.Quoted("", err.Error()))
	}
	if w.length, err = time.ParseDuration(fields[cronFields]); err != nil || w.length < minLength || w.length > maxLength {
		return w, model.Fail("window.length", "length", fields[cronFields])
	}
	w.zone = time.UTC
	if len(fields) > cronFields+1 {
		if w.zone, err = zone(fields[cronFields+1]); err != nil {
			return w, model.Fail("window.zone", "zone", fields[cronFields+1])
		}
	}
	if w.begins.Next(time.Unix(0, 0).UTC()).IsZero() {
		return w, model.Fail("window.never", "cron", expression)
	}
	return w, nil
}

// zone finds a time zone. That of this machine has no name: a window means the same
// wherever it is read.
func zone(name string) (*time.Location, error) {
	if known, ok := zones.Load(name); ok {
		return known.(*time.Location), nil
	}
	if name == time.Local.String() {
		return nil, model.ErrNotFound
	}
	l, err := time.LoadLocation(name)
	if err == nil {
		zones.Store(name, l)
	}
	return l, err
}

// ParseAll reads several windows.
func ParseAll(all []string) (ws []Window, err error) {
	for _, s := range all {
		w, err := Parse(s)
		if err != nil {
			return nil, err
		}
		ws = append(ws, w)
	}
	return ws, nil
}

// Next returns the first moment, not before t, that lies in one of the windows: t itself if
// one is open, or if there are none.
func Next(all []Window, t time.Time) (next time.Time) {
	for _, w := range all {
		at := w.current(t)
		if at.Before(t) {
			at = t
		}
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	if next.IsZero() {
		return t
	}
	return next.UTC()
}

// clockChange is by how much clocks are put back at most.
const clockChange = 3 * time.Hour

// current returns when the window that is open at t began, or else when the next one does.
//
// The expression is about what a clock shows. It is followed as if clocks were never
// changed, and only then placed in the zone: a window that begins in the hour that is left
// out in spring begins an hour earlier or later that day, and one that begins in the hour
// that comes twice in autumn begins once.
func (w Window) current(t time.Time) time.Time {
	shown := t.Add(-w.length).In(w.zone)
	clock := time.Date(
		shown.Year(), shown.Month(), shown.Day(), shown.Hour(), shown.Minute(), shown.Second(), 0, time.UTC,
	).Add(-clockChange)
	for {
		clock = w.begins.Next(clock)
		at := time.Date(clock.Year(), clock.Month(), clock.Day(), clock.Hour(), clock.Minute(), 0, 0, w.zone)
		if at.Add(w.length).After(t) {
			return at
		}
	}
}
