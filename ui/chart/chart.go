// Package chart draws bars, gauges, axes of time, the timeline of a service period, the
// tree of a chain and the strip of what servers presented. Nothing it returns is wider
// than asked for.
//
// It is our own because bubbles has no charts. Its progress bar could be a gauge, but
// renders its styles each time, and a list draws one in each row for each key: it
// takes 4 to 11 µs, [Gauge] 0.1 to 0.2 µs (BenchmarkGauge, two cores of an AMD EPYC,
// bubbles v2.2.1). Where there is one bar, as for the progress of a forecast, that of
// bubbles is used.
package chart

import (
	"strings"
	"time"

	"certquay/ui/style"
	"certquay/ui/widget"
)

var eighths = []string{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}

// Bars draws one upright bar for each value, h lines high, a bar every step cells. A
// value above zero always shows; for zero there is a dot, so that it differs from a
// low bar without colour. tone gives the tone of the bar with index i.
func Bars(s *style.Styles, values []int, h, step int, tone func(i int) style.Tone) []string {
	top := 1
	for _, v := range values {
		top = max(top, v)
	}
	lines := make([]string, max(h, 0))
	for y := range lines {
		var b, run strings.Builder // a run is painted at once
		last := style.Faint
		for i, v := range values {
			level := v * h * 8 / top
			if v > 0 {
				level = max(level, 1)
			}
			level = min(max(level-(h-1-y)*8, 0), 8)
			mark, t := eighths[level], tone(i)
			if v == 0 && y == h-1 {
				mark, t = "·", style.Faint
			}
			if t != last {
				b.WriteString(s.Paint(last, run.String()))
				run.Reset()
				last = t
			}
			for range max(step-1, 1) {
				run.WriteString(mark)
			}
			if step > 1 {
				run.WriteByte(' ')
			}
		}
		b.WriteString(s.Paint(last, run.String()))
		lines[y] = b.String()
	}
	return lines
}

var leftEighths = []string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}

// HorizontalBar is a bar for n of top as plain text, at most w cells long and exact
// to an eighth of a cell. A value above zero always shows.
func HorizontalBar(n, top, w int) string {
	if n <= 0 || w <= 0 {
		return ""
	}
	level := min(max(n*w*8/max(top, n), 1), w*8)
	return widget.Repeat("█", level/8) + leftEighths[level%8]
}

// MonthAxis labels an axis of weeks from now on, a week every step cells, with each
// month where it begins. The layout is that of [time.Time.Format].
func MonthAxis(s *style.Styles, now time.Time, weeks, step int, layout string) string {
	var line strings.Builder
	width := 0
	put := func(x int, name string) {
		if width > 0 && x <= width || x+widget.Width(name) > weeks*step {
			return
		}
		line.WriteString(widget.Space(x-width) + name)
		width = x + widget.Width(name)
	}
	last := now.Month()
	put(0, now.Format(layout))
	for w := range weeks {
		if d := now.AddDate(0, 0, 7*w); d.Month() != last {
			last = d.Month()
			put(w*step, d.Format(layout))
		}
	}
	return s.Paint(style.Muted, line.String()+widget.Space(weeks*step-width))
}

// Gauge is a fraction from 0 to 1 as plain text, w cells wide: heavy for what is
// used, light for what is left. It is "" in less than 3 cells.
func Gauge(part float64, w int) string {
	if w < 3 {
		return ""
	}
	n := int(max(min(part, 1), 0)*float64(w) + 0.5)
	return widget.Repeat("━", n) + widget.Repeat("─", w-n)
}
