package chart

import (
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// ChainLink is one certificate of a chain.
type ChainLink struct {
	Name   string // escaped where it is drawn
	Status style.Status
	Used   float64 // the part of its validity that is over, from 0 to 1; negative draws no gauge
	Left   string  // how long it stays valid, in words
}

const (
	chainGauge = 12 // cells of a link's gauge
	chainName  = 16 // cells that names keep before the gauges are dropped
)

// ChainTree draws a chain from its root down, one line a certificate, each below the
// one that signed it, in at most w cells: glyph, name, a gauge of the validity used,
// and the words of what is left. Where they do not fit, the gauges are dropped, then
// the words, and names are cut last.
func ChainTree(s *style.Styles, links []ChainLink, w int) []string {
	if w <= 0 {
		return nil
	}
	names, lefts, gauges := 0, 0, 0
	for i, l := range links {
		names = max(names, widget.Width(branch(i))+2+widget.Width(text.Clean(l.Name)))
		lefts = max(lefts, widget.Width(l.Left))
		if l.Used >= 0 {
			gauges = chainGauge + 2
		}
	}
	words := lefts + 2
	if lefts == 0 {
		words = 0
	}
	if w-words-gauges < min(names, chainName+2*len(links)) {
		gauges = 0
	}
	if w-words < min(names, chainName) {
		words = 0
	}
	names = min(names, w-words-gauges)
	lines := make([]string, len(links))
	for i, l := range links {
		b := branch(i)
		line := s.Paint(style.Faint, widget.Cut(b, names)) + s.Paint(l.Status.Tone, widget.Cut(l.Status.Glyph, names-widget.Width(b)))
		room := names - widget.Width(b) - widget.Width(l.Status.Glyph) - 1
		if room > 0 {
			line += " " + s.Paint(style.Strong, widget.Pad(text.Clean(l.Name), room))
		}
		if gauges > 0 {
			g := widget.Space(chainGauge)
			if l.Used >= 0 {
				g = s.Paint(l.Status.Tone, Gauge(l.Used, chainGauge))
			}
			line += "  " + g
		}
		if words > 0 {
			line += "  " + s.Paint(style.Muted, widget.PadLeft(l.Left, lefts))
		}
		lines[i] = line
	}
	return lines
}

// branch is what stands before a link of a chain.
func branch(depth int) string {
	if depth == 0 {
		return ""
	}
	return widget.Space(3*(depth-1)) + "└─ "
}
