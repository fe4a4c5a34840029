package overview

import (
	"strconv"

	"certquay/lifecycle/names"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// build makes the lines of every pane after the details were loaded.
func (d *details) build() {
	d.lines[paneFacts] = d.facts()
	d.lines[paneVersions] = d.versions()
	d.lines[paneResources] = d.resourceLines()
	d.lines[paneHistory] = d.history()
	d.settle()
}

func fact(label, value string) line {
	return line{
		label:    label,
		spans:    []widget.Span{{Tone: style.Muted, Text: widget.Pad(label, 14)}, {Tone: style.Normal, Text: value}},
		copy:     value,
		resource: -1,
	}
}

func plain(tone style.Tone, text string) line {
	return line{spans: []widget.Span{{Tone: tone, Text: text}}, resource: -1}
}

// facts are names, key and what the certificate was bought as.
func (d *details) facts() []line {
	c, i := d.c, &d.instance
	var ls []line
	for _, t := range d.tasks {
		ls = append(ls, plain(style.Warn, c.Mark("▲")+c.Text.Text(t.Text)))
		for _, l := range c.Text.Lines(t.Detail) {
			ls = append(ls, line{spans: []widget.Span{{Tone: style.Normal, Text: "  " + l}}, copy: l, resource: -1})
		}
	}
	list := i.Domains()
	for n, name := range list {
		label := ""
		if n == 0 {
			label = c.T("fact.names")
		}
		if n == 12 && len(list) > 14 {
			ls = append(ls, fact("", c.T("and.more", len(list)-12)))
			break
		}
		shown := name
		if p, err := names.Parse(name); err == nil {
			shown = p.Both()
		}
		l := fact(label, shown)
		l.copy = name
		ls = append(ls, l)
	}
	if v := i.Current(); v != nil {
		key := v.KeyType
		if v.KeyID == "" {
			key = widget.JoinCJK(key, c.T("fact.nokey"))
		}
		ls = append(ls, fact(c.T("fact.key"), key), fact(c.T("fact.serial"), v.Serial), fact("SHA-256", v.Fingerprint),
			fact(c.T("fact.from"), widget.Stamp(v.NotBefore)), fact(c.T("fact.to"), widget.Stamp(v.NotAfter)))
	} else if i.Application.KeyType != "" {
		ls = append(ls, fact(c.T("fact.key"), string(i.Application.KeyType)))
	}
	ls = append(ls, d.applied()...)
	for n, name := range d.chain {
		label := ""
		if n == 0 {
			label = c.T("fact.chain")
		}
		ls = append(ls, fact(label, name))
	}
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
	if !i.ServiceEnd.IsZero() {
		ls = append(ls, fact(c.T("fact.service"), i.ServiceStart.Format("2006-01-02")+" – "+i.ServiceEnd.Format("2006-01-02")))
	}
	switch {
	case i.Hosting.On:
		ls = append(ls, fact(c.T("fact.hosting"), c.T("fact.renewals", i.Hosting.RenewalsLeft)))
	case i.Hosting.PrepaidRenewals > 0 && i.State.Group() == model.GroupUnissued:
		ls = append(ls, fact(c.T("fact.hosting"), c.T("fact.entitled", i.Hosting.PrepaidRenewals)))
	}
	if d.contact != "" {
		ls = append(ls, fact(c.T("fact.contact"), d.contact))
	}
	if i.Order != "" {
		ls = append(ls, fact(c.T("fact.order"), string(i.Order)))
	}
	if id := i.Replaces(); id != "" {
		ls = append(ls, fact(c.T("fact.replaces"), string(id)))
	}
	if id := i.ReplacedBy(); id != "" {
		ls = append(ls, fact(c.T("fact.replacedby"), string(id)))
	}
	return append(ls, fact("ID", string(i.ID)))
}

func (d *details) versions() []line {
	c, i := d.c, &d.instance
	if len(i.Versions) == 0 {
		if d.verifying() {
			return d.pending()
		}
		return []line{plain(style.Muted, c.T("versions.none"))}
	}
	ls := d.pending()
	current := i.Current()
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
		ls = append(ls, line{copy: v.Fingerprint, resource: -1, spans: []widget.Span{
			{Tone: tone, Text: c.Mark(glyph) + widget.Pad(strconv.Itoa(v.Number), 3)},
			{Tone: style.Normal, Text: v.NotBefore.Format("2006-01-02") + " – " + v.NotAfter.Format("2006-01-02") + "  "},
			{Tone: style.Muted, Text: widget.Pad(short(v.Fingerprint), 13) + "  "}, {Tone: tone, Text: word}}})
	}
	return ls
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
			return []line{plain(style.Muted, c.T("resources.never"))}
		}
		return []line{plain(style.Muted, c.T("resources.none", c.KeyOf(rules.Deploy)))}
	}
	var ls []line
	for n := range d.resources {
		r := &d.resources[n]
		st := style.StatusOf(string(r.State))
		seen := c.T("resource.never")
		if !r.VerifiedAt.IsZero() {
			seen = c.T("resource.seen", widget.Ago(c.T, r.VerifiedAt, c.Now))
		}
		ls = append(
			ls,
			line{
				copy:     r.Address,
				resource: n,
				spans: []widget.Span{
					{Tone: st.Tone, Text: c.Mark(st.Glyph) + widget.Pad(c.Text.Lookup("label."+string(r.State), string(r.State)), 10)},
					{Tone: style.Normal, Text: r.Product + " " + r.Region + " " + r.Name},
				},
			},
			line{
				copy:     r.Address,
				resource: n,
				spans:    []widget.Span{{Tone: style.Accent, Text: "  " + orDash(r.Address)}, {Tone: style.Muted, Text: "  " + seen}},
			},
		)
		if r.Failure.Kind != "" {
			ls = append(ls, line{resource: n, spans: []widget.Span{{Tone: style.Bad, Text: "  " + c.Text.Text(r.Failure.Message)}}})
		} else if r.VerifyError != "" {
			ls = append(ls, line{resource: n, spans: []widget.Span{{Tone: style.Warn, Text: "  " + c.Text.Text(r.VerifyError)}}})
		}
	}
	return ls
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

func (d *details) history() []line {
	c := d.c
	var ls []line
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
		ls = append(ls, line{resource: -1, spans: []widget.Span{
			{Tone: style.Muted, Text: widget.Pad(widget.Stamp(e.At), 19)}, {Tone: tone, Text: c.Mark(glyph)},
			{Tone: style.Normal, Text: words}, {Tone: style.Muted, Text: "  " + e.Actor}}})
	}
	if len(ls) == 0 {
		ls = append(ls, plain(style.Muted, c.T("history.none")))
	}
	return ls
}

func firstOf(ss ...string) string {
	for _, s := range ss {
		if s != "" {
			return s
		}
	}
	return ""
}
