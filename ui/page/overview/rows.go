package overview

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"certquay/lifecycle/names"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/chart"
	"certquay/ui/list"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// columns returns the columns of the list. Those of secondary text stand together and the
// one that is mostly blank comes last, which keeps a row short over SSH.
func columns(c *app.Context, by func() model.Sort) []list.Column[model.InstanceRow] {
	days := widget.Width(c.T("time.d", 999))
	return []list.Column[model.InstanceRow]{
		{
			ID:    "name",
			Title: c.T("col.name"),
			Sort:  string(model.SortName),
			Min:   18,
			Max:   40,
			Grow:  3,
			Cell: func(r model.InstanceRow, _ int) list.Cell {
				return list.Cell{Tone: style.Strong, Text: names.Readable(r.Name)}
			},
		},
		{
			ID: "status", Title: c.T("col.status"),
			Sort: string(model.SortState),
			Min:  14,
			Max:  26,
			Grow: 7,
			Cell: func(r model.InstanceRow, w int) list.Cell {
				glyph, word, tone := c.StatusBy(&r, w-2, by())
				return list.Cell{Tone: tone, Text: c.Mark(glyph) + word}
			},
		},
		{
			ID:            "domains",
			Sort:          string(model.SortDomain),
			Title:         c.T("col.domains"),
			Min:           18,
			Max:           38,
			Grow:          3,
			MinTableWidth: 100,
			Cell: func(r model.InstanceRow, w int) list.Cell {
				return domains(&r, w)
			},
		},
		{
			ID:            "spec",
			Sort:          string(model.SortSpecification),
			Title:         c.T("col.spec"),
			Min:           22,
			Max:           36,
			Grow:          5,
			MinTableWidth: 150,
			Cell: func(r model.InstanceRow, _ int) list.Cell {
				return list.Cell{Tone: style.Muted, Text: specOf(c, &r)}
			},
		},
		{
			ID:    "expires",
			Title: c.T("col.expires"),
			Sort:  string(model.SortExpiry),
			Min:   17,
			Max:   17,
			Cell: func(r model.InstanceRow, _ int) list.Cell {
				return expires(c, &r)
			},
			ReadAloud: func(r model.InstanceRow) string {
				if r.NotAfter.IsZero() {
					return ""
				}
				return widget.Day(r.NotAfter, c.Now, c.T("date.day")) + ", " + c.RelativeTime(r.NotAfter)
			},
		},
		{
			ID:            "valid",
			Sort:          string(model.SortValidity),
			Title:         c.T("col.valid"),
			Min:           days,
			Max:           days,
			MinTableWidth: 100,
			Right:         true,
			Cell: func(r model.InstanceRow, _ int) list.Cell {
				return list.Cell{Tone: style.Muted, Text: validity(c, &r)}
			},
		},
		{
			ID:            "service",
			Title:         c.T("col.service"),
			Sort:          string(model.SortService),
			Min:           12,
			Max:           serviceWide,
			MinTableWidth: 112,
			Cell: func(r model.InstanceRow, w int) list.Cell {
				return service(c, &r, w)
			},
			ReadAloud: func(r model.InstanceRow) string {
				if said := serviceSpan(c, &r, 1<<10); said != "" || r.ServiceEnd.IsZero() {
					return said
				}
				return r.ServiceEnd.Format("2006-01")
			},
		},
		{
			ID:    "on",
			Title: c.T("col.on"),
			Sort:  string(model.SortProduct),
			Min:   9,
			Max:   18,
			Cell: func(r model.InstanceRow, w int) list.Cell {
				return on(c, &r)
			},
		},
		{
			ID:            "id",
			Title:         c.T("col.id"),
			Sort:          string(model.SortID),
			Min:           8,
			Max:           8,
			MinTableWidth: 140,
			Cell: func(r model.InstanceRow, _ int) list.Cell {
				return list.Cell{Tone: style.Muted, Text: r.ID.Short()}
			},
		},
	}
}

