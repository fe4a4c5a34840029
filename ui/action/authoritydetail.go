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

// aboutRows is what is known of all orders under way and of the selected issuer, beside
// each other where there is room.
func (d *Authorities) aboutRows(in int) []widget.Row {
	one := d.selected()
	if one == nil {
		return nil
	}
	if in < authoritySplit || d.c.Plain {
		return slices.Concat(d.orderRows(in), d.factRows(one, in), d.limitRows(one, in), d.adviceRows(in))
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
		put(c.T("authorities.fact.failed"), style.Normal, c.RelativeTime(at))
	}
	if one.HasAccount {
		if one.Status.Account != "" {
			put(c.T("authorities.fact.account"), style.Normal, one.Status.Account)
		}
	}
	put(c.T("authorities.fact.can"), style.Normal, capabilitiesLine(c, one.Capabilities))
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
		put(c.T("authorities.fact.declared"), style.Muted, c.T("authorities.added", one.By, c.RelativeTime(one.Added)))
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
		rows = append(rows, widget.Row{{Text: s.Paint(style.Muted, c.T("authorities.limits.none"))}})
	}
	const count, refill = 20, 24
	for n := range st.Limits {
		l := &st.Limits[n]
		name := c.Text.Lookup("limit."+l.Name, l.Name)
		if l.Subject != "" {
			name += c.Separator() + text.Clean(l.Subject)
		}
		left := c.T("authorities.limit", strconv.Itoa(l.Left), strconv.Itoa(l.Of), widget.Validity(c.T, l.Per))
		more := d.more(l)
		switch {
		case c.Plain:
			rows = append(rows, widget.Row{{Text: name}, {Text: left}, {Text: more}})
		case w >= limitWide:
			bar := max(min(w-30-count-refill-3, 24), 6)
			label := max(w-bar-count-refill-3, 12)
			rows = append(rows, widget.Row{
				{Text: widget.Pad(widget.Cut(name, label), label) + " "}, {Text: limitBar(s, l, bar) + " "},
				{Text: widget.Pad(widget.Cut(left, count), count) + " "}, {Text: s.Paint(style.Muted, widget.Cut(more, refill))},
			})
		default:
			room := max(w-widget.Width(left)-1, 8)
			rows = append(rows, widget.Row{{Text: widget.Pad(widget.Cut(name, room), room) + " " + left}})
			bar := max(w-widget.Width(more)-1, 6)
			rows = append(rows, widget.Row{{Text: limitBar(s, l, bar) + " "}, {Text: s.Paint(style.Muted, more)}})
		}
	}
	return append(rows, nil)
}

// more says when there is one more of a limit; "" if none is used.
func (d *Authorities) more(l *ports.RateLimit) string {
	if l.Refills.IsZero() {
		return ""
	}
	return d.c.T("authorities.refill", d.clock(l.Refills))
}

// orderRows are the orders under way at all issuers, those of the selected one first.
func (d *Authorities) orderRows(w int) []widget.Row {
	c, s := d.c, d.c.Styles
	var rows []widget.Row
	add := func(n int) {
		for _, o := range d.all[n].Status.Orders {
			what := ""
			if len(o.Names) > 0 {
				what = text.Clean(o.Names[0])
			}
			if more := len(o.Names) - 1; more > 0 {
				what += " " + c.T("and.more", more)
			}
			at, since := text.Clean(d.all[n].Name), widget.Ago(c.T, o.Since, c.Now)
			step := c.Mark("◔") + c.Text.Text(o.Step)
			if c.Plain {
				rows = append(rows, widget.Row{{Text: what}, {Text: at}, {Text: step}, {Text: since}})
				continue
			}
			room := max(w-widget.Width(since)-1, 8)
			name := min(max(room*2/5, 12), 40)
			who := min(16, max(room-name-14, 0))
			line := widget.Pad(widget.Cut(what, name-1), name) + s.Paint(style.Muted, widget.Pad(widget.Cut(at, max(who-1, 0)), who))
			line += s.Paint(style.Busy, widget.Cut(step, max(room-name-who, 1)))
			rows = append(rows, widget.Row{{Text: widget.Pad(line, w-widget.Width(since))}, {Text: s.Paint(style.Muted, since)}})
		}
	}
	add(d.cursor)
	for n := range d.all {
		if n != d.cursor {
			add(n)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return append(append([]widget.Row{d.headRow(c.T("authorities.orders", len(rows)))}, rows...), nil)
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

// capabilitiesLine says what an issuer can do: levels, types of domains, addresses, how
// long its certificates are valid, and at which grades, by which the price is found.
func capabilitiesLine(c *app.Context, k rules.Capabilities) string {
	if len(k.Levels) == 0 {
		return "–"
	}
	names := func(kind string, all []string) string {
		said := make([]string, len(all))
		for n, v := range all {
			said[n] = c.Text.Lookup(kind+"."+v, v)
		}
		return strings.Join(said, c.T("list.join"))
	}
	parts := []string{names("level", rules.Strings(k.Levels)), names("type", rules.Strings(k.Types))}
	if k.IPNames {
		parts = append(parts, c.T("can.ip"))
	}
	if k.MaxValidity > 0 {
		parts = append(parts, c.T("can.validity", widget.Validity(c.T, k.MaxValidity)))
	}
	if slices.Equal(k.Grades, []model.Grade{model.Free}) {
		parts = append(parts, c.T("can.free"))
	} else {
		parts = append(parts, c.T("can.grades", names("grade", rules.Strings(k.Grades))))
	}
	return strings.Join(parts, c.Separator())
}
