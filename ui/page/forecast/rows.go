package forecast

import (
	"strings"
	"time"

	"certquay/lifecycle/forecast"
	"certquay/lifecycle/ledger"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/chart"
	"certquay/ui/list"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// row is a month, a day, or all months together: base as configured, other under the
// policy compared with.
type row struct {
	start time.Time
	whole bool
	days  bool // it is a day
	base  forecast.Tally
	other *forecast.Tally // nil when nothing is compared
}

func (r row) id() string {
	if r.whole {
		return "all"
	}
	return r.start.Format(time.DateOnly)
}

// end is the end of the row's time; zero for all months.
func (r row) end() time.Time {
	switch {
	case r.whole:
		return time.Time{}
	case r.days:
		return r.start.AddDate(0, 0, 1)
	}
	return r.start.AddDate(0, 1, 0)
}

// holds reports whether a time is in the row.
func (r row) holds(t time.Time) bool {
	return r.whole || !t.Before(r.start) && t.Before(r.end())
}

// versions counts new versions, by renewal or reissue.
func versions(t *forecast.Tally) int { return t.Renewals + t.Reissues }

// monthRows are all months of a report together, then each.
func monthRows(a, b *forecast.Report) []row {
	rows := []row{{start: a.From, whole: true, base: a.Total}}
	if b != nil {
		rows[0].other = &b.Total
	}
	return append(rows, joinRows(a.ByMonth, months(b), false)...)
}

// dayRows are the days of a month; of all months, the days on which something happens.
func dayRows(a, b *forecast.Report, of row) []row {
	var rows []row
	for _, r := range joinRows(a.ByDay, days(b), true) {
		if of.holds(r.start) && (!of.whole || !isQuiet(&r.base) || r.other != nil && !isQuiet(r.other)) {
			rows = append(rows, r)
		}
	}
	return rows
}

func months(r *forecast.Report) []forecast.Tally {
	if r == nil {
		return nil
	}
	return r.ByMonth
}

func days(r *forecast.Report) []forecast.Tally {
	if r == nil {
		return nil
	}
	return r.ByDay
}

// joinRows pairs the tallies of the same time. The two reports may begin on different
// days, if midnight was between them.
func joinRows(as, bs []forecast.Tally, days bool) []row {
	at := make(map[time.Time]*forecast.Tally, len(bs))
	for n := range bs {
		at[bs[n].Start] = &bs[n]
	}
	rows := make([]row, len(as))
	for n := range as {
		rows[n] = row{start: as[n].Start, days: days, base: as[n]}
		if bs != nil {
			if rows[n].other = at[as[n].Start]; rows[n].other == nil {
				rows[n].other = &forecast.Tally{Start: as[n].Start}
			}
		}
	}
	return rows
}

// isQuiet reports whether nothing happens.
func isQuiet(t *forecast.Tally) bool {
	q := *t
	q.Start = time.Time{}
	return q == forecast.Tally{}
}

// busiestDay is the day of a row with the most new versions and deployments; nil when
// there are none.
func busiestDay(r *forecast.Report, of row) *forecast.Tally {
	var most *forecast.Tally
	load := func(t *forecast.Tally) int { return versions(t) + t.Deployments }
	for n := range r.ByDay {
		d := &r.ByDay[n]
		if of.holds(d.Start) && load(d) > 0 && (most == nil || load(d) > load(most)) {
			most = d
		}
	}
	return most
}

// packsOut counts the kinds of packs that run out. Credits are shown by the day they
// run out instead.
func packsOut(r *forecast.Report) int {
	free := func(bs []ledger.Balance) map[string]int {
		m := map[string]int{}
		for _, b := range bs {
			key := b.Kind
			if b.Specification != nil {
				key += "/" + b.Specification.String()
			}
			m[key] += b.Available
		}
		return m
	}
	n, after := 0, free(r.After)
	for key, before := range free(r.Before) {
		if key != string(ledger.PackCredit) && before > 0 && after[key] <= 0 {
			n++
		}
	}
	return n
}

// scale is the highest value of each column of bars, over both policies.
type scale struct{ versions, deployments, credits, people int }

func scaleOf(rows []row) scale {
	var s scale
	take := func(t *forecast.Tally) {
		s.versions = max(s.versions, versions(t))
		s.deployments = max(s.deployments, t.Deployments)
		s.credits = max(s.credits, t.CreditsUsed)
		s.people = max(s.people, t.People)
	}
	for n := range rows {
		if rows[n].whole {
			continue
		}
		take(&rows[n].base)
		if rows[n].other != nil {
			take(rows[n].other)
		}
	}
	return s
}

// shape is what the columns of a list of rows depend on.
type shape struct {
	days  bool
	other string // the name of the policy beside; "" when nothing is compared
	scale scale
	order model.Sort // the order in force
}

// barCell is a bar followed by its number; a total is a number only.
func barCell(c *app.Context, n, top, w int, whole bool, tone style.Tone) list.Cell {
	switch {
	case n == 0:
		return list.Cell{Tone: style.Faint, Text: "–"}
	case whole || c.Plain:
		return list.Cell{Tone: style.Strong, Text: widget.Count(n)}
	}
	return list.Cell{Tone: tone, Text: chart.HorizontalBar(n, top, w-1-len(widget.Count(top))) + " " + widget.Count(n)}
}

// changeCell is a number under two policies.
func changeCell(c *app.Context, a, b int) list.Cell {
	switch {
	case a == 0 && b == 0:
		return list.Cell{Tone: style.Faint, Text: "–"}
	case a == b:
		return list.Cell{Text: widget.Count(a)}
	}
	return list.Cell{Text: widget.Count(a) + c.Arrow() + widget.Count(b)}
}

// statusCell is a number with a glyph, so that colour alone does not tell its meaning.
func statusCell(c *app.Context, word string, n int) list.Cell {
	if n == 0 {
		return list.Cell{Tone: style.Faint, Text: "–"}
	}
	s := style.StatusOf(word)
	return list.Cell{Tone: s.Tone, Text: c.Mark(s.Glyph) + widget.Count(n)}
}

func columns(c *app.Context, sh shape) []list.Column[row] {
	first := list.Column[row]{
		Title: c.T("col.month"),
		Sort:  string(byTime),
		Min:   9,
		Max:   11,
		Cell:  func(r row, _ int) list.Cell { return list.Cell{Tone: style.Strong, Text: title(c, r)} },
	}
	if sh.days {
		wide := widget.Width(date(c, c.Now))
		first.Title, first.Min, first.Max = c.T("col.day"), wide, wide
	}
	cols := []list.Column[row]{first}
	drawn := func(head string, sort model.Sort, width, grow, top int, tone style.Tone, of func(*forecast.Tally) int) {
		if sort != "" && sort == sh.order {
			width = max(width, widget.Width(c.T(head))+2)
		}
		cols = append(
			cols,
			list.Column[row]{
				Title: c.T(head),
				Sort:  string(sort),
				Min:   width,
				Max:   16 * grow,
				Grow:  grow,
				Cell: func(r row, w int) list.Cell {
					return barCell(c, of(&r.base), top, w, r.whole, tone)
				},
			},
		)
		if sh.other != "" {
			cols = append(
				cols,
				list.Column[row]{
					Title:       sh.other,
					SpokenName:  c.T("plain.under", strings.ToLower(c.T(head)), sh.other),
					Min:         max(9, widget.Width(sh.other)),
					Max:         16 * grow,
					Grow:        grow,
					SharedScale: true,
					Cell: func(r row, w int) list.Cell {
						if r.other == nil {
							return list.Cell{Tone: style.Faint, Text: "…"}
						}
						return barCell(c, of(r.other), top, w, r.whole, style.Accent)
					},
				},
			)
		}
	}
	number := func(n int) list.Cell { return changeCell(c, n, n) }
	plain := func(head string, width, from int, one func(n int) list.Cell, of func(*forecast.Tally) int) {
		cols = append(
			cols,
			list.Column[row]{Title: c.T(head), Min: width, Max: width + 3, MinTableWidth: from, Cell: func(r row, _ int) list.Cell {
				if r.other != nil {
					return changeCell(c, of(&r.base), of(r.other))
				}
				return one(of(&r.base))
			}},
		)
	}
	signed := func(word string) func(int) list.Cell { return func(n int) list.Cell { return statusCell(c, word, n) } }
	drawn("col.versions", byVersions, 9, 3, sh.scale.versions, style.Good, versions)
	drawn("col.deployments", byDeployments, 11, 3, sh.scale.deployments, style.Busy, func(t *forecast.Tally) int { return t.Deployments })
	credits, people := func(t *forecast.Tally) int { return t.CreditsUsed }, func(t *forecast.Tally) int { return t.People }
	if sh.other == "" {
		drawn("col.credits", "", 8, 2, sh.scale.credits, style.Normal, credits)
		drawn("col.people", byPeople, 8, 2, sh.scale.people, style.Warn, people)
	} else {
		plain("col.credits", 8, 0, number, credits)
		plain("col.people", 8, 76, number, people)
	}
	plain("col.expire", 7, 0, signed("expired"), func(t *forecast.Tally) int { return t.Expiries })
	plain("col.wait", 7, 76, signed("waiting"), func(t *forecast.Tally) int { return t.Waiting })
	plain("col.ends", 7, 84, signed("service-ended"), func(t *forecast.Tally) int { return t.HostingEnds })
	plain("col.units", 7, 96, number, func(t *forecast.Tally) int { return t.PackUnits })
	plain("col.fail", 7, 106, signed("failed"), func(t *forecast.Tally) int { return t.Failures })
	return cols
}

// date is a day with its weekday.
func date(c *app.Context, t time.Time) string { return t.Format("2006-01-02 ") + weekday(c, t) }

func weekday(c *app.Context, t time.Time) string { return c.T("weekday." + t.Format("Mon")) }

// title is the name of a row.
func title(c *app.Context, r row) string {
	switch {
	case r.whole:
		return c.T("forecast.all")
	case r.days:
		return date(c, r.start)
	}
	return r.start.Format("2006-01")
}
