package action

import (
	"context"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// seenLines say what each address of a resource presents to clients of each kind of key (spec
// P8).
func seenLines(c *app.Context, seen []model.SeenAt) []string {
	wide := 0
	for n := range seen {
		wide = max(wide, widget.Width(seen[n].Address))
	}
	lines := make([]string, len(seen))
	for n := range seen {
		s := &seen[n]
		lines[n] = widget.Pad(text.Clean(s.Address), wide) + "  " + widget.Pad(s.Algorithm, len("ecdsa")) + "  "
		if s.Error != "" {
			lines[n] += text.Clean(c.Text.Text(s.Error))
			continue
		}
		lines[n] += shortPrint(s.Fingerprint) + "  " + widget.Stamp(s.NotAfter) + c.T("comma") + widget.Days(c.T, s.NotAfter, c.Now)
	}
	return lines
}

// receiptLines tell the deployments of a resource (spec P10).
func receiptLines(c *app.Context, all []model.Receipt) (lines []string) {
	for n := range all {
		r := &all[n]
		line := widget.Stamp(r.Began) + "  " +
			c.T("receipt.line", r.Version, shortPrint(r.Before), shortPrint(r.After), c.Text.Lookup("result."+r.Result, r.Result), r.Actor)
		switch {
		case r.Result != journal.ResultOK:
		case r.ReadBack:
			line += c.Separator() + c.T("resource.unseen")
		case r.Address != "":
			line += c.Separator() + text.Clean(c.Text.Text(model.Say("receipt.handshake", "address", r.Address)))
		}
		if r.Waves > 1 {
			line += c.Separator() + c.T("receipt.wave", r.Wave, r.Waves)
		}
		lines = append(lines, text.Clean(line))
		if r.Reason != "" {
			lines = append(lines, "  "+text.Clean(c.Text.Text(r.Reason)))
		}
	}
	return lines
}

// receiptKey leads from a deployment, or from a resource, to its receipts.
const receiptKey = "r"

// ShowEvent shows an event of the activity log in full; that of a deployment leads to its
// receipt. begun is when the work that it ends had begun; zero where that is not known.
func ShowEvent(c *app.Context, e *model.Event, begun time.Time) tea.Cmd {
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			d := dialog.EventNotice(c, e, begun)
			if e.Receipt != "" {
				d.Choices = []key.Binding{c.Bind(c.T("receipt.key"), receiptKey)}
			}
			return d
		},
		Then: func(v any) tea.Cmd {
			if v == receiptKey {
				return showReceipt(c, e.Receipt)
			}
			return nil
		},
	})
}

// showReceipt shows all that is kept of one deployment.
func showReceipt(c *app.Context, id model.ID) tea.Cmd {
	return c.Do(func(context.Context) tea.Msg {
		r, err := c.Backend.Receipt(string(id))
		if err != nil {
			return c.LoadFailed(err)
		}
		return receiptMsg(c, &r)
	})
}

func receiptMsg(c *app.Context, r *model.Receipt) app.OpenDialogMsg {
	tone := style.Accent
	if r.Result == journal.ResultFailed {
		tone = style.Bad
	}
	var facts []dialog.Fact
	for _, f := range lifecycle.ReceiptFacts(r) {
		label := ""
		if f.Label != "" {
			label = c.T(f.Label)
		}
		facts = append(facts, dialog.Fact{Label: label, Value: c.Text.Text(f.Value)})
	}
	return app.OpenDialogMsg{Make: func() app.Dialog {
		return &dialog.Notice{
			Context: c, Title: c.T("receipt.title"), Tone: tone, MaxWidth: 120, Sections: []dialog.Section{{Facts: facts}},
		}
	}}
}

// showReceipts shows the receipt of a resource, or lists them to choose one.
func showReceipts(c *app.Context, place string, all []model.Receipt) tea.Cmd {
	if len(all) == 1 {
		return app.Send(receiptMsg(c, &all[0]))
	}
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			d := &dialog.List{Context: c, Title: c.T("receipts.title", place), EnterLabel: c.T("receipts.enter")}
			for n := range all {
				r := &all[n]
				d.Entries = append(d.Entries, dialog.Entry{
					Head:  widget.Stamp(r.Began),
					Meta:  c.Text.Lookup("result."+r.Result, c.T("receipt.under-way")),
					Value: r,
					Lines: []string{
						text.Clean(c.T("receipts.line", r.Version, shortPrint(r.Before)+c.Arrow()+shortPrint(r.After), r.Actor)),
					},
				})
			}
			return d
		},
		Then: func(v any) tea.Cmd {
			if r, ok := v.(*model.Receipt); ok {
				return app.Send(receiptMsg(c, r))
			}
			return nil
		},
	})
}
