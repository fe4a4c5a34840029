package action

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/style"
	"certquay/ui/text"
)

// explain answers why a certificate is in the state it is in (spec V3).
func explain(c *app.Context, t Target) app.Action {
	a := app.Action{
		ID:          "explain",
		Name:        text.NewName("action.explain"),
		Binding:     app.Keys("x"),
		Group:       app.Certificate,
		Footer:      app.RankIf(app.Second+app.Rank(len(footerOrder)), len(t.IDs) > 0),
		OpensDialog: true,
	}
	if len(t.IDs) == 0 {
		a.Disabled = app.Disabled(
			c.T("explain.none"), c.T("explain.none.hint"),
			app.KeyHint{Key: c.KeyOf(rules.Buy), Label: c.T("action.buy")},
		)
		return a
	}
	id := t.IDs[0]
	if t.Case != nil {
		id = t.Case.Instance.ID
	}
	a.Run = func() tea.Cmd {
		return c.Do(func(context.Context) tea.Msg {
			i, err := c.Backend.Instance(id)
			if err != nil {
				return failedMsg(c, &rules.Transition{Action: "explain"}, err)
			}
			e, err := c.Backend.Explain(id)
			if err != nil {
				return failedMsg(c, &rules.Transition{Action: "explain"}, err)
			}
			return app.OpenDialogMsg{Make: func() app.Dialog {
				return &dialog.Notice{Context: c, Title: c.T("explain.title", i.Name), Tone: style.Accent,
					Sections: append(Explained(c, e), dialog.Section{Lines: ruleIDs(c, e), Tone: style.Muted})}
			}}
		})
	}
	return a
}

// Explained are the parts of an explanation: the state, why it is so, what happens next
// and what a person can do now. Parts without lines are left out.
func Explained(c *app.Context, e rules.Explanation) []dialog.Section {
	parts := []dialog.Section{{Lines: []string{c.Text.Text(e.State)}, Tone: style.Strong}}
	for _, part := range []dialog.Section{
		{Head: c.T("explain.why"), Lines: bullets(c, statements(c, e.Why))},
		{Head: c.T("explain.next"), Lines: bullets(c, statements(c, e.Next))},
		{Head: c.T("explain.can"), Lines: allowedActions(c, e.Allowed)},
	} {
		if len(part.Lines) > 0 {
			parts = append(parts, part)
		}
	}
	return parts
}

// allowedActions are what a person can do now, by the keys of the dashboard.
func allowedActions(c *app.Context, as []rules.Action) []string {
	var keys []string
	for _, a := range as {
		label := c.Text.Lookup("action."+string(a), string(a))
		if k := c.KeyOf(a); k != "" {
			label = k + " " + label
		}
		keys = append(keys, label)
	}
	if len(keys) == 0 {
		return nil
	}
	return []string{c.Mark("•") + strings.Join(keys, c.T("comma"))}
}

// ruleIDs says what the identifiers of rules in an explanation mean.
func ruleIDs(c *app.Context, e rules.Explanation) []string {
	if len(e.Why) == 0 {
		return nil
	}
	return []string{"", c.T("explain.rules")}
}

// statements are sentences of the engine in the language of the session.
func statements(c *app.Context, ls []rules.Statement) []string {
	out := make([]string, len(ls))
	for i, l := range ls {
		out[i] = c.Statement(l)
	}
	return out
}

func bullets(c *app.Context, ls []string) []string {
	out := make([]string, len(ls))
	for i, l := range ls {
		out[i] = c.Mark("•") + l
	}
	return out
}
