package chart

import (
	"strings"
	"time"

	"certquay/ui/style"
)

// Life is what a [LifeBar] shows.
type Life struct {
	From, To time.Time
	Now      time.Time
	Versions []LifeVersion
}

// LifeVersion is one certificate on the bar.
type LifeVersion struct{ From, Window, To time.Time }

// LifeBar draws a service period with its versions: ├ issued, ─ past now, ●
// now, ┊ where the window of renewal opens, ┤ expiry.
func LifeBar(s *style.Styles, l Life, w int) string {
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
				tones[i] = style.Ended
			case i >= open:
				tones[i] = style.Soon
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
