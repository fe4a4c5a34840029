package action

import (
	"context"
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
	"certquay/ui/text"
)

// verbWidth is how wide the output of a verb is shown at most.
const verbWidth = 180

// verbActions lists what only verbs do, whose output is shown here. They are in the
// palette only.
func verbActions(c *app.Context) app.Actions {
	verb := func(id string, run func() tea.Cmd) app.Action {
		return app.Action{
			ID: id, Name: text.NewName("act." + id), Group: app.Program, OpensDialog: true, Hidden: c.Verb == nil, Run: run,
		}
	}
	backUp := verb("backup", func() tea.Cmd { return backUp(c) })
	if c.Save == nil {
		backUp = backUp.DisableIf(app.Disabled(c.T("backup.remote"), c.T("backup.remote.hint")))
	}
	return app.Actions{
		verb("check", func() tea.Cmd { return checkServer(c) }),
		verb("ca", func() tea.Cmd { return showCA(c) }),
		backUp,
		verb("config", func() tea.Cmd { return showVerb(c, nil, nil, "config") }),
	}
}

// showVerb runs a verb and shows what it said, with keys that are given to then.
func showVerb(c *app.Context, keys []key.Binding, then func(any) tea.Cmd, args ...string) tea.Cmd {
	width := min(c.Width-2, verbWidth)
	return c.Do(func(ctx context.Context) tea.Msg { return verbMsg(ctx, c, width, keys, then, args...) })
}

func verbMsg(ctx context.Context, c *app.Context, width int, keys []key.Binding, then func(any) tea.Cmd, args ...string) tea.Msg {
	said, ok := c.Verb(ctx, width-4, args...) // beside the border
	tone := style.Accent
	if !ok {
		tone = style.Warn
	}
	return app.OpenDialogMsg{Then: then, Make: func() app.Dialog {
		return &dialog.Notice{
			Context: c, Title: "certquay " + strings.Join(args, " "), Tone: tone, Choices: keys, MaxWidth: width,
			Sections: []dialog.Section{{Lines: strings.Split(strings.TrimRight(said, "\n"), "\n")}},
		}
	}}
}

// showCA shows the authorities of the embedded CA; a key shows the root as PEM.
func showCA(c *app.Context) tea.Cmd {
	root := c.Bind(c.T("ca.root"), "p")
	return showVerb(c, []key.Binding{root}, func(v any) tea.Cmd {
		if v == nil {
			return nil
		}
		return showVerb(c, nil, nil, "ca", "root")
	}, "ca", "show")
}

// checkServer asks for the address of a TLS server and shows what it presents. Nothing is
// kept.
func checkServer(c *app.Context) tea.Cmd {
	q, width := &request{c: c, row: &rules.Transition{Action: "check"}}, min(c.Width-2, verbWidth)
	return app.Send(q.formMsg(form.Spec{
		Title: c.T("check.title"), Intro: []string{c.T("check.intro")}, Submit: c.T("check.submit"),
		Fields: []form.Field{
			{Key: "address", Label: c.T("check.address"), Placeholder: "www.example.com:443", Valid: needed(c, "check.address.needed")},
			{Key: "name", Label: c.T("check.name"), Placeholder: c.T("check.name.same")},
		},
	}, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		args := []string{"check", strings.TrimSpace(v["address"])}
		if name := strings.TrimSpace(v["name"]); name != "" {
			args = append(args, "--name", name)
		}
		return verbMsg(ctx, c, width, nil, nil, args...), nil
	}))
}

// backUp asks for a file and for whom it is encrypted, and saves the store into it.
func backUp(c *app.Context) tea.Cmd {
	q, width := &request{c: c, row: &rules.Transition{Action: "backup"}}, min(c.Width-2, verbWidth)
	oneOf := func(_ string, v form.Values) string {
		if (strings.TrimSpace(v["recipient"]) == "") == (strings.TrimSpace(v["passphrase"]) == "") {
			return c.T("backup.for.needed")
		}
		return ""
	}
	return app.Send(q.formMsg(form.Spec{
		Title: c.T("backup.title"), Intro: []string{c.T("backup.intro")}, Submit: c.T("backup.submit"),
		Fields: []form.Field{
			{Key: "file", Label: c.T("backup.file"), Placeholder: "/mnt/usb/certquay.backup", Valid: needed(c, "backup.file.needed")},
			{Key: "recipient", Label: c.T("backup.recipient"), Placeholder: "age1...", Valid: oneOf,
				Hint: func(form.Values) string { return c.T("backup.recipient.hint") }},
			{Key: "passphrase", Label: c.T("backup.passphrase-file"), Placeholder: c.T("optional"),
				Hint: func(form.Values) string { return c.T("backup.passphrase-file.hint") }},
		},
	}, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		file := strings.TrimSpace(v["file"])
		if c.CompletePath != nil && slices.Contains(c.CompletePath(file), file) {
			return nil, &rules.Invalid{Field: "file", Why: model.Quoted("", c.T("backup.file.exists"))}
		}
		args := []string{"backup", file}
		if to := strings.TrimSpace(v["recipient"]); to != "" {
			args = append(args, "--recipient", to)
		} else {
			args = append(args, "--passphrase-file", strings.TrimSpace(v["passphrase"]))
		}
		return verbMsg(ctx, c, width, nil, nil, args...), nil
	}))
}

// needed is the check of a field that must not be empty; the text of code says so.
func needed(c *app.Context, code string) func(string, form.Values) string {
	return func(s string, _ form.Values) string {
		if strings.TrimSpace(s) == "" {
			return c.T(code)
		}
		return ""
	}
}
