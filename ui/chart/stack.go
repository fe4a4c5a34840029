package chart

import "certquay/ui/widget"

// stackGlyphs fill the parts of a stacked bar, so that they differ without colour.
var stackGlyphs = []string{"█", "▒", "░"}

// StackedBar is a bar of up to three values as plain text, one text a value, together at
// most w cells long: the full width stands for top, and each value above zero takes a
// cell at least where there are as many.
func StackedBar(values []int, top, w int) []string {
	sum := 0
	for _, v := range values {
		sum += max(v, 0)
	}
	parts := make([]string, len(values))
	if sum == 0 || w <= 0 {
		return parts
	}
	top = max(top, sum)
	left := w
	for n, v := range values {
		if v <= 0 {
			continue
		}
		after := 0 // cells that the values after it need at least
		for _, later := range values[n+1:] {
			if later > 0 {
				after++
			}
		}
		cells := max(min(max((v*w+top/2)/top, 1), left-after), min(left, 1))
		parts[n] = widget.Repeat(stackGlyphs[n%len(stackGlyphs)], cells)
		left -= cells
	}
	return parts
}

// StackGlyph is the glyph of the part with an index in a stacked bar, for a legend.
func StackGlyph(n int) string { return stackGlyphs[n%len(stackGlyphs)] }
