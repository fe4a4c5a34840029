package action

import (
	"context"
	"errors"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// confirm asks yes or no before acting on every allowed case.
func (q *request) confirm(title string, lines []string, question, done string, act func(context.Context, *lifecycle.Case) error) tea.Msg {
	c := q.c
	return app.OpenedMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{Context: c, Title: title, Danger: q.row.Danger, Costs: q.costs, Lines: slices.Concat(q.hidden(), lines, q.skipped()), Question: question}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil && q.costs {
				return app.Send(app.ToldMsg{Text: c.T("buy.declined"), Tone: style.Plain})
			}
			if yes == nil {
				return nil
			}
			return c.Do(func(ctx context.Context) tea.Msg {
				msg, err := q.each(ctx, done, act)
				if err != nil {
					return failedMsg(c, q.row, err)
				}
				return msg
			})
		},
	}
}

func withdraw(q *request) tea.Msg {
	c := q.c
	return q.confirm(c.T("withdraw.title", q.names()), []string{c.T("withdraw.intro")}, c.T("withdraw.question"), "withdraw.done",
		func(ctx context.Context, cs *lifecycle.Case) error {
			return c.Backend.Withdraw(ctx, cs.Instance.ID)
		})
}

// renew shows what the next year costs before it buys it (spec I6).
func renew(q *request) tea.Msg {
	c := q.c
	lines := []string{c.T("renew.intro")}
	for _, cs := range q.cases {
		quote, err := c.Backend.Quote(lifecycle.BuyRequest{Spec: cs.Instance.Spec, Years: max(cs.Instance.Years, 1), Quantity: 1})
		if err != nil {
			return failedMsg(c, q.row, err)
		}
		lines = append(lines, "")
		lines = append(lines, priceLines(c, quote)...)
	}
	lines = append(lines, "", c.T("renew.after"))
	q.costs = true
	return q.confirm(c.T("renew.title", q.names()), lines, c.T("renew.question"), "renew.done", func(ctx context.Context, cs *lifecycle.Case) error {
		_, j, err := c.Backend.Renew(ctx, cs.Instance.ID)
		return q.began(j, err)
	})
}

// reissue makes another version, with the same key, a new one, or the key of a
// signing request (spec I7).
func reissue(q *request) tea.Msg {
	c := q.c
	keys, labels := []string{"same", "new"}, []string{c.T("reissue.same"), c.T("reissue.new")}
	manual := false
	if len(q.cases) == 1 { // a request is for the names of one
		if paths(c) {
			keys, labels = append(keys, csrFile), append(labels, c.T("csr.from.file"))
		}
		keys, labels = append(keys, csrPasted), append(labels, c.T("csr.from.pasted"))
		v := q.cases[0].Instance.Current()
		manual = v != nil && v.KeyID == ""
	}
	csr := func(v form.Values) bool { return v["key"] == csrFile || v["key"] == csrPasted }
	spec := form.Spec{Title: c.T("reissue.title", q.names()), Submit: c.T("reissue.submit"), Intro: slices.Concat(q.hidden(), []string{c.T("reissue.intro")}, q.skipped()),
		Fields: append([]form.Field{{Key: "key", Label: c.T("reissue.key"), Kind: form.Select, Options: fixed(keys, labels),
			Hint: func(v form.Values) string {
				switch {
				case csr(v):
					return c.T("apply.request.manual")
				case manual && v["key"] == "same":
					return c.T("reissue.same.manual")
				}
				return c.T("reissue." + v["key"] + ".hint")
			},
			Warn: func(v form.Values) string {
				if csr(v) {
					return c.T("csr.warning")
				}
				return ""
			}}}, csrFields(c, 0, func(v form.Values) string { return v["key"] })...)}
	return q.formMsg(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		r := lifecycle.ReissueRequest{NewKey: v["key"] == "new"}
		if csr(v) {
			asked, err := csrOf(c, v)
			if err == nil && asked != nil {
				err = bundle.CheckCSRNames(asked, q.cases[0].Instance.Domains())
			}
			if err != nil {
				return nil, asCSR(err)
			}
			if asked == nil {
				return nil, &lifecycle.Invalid{Field: "csr", Why: model.Say("csr.file.needed")}
			}
			r.CSR = asked.Raw
		}
		return q.each(ctx, "reissue.done", func(ctx context.Context, cs *lifecycle.Case) error {
			return q.began(c.Backend.Reissue(ctx, cs.Instance.ID, r))
		})
	})
}

// asCSR puts what is wrong with a signing request beside its field.
func asCSR(err error) error {
	var i *lifecycle.Invalid
	if errors.As(err, &i) {
		return err
	}
	return &lifecycle.Invalid{Field: "csr", Why: model.TextOf(err)}
}