// domains is what the names of a certificate say beside its name in the list. A name that
// people read in Unicode stands here as certificates have it.
func domains(r *model.InstanceRow, w int) list.Cell {
	more := ""
	if r.Domains > 1 {
		more = "+" + strconv.Itoa(r.Domains-1)
	}
	switch first := r.Domain; {
	case first == names.Readable(r.Name) && more == "", r.Domains == 0:
		return list.Cell{}
	case first == names.Readable(r.Name):
		return list.Cell{Tone: style.Normal, Text: more}
	case more != "":
		return list.Cell{Tone: style.Normal, Text: widget.Cut(first, w-len(more)-1) + " " + more}
	default:
		return list.Cell{Tone: style.Normal, Text: widget.Cut(first, w)}
	}
}

func specOf(c *app.Context, r *model.InstanceRow) string {
	if r.Spec.Brand == "" { // an upload has a type of names only
		return c.T("spec.upload")
	}
	// An upload tells only part of it.
	var parts []string
	for _, p := range []string{
		strings.TrimSpace(strings.ToUpper(string(r.Spec.Level)) + " " + c.Text.Term("type", string(r.Spec.Type))),
		r.Spec.Brand,
		c.Text.Term("grade", string(r.Spec.Grade)),
	} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, c.Separator())
}

func validity(c *app.Context, r *model.InstanceRow) string {
	if r.NotAfter.IsZero() {
		return "–"
	}
	return widget.Validity(c.T, r.NotAfter.Sub(r.NotBefore))
}

// expires is the day of expiry with the days left; before issue, the expected time or
// the person it waits for.
func expires(c *app.Context, r *model.InstanceRow) list.Cell {
	if r.NotAfter.IsZero() {
		switch {
		case r.AwaitsReview:
			return list.Cell{Tone: style.Warn, Text: c.T("row.review")}
		case r.AwaitsProof:
			return list.Cell{Tone: style.Warn, Text: c.T("row.proof")}
		case r.ExpectedIssue.After(c.Now): // a time in the past is not shown
			return list.Cell{Tone: style.Busy, Text: c.T("row.expected", widget.Ago(c.T, c.Now, r.ExpectedIssue))}
		}
		return list.Dash
	}
	tone := style.Normal
	switch {
	case r.History():
		tone = style.Inactive
	case r.Has(model.Expired, c.Now):
		tone = style.Bad
	case r.Has(model.Expiring, c.Now):
		tone = style.Warn
	}
	return list.Cell{
		Tone: tone,
		Text: widget.Spread(widget.Day(r.NotAfter, c.Now, c.T("date.day")), widget.Days(c.T, r.NotAfter, c.Now), 17),
	}
}

func on(c *app.Context, r *model.InstanceRow) list.Cell {
	switch {
	case r.Resources == 0:
		return list.Dash
	case r.FailingResources > 0:
		return list.Cell{Tone: style.Bad, Text: c.Mark("✕") + r.Products}
	case r.Deployed < r.Resources:
		return list.Cell{Tone: style.Warn, Text: r.Products + " " + strconv.Itoa(r.Deployed) + "/" + strconv.Itoa(r.Resources)}
	}
	return list.Cell{Tone: style.Normal, Text: r.Products}
}

// service is how much of the service period has passed, its end, and where there is room
// how long it lasts at most with the renewals that are paid for; before it begins, how
// many years are bought.
func service(c *app.Context, r *model.InstanceRow, w int) list.Cell {
	switch {
	case r.ServiceEnd.IsZero() && r.Years > 0 && r.State.Group() == model.GroupUnissued:
		return list.Cell{Tone: style.Muted, Text: c.T("row.years", r.Years)}
	case r.ServiceEnd.IsZero():
		return list.Dash
	}
	part := float64(c.Now.Sub(r.ServiceStart)) / float64(r.ServiceEnd.Sub(r.ServiceStart))
	tone := style.Muted
	if r.History() {
		tone = style.Inactive
	}
	end, room := r.ServiceEnd.Format("2006-01"), 7
	if w >= serviceWide {
		if room = 15; r.RenewalsLeft > 0 {
			end += "→" + r.ServiceMaxEnd().Format("2006-01")
		}
	}
	return list.Cell{Tone: tone, Text: chart.Gauge(part, w-1-room) + " " + widget.Pad(end, room)}
}

