package action

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// preflight looks for what would make an order for a certificate fail, before one is spent
// (spec C6). It has no key of its own: the form of an application looks by itself.
func preflight(c *app.Context, t Target) app.Action {
	a := app.Action{ID: rules.ActionPreflight, Name: text.NewName("action.preflight"), Group: app.Certificate, OpensDialog: true}
	if why := c.MayNot(rules.ActionPreflight); why != nil {
		return a.DisableIf(why)
	}
	if len(t.IDs) == 0 {
		a.Disabled = app.Disabled(
			c.T("preflight.none"), c.T("explain.none.hint"),
			app.KeyHint{Key: c.KeyOf(rules.Buy), Label: c.T("action.buy")},
		)
		return a
	}
	id := t.IDs[0]
	if t.Case != nil {
		id = t.Case.Instance.ID
	}
	a.Run = func() tea.Cmd {
		look := c.Do(func(ctx context.Context) tea.Msg {
			row := &rules.Transition{Action: rules.ActionPreflight}
			i, err := c.Backend.Instance(id)
			if err != nil {
				return failedMsg(c, row, err)
			}
			all, err := c.Backend.Preflight(ctx, id)
			if err != nil {
				return failedMsg(c, row, err)
			}
			return app.OpenDialogMsg{Make: func() app.Dialog {
				return &dialog.Notice{
					Context: c, Title: c.T("preflight.title", i.Name), Tone: style.Accent, Sections: findings(c, i.Spec.Brand, all),
				}
			}}
		})
		return tea.Sequence(app.Send(app.ToastMsg{Text: c.T("preflight.looking"), Tone: style.Normal}), look)
	}
	return a
}

// findings are what a preflight found: first what is in the way, then what is well.
func findings(c *app.Context, brand string, all []ports.PreflightFinding) []dialog.Section {
	if len(all) == 0 {
		return []dialog.Section{{Lines: []string{c.T("preflight.nothing", brand)}}}
	}
	var wrong, well []string
	for _, f := range all {
		if f.Level == ports.PreflightGood {
			well = append(well, c.Mark("●")+found(c, f))
		} else {
			wrong = append(wrong, problemLine(c, f).Text)
		}
	}
	var parts []dialog.Section
	if len(wrong) > 0 {
		parts = append(parts, dialog.Section{Head: c.T("preflight.wrong"), Lines: wrong})
	}
	if len(well) > 0 {
		parts = append(parts, dialog.Section{Head: c.T("preflight.well"), Lines: well, Tone: style.Muted})
	}
	return parts
}

// found says a finding, with the name that it is about unless it is in the text.
func found(c *app.Context, f ports.PreflightFinding) string {
	said := c.Text.Text(f.Text)
	if f.Name != "" && !strings.Contains(said, f.Name) {
		return f.Name + c.T("colon") + said
	}
	return said
}

// problemLine says what is in the way, and what to do about it.
func problemLine(c *app.Context, f ports.PreflightFinding) form.Line {
	l := form.Line{Tone: style.Warn, Text: c.Mark("▲")}
	if f.Level == ports.PreflightBad {
		l = form.Line{Tone: style.Bad, Text: c.Mark("✕")}
	}
	l.Text += widget.JoinCJK(found(c, f)+c.T("preflight.then"), c.Text.Text(f.Hint))
	return l
}

// withPreflight adds to the preview of an application what a preflight finds: at once if
// that is known for these names, or else later. Typing goes on meanwhile.
func (a *application) withPreflight(pre form.Preview, names []string) form.Preview {
	c, key := a.c, strings.Join(names, " ")
	add := func(all []ports.PreflightFinding) form.Preview {
		lines := []form.Line{{}, {Tone: style.Good, Text: c.T("preflight.clear")}}
		if ports.WorstFinding(all) != ports.PreflightGood {
			lines = []form.Line{{}, {Text: c.T("preflight.wrong.form")}}
		}
		for _, f := range all {
			if f.Level != ports.PreflightGood {
				l := problemLine(c, f)
				if l.Tone == style.Warn { // which a preview marks by itself
					l.Text = strings.TrimPrefix(l.Text, c.Mark("▲"))
				}
				lines = append(lines, l)
			}
		}
		return form.Preview{Lines: slices.Concat(pre.Lines, lines), Errors: pre.Errors}
	}
	if all, known := a.looked.Load(key); known {
		return add(all.([]ports.PreflightFinding))
	}
	wait := []form.Line{{}, {Tone: style.Muted, Text: c.T("preflight.looking")}}
	looking := form.Preview{Lines: slices.Concat(pre.Lines, wait), Errors: pre.Errors}
	looking.Then = func() form.Preview {
		a.looking.Lock() // one at a time: another one finds what this one found
		defer a.looking.Unlock()
		if all, known := a.looked.Load(key); known {
			return add(all.([]ports.PreflightFinding))
		}
		ctx, cancel := context.WithTimeout(c.Ctx, app.Timeout)
		defer cancel()
		all, err := c.Backend.Preflight(ctx, a.i.ID, names...)
		if err != nil {
			failed := []form.Line{{}, {Tone: style.Warn, Text: c.T("preflight.failed", err)}}
			return form.Preview{Lines: slices.Concat(pre.Lines, failed), Errors: pre.Errors}
		}
		a.looked.Store(key, all)
		return add(all)
	}
	return looking
}