// end closes, revokes or deletes: all three take something away for good, so
// the name must be typed, and what is paid back and what still presents the
// certificate is shown before (spec B5, I4, I5).
func end(q *request) tea.Msg {
	c := q.c
	action := string(q.row.Action)
	word, label := q.cases[0].Instance.Name, "end.typed"
	if len(q.cases) > 1 {
		label = "end.typed.many"
		word = c.T("end.word", action, len(q.cases))
	}
	spec := form.Spec{Title: c.T(action+".title", q.names()), Danger: q.row.Danger, Submit: c.T(action + ".submit"), Intro: q.hidden()}
	if len(q.cases) == 1 {
		if v := q.cases[0].Instance.Current(); v != nil {
			spec.Intro = append(spec.Intro, c.T(action+".intro.serial", widget.Cut(v.Serial, 40)))
		} else {
			spec.Intro = append(spec.Intro, c.T(action+".intro"))
		}
	} else {
		spec.Intro = append(spec.Intro, c.T(action+".intro"))
	}
	spec.Intro = append(spec.Intro, q.skipped()...)
	if q.row.ToRefunded != "" { // may pay something back
		line, err := q.refund()
		if err != nil {
			return failedMsg(c, q.row, err)
		}
		spec.Intro = append(spec.Intro, line)
	}
	if action == string(lifecycle.Revoke) {
		at, err := q.presenting()
		if err != nil {
			return failedMsg(c, q.row, err)
		}
		spec.Intro = append(spec.Intro, at)
		fields, elsewhere := q.versionFields()
		spec.Intro = append(spec.Intro, elsewhere...)
		spec.Fields = append(spec.Fields, form.Field{Key: "reason", Label: c.T("revoke.reason"), Kind: form.Select,
			Options: fixed(lifecycle.RevocationReasons, lifecycle.RevocationReasons),
			Hint:    func(v form.Values) string { return c.Text.Or("reason."+v["reason"], "") }})
		spec.Fields = append(spec.Fields, fields...)
	}
	spec.Fields = append(spec.Fields, form.Field{Key: "typed", Label: c.T(label), Placeholder: word,
		Hint: func(form.Values) string { return c.T("end.typed.hint", word) },
		Valid: func(s string, _ form.Values) string {
			if strings.TrimSpace(s) != word {
				return c.T("end.typed.wrong", word)
			}
			return ""
		}})
	return q.formMsg(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		return q.each(ctx, action+".done", func(ctx context.Context, cs *lifecycle.Case) error {
			id := cs.Instance.ID
			switch q.row.Action {
			case lifecycle.Close:
				return c.Backend.CloseInstance(ctx, id)
			case lifecycle.Revoke:
				return q.began(c.Backend.Revoke(ctx, id, lifecycle.RevokeRequest{Reason: v["reason"], Versions: numbers(v["versions"])}))
			default:
				return c.Backend.Delete(ctx, id)
			}
		})
	})
}

func (q *request) refund() (string, error) {
	var sum lifecycle.RefundPreview
	for _, cs := range q.cases {
		r, err := q.c.Backend.Refund(cs.Instance.ID)
		if err != nil {
			return "", err
		}
		sum.Amount, sum.Currency, sum.Why = sum.Amount+r.Amount, r.Currency, r.Why
	}
	return q.c.T("end.refund", widget.Money(sum.Amount, sum.Currency), q.c.Text.Text(sum.Why)), nil
}

func (q *request) presenting() (string, error) {
	var at []string
	for _, cs := range q.cases {
		rs, _, err := q.c.Backend.Resources(lifecycle.ResourceFilter{Instance: cs.Instance.ID})
		if err != nil {
			return "", err
		}
		for n := range rs {
			if cs.Revokes(&rs[n].Resource) {
				at = append(at, place(&rs[n]))
			}
		}
	}
	if len(at) == 0 {
		return q.c.T("revoke.nowhere"), nil
	}
	return q.c.T("revoke.presented", strings.Join(at, q.c.T("list.join"))), nil
}

// undo takes back what the person has done last, where the rules let one go
// back: hosting switched on, auto-deploy, a filter or marks cleared. Without
// that it is about an application that is not finalized. Otherwise it says what can be undone.
func undo(c *app.Context, t Target) app.Action {
	rows := []*lifecycle.Row{c.Table.Row(lifecycle.Withdraw)}
	row, why := choose(c, rows, t)
	may := c.WhyNot(row.Action) == nil
	if why != nil && may { // not why this one cannot be withdrawn, which nobody asked
		why = app.Because(c.T("undo.nothing"), undoable(c))
	}
	a := app.Action{ID: "undo", Name: text.Called("action.undo"), Binding: app.Keys("u"), Group: app.Certificate, Why: why, Asks: true}
	ids := t.IDs
	if u := c.Undo; u != nil {
		run, rank := u.Run, app.Second
		switch {
		case u.Brief:
			rank = app.Fourth + 1
		case !c.Now.Before(u.Until):
			rank = app.Never
		}
		return app.Action{ID: "undo", Name: text.Called("undo.label", u.What), Binding: app.Keys("u"), Group: app.Certificate, Footer: rank, Asks: !u.Brief, Run: func() tea.Cmd {
			c.Undo = nil
			return run()
		}}
	}
	a.Run = func() tea.Cmd {
		return c.Do(func(context.Context) tea.Msg {
			var cs *lifecycle.Case
			var r *lifecycle.Refusal
			switch {
			case len(ids) == 0:
				r = c.Table.Check(row.Action, c.Nothing())
			default:
				var err error
				if cs, err = c.Backend.Case(ids[0]); err != nil {
					return failedMsg(c, row, err)
				}
				r = c.Table.Check(row.Action, cs)
			}
			if r == nil {
				return prepare(c, rows, Target{IDs: ids})()
			}
			return app.OpenedMsg{Make: func() app.Dialog {
				d := dialog.Refused(c, r, "")
				if may {
					d.Parts, d.Choices = []dialog.Part{{Lines: []string{c.T("undo.nothing")}}}, nil
				}
				d.Title = c.T("undo.title")
				d.Parts = append(d.Parts, dialog.Part{Head: c.T("undo.what"), Lines: []string{undoable(c)}})
				return d
			}}
		})
	}
	return a
}

// undoable says what can be undone, and what leads on where nothing can be.
func undoable(c *app.Context) string {
	return c.T("undo.can", c.KeyOf(lifecycle.Withdraw), c.KeyOf(lifecycle.Deploy), c.KeyOf(lifecycle.Buy))
}