// serviceWide is from how many cells on the column of the service has two months.
const serviceWide = 24

// serviceSpan says in at most w cells how long the service of a certificate lasts and how
// often it is renewed for that, or how many years are bought; "" where there is no room.
func serviceSpan(c *app.Context, r *model.InstanceRow, w int) string {
	var forms []string // the longest first
	switch end := r.ServiceMaxEnd().Format("2006-01"); {
	case r.History(), r.Origin == model.OriginUpload && r.RenewalsLeft == 0: // that one's is its validity
	case r.ServiceEnd.IsZero() && r.Years > 0:
		forms = []string{c.T("card.years", r.Years), c.T("row.years", r.Years)}
	case r.ServiceEnd.IsZero():
	case r.RenewalsLeft > 0:
		forms = []string{c.T("card.service.max", r.RenewalsLeft, end), c.T("card.service.most", end)}
	default:
		forms = []string{c.T("card.service", end), c.T("card.service.end", end)}
	}
	for _, f := range forms {
		if widget.Width(f) <= w {
			return f
		}
	}
	return ""
}

// next states in one line what happens next to a certificate, or what a person can do.
func next(c *app.Context, r *model.InstanceRow) (string, style.Tone) {
	switch {
	case r.Replaced && r.Operation == "":
		return "", style.Muted
	case r.AwaitsReview:
		return c.T("next.review", c.KeyOf(rules.Review)), style.Warn
	case r.AwaitsProof:
		return c.T("next.prove", c.KeyFor("details", "enter")), style.Warn
	case r.Operation != "":
		return c.T("next.doing", c.Text.Lookup("doing."+string(r.Operation), string(r.Operation))), style.Busy
	case r.FailingResources > 0 && r.State.Group() == model.GroupIssued:
		return c.T("next.failing", c.KeyFor("explain", "x")), style.Bad
	case !r.Due.IsZero() && r.DueHosted && r.Resources > 0 && r.Auto == 0 && !r.NoPrivateKey:
		return c.T("next.renews.auto", widget.Day(r.Due, c.Now, c.T("date.day")), c.KeyOf(rules.AutoDeploy)), style.Normal
	case !r.Due.IsZero() && r.DueHosted:
		return c.T("next.renews", widget.Day(r.Due, c.Now, c.T("date.day"))), style.Muted
	case !r.Due.IsZero():
		return c.T("next.reissues", widget.Day(r.Due, c.Now, c.T("date.day"))), style.Muted
	case r.State.Group() == model.GroupIssued && r.Has(model.Expired, c.Now):
		return c.T("next.expired", c.KeyOf(rules.Reorder)), style.Muted
	case slices.Contains(c.Table.Transition(rules.Apply).From, r.State):
		return c.T("next.apply", c.KeyOf(rules.Apply)), style.Normal
	case r.NoPrivateKey && slices.Contains(c.Table.Transition(rules.UploadKey).From, r.State) && !r.Has(model.Expired, c.Now):
		return c.T("next.key", c.KeyOf(rules.UploadKey)), style.Normal
	case r.State.Group() == model.GroupIssued && !r.NoPrivateKey && r.Resources == 0 && !r.Has(model.Expired, c.Now):
		return c.T("next.deploy", c.KeyOf(rules.Deploy)), style.Normal
	case r.Has(model.Expiring, c.Now) && slices.Contains(c.Table.Transition(rules.Renew).From, r.State):
		return c.T("next.renew", c.KeyOf(rules.Renew)), style.Warn
	case r.Has(model.Expiring, c.Now) && slices.Contains(c.Table.Transition(rules.Host).From, r.State): // an upload (I6)
		return c.T("next.host", c.KeyOf(rules.Host)), style.Warn
	}
	return "", style.Muted
}

// timelineOf is the timeline of a row, which has only the current version.
func timelineOf(r *model.InstanceRow, now time.Time) chart.Timeline {
	l := chart.Timeline{From: r.NotBefore, To: r.NotAfter, Now: now}
	l.Versions = []chart.TimelineVersion{{From: r.NotBefore, Window: r.Window, To: r.NotAfter}}
	return l
}
