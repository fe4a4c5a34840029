package activity

import (
	"strings"
	"time"

	"certquay/lifecycle/journal"
	"certquay/ui/app"
	"certquay/ui/list"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// columns show who did what, when, to what, and with which result (spec S4).
func columns(c *app.Context) []list.Column[row] {
	return []list.Column[row]{
		{Title: c.T("col.when"), Sort: string(byTime), Min: 16, Max: 17, Cell: func(e row, w int) list.Cell {
			at := widget.Stamp(e.At)
			if w < widget.Width(at) { // every time is in UTC
				at = strings.TrimSuffix(at, "Z")
			}
			return list.Cell{Tone: style.Muted, Text: at}
		}},
		{Title: c.T("col.what"), Min: 11, Max: 18, Cell: func(e row, _ int) list.Cell {
			return list.Cell{Tone: style.Strong, Text: c.EventTitle(&e.Event)}
		}},
		{Title: c.T("col.certificate"), Min: 16, Max: 30, Cell: func(e row, _ int) list.Cell {
			return list.Cell{Tone: style.Normal, Text: c.Text.Subject(&e.Event)}
		}},
		{Title: c.T("col.result"), Min: 10, Max: 10, Cell: func(e row, _ int) list.Cell {
			glyph, word, tone := c.EventOutcome(&e.Event)
			return list.Cell{Tone: tone, Text: c.Mark(glyph) + word}
		}},
		{Title: c.T("col.detail"), Min: 16, Max: 90, Grow: 6, Cell: func(e row, _ int) list.Cell {
			d := c.EventSummary(&e.Event)
			if e.To != "" && e.From != e.To {
				change := strings.TrimLeft(c.Text.Term("label", e.From)+c.Arrow(), " ") + c.Text.Term("label", e.To)
				if d != "" {
					change += c.Separator()
				}
				d = change + d
			}
			if !e.begun.IsZero() && e.At.Sub(e.begun) >= time.Second {
				if d != "" {
					d += c.Separator()
				}
				d += c.T("activity.took", widget.Ago(c.T, e.begun, e.At))
			}
			return list.Cell{Tone: style.Muted, Text: d}
		}},
		{Title: c.T("col.who"), Min: 9, Max: 14, MinTableWidth: 96, Cell: func(e row, _ int) list.Cell {
			return list.Cell{Tone: style.Muted, Text: e.Actor}
		}},
		{Title: c.T("col.via"), Min: 8, Max: 10, MinTableWidth: 130, Cell: func(e row, _ int) list.Cell {
			return list.Cell{Tone: style.Muted, Text: c.Text.Term("via", e.Via)}
		}},
		{Title: c.T("col.why"), Min: 7, Max: 10, MinTableWidth: 150, Cell: func(e row, _ int) list.Cell {
			return list.Cell{Tone: style.Muted, Text: c.Text.Term("why", journal.CauseOf(&e.Event))}
		}},
	}
}
