package overview

import (
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/names"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/action"
	"certquay/ui/app"
	"certquay/ui/chart"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// build makes the lines of every pane and lays them out, after the details were loaded
// and when the room for them has changed.
func (d *details) build() {
	d.lines[paneFacts] = d.facts()
	d.lines[paneVersions] = d.versions()
	d.lines[paneResources] = d.resourceLines()
	d.lines[paneHistory] = d.history()
	d.lines[paneChain] = make([]line, max(len(d.chain), 1)) // drawn at the width of their pane
	d.arrange()
	d.lines[paneChain] = d.chainLines()
	d.fillRows(paneChain)
	d.settle()
}

// facts are names, key and what the certificate was bought as.
func (d *details) facts() []line {
	c, i := d.c, &d.instance
	var ls []line
	for _, t := range d.tasks {
		ls = append(
			ls,
			line{lead: mark(c, style.Warn, "▲"), spans: []widget.Span{{Tone: style.Warn, Text: c.Text.Text(t.Text)}}, urgent: true},
		)
		for _, l := range c.Text.Lines(t.Detail) {
			ls = append(ls, line{lead: indent, spans: []widget.Span{{Tone: style.Normal, Text: l}}, copy: l})
		}
	}
	list := i.Domains()
	for n, name := range list {
		label := ""
		if n == 0 {
			label = c.T("fact.names")
		}
		if n == 12 && len(list) > 14 {
			more := fact("", c.T("and.more", len(list)-12))
			more.copy, more.open = strings.Join(list, " "), d.showNames
			ls = append(ls, more)
			break
		}
		l := fact(label, names.ReadableBoth(name))
		l.copy = name
		ls = append(ls, l)
	}
	if v := d.shownVersion(); v != nil {
		key := v.KeyType
		if v.KeyID == "" {
			key = widget.JoinCJK(key, c.T("fact.nokey"))
		}
		ls = append(ls, fact(c.T("fact.key"), key))
		if n := len(d.shared); n > 0 {
			also := fact("", c.T("fact.shared", strings.Join(d.shared, c.T("list.join"))))
			also.lead, also.open = append(slices.Clone(also.lead), mark(c, style.Warn, "▲")...), d.showKeys
			ls = append(ls, also)
		}
		if len(d.chain) > 0 {
			k := &d.chain[0]
			ls = append(ls, fact(c.T("fact.subject"), k.subject), fact(c.T("fact.issuer"), k.issuer))
		}
		ls = append(ls, fact(c.T("fact.from"), widget.Stamp(v.NotBefore)), fact(c.T("fact.to"), widget.Stamp(v.NotAfter)),
			fact(c.T("fact.serial"), v.Serial), fact("SHA-256", v.Fingerprint))
		if len(d.chain) > 0 {
			k := &d.chain[0]
			ls = append(
				ls,
				fact("SHA-1", k.sha1),
				fact("SPKI", k.spki),
				fact(c.T("fact.usage"), orDash(k.usage)),
				fact(c.T("fact.signed"), k.signed),
			)
		}
	} else if i.Application.KeyType != "" {
		ls = append(ls, fact(c.T("fact.key"), string(i.Application.KeyType)))
	}
	ls = append(ls, d.applied()...)
	if i.Spec.Brand != "" {
		ls = append(ls, fact(c.T("fact.spec"), c.Text.Term("spec", i.Spec.String())))
	}
	origin := c.Text.Lookup("origin."+string(i.Origin), string(i.Origin))
	if !i.Created.IsZero() {
		origin += c.T("comma") + widget.Stamp(i.Created)
	}
	ls = append(ls, fact(c.T("fact.origin"), origin))
	if how := c.Table.RefundedBy(i); how != "" {
		ls = append(ls, fact(c.T("fact.ended"), c.T("fact.ended."+string(how))))
	}
	ls = append(ls, d.bought()...)
	switch {
	case i.Hosting.On:
		ls = append(ls, fact(c.T("fact.hosting"), c.T("fact.renewals", i.Hosting.RenewalsLeft)))
	case i.Hosting.PrepaidRenewals > 0 && i.State.Group() == model.GroupUnissued:
		ls = append(ls, fact(c.T("fact.hosting"), c.T("fact.entitled", i.Hosting.PrepaidRenewals)))
	}
	if d.contact != "" {
		ls = append(ls, fact(c.T("fact.contact"), d.contact))
	}
	for _, noted := range []struct{ label, value string }{
		{"annotate.owner", d.owner}, {"annotate.tags", strings.Join(i.Tags, " ")}, {"annotate.note", i.Note},
	} {
		if noted.value != "" {
			ls = append(ls, fact(c.T(noted.label), noted.value))
		}
	}
	if i.Order != "" {
		ls = append(ls, fact(c.T("fact.order"), string(i.Order)))
	}
	for _, r := range d.related {
		l := fact(c.T(r.label), r.name+" "+r.id.Short())
		l.copy, l.open = string(r.id), func() tea.Cmd { return app.Send(app.ShowInstanceMsg{ID: r.id}) }
		ls = append(ls, l)
	}
	return append(ls, fact("ID", string(i.ID)))
}

// shownVersion is the current version, or the newest one when all have ended; nil before
// the first.
func (d *details) shownVersion() *model.Version {
	if v := d.instance.Current(); v != nil {
		return v
	}
	return d.instance.Newest()
}

func (d *details) versions() []line {
	c, i := d.c, &d.instance
	if len(i.Versions) == 0 {
		if d.verifying() {
			return d.pending()
		}
		return []line{plain(c.T("versions.none"))}
	}
	ls := d.pending()
	current := d.shownVersion()
	for n := len(i.Versions) - 1; n >= 0; n-- {
		v := &i.Versions[n]
		glyph, tone, word := "●", style.Muted, c.T("version.former")
		switch {
		case !v.RevokedAt.IsZero():
			glyph, tone, word = "⊗", style.Inactive, c.T("version.revoked", v.RevokedReason)
		case c.Now.After(v.NotAfter) && current != nil && v.Number < current.Number: // replaced, so its expiry is history
			glyph, tone, word = "·", style.Inactive, c.T("version.expired")
		case c.Now.After(v.NotAfter):
			glyph, tone, word = "✕", style.Bad, c.T("version.expired")
		case current != nil && v.Number == current.Number:
			tone, word = style.Good, c.T("version.current")
		}
		// The fingerprint comes before the word, whose length varies, so that all
		// are aligned.
		ls = append(ls, line{
			copy: v.Fingerprint, version: v.Number, open: func() tea.Cmd { return d.showVersion(v) },
			lead: append(mark(c, tone, glyph), widget.Span{Tone: tone, Text: widget.Pad(strconv.Itoa(v.Number), 3)}),
			spans: []widget.Span{
				{Tone: style.Normal, Text: v.NotBefore.Format("2006-01-02") + " – " + v.NotAfter.Format("2006-01-02")},
				{Tone: style.Muted, Text: "  " + widget.Pad(short(v.Fingerprint), 13)}, {Tone: tone, Text: "  " + word},
				{Tone: style.Muted, Text: d.presentedAt(v)},
			},
		})
	}
	return ls
}

// presentedAt names the resources that present a version that is not the current one.
func (d *details) presentedAt(v *model.Version) string {
	if now := d.instance.Current(); now != nil && now.Number == v.Number {
		return ""
	}
	var where []string
	for n := range d.resources {
		if d.resources[n].Presented == v.Fingerprint {
			where = append(where, at(&d.resources[n]))
		}
	}
	if len(where) == 0 {
		return ""
	}
	return d.c.T("version.still", strings.Join(where, d.c.T("list.join")))
}

func short(fingerprint string) string {
	if len(fingerprint) < 16 {
		return fingerprint
	}
	return fingerprint[:8] + "…" + fingerprint[len(fingerprint)-4:]
}

func (d *details) resourceLines() []line {
	c := d.c
	if len(d.resources) == 0 {
		if r := c.Table.Check(rules.Deploy, &rules.Facts{Actor: c.Backend.Actor(), Instance: &d.instance, Now: c.Now}); r != nil {
			return []line{plain(c.T("resources.never"))}
		}
		return []line{plain(c.T("resources.none", c.KeyOf(rules.Deploy)))}
	}
	var ls []line
	for _, r := range d.byBadness() {
		st := style.StatusOfServer(string(r.State))
		open := func() tea.Cmd { return action.ShowResource(c, r.ID) }
		ls = append(ls, line{
			copy: r.Address, resource: r, seen: r.VerifiedAt, open: open,
			lead: append(mark(c, st.Tone, st.Glyph),
				widget.Span{Tone: st.Tone, Text: widget.Pad(c.Text.Lookup("label."+string(r.State), string(r.State)), 10)}),
			spans: []widget.Span{{Tone: style.Normal, Text: at(r)}, {Tone: style.Accent, Text: "  " + orDash(r.Address)}},
		})
		if r.Failure.Kind != "" {
			ls = append(ls, line{resource: r, urgent: true, lead: indent, open: open,
				spans: []widget.Span{{Tone: style.Bad, Text: c.Text.Text(r.Failure.Message)}}})
		} else if r.VerifyError != "" {
			ls = append(ls, line{resource: r, urgent: true, lead: indent, open: open,
				spans: []widget.Span{{Tone: style.Warn, Text: c.Text.Text(r.VerifyError)}}})
		}
	}
	return ls
}

// maxStripRows is how many resources the strip has.
const maxStripRows = 12

// strip draws what each resource has presented, by the events that were read.
func (d *details) strip(w int) []line {
	if d.c.Plain {
		return nil
	}
	instances := map[model.ID]model.Instance{d.id: d.instance}
	var rows []chart.StripRow
	var shown []*lifecycle.ResourceView // those with a row
	from := d.c.Now
	for _, r := range d.byBadness()[:min(len(d.resources), maxStripRows)] {
		events := slices.DeleteFunc(slices.Clone(d.events), func(e model.Event) bool { return e.Resource != r.ID })
		spans := action.PresentedSpans(d.c, *r, events, instances)
		if len(spans) == 0 {
			continue
		}
		if spans[0].From.Before(from) {
			from = spans[0].From
		}
		shown = append(shown, r)
		rows = append(rows, chart.StripRow{Name: r.Product + " " + r.Name, Spans: spans})
	}
	var lines []line
	for n, l := range chart.Strip(d.c.Styles, from, d.c.Now, rows, w) {
		lines = append(lines, line{drawn: l})
		if n < len(shown) {
			lines[n].resource, lines[n].open = shown[n], func() tea.Cmd { return action.ShowResource(d.c, shown[n].ID) }
		}
	}
	return lines
}

// byBadness are the resources, those with something wrong first.
func (d *details) byBadness() []*lifecycle.ResourceView {
	rs := make([]*lifecycle.ResourceView, len(d.resources))
	for n := range d.resources {
		rs[n] = &d.resources[n]
	}
	rank := func(r *lifecycle.ResourceView) int {
		order := []style.Tone{style.Bad, style.Warn, style.Busy}
		if n := slices.Index(order, style.StatusOfServer(string(r.State)).Tone); n >= 0 {
			return n
		}
		return len(order)
	}
	slices.SortStableFunc(rs, func(a, b *lifecycle.ResourceView) int { return rank(a) - rank(b) })
	return rs
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// history lists the events, first those of failures that nothing has mended since.
func (d *details) history() []line {
	c := d.c
	var standing, rest []line
	settled := map[[2]string]bool{} // the newest event of an action at a resource was seen
	for n := range d.events {
		e := &d.events[n]
		glyph, _, tone := c.EventOutcome(e)
		words := c.EventTitle(e)
		if to := c.EventState(e); to != "" {
			words = c.T("history.now", words, to)
		}
		if m := firstOf(c.EventReason(e)); m != "" {
			words += c.T("colon") + m
		}
		what := [2]string{e.Action, string(e.Resource)}
		failed := e.Result == journal.ResultFailed && !settled[what]
		settled[what] = true
		l := line{
			lead:   append([]widget.Span{{Tone: style.Muted, Text: widget.Pad(widget.Stamp(e.At), 19)}}, mark(c, tone, glyph)...),
			spans:  []widget.Span{{Tone: style.Normal, Text: words}, {Tone: style.Muted, Text: "  " + e.Actor}},
			urgent: failed, open: func() tea.Cmd { return d.showEvent(e) },
		}
		if failed {
			standing = append(standing, l)
		} else {
			rest = append(rest, l)
		}
	}
	if len(d.events) == 0 {
		return []line{plain(c.T("history.none"))}
	}
	return append(standing, rest...)
}

func firstOf(ss ...string) string {
	for _, s := range ss {
		if s != "" {
			return s
		}
	}
	return ""
}

// showKeys opens the map of this certificate's keys and where they are used.
func (d *details) showKeys() tea.Cmd { return app.Send(app.ShowKeysMsg{Instance: d.id}) }
