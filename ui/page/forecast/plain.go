package forecast

import (
	"certquay/ui/kit"
	"certquay/ui/widget"
)

// Plain implements kit.Plain: what is asked, the outlook, how far it is, and
// the rows, or what happens in one when that has the keys.
func (p *page) Plain(w, h int) kit.Spoken {
	c := p.c
	var s kit.Spoken
	add := func(line string) {
		if line = widget.Said(c.T, line); line != "" {
			s.Lines = append(s.Lines, widget.Wrap(line, w)...)
		}
	}
	add(p.askedLine())
	for _, part := range p.outlook() {
		add(part)
	}
	add(p.rule())
	s.Y = max(len(s.Lines)-1, 0)
	switch {
	case p.a == nil:
		add(c.T("forecast.first"))
		return s
	case p.a.Instances == 0:
		add(c.T("forecast.none"))
		return s
	case p.aux:
		for _, l := range p.facts() {
			add(l)
		}
		s.Y = len(s.Lines)
		s.Lines = append(s.Lines, p.moments.Say(c.T, w, h-len(s.Lines))...)
	default:
		s.Y = len(s.Lines)
		s.Lines = append(s.Lines, p.list().Say(c.T, w, h-len(s.Lines))...)
	}
	return s
}
