package deployments

import (
	"strconv"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/names"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/list"
	"certquay/ui/style"
	"certquay/ui/widget"
)

type row = lifecycle.ResourceView

// columns show what each endpoint really presents (spec D4).
func columns(c *app.Context, all bool) []list.Column[row] {
	place := list.Column[row]{
		ID:            "place",
		Title:         c.T("col.region"),
		Sort:          string(lifecycle.SortPlace),
		Min:           8,
		Max:           16,
		MinTableWidth: 90,
		Cell: func(r row, _ int) list.Cell {
			return list.Cell{Tone: style.Muted, Text: r.Region}
		},
	}
	addressFrom := 0
	if all { // the sub-tab does not name the product, and resources of one name differ by it
		addressFrom = 96
		place = list.Column[row]{
			ID:    "place",
			Title: c.T("col.place"),
			Sort:  string(lifecycle.SortPlace),
			Min:   12,
			Max:   20,
			Grow:  3,
			Cell: func(r row, _ int) list.Cell {
				return list.Cell{Tone: style.Muted, Text: r.Product + " " + r.Region}
			},
		}
	}
	return []list.Column[row]{
		{
			ID:    "resource",
			Title: c.T("col.resource"),
			Sort:  string(model.SortName),
			Min:   17,
			Max:   36,
			Grow:  2,
			Cell: func(r row, _ int) list.Cell {
				return list.Cell{Tone: style.Strong, Text: names.Readable(r.Name)}
			},
		},
		place,
		{
			ID:            "certificate",
			Title:         c.T("col.certificate"),
			Sort:          string(lifecycle.SortCertificate),
			Min:           16,
			Max:           28,
			MinTableWidth: 150,
			Cell: func(r row, _ int) list.Cell {
				return list.Cell{Tone: style.Normal, Text: dash(names.Readable(r.InstanceName))}
			},
		},
		{
			ID:            "should",
			Title:         c.T("col.should"),
			Sort:          string(lifecycle.SortExpected),
			Min:           9,
			Max:           9,
			MinTableWidth: 112,
			Cell: func(r row, _ int) list.Cell {
				return list.Cell{Tone: style.Muted, Text: unlessHealthy(&r, r.Expected)}
			},
		},
		{
			ID:            "configured",
			Title:         c.T("col.configured"),
			Min:           10,
			Max:           10,
			MinTableWidth: 112,
			Cell: func(r row, _ int) list.Cell {
				tone := style.Muted
				if r.Misconfigured() {
					tone = style.Warn
				}
				return list.Cell{Tone: tone, Text: unlessHealthy(&r, r.Configured)}
			},
		},
		{
			ID:            "deployed",
			Title:         c.T("col.deployed"),
			Sort:          string(lifecycle.SortDeployed),
			Min:           9,
			Max:           9,
			MinTableWidth: 150,
			Cell: func(r row, _ int) list.Cell {
				return list.Cell{Tone: style.Muted, Text: unlessHealthy(&r, r.Deployed)}
			},
		},
		{
			ID:    "presents",
			Title: c.T("col.presents"),
			Sort:  string(lifecycle.SortPresented),
			Min:   11,
			Max:   11,
			Cell: func(r row, _ int) list.Cell {
				switch {
				case r.Presented == "", r.Failure.Kind == model.JobVerify: // the last probe saw nothing
					return list.Dash
				case presentsExpired(c, &r):
					return list.Cell{Tone: style.Bad, Text: short(r.Presented) + " !"}
				case healthy(&r):
					return list.Cell{Tone: style.Good, Text: "✓"}
				case r.Presented == r.Expected:
					return list.Cell{Tone: style.Good, Text: short(r.Presented) + " ✓"}
				}
				return list.Cell{Tone: style.Warn, Text: short(r.Presented) + " ✗"}
			},
			ReadAloud: func(r row) string {
				switch {
				case r.Presented == "", r.Failure.Kind == model.JobVerify:
					return ""
				case presentsExpired(c, &r):
					return c.T("plain.useless", short(r.Presented))
				case r.Presented == r.Expected:
					return short(r.Presented) + c.T("comma") + c.T("plain.same")
				}
				return short(r.Presented) + c.T("comma") + c.T("plain.differs")
			},
		},
		{
			ID:    "expires",
			Title: c.T("col.expires"),
			Sort:  string(model.SortExpiry),
			Min:   9,
			Max:   9,
			Right: true,
			Cell: func(r row, _ int) list.Cell {
				if r.NotAfter.IsZero() {
					return list.Dash
				}
				tone := style.Normal
				if r.NotAfter.Before(c.Now) {
					tone = style.Bad
				}
				return list.Cell{Tone: tone, Text: widget.Days(c.T, r.NotAfter, c.Now)}
			},
			ReadAloud: func(r row) string { return relative(c, r.NotAfter) },
		},
		{ID: "state", Title: c.T("col.state"), Sort: string(model.SortState), Min: 11, Max: 18, Cell: func(r row, w int) list.Cell {
			st := style.StatusOfServer(string(r.State))
			word := c.Text.Lookup("label."+string(r.State), string(r.State))
			if more := word + " " + strconv.Itoa(r.Wave) + "/" + strconv.Itoa(r.Waves); r.Waves > 1 && widget.Width(more)+2 <= w {
				word = more
			}
			if r.State == model.ResourceWaiting && r.AwaitsWindow() {
				if more := word + " " + widget.Days(c.T, r.WindowAt, c.Now); widget.Width(more)+2 <= w {
					word = more
				}
			} else if !r.DriftSince.IsZero() {
				if more := word + " " + widget.Ago(c.T, r.DriftSince, c.Now); widget.Width(more)+2 <= w {
					word = more
				}
			}
			return list.Cell{Tone: st.Tone, Text: c.Mark(st.Glyph) + word}
		}},
		{
			ID:            "address",
			Title:         c.T("col.address"),
			Sort:          string(lifecycle.SortAddress),
			Min:           15,
			Max:           24,
			MinTableWidth: addressFrom,
			Cell: func(r row, _ int) list.Cell {
				if r.ReadBack && r.Presented != "" {
					return list.Cell{Tone: style.Muted, Text: c.T("resource.unseen")}
				}
				return list.Cell{Tone: style.Accent, Text: dash(r.Address)}
			},
		},
		{
			ID:            "auto",
			Title:         c.T("col.auto"),
			Sort:          string(model.SortAuto),
			Min:           4,
			Max:           14,
			Grow:          3,
			MinTableWidth: 104,
			Cell: func(r row, w int) list.Cell {
				switch {
				case !r.AutoDeploy:
					return list.Cell{Tone: style.Muted, Text: c.T("auto.off")}
				case r.Reserved && w >= widget.Width(c.T("auto.reserved")):
					return list.Cell{Tone: style.Good, Text: c.T("auto.reserved")}
				}
				return list.Cell{Tone: style.Good, Text: c.T("auto.on")}
			},
		},
		{
			ID:            "seen",
			Title:         c.T("col.seen"),
			Sort:          string(lifecycle.SortVerified),
			Min:           8,
			Max:           10,
			MinTableWidth: 160,
			Right:         true,
			Cell: func(r row, _ int) list.Cell {
				return list.Cell{Tone: style.Muted, Text: widget.Ago(c.T, r.VerifiedAt, c.Now)}
			},
		},
	}
}

// healthy reports whether what a resource should present, what is configured and what it
// presents are the same. Their fingerprints are not shown then.
func healthy(r *row) bool {
	return r.Presented != "" && r.Presented == r.Expected && r.Deployed == r.Expected && !r.Misconfigured() &&
		r.Failure.Kind != model.JobVerify
}

func unlessHealthy(r *row, fingerprint string) string {
	if healthy(r) {
		return ""
	}
	return short(fingerprint)
}

// presentsExpired reports that an endpoint presents what it should, which has expired.
func presentsExpired(c *app.Context, r *row) bool {
	return r.Presented != "" && r.Presented == r.Expected && !r.NotAfter.IsZero() && r.NotAfter.Before(c.Now)
}

// relative is the time to an expiry for a screen reader; "" without an expiry.
func relative(c *app.Context, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return c.RelativeTime(t)
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// short is the beginning and end of a fingerprint, for comparing by eye.
func short(fp string) string {
	if len(fp) < 8 {
		return dash(fp)
	}
	return fp[:4] + "…" + fp[len(fp)-4:]
}
