package action

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"certquay/lifecycle"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// aboutRows is what is known of all orders under way and of an issuer, beside
// each other where there is room.
func (d *Authorities) aboutRows(one *lifecycle.Authority, in int) []widget.Row {
	if one == nil {
		return nil
	}
	if in < authoritySplit || d.c.Plain {
		return slices.Concat(d.orderRows(in), d.limitRows(one, in), d.factRows(one, in), d.adviceRows(in))
	}
	half := (in - 4) / 2
	left := slices.Concat(d.factRows(one, half), d.adviceRows(half))
	right := append(d.limitRows(one, in-4-half), d.orderRows(in-4-half)...)
	rows := make([]widget.Row, max(len(left), len(right)))
	for n := range rows {
		l, r := "", ""
		if n < len(left) {
			l = left[n].String()
		}
		if n < len(right) {
			r = right[n].String()
		}
		rows[n] = widget.Row{{Text: widget.Pad(l, half+4) + r}}
	}
	return rows
}

// headRow is the heading of a part.
func (d *Authorities) headRow(head string) widget.Row {
	return widget.Row{{Text: d.c.Styles.Paint(style.Head, head)}}
}

// factRows are the facts of an issuer, one a line, continued where they are longer.
func (d *Authorities) factRows(one *lifecycle.Authority, w int) []widget.Row {
	c, s := d.c, d.c.Styles
	rows := []widget.Row{d.headRow(text.Clean(one.Name))}
	put := func(label string, tone style.Tone, value string) {
		lines := widget.Wrap(text.Clean(value), max(w-factLabel, 8))
		if c.Plain {
			rows = append(rows, widget.Row{{Text: c.Fact(label, strings.Join(lines, " "))}})
			return
		}
		for n, l := range lines {
			if n > 0 {
				label = ""
			}
			rows = append(
				rows,
				widget.Row{{Text: s.Paint(style.Muted, widget.Pad(widget.Cut(label, factLabel-1), factLabel))}, {Text: s.Paint(tone, l)}},
			)
		}
	}
	_, words, tone := d.stateOf(one)
	if st := &one.Status; one.HasAccount && st.LastError == "" && st.Account == "" && one.Problem == "" {
		words = c.T("issuer.no-account-yet")
	}
	put(c.T("authorities.fact.state"), tone, words)
	if at := one.Status.FailedAt; one.Status.LastError != "" && !at.IsZero() {
		put(c.T("authorities.fact.failed"), style.Normal, c.T("authorities.ago", widget.Ago(c.T, at, c.Now)))
	}
	if one.HasAccount {
		if one.Status.Account != "" {
			put(c.T("authorities.fact.account"), style.Normal, one.Status.Account)
		}
	}
	if what, terms := capabilitiesOf(c, one.Capabilities); what != "" {
		put(c.T("authorities.fact.can"), style.Normal, what)
		put(c.T("authorities.fact.offers"), style.Normal, terms)
	}
	if dir := directoryOf(c, one); dir != "" {
		put(c.T("authorities.fact.directory"), style.Normal, dir)
	}
	put(c.T("authorities.fact.proof"), style.Normal, proofOf(c, one))
	for _, set := range settingsOf(c, one) {
		v, given := one.Settings[set.Name]
		if !given || slices.Contains([]string{"directory", "challenges"}, set.Name) {
			continue
		}
		put(settingLabel(c, set.Name), style.Normal, shortSetting(c, v))
	}
	for _, name := range one.SecretNames {
		put(settingLabel(c, name), style.Normal, c.T("authorities.secret"))
	}
	switch {
	case one.Kind == one.Name && one.Configured:
		put(c.T("authorities.fact.declared"), style.Muted, c.T("authorities.built-in"))
	case one.Configured:
		put(c.T("authorities.fact.declared"), style.Muted, c.T("authorities.configured"))
	default:
		when := c.T("authorities.ago", widget.Ago(c.T, one.Added, c.Now))
		put(c.T("authorities.fact.declared"), style.Muted, c.T("authorities.added", one.By, when))
	}
	return append(rows, nil)
}

// factLabel is the width of the labels of facts, in cells.
const factLabel = 15

