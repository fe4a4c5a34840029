package chart

import (
	"strings"
	"time"

	"certquay/ui/style"
)

// Timeline is a service period with the certificates issued in it.
type Timeline struct {
	From, To time.Time
	Now      time.Time
	Versions []TimelineVersion
}

// TimelineVersion is one certificate: Window is when its renewal window opens.
type TimelineVersion struct{ From, Window, To time.Time }

// View draws the timeline w cells wide: ├ issued, ━ past, ─ to come, ● now, ┊ where
// the renewal window opens, ┤ expiry. It is "" in less than 4 cells or without a
// period.
func (l Timeline) View(s *style.Styles, w int) string {
	if w < 4 || !l.To.After(l.From) {
		return ""
	}
	at := func(t time.Time) int {
		f := float64(t.Sub(l.From)) / float64(l.To.Sub(l.From))
		return max(min(int(f*float64(w-1)+0.5), w-1), 0)
	}
	marks := make([]string, w)
	tones := make([]style.Tone, w)
	for i := range marks {
		marks[i], tones[i] = "·", style.Faint
	}
	now := at(l.Now)
	for n, v := range l.Versions {
		a, z := at(v.From), at(v.To)
		if n+1 < len(l.Versions) { // the next one takes over where it begins
			z = min(z, at(l.Versions[n+1].From))
		}
		open := at(v.Window)
		for i := a; i <= z; i++ {
			marks[i] = "─"
			switch {
			case l.Now.After(v.To):
				tones[i] = style.Inactive
			case i >= open:
				tones[i] = style.Warn
			case i <= now:
				tones[i] = style.Good
			default:
				tones[i] = style.Muted
			}
			if i <= now && i > a {
				marks[i] = "━"
			}
		}
		if open > a && open < z {
			marks[open] = "┊"
		}
		marks[a], marks[z] = "├", "┤"
	}
	if !l.Now.Before(l.From) && !l.Now.After(l.To) {
		marks[now], tones[now] = "●", style.Accent
	}
	var b strings.Builder
	for i := 0; i < w; {
		j := i
		for j < w && tones[j] == tones[i] {
			j++
		}
		b.WriteString(s.Paint(tones[i], strings.Join(marks[i:j], "")))
		i = j
	}
	return b.String()
}
