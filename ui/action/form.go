package action

import (
	"context"
	"errors"
	"slices"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/rules"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
)

// fieldOf tells beside which field of a form a refusal belongs.
var fieldOf = map[rules.Reason]string{
	rules.ReasonNotForSale: "type", rules.ReasonQuantity: "quantity", rules.ReasonYears: "years",
	rules.ReasonRegion: "regions", rules.ReasonNoRegion: "regions",
	rules.ReasonNotCovered: "resources", rules.ReasonNoTarget: "resources", rules.ReasonCertificate: "files",
	rules.ReasonDuplicate: "files", rules.ReasonNameTaken: "name", rules.ReasonChanged: "",
	rules.ReasonPackQuantity: "quantity", rules.ReasonNoUnits: "pay", rules.ReasonFromPack: "pay", rules.ReasonHostingYears: "hosting",
	rules.ReasonDocument: "document", rules.ReasonDocuments: "document",
	rules.ReasonHostingPacks: "hosting packs",
}

// formMsg opens a form. When the engine rejects its values, the form opens again,
// filled in, with the reason beside the field.
func (q *request) formMsg(spec form.Spec, send func(ctx context.Context, v form.Values) (tea.Msg, error)) tea.Msg {
	return q.formThen(spec, send, nil)
}

// formThen is formMsg with what to do when the form is cancelled; nil for nothing.
func (q *request) formThen(
	spec form.Spec, send func(ctx context.Context, v form.Values) (tea.Msg, error), left func(form.Cancelled) tea.Cmd,
) tea.Msg {
	c := q.c
	var then func(any) tea.Cmd
	then = func(value any) tea.Cmd {
		if x, ok := value.(form.Cancelled); ok && left != nil {
			return left(x)
		}
		v, ok := value.(form.Values)
		if !ok {
			return nil
		}
		return c.Do(func(ctx context.Context) tea.Msg {
			msg, err := send(ctx, v)
			if err == nil {
				return draftSentMsg{id: spec.ID, then: msg}
			}
			field, message, ok := fieldError(c, err)
			if !ok {
				return failedMsg(c, q.row, err)
			}
			return app.OpenDialogMsg{Then: then, Make: func() app.Dialog {
				return form.New(c, spec).Restore(v).WithError(field, message)
			}}
		})
	}
	return app.OpenDialogMsg{Then: then, Make: func() app.Dialog { return form.New(c, spec) }}
}

// fieldError returns the field and the text of an error that the person can correct in
// the form; ok is false for any other error.
func fieldError(c *app.Context, err error) (field, message string, ok bool) {
	var v *rules.Invalid
	if errors.As(err, &v) {
		return v.Field, c.FormatInvalid(v), true
	}
	var b *bundle.Error
	if errors.As(err, &b) {
		return "files", c.FormatError(b), true
	}
	var r *rules.Refusal
	if errors.As(err, &r) {
		field, ok = fieldOf[r.Reason]
		if r.Action == rules.Apply && r.Reason == rules.ReasonNoUnits {
			field = "hosting packs"
		}
		return field, c.FormatRefusalWithHint(r), ok
	}
	return "", "", false
}

// draftSentMsg says that what a form held was accepted: its draft is deleted, then the
// message inside is handled.
type draftSentMsg struct {
	id   string
	then tea.Msg
}

// Handle does what a message of this package asks for and returns the message to go on
// with. The root calls it for every message.
func Handle(c *app.Context, msg tea.Msg) tea.Msg {
	if m, ok := msg.(draftSentMsg); ok {
		delete(c.Drafts, m.id)
		return m.then
	}
	return msg
}

// confirm asks before acting on every allowed case.
func (q *request) confirm(title string, lines []string, question, done string, act func(context.Context, *rules.Facts) error) tea.Msg {
	c := q.c
	return app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{
				Context:  c,
				Title:    title,
				Danger:   q.row.Severity,
				Costs:    q.spends,
				Lines:    slices.Concat(q.hiddenLines(), lines, q.skippedLines()),
				Question: question,
			}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil && q.spends {
				return app.Send(app.ToastMsg{Text: c.T("buy.declined"), Tone: style.Normal})
			}
			if yes == nil {
				return nil
			}
			return c.Do(func(ctx context.Context) tea.Msg {
				msg, err := q.forEach(ctx, done, act)
				if err != nil {
					return failedMsg(c, q.row, err)
				}
				return msg
			})
		},
	}
}