// limitRows are the rate limits of an issuer with what is left of each.
func (d *Authorities) limitRows(one *lifecycle.Authority, w int) []widget.Row {
	c, s, st := d.c, d.c.Styles, &one.Status
	if !one.HasAccount {
		return nil
	}
	rows := []widget.Row{d.headRow(c.T("authorities.limits"))}
	if len(st.Limits) == 0 {
		for _, l := range widget.Wrap(c.T("authorities.limits.none"), w) {
			rows = append(rows, widget.Row{{Text: s.Paint(style.Muted, l)}})
		}
	}
	label, count, refill := 0, 0, 0
	for n := range st.Limits {
		name, left, more := d.limitWords(&st.Limits[n])
		label, count, refill = max(label, widget.Width(name)), max(count, widget.Width(left)), max(refill, widget.Width(more))
	}
	const least = 24 // cells for a name that is cut
	bar := max(min(w-label-count-refill-3, 24), 6)
	label = min(label, w-bar-count-refill-3)
	for n := range st.Limits {
		l := &st.Limits[n]
		name, left, more := d.limitWords(l)
		switch {
		case c.Plain:
			rows = append(rows, widget.Row{{Text: name}, {Text: left}, {Text: more}})
		case label >= least:
			rows = append(rows, widget.Row{
				{Text: widget.Pad(widget.Cut(name, label), label) + " "}, {Text: limitBar(s.Paint, l, bar) + " "},
				{Text: widget.Pad(left, count) + " "}, {Text: s.Paint(style.Muted, more)},
			})
		default:
			room := max(w-widget.Width(left)-1, 8)
			rows = append(rows, widget.Row{{Text: widget.Pad(widget.Cut(name, room), room) + " " + left}},
				widget.Row{{Text: limitBar(s.Paint, l, max(w-refill-1, 6)) + " "}, {Text: s.Paint(style.Muted, more)}})
		}
	}
	for _, l := range d.sharedLimits(one, w) {
		rows = append(rows, widget.Row{{Text: s.Paint(style.Muted, l)}})
	}
	return append(rows, nil)
}

// sharedLimits says which other issuers use up the same limits, in lines of a width.
func (d *Authorities) sharedLimits(one *lifecycle.Authority, w int) []string {
	if !slices.ContainsFunc(one.Status.Limits, func(l ports.RateLimit) bool { return l.Shared }) {
		return nil
	}
	var others []string
	for n := range d.all {
		if o := &d.all[n]; o.Name != one.Name && o.Status.CA != "" && o.Status.CA == one.Status.CA {
			others = append(others, text.Clean(o.Name))
		}
	}
	if len(others) == 0 {
		return nil
	}
	return widget.Wrap(d.c.T("authorities.limits.shared", strings.Join(others, ", ")), w)
}

// limitWords says what a limit counts, what is left of it, and when there is one more; ""
// if none is used.
func (d *Authorities) limitWords(l *ports.RateLimit) (name, left, more string) {
	c := d.c
	name = c.Text.Lookup("limit."+l.Name, l.Name)
	if l.Subject != "" {
		name += c.Separator() + text.Clean(l.Subject)
	}
	if !l.Refills.IsZero() {
		more = c.T("authorities.refill", d.clock(l.Refills))
	}
	return name, c.T("authorities.limit", strconv.Itoa(l.Left), strconv.Itoa(l.Of), widget.Validity(c.T, l.Per)), more
}

// orderLine is an order under way, in words.
type orderLine struct{ what, at, step, since string }

// orders are the orders under way at all issuers, those of the selected one first.
func (d *Authorities) orders() (lines []orderLine, elsewhere bool) {
	c := d.c
	add := func(n int) {
		for _, o := range d.all[n].Status.Orders {
			l := orderLine{at: text.Clean(d.all[n].Name), step: c.Mark("◔") + c.Text.Text(o.Step), since: widget.Ago(c.T, o.Since, c.Now)}
			if len(o.Names) > 0 {
				l.what = text.Clean(o.Names[0])
			}
			if more := len(o.Names) - 1; more > 0 {
				l.what += " " + c.T("and.more", more)
			}
			lines, elsewhere = append(lines, l), elsewhere || n != d.cursor
		}
	}
	add(d.cursor)
	for n := range d.all {
		if n != d.cursor {
			add(n)
		}
	}
	return lines, elsewhere
}

