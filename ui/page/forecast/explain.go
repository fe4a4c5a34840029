package forecast

import (
	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/forecast"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// explain shows the composition of a row and the rules behind it, or those of one
// occurrence.
func (p *page) explain() tea.Cmd {
	if h, ok := p.moments.Selected(); ok && p.momentsFocused {
		return p.explainOccurrence(h)
	}
	r, ok := p.list().Selected()
	if !ok {
		return nil
	}
	c := p.c
	parts := []dialog.Section{{Head: c.T("forecast.explain.what"), Lines: bullets(c, composition(c, &r.base))}}
	if r.other != nil {
		parts = append(
			parts,
			dialog.Section{Head: c.T("forecast.explain.under", policyName(c, p.compare)), Lines: bullets(c, composition(c, r.other))},
		)
	}
	if why := rules(c, r); len(why) > 0 {
		parts = append(parts, dialog.Section{Head: c.T("forecast.explain.why"), Lines: bullets(c, why)})
	}
	parts = append(parts, dialog.Section{Head: c.T("forecast.explain.how"), Lines: []string{c.T("forecast.explain.copy")}})
	return notice(c, c.T("forecast.explain.title", title(c, r)), parts)
}

func (p *page) explainOccurrence(h occurrence) tea.Cmd {
	c := p.c
	var lines []string
	for _, m := range h {
		lines = append(lines, c.T("forecast.moment.line", widget.Stamp(m.At), word(c, m)))
		if m.Detail != "" {
			lines = append(lines, c.Text.Text(m.Detail))
		}
	}
	return notice(
		c,
		h[0].Name,
		[]dialog.Section{
			{Lines: lines},
			{Head: c.T("forecast.explain.why"), Lines: []string{c.Text.Lookup("forecast.why."+h[0].What, "")}},
		},
	)
}

func notice(c *app.Context, title string, parts []dialog.Section) tea.Cmd {
	return app.Send(app.OpenDialogMsg{Make: func() app.Dialog {
		return &dialog.Notice{Context: c, Title: title, Tone: style.Accent, Sections: parts}
	}})
}

// composition says in words what a tally counts, leaving out zeros.
func composition(c *app.Context, t *forecast.Tally) []string {
	var ls []string
	for _, one := range []struct {
		key string
		n   int
	}{
		{"forecast.n.renewals", t.Renewals}, {"forecast.n.reissues", t.Reissues}, {"forecast.n.deployments", t.Deployments},
		{"forecast.n.credits", t.CreditsUsed}, {"forecast.n.units", t.PackUnits}, {"forecast.n.people", t.People},
		{"forecast.n.waiting", t.Waiting}, {"forecast.n.ends", t.HostingEnds},
		{"forecast.n.expiries", t.Expiries}, {"forecast.n.failures", t.Failures},
	} {
		if one.n > 0 {
			ls = append(ls, c.T(one.key, widget.Count(one.n)))
		}
	}
	if len(ls) == 0 {
		ls = []string{c.T("forecast.n.nothing")}
	}
	return ls
}

// rules returns the rules behind what a row counts, under either policy.
func rules(c *app.Context, r row) []string {
	var ls []string
	for _, rule := range []struct {
		key string
		of  func(*forecast.Tally) int
	}{
		{"forecast.why.renewals", func(t *forecast.Tally) int { return t.Renewals }},
		{"forecast.why.reissues", func(t *forecast.Tally) int { return t.Reissues }},
		{"forecast.why.deployments", func(t *forecast.Tally) int { return t.Deployments }},
		{"forecast.why.person", func(t *forecast.Tally) int { return t.People }},
		{"forecast.why.waits-for-credit", func(t *forecast.Tally) int { return t.Waiting }},
		{"forecast.why.hosting-ends", func(t *forecast.Tally) int { return t.HostingEnds }},
		{"forecast.why.expires", func(t *forecast.Tally) int { return t.Expiries }},
	} {
		if rule.of(&r.base) > 0 || r.other != nil && rule.of(r.other) > 0 {
			ls = append(ls, c.T(rule.key))
		}
	}
	return ls
}

func bullets(c *app.Context, ls []string) []string {
	out := make([]string, len(ls))
	for n, l := range ls {
		out[n] = c.Mark("•") + l
	}
	return out
}

// policyName is the name of a policy in the language of the session.
func policyName(c *app.Context, policy string) string {
	return c.Text.Lookup("policy."+policy, policy)
}
