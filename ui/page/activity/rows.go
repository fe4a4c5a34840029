package activity

import (
	"strings"

	"certquay/lifecycle/journal"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/list"
	"certquay/ui/style"
)

// columns show who did what, when, to what, and with which result (spec S4).
func columns(c *app.Context) []list.Column[model.Event] {
	return []list.Column[model.Event]{
		{Title: c.T("col.when"), Sort: string(byTime), Min: 12, Max: 12, Cell: func(e model.Event, _ int) list.Cell {
			if e.At.Format("2006-01-02") == c.Now.Format("2006-01-02") {
				return list.Cell{Tone: style.Muted, Text: e.At.UTC().Format("15:04:05Z")}
			}
			return list.Cell{Tone: style.Muted, Text: e.At.UTC().Format(c.T("date.minute"))}
		}},
		{Title: c.T("col.what"), Min: 11, Max: 18, Cell: func(e model.Event, _ int) list.Cell {
			return list.Cell{Tone: style.Strong, Text: c.EventTitle(&e)}
		}},
		{Title: c.T("col.certificate"), Min: 16, Max: 30, Cell: func(e model.Event, _ int) list.Cell {
			return list.Cell{Tone: style.Normal, Text: c.Text.Subject(&e)}
		}},
		{Title: c.T("col.result"), Min: 10, Max: 10, Cell: func(e model.Event, _ int) list.Cell {
			glyph, word, tone := c.EventOutcome(&e)
			return list.Cell{Tone: tone, Text: c.Mark(glyph) + word}
		}},
		{Title: c.T("col.detail"), Min: 16, Max: 90, Grow: 6, Cell: func(e model.Event, _ int) list.Cell {
			d := c.EventSummary(&e)
			if e.To != "" && e.From != e.To {
				change := strings.TrimLeft(c.Text.Term("label", e.From)+c.Arrow(), " ") + c.Text.Term("label", e.To)
				if d != "" {
					change += c.Separator()
				}
				d = change + d
			}
			return list.Cell{Tone: style.Muted, Text: d}
		}},
		{Title: c.T("col.who"), Min: 9, Max: 14, MinTableWidth: 96, Cell: func(e model.Event, _ int) list.Cell {
			return list.Cell{Tone: style.Muted, Text: e.Actor}
		}},
		{Title: c.T("col.via"), Min: 8, Max: 10, MinTableWidth: 130, Cell: func(e model.Event, _ int) list.Cell {
			return list.Cell{Tone: style.Muted, Text: c.Text.Term("via", e.Via)}
		}},
		{Title: c.T("col.why"), Min: 7, Max: 10, MinTableWidth: 150, Cell: func(e model.Event, _ int) list.Cell {
			return list.Cell{Tone: style.Muted, Text: c.Text.Term("why", journal.CauseOf(&e))}
		}},
	}
}
