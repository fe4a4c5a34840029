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

// scale is what a list of rows needs to be drawn: the highest sum of a bar, and which
// figures are above zero anywhere, over both policies.
type scale struct {
	stacked int
	any     forecast.Tally
}

// stacked are the parts of a row's bar.
func stacked(t *forecast.Tally) []int { return []int{versions(t), t.Deployments, t.People} }

func scaleOf(rows []row) scale {
	var s scale
	take := func(r *row, t *forecast.Tally) {
		s.any.Add(t)
		if sum := versions(t) + t.Deployments + t.People; !r.whole {
			s.stacked = max(s.stacked, sum)
		}
	}
	for n := range rows {
		take(&rows[n], &rows[n].base)
		if rows[n].other != nil {
			take(&rows[n], rows[n].other)
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
	rows  []row
}

// stackTones are the tones of the parts of a bar, in the order of [stacked].
var stackTones = []style.Tone{style.Good, style.Busy, style.Warn}

// stackCell is the bar of a row: new versions, deployments and what needs a person. All
// months together have none: it would be longer than any other.
func stackCell(t *forecast.Tally, top, w int, whole bool) (cell list.Cell) {
	switch {
	case t == nil: // not computed yet
		return list.Cell{Tone: style.Faint, Text: "…"}
	case whole:
		return cell
	}
	for n, part := range chart.StackedBar(stacked(t), top, w) {
		cell.Then = append(cell.Then, list.Cell{Tone: stackTones[n], Text: part})
	}
	return cell
}

// figure is a column of numbers. A column whose numbers are all zero is left out, but
// for the new versions.
type figure struct {
	head string // a catalogue key
	sort model.Sort
	word string // the status that the number stands for; "" for none
	of   func(*forecast.Tally) int
	from int // the least width of the table
}

// figureColumns are in the order in which they are drawn. From which width they are is
// chosen so that the bars keep a quarter of it.
var figureColumns = []figure{
	{"col.versions", byVersions, "", versions, 0},
	{"col.deployments", byDeployments, "", func(t *forecast.Tally) int { return t.Deployments }, 0},
	{"col.credits", "", "", func(t *forecast.Tally) int { return t.CreditsUsed }, 88},
	{"col.people", byPeople, "", func(t *forecast.Tally) int { return t.People }, 0},
	{"col.expire", "", "expired", func(t *forecast.Tally) int { return t.Expiries }, 0},
	{"col.wait", "", "waiting", func(t *forecast.Tally) int { return t.Waiting }, 76},
	{"col.ends", "", "service-ended", func(t *forecast.Tally) int { return t.HostingEnds }, 76},
	{"col.units", "", "", func(t *forecast.Tally) int { return t.PackUnits }, 96},
	{"col.fail", "", "failed", func(t *forecast.Tally) int { return t.Failures }, 76},
}

func columns(c *app.Context, sh shape) []list.Column[row] {
	first := list.Column[row]{
		Title: c.T("col.month"),
		Sort:  string(byTime),
		Min:   9,
		Max:   9,
		Cell:  func(r row, _ int) list.Cell { return list.Cell{Tone: style.Strong, Text: title(c, r)} },
	}
	if sh.days {
		wide := widget.Width(date(c, c.Now))
		first.Title, first.Min, first.Max = c.T("col.day"), wide, wide
	}
	cols := []list.Column[row]{first}
	for _, f := range figureColumns {
		if f.of(&sh.scale.any) > 0 || f.sort == byVersions {
			cols = append(cols, f.column(c, sh))
		}
	}
	if c.Plain { // the numbers say the same
		return cols
	}
	bar := func(title string, of func(r *row) *forecast.Tally, shared bool) {
		cols = append(cols, list.Column[row]{
			Title: title, Min: max(6, widget.Width(title)), Max: 400, Grow: 20, SharedScale: shared,
			Cell: func(r row, w int) list.Cell { return stackCell(of(&r), sh.scale.stacked, w, r.whole) },
		})
	}
	own := ""
	if sh.other != "" {
		own = c.T("forecast.own")
	}
	bar(own, func(r *row) *forecast.Tally { return &r.base }, false)
	if sh.other != "" {
		bar(sh.other, func(r *row) *forecast.Tally { return r.other }, true)
	}
	return cols
}

// legend says what the glyphs of the parts of the bars stand for.
func legend(c *app.Context) string {
	var parts []string
	for n, key := range []string{"forecast.part.versions", "forecast.part.deployments", "forecast.part.people"} {
		parts = append(parts, c.Styles.Paint(stackTones[n], chart.StackGlyph(n))+" "+c.Styles.Paint(style.Muted, c.T(key)))
	}
	return strings.Join(parts, "  ")
}

func (f figure) column(c *app.Context, sh shape) list.Column[row] {
	width := widget.Width(c.T(f.head))
	if f.sort != "" && f.sort == sh.order { // room for its arrow
		width += 2
	}
	for _, r := range sh.rows {
		width = max(width, widget.Width(f.cell(c, r).Text))
	}
	from := f.from
	if sh.other != "" { // two numbers and two bars
		from *= 2
	}
	return list.Column[row]{
		Title: c.T(f.head), Sort: string(f.sort), Min: width, Max: width, MinTableWidth: from, Right: true,
		Cell: func(r row, _ int) list.Cell { return f.cell(c, r) },
	}
}

// cell is the number of a row: under two policies if one is compared with, and with a
// glyph if it stands for a status, so that colour alone does not tell its meaning. Zero is
// blank, but for a screen reader.
func (f figure) cell(c *app.Context, r row) list.Cell {
	n, tone := f.of(&r.base), style.Normal
	switch {
	case n == 0 && (r.other == nil || f.of(r.other) == 0):
		if c.Plain {
			return list.Dash
		}
		return list.Cell{}
	case r.other != nil && f.of(r.other) != n:
		return list.Cell{Text: widget.Count(n) + c.Arrow() + widget.Count(f.of(r.other))}
	case f.word != "":
		st := style.StatusOf(f.word)
		return list.Cell{Tone: st.Tone, Text: c.Mark(st.Glyph) + widget.Count(n)}
	case r.whole:
		tone = style.Strong
	}
	return list.Cell{Tone: tone, Text: widget.Count(n)}
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
