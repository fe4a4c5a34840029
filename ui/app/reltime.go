package app

import "time"

// RelativeTime is the time until or since t in words for a screen reader, in whole
// days, or in hours, at least one, where it is less than a day.
func (c *Context) RelativeTime(t time.Time) string {
	d, way := t.Sub(c.Now), "plain.in."
	if d < 0 {
		d, way = -d, "plain.ago."
	}
	n, unit := int(d/(24*time.Hour)), "days"
	if n == 0 {
		n, unit = max(int(d/time.Hour), 1), "hours"
	}
	return c.T(way+unit, n)
}
