package forecast

import (
	"certquay/lifecycle/forecast"
	"certquay/ui/app"
	"certquay/ui/widget"
)

// ReadOut implements app.ScreenReader: the question, the outlook, the progress, and the
// rows or, if they have the focus, the occurrences.
func (p *page) ReadOut(w, h int) app.ScreenText {
	c := p.c
	var s app.ScreenText
	add := func(line string) {
		if line != "" {
			s.Lines = append(s.Lines, widget.Wrap(line, w)...)
		}
	}
	add(p.questionRow().ReadOut(c.T))
	if p.compare != forecast.AsConfigured {
		add(p.meaning())
	}
	for _, part := range p.outlook() {
		add(part)
	}
	word, _ := p.progressed()
	add(word)
	s.Y = max(len(s.Lines)-1, 0)
	switch {
	case p.base == nil:
		add(c.T("forecast.first"))
		return s
	case p.base.Instances == 0:
		add(c.T("forecast.none"))
		return s
	case p.momentsFocused:
		for _, r := range p.facts() {
			add(r.ReadOut(c.T))
		}
		s.Y = len(s.Lines)
		s.Lines = append(s.Lines, p.moments.ReadOut(c.T, w, h-len(s.Lines))...)
	default:
		s.Y = len(s.Lines)
		s.Lines = append(s.Lines, p.list().ReadOut(c.T, w, h-len(s.Lines))...)
	}
	return s
}
