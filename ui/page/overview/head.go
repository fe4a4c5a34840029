package overview

import (
	"strings"

	"certquay/lifecycle/names"
	"certquay/ui/chart"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// headLines is how many lines the head has when it is laid out.
func (d *details) headLines() int {
	switch {
	case d.zoomed && d.height < 14:
		return 1
	case d.height < 14:
		return 2
	}
	return len(d.head())
}

// head is the path, name, status, what comes next, the timeline, the instances that
// this one replaces or is replaced by, and what people noted.
func (d *details) head() []string {
	c, s, i := d.c, d.c.Styles, &d.instance
	r := i.Row()
	glyph, word, tone := c.Status(&r, 60)
	title := " " + s.Paint(style.Muted, c.T("tab.overview")+" › ") + s.Paint(style.Strong, clean(names.Readable(i.Name))) + "   " +
		s.Paint(tone, glyph+" "+word)
	right := s.Paint(style.Muted, i.ID.Short()) + " "
	if d.total > 0 {
		keys := c.KeyFor("previous-certificate", "[") + " " + c.KeyFor("next-certificate", "]")
		position := s.Paint(style.Key, keys) + " " + c.T("details.position", widget.Count(d.index+1), widget.Count(d.total))
		right = position + "   " + right
		if widget.Width(title)+widget.Width(right) >= d.width { // the ID is a fact too
			right = position + " "
		}
	}
	lines := []string{widget.Spread(widget.Cut(title, d.width-widget.Width(right)-1), right, d.width)}
	n, t := d.alert(&r)
	for _, l := range wrapTwo(n, d.width-2) {
		lines = append(lines, " "+s.Paint(t, l))
	}
	if life := d.timeline(); len(i.Versions) == 0 {
		lines = append(lines, " "+s.Paint(style.Faint, widget.Repeat("·", d.width-2)), " "+s.Paint(style.Muted, c.T("life.none")))
	} else {
		lines = append(lines, " "+life.View(s, d.width-2), d.timelineDates(life))
	}
	for _, told := range []string{d.relations(), d.noted()} {
		if told != "" {
			lines = append(lines, " "+s.Paint(style.Muted, widget.Cut(clean(told), d.width-2)))
		}
	}
	if d.showsAllPanes() && d.height > roomyHeight {
		lines = append(lines, "")
	}
	return lines
}

// relations name the instances that this one replaces or is replaced by.
func (d *details) relations() string {
	var all []string
	for _, r := range d.related {
		all = append(all, d.c.T(r.label)+" "+r.name+" "+r.id.Short())
	}
	return strings.Join(all, d.c.Separator())
}

// noted is what people noted: tags, owner and note (spec Q4).
func (d *details) noted() string {
	var all []string
	if tags := d.instance.Tags; len(tags) > 0 {
		all = append(all, d.c.T("noted.tags", strings.Join(tags, " ")))
	}
	if d.owner != "" {
		all = append(all, d.c.T("noted.owner", d.owner))
	}
	if d.instance.Note != "" {
		all = append(all, d.instance.Note)
	}
	return strings.Join(all, d.c.Separator())
}

// timeline is the service period with its versions.
func (d *details) timeline() chart.Timeline {
	c, i := d.c, &d.instance
	life := chart.Timeline{From: i.ServiceStart, To: i.ServiceEnd, Now: c.Now}
	for k := range i.Versions {
		v := &i.Versions[k]
		life.Versions = append(life.Versions, chart.TimelineVersion{From: v.NotBefore, Window: v.Window(), To: v.NotAfter})
		if v.NotAfter.After(life.To) {
			life.To = v.NotAfter
		}
		if life.From.IsZero() || v.NotBefore.Before(life.From) {
			life.From = v.NotBefore
		}
	}
	return life
}

// serviceMax adds to the end of the service how long it may last with the renewals that
// are paid for; "" if there are none.
func (d *details) serviceMax() string {
	c, i := d.c, &d.instance
	if i.ServiceEnd.IsZero() || i.Hosting.RenewalsLeft == 0 {
		return ""
	}
	return c.T("comma") + c.T("fact.service.max", i.ServiceMaxEnd().Format("2006-01-02"))
}

func (d *details) timelineDates(l chart.Timeline) string {
	c, s, i := d.c, d.c.Styles, &d.instance
	left := " " + s.Paint(style.Muted, c.T("life.issued", l.From.Format("2006-01-02")))
	right := s.Paint(style.Muted, c.T("life.until", l.To.Format("2006-01-02"))) + " "
	middle := ""
	if v := i.Current(); v != nil {
		middle = c.T("life.version", v.Number, v.NotAfter.Format("2006-01-02"), widget.Days(c.T, v.NotAfter, c.Now))
	}
	gap := d.width - widget.Width(left) - widget.Width(right) - widget.Width(middle)
	if most := d.serviceMax(); widget.Width(most)+4 <= gap {
		right = s.Paint(style.Muted, c.T("life.until", l.To.Format("2006-01-02"))+most) + " "
		gap -= widget.Width(most)
	}
	if gap < 4 {
		return widget.Spread(left, right, d.width)
	}
	return left + widget.Space(gap/2) + s.Paint(style.Normal, middle) + widget.Space(gap-gap/2) + right
}
