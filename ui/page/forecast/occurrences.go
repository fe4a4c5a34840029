package forecast

import (
	"time"

	"certquay/lifecycle/forecast"
	"certquay/ui/app"
	"certquay/ui/list"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// occurrence is one kind of moment of one certificate on one day: several moments if it
// is installed by hand on several resources.
type occurrence []forecast.Occurrence

func (h occurrence) id() string {
	return h[0].At.Format(time.DateOnly) + h[0].What + string(h[0].Task) + string(h[0].Instance) + h[0].Name
}

// occurrencesIn lists the occurrences in a row of a report, in order of time.
func occurrencesIn(r *forecast.Report, of row) []occurrence {
	var hs []occurrence
	at := map[string]int{}
	for _, m := range r.Occurrences {
		if !of.holds(m.At) {
			continue
		}
		one := occurrence{m}
		n, ok := at[one.id()]
		if ok {
			hs[n] = append(hs[n], m)
			continue
		}
		at[one.id()] = len(hs)
		hs = append(hs, one)
	}
	return hs
}

func occurrenceColumns(c *app.Context) []list.Column[occurrence] {
	return []list.Column[occurrence]{
		{Title: c.T("col.day"), Min: 10, Max: 10, Cell: func(h occurrence, _ int) list.Cell {
			return list.Cell{Text: h[0].At.Format(time.DateOnly)}
		}},
		{Title: c.T("col.what"), Min: 17, Max: 20, Cell: func(h occurrence, _ int) list.Cell {
			st := status(h[0].What)
			text := c.Mark(st.Glyph) + word(c, h[0])
			if len(h) > 1 {
				text += " ×" + widget.Count(len(h))
			}
			return list.Cell{Tone: st.Tone, Text: text}
		}},
		{Title: c.T("col.certificate"), Min: 12, Max: 40, Grow: 6, Cell: func(h occurrence, _ int) list.Cell {
			return list.Cell{Tone: style.Strong, Text: h[0].Name}
		}},
		{Title: c.T("col.detail"), Min: 20, Max: 90, Grow: 6, MinTableWidth: 76, Cell: func(h occurrence, _ int) list.Cell {
			return list.Cell{Tone: style.Muted, Text: c.Text.Text(h[0].Detail)}
		}},
	}
}

// status is the appearance of a kind of moment.
func status(what string) style.Status {
	switch what {
	case forecast.WhatExpires:
		return style.StatusOf("expired")
	case forecast.WhatHostingEnds:
		return style.StatusOf("service-ended")
	case forecast.WhatWaits, forecast.WhatWindow:
		return style.StatusOf("waiting")
	}
	return style.StatusOf("drifted") // a person has to check it
}

// word is the name of a kind of moment; for a person it says what to do.
func word(c *app.Context, m forecast.Occurrence) string {
	if m.Task != "" {
		return c.Text.Lookup("moment."+string(m.Task), string(m.Task))
	}
	return c.Text.Lookup("moment."+m.What, m.What)
}