// orderRows draws the orders under way. Where there is little room, the issuer is left out
// if it is the selected one.
func (d *Authorities) orderRows(w int) []widget.Row {
	c, s := d.c, d.c.Styles
	lines, elsewhere := d.orders()
	if len(lines) == 0 {
		return nil
	}
	what, at, step, since := 0, 0, 0, 0
	for _, l := range lines {
		what, at = max(what, widget.Width(l.what)), max(at, widget.Width(l.at))
		step, since = max(step, widget.Width(l.step)), max(since, widget.Width(l.since))
	}
	if !elsewhere && w-at-step-since-6 < 24 {
		at = 0
	}
	what = max(min(what, w-at-step-since-6), 8)
	rows := []widget.Row{d.headRow(c.T("authorities.orders", len(lines)))}
	for _, l := range lines {
		if c.Plain {
			rows = append(rows, widget.Row{{Text: l.what}, {Text: l.at}, {Text: l.step}, {Text: l.since}})
			continue
		}
		row := widget.Row{{Text: widget.Pad(widget.Cut(l.what, what), what) + "  "}}
		if at > 0 {
			row = append(row, widget.Part{Text: s.Paint(style.Muted, widget.Pad(l.at, at)) + "  "})
		}
		rows = append(rows, append(row, widget.Part{Text: s.Paint(style.Busy, widget.Pad(l.step, step)) + "  "},
			widget.Part{Text: s.Paint(style.Muted, widget.PadLeft(l.since, since))}))
	}
	return append(rows, nil)
}

// adviceRows tell a newcomer what to add, while no public CA is known.
func (d *Authorities) adviceRows(w int) (rows []widget.Row) {
	c := d.c
	if slices.ContainsFunc(d.all, func(a lifecycle.Authority) bool { return a.HasAccount || a.Capabilities.Public }) {
		return nil
	}
	for _, l := range widget.Wrap(c.T("authorities.none", addKey), w) {
		rows = append(rows, widget.Row{{Text: c.Styles.Paint(style.Accent, l)}})
	}
	return rows
}

// shortSetting is a value of a setting on a short line.
func shortSetting(c interface{ T(string, ...any) string }, v any) string {
	switch v := v.(type) {
	case string:
		if n := strings.Count(v, "-----BEGIN CERTIFICATE-----"); n > 0 {
			return c.T("authorities.certificates", n)
		}
		return v
	case bool:
		if v {
			return c.T("authorities.yes")
		}
		return c.T("authorities.no")
	case []any:
		all := make([]string, len(v))
		for n := range v {
			all[n] = fmt.Sprint(v[n])
		}
		return strings.Join(all, c.T("comma"))
	case []string:
		return strings.Join(v, c.T("comma"))
	}
	return fmt.Sprint(v)
}

// capabilitiesOf says what an issuer can do: for which levels, types of domains and
// addresses it issues, and for how long and at which grades, by which the price is found.
// Both are "" if nothing is known.
func capabilitiesOf(c *app.Context, k rules.Capabilities) (what, terms string) {
	names := func(kind string, all []string) string {
		said := make([]string, len(all))
		for n, v := range all {
			said[n] = c.Text.Lookup(kind+"."+v, v)
		}
		return strings.Join(said, c.T("list.join"))
	}
	if len(k.Levels) == 0 {
		return "", ""
	}
	what = names("level", rules.Strings(k.Levels)) + c.Separator() + names("type", rules.Strings(k.Types))
	if k.IPNames {
		what += c.Separator() + c.T("can.ip")
	}
	terms = c.T("can.grades", names("grade", rules.Strings(k.Grades)))
	if slices.Equal(k.Grades, []model.Grade{model.Free}) {
		terms = c.T("can.free")
	}
	if k.MaxValidity > 0 {
		terms = c.T("can.validity", widget.Validity(c.T, k.MaxValidity)) + c.Separator() + terms
	}
	return what, terms
}
