package app

import "time"

// Away is how far a moment is from now, in words for a screen reader: in days,
// within a day in hours, of which there is at least one.
func (c *Context) Away(t time.Time) string {
	d, way := t.Sub(c.Now), "plain.in."
	if d < 0 {
		d, way = -d, "plain.ago."
	}
	n, unit := int(d/(24*time.Hour)), "days"
	if n == 0 {
		n, unit = max(int(d/time.Hour), 1), "hours"
	}
	if n == 1 {
		return c.T(way + unit + ".one")
	}
	return c.T(way+unit, n)
}
