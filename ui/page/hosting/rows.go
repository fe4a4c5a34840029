package hosting

import (
	"strconv"

	"certquay/lifecycle/names"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/list"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// row is a hosted certificate, the name of its contact, and whether it has tasks for a
// person.
type row struct {
	model.InstanceRow
	contact     string
	needsPerson bool
}

// columns show when each certificate renews next, and why then.
func columns(c *app.Context, by func() model.Sort) []list.Column[row] {
	return []list.Column[row]{
		{ID: "name", Title: c.T("col.name"), Sort: string(model.SortName), Min: 18, Max: 40, Grow: 3, Cell: func(r row, _ int) list.Cell {
			return list.Cell{Tone: style.Strong, Text: names.Readable(r.Name)}
		}},
		{
			ID:    "status",
			Title: c.T("col.status"),
			Sort:  string(model.SortState),
			Min:   14,
			Max:   26,
			Grow:  7,
			Cell: func(r row, w int) list.Cell {
				glyph, word, tone := c.StatusBy(&r.InstanceRow, w-2, by())
				return list.Cell{Tone: tone, Text: c.Mark(glyph) + word}
			},
		},
		{
			ID:    "next",
			Title: c.T("col.next"),
			Sort:  string(model.SortDue),
			Min:   17,
			Max:   17,
			Cell:  func(r row, _ int) list.Cell { return dueCell(c, &r.InstanceRow) },
			ReadAloud: func(r row) string {
				if r.Operation != "" || r.Due.IsZero() {
					return ""
				}
				return widget.Day(r.Due, c.Now, c.T("date.day")) + ", " + c.RelativeTime(r.Due)
			},
		},
		{
			ID:            "why",
			Title:         c.T("col.whythen"),
			Sort:          string(model.SortReason),
			Min:           34,
			Max:           44,
			Grow:          2,
			MinTableWidth: 100,
			Cell: func(r row, _ int) list.Cell {
				return list.Cell{Tone: style.Muted, Text: dueReason(c, &r.InstanceRow)}
			},
		},
		{
			ID:    "contact",
			Title: c.T("col.contact"),
			Sort:  string(model.SortContact),
			Min:   9,
			Max:   24,
			Grow:  1,
			Cell: func(r row, _ int) list.Cell {
				if r.contact == "" {
					return list.Dash
				}
				return list.Cell{Text: r.contact}
			},
		},
		{ID: "auto", Title: c.T("col.auto"), Sort: string(model.SortAuto), Min: 5, Max: 7, Right: true, Cell: func(r row, _ int) list.Cell {
			if r.Resources == 0 {
				return list.Dash
			}
			return list.Cell{Text: strconv.Itoa(r.Auto) + "/" + strconv.Itoa(r.Resources)}
		}},
		{
			ID:    "left",
			Title: c.T("col.left"),
			Sort:  string(model.SortRenewals),
			Min:   4,
			Max:   6,
			Right: true,
			Cell: func(r row, _ int) list.Cell {
				tone := style.Normal
				if r.RenewalsLeft == 0 {
					tone = style.Warn
				}
				return list.Cell{Tone: tone, Text: strconv.Itoa(r.RenewalsLeft)}
			},
		},
		{
			ID:            "ends",
			Title:         c.T("col.serviceends"),
			Sort:          string(model.SortServiceMax),
			Min:           10,
			Max:           12,
			MinTableWidth: 132,
			Cell: func(r row, _ int) list.Cell {
				return list.Cell{Tone: style.Muted, Text: r.ServiceMaxEnd().Format("2006-01-02")}
			},
		},
	}
}

// dueCell is the next automatic renewal.
func dueCell(c *app.Context, r *model.InstanceRow) list.Cell {
	switch {
	case r.Operation != "":
		return list.Cell{Tone: style.Busy, Text: c.T("hosting.now", max(r.Attempt, 1))}
	case r.Due.IsZero():
		return list.Dash
	}
	return list.Cell{Text: widget.Spread(widget.Day(r.Due, c.Now, c.T("date.day")), widget.Days(c.T, r.Due, c.Now), 17)}
}

// dueReason returns why it is due then (spec T5, H4).
func dueReason(c *app.Context, r *model.InstanceRow) string {
	switch {
	case r.Due.IsZero() && r.RenewalsLeft == 0:
		return c.T("hosting.why.ends")
	case r.Due.IsZero():
		return ""
	case r.DueHosted:
		return c.T("hosting.why.service")
	}
	return c.T("hosting.why.version")
}
