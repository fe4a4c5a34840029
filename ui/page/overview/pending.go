package overview

import (
	"strings"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// documentInfo is what the details show of a document; the content is not kept.
type documentInfo struct {
	id   model.ID
	text string
}

// verifying reports whether the CA waits for something.
func (d *details) verifying() bool {
	i := &d.instance
	return len(i.Proofs) > 0 || i.Operation.WaitFor != "" || !i.ExpectedIssue.IsZero() && len(i.Versions) == 0
}

// pending lists what the CA waits for: each proof of control with the exact name and
// value, each on its own line so that y copies just that; the review; who is asked by
// the CA; and when the certificate is expected (spec A7).
func (d *details) pending() []line {
	c, i := d.c, &d.instance
	if !d.verifying() {
		return nil
	}
	var ls []line
	for n := range i.Proofs {
		p := &i.Proofs[n]
		glyph, tone, seen := "◔", style.Warn, c.T("proof.unseen")
		if p.Seen {
			glyph, tone, seen = "●", style.Good, c.T("proof.seen")
		}
		kind, name, value := c.T("proof.dns", p.Domain), c.T("proof.name"), c.T("proof.value")
		if p.Method == "http" {
			kind, name, value = c.T("proof.http", p.Domain), c.T("proof.url"), c.T("proof.content")
		}
		ls = append(ls, line{
			copy: p.Name, urgent: true, lead: mark(c, tone, glyph),
			spans: []widget.Span{{Tone: tone, Text: kind}, {Tone: style.Muted, Text: "  " + seen}},
		}, exact(name, p.Name), exact(value, p.Value))
		if until := p.Until(); !until.IsZero() {
			ls = append(ls, fact(c.T("proof.holds"), c.T("proof.holds.until", widget.Stamp(until))))
		}
	}
	if w := i.Operation.WaitFor; w != "" {
		ls = append(ls, fact(c.T("fact.awaited"), c.Text.Text(w)))
	}
	for _, t := range d.tasks {
		if t.Kind == model.TaskReview {
			ls = append(ls, plain("  "+c.T("proof.review", c.KeyOf(rules.Review))))
		}
	}
	if a := i.Application; i.Spec.Level != model.DV && a.Email+a.Phone != "" {
		ls = append(ls, fact(c.T("fact.asks"), joined(c, a.Email, a.Phone)))
	}
	switch { // what a person does takes as long as it takes, and what has passed is no promise
	case i.AwaitsReview():
		ls = append(ls, fact(c.T("fact.expected"), c.T("fact.expected.review")))
	case i.AwaitsProof():
		ls = append(ls, fact(c.T("fact.expected"), c.T("fact.expected.proof")))
	case i.ExpectedIssue.After(c.Now):
		ls = append(
			ls,
			fact(c.T("fact.expected"), c.T("fact.expected.at", widget.Stamp(i.ExpectedIssue), widget.Ago(c.T, c.Now, i.ExpectedIssue))),
		)
	}
	if !i.Operation.Next.IsZero() && !i.Operation.Aside() && !i.AwaitsReview() { // a reviewer is notified at once
		ls = append(ls, fact(c.T("fact.again"), widget.Stamp(i.Operation.Next)))
	}
	return ls
}

// bought lists the years and the price, until when that is refunded, and the service
// period.
func (d *details) bought() (ls []line) {
	c, i, r := d.c, &d.instance, &d.refund
	if i.Order != "" {
		value := c.T("fact.bought.years", i.Years) + c.T("comma") + widget.Money(r.Paid, r.Currency)
		if r.Amount > 0 && !r.Until.IsZero() && i.State.Group() != model.GroupEnded {
			value += c.T("comma") + c.T("fact.refundable", widget.Stamp(r.Until))
		}
		ls = append(ls, fact(c.T("fact.bought"), value))
	}
	if !i.ServiceEnd.IsZero() {
		period := i.ServiceStart.Format("2006-01-02") + " – " + i.ServiceEnd.Format("2006-01-02")
		ls = append(ls, fact(c.T("fact.service"), period+d.serviceMax()))
	}
	return ls
}

// exact is a value that must be copied whole, and so is never cut.
func exact(label, value string) line {
	return line{
		label:  label,
		copy:   value,
		urgent: true,
		lead:   []widget.Span{{Tone: style.Muted, Text: widget.Pad("  "+label, 10)}},
		spans:  []widget.Span{{Tone: style.Accent, Text: value}},
	}
}

// applied lists organization, applicant and documents of the application.
func (d *details) applied() []line {
	c, a := d.c, &d.instance.Application
	var ls []line
	if o := a.Company; o.Name != "" {
		ls = append(ls, fact(c.T("fact.company"), o.Name))
		for _, v := range []string{
			joined(c, c.Text.Term("organization", o.Type), o.OrganizationID),
			joined(c, o.Address, strings.TrimSpace(o.Zip+" "+o.City), o.Province, o.Country),
			o.Phone,
		} {
			if v != "" {
				ls = append(ls, fact("", v))
			}
		}
	}
	if v := joined(c, a.ApplicantName, a.Email, a.Phone); v != "" {
		ls = append(ls, fact(c.T("fact.applicant"), v))
	}
	for n, p := range d.documents {
		label := ""
		if n == 0 {
			label = c.T("fact.documents")
		}
		ls = append(ls, fact(label, p.text))
	}
	return ls
}

func joined(c *app.Context, parts ...string) string {
	var ps []string
	for _, p := range parts {
		if p != "" {
			ps = append(ps, p)
		}
	}
	return strings.Join(ps, c.T("comma"))
}
