package hosting

import (
	"context"
	"slices"
	"strconv"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// attempts are the kinds of jobs that renew without a person.
var attempts = []string{string(model.JobRenew), string(model.JobReissue)}

// recent is how many events are searched for the last attempt.
const recent = 200

// details shows everything about the hosting of the selected certificate: who is
// notified, what is next and why, the last attempt, the credits, the tasks for a
// person, and the contact (spec H8).
func (p *page) details() tea.Cmd {
	r, ok := p.list.Table.Selected()
	if !ok {
		return nil
	}
	c := p.c
	return c.Do(func(context.Context) tea.Msg {
		d, err := loadDetails(c, r.ID)
		if err != nil {
			return c.LoadFailed(err)
		}
		return app.OpenDialogMsg{
			Make: func() app.Dialog {
				return &dialog.Notice{Context: c, Title: c.T("hosting.details.title", d.i.Name), Tone: style.Accent, Sections: d.parts(c),
					Choices: []key.Binding{c.Bind(c.T("act.certificate"), "o")}}
			},
			Then: func(v any) tea.Cmd {
				if v == nil {
					return nil
				}
				return app.Send(app.ShowInstanceMsg{ID: r.ID})
			},
		}
	})
}

// hosted is what was read about one hosted certificate.
type hosted struct {
	i         model.Instance
	row       model.InstanceRow
	contact   string
	last      *model.Event // the last attempt to renew; nil when there was none
	resources []lifecycle.ResourceView
	credits   ledger.Balance
	tasks     []model.Task
}

func loadDetails(c *app.Context, id model.ID) (d hosted, err error) {
	b := c.Backend
	if d.i, err = b.Instance(id); err != nil {
		return d, err
	}
	d.row = d.i.Row()
	contacts, err := b.Contacts()
	if err != nil {
		return d, err
	}
	for _, k := range contacts {
		if k.ID == d.i.Contact {
			d.contact = k.Name + " <" + k.Email + ">"
			if k.Phone != "" {
				d.contact += ", " + k.Phone
			}
		}
	}
	events, err := b.Activity(lifecycle.ActivityFilter{Instance: id, Limit: recent})
	if err != nil {
		return d, err
	}
	if n := slices.IndexFunc(events, func(e model.Event) bool { return slices.Contains(attempts, e.Action) }); n >= 0 {
		d.last = &events[n]
	}
	if d.resources, _, err = b.Resources(lifecycle.ResourceFilter{Instance: id}); err != nil {
		return d, err
	}
	balances, err := b.Balances()
	if err != nil {
		return d, err
	}
	for _, k := range balances {
		if k.Kind == string(ledger.PackCredit) {
			d.credits = k
		}
	}
	d.tasks, err = b.TasksOf(id)
	return d, err
}

func (d *hosted) parts(c *app.Context) []dialog.Section {
	line := func(key, value string) string { return c.Fact(c.T(key), value) }
	// A long reason has a line of its own, which wraps.
	facts := func(key string, f func(*app.Context) (string, string)) []string {
		value, reason := f(c)
		lines := []string{line(key, value)}
		if reason != "" {
			lines = append(lines, "  "+reason)
		}
		return lines
	}
	contact := d.contact
	if contact == "" {
		contact = c.T("hosting.details.nobody")
	}
	lines := []string{
		line("fact.contact", contact),
		line(
			"hosting.details.left",
			strconv.Itoa(d.i.Hosting.RenewalsLeft)+c.T("comma")+c.T("hosting.details.until", d.i.ServiceMaxEnd().Format("2006-01-02")),
		),
	}
	lines = append(lines, facts("hosting.details.next", d.next)...)
	lines = append(lines, facts("hosting.details.last", d.attempt)...)
	parts := []dialog.Section{{Lines: lines}, {Head: c.T("hosting.details.credits"), Lines: d.creditLines(c)}}
	person := dialog.Section{Head: c.T("tasks.title"), Lines: []string{c.T("hosting.details.nothing")}}
	if len(d.tasks) > 0 {
		person.Lines = nil
		for _, t := range d.tasks {
			person.Lines = append(person.Lines, c.Mark("▲")+c.Text.Text(t.Text))
			if t.Kind == model.TaskInstall {
				person.Lines = append(person.Lines, "  "+c.T("settle.install-notes", c.KeyOf(rules.Download)))
			}
		}
	}
	support := c.Support
	if support == "" {
		support = c.T("hosting.details.nosupport")
	}
	return append(parts, person, dialog.Section{Head: c.T("hosting.details.support"), Lines: []string{support}})
}

// next returns the time of the next renewal, and its reason (spec T5, H4).
func (d *hosted) next(c *app.Context) (when, because string) {
	because = dueReason(c, &d.row)
	switch op := d.i.Operation; {
	case op.Active() && op.WaitFor != "":
		return c.T("hosting.now", max(op.Attempt, 1)), c.T("news.waiting", c.Text.Text(op.WaitFor))
	case op.Aside():
		return "–", because
	case op.Active() && !op.Next.IsZero():
		return c.T("hosting.details.again", widget.Stamp(op.Next), op.Attempt+1), because
	case op.Active():
		return c.T("hosting.now", max(op.Attempt, 1)), because
	case d.row.Due.IsZero():
		return "–", because
	}
	return c.T("hosting.details.due", widget.Stamp(d.row.Due), widget.Days(c.T, d.row.Due, c.Now)), because
}

// attempt returns the last attempt to renew, and its result.
func (d *hosted) attempt(c *app.Context) (said, because string) {
	switch op, f := d.i.Operation, d.i.Failure; {
	case op.Active() && op.Error != "":
		return c.T("hosting.details.failed", op.Attempt), c.Text.Text(op.Error)
	case f.Kind != "" && slices.Contains(attempts, string(f.Kind)):
		return c.T("hosting.details.failedat", widget.Stamp(f.At)), c.Text.Text(f.Message)
	case d.last == nil:
		return c.T("hosting.details.never"), ""
	}
	because, _ = c.EventReason(d.last)
	return widget.Stamp(d.last.At) + c.T("comma") + c.Text.Lookup("result."+d.last.Result, d.last.Result), because
}

func (d *hosted) creditLines(c *app.Context) []string {
	auto, reserved, waiting := 0, 0, 0
	for n := range d.resources {
		r := &d.resources[n]
		for to, is := range map[*int]bool{&auto: r.AutoDeploy, &reserved: r.Reserved, &waiting: r.Waiting} {
			if is {
				*to++
			}
		}
	}
	lines := []string{
		c.T("hosting.details.auto", reserved, auto, len(d.resources)),
		c.T("hosting.details.free", d.credits.Available),
	}
	if waiting > 0 {
		lines = append(lines, c.Mark("▲")+c.T("hosting.details.waiting", waiting))
	}
	return lines
}
