package action

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/outbox"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// listedNotices is how many notices are read and listed at most, the newest.
const listedNotices = 200

// Keys of the list of notices.
const (
	failedKey  = "f"
	deliverKey = "R"
)

// showNotices lists what was sent to whom, and what could not be delivered and why;
// failed leaves out all that was delivered.
func showNotices(c *app.Context, failed bool) tea.Cmd { return noticesAt(c, failed, 0) }

func noticesAt(c *app.Context, failed bool, cursor int) tea.Cmd {
	return c.Do(func(context.Context) tea.Msg {
		all, err := c.Backend.Notices(outbox.NoticeFilter{Failed: failed, Limit: listedNotices})
		if err != nil {
			return c.LoadFailed(err)
		}
		title, empty, filter := c.T("notices.title"), c.T("verb.notices.none"), c.T("notices.failed")
		if failed {
			title, empty, filter = c.T("notices.title.failed"), c.T("notices.none.failed"), c.T("notices.all")
		}
		return app.OpenDialogMsg{
			Make: func() app.Dialog {
				d := &dialog.List{
					Context: c, Title: title, Empty: empty, At: cursor,
					Keys: []dialog.ListKey{{Key: failedKey, Label: filter, Bare: true}},
				}
				if len(all) > 0 {
					d.Keys = append(
						d.Keys, dialog.ListKey{Key: retryKey, Label: c.T("tasks.test")},
						dialog.ListKey{Key: deliverKey, Label: c.T("notices.retry"), Bare: true},
					)
				}
				for n := range all {
					d.Entries = append(d.Entries, noticeEntry(c, &all[n]))
				}
				return d
			},
			Then: func(v any) tea.Cmd {
				switch v := v.(type) {
				case model.Notice:
					return readNotice(c, &v, func() tea.Cmd { return noticesAt(c, failed, indexOf(all, v.ID)) })
				case dialog.Pressed:
					n, _ := v.Value.(model.Notice)
					return pressedInNotices(c, v.Key, &n, failed, indexOf(all, n.ID))
				}
				return nil
			},
		}
	})
}

func indexOf(all []model.Notice, id model.ID) int {
	for n := range all {
		if all[n].ID == id {
			return n
		}
	}
	return 0
}

// pressedInNotices does what a key of the list does, and lists the notices again.
func pressedInNotices(c *app.Context, key string, n *model.Notice, failed bool, cursor int) tea.Cmd {
	again := func(failed bool, do func(context.Context) tea.Msg) tea.Cmd {
		return tea.Sequence(c.Do(do), noticesAt(c, failed, cursor))
	}
	action, do := rules.Action("retry"), func(ctx context.Context) tea.Msg {
		made, err := c.Backend.RetryNotices(ctx)
		if err != nil {
			return failedMsg(c, &rules.Transition{Action: "retry"}, err)
		}
		return app.ToastMsg{Text: c.T("notices.retried", made), Tone: style.Busy}
	}
	switch key {
	case failedKey:
		return noticesAt(c, !failed, 0)
	case retryKey:
		action, do = "contact", func(ctx context.Context) tea.Msg { return testContact(ctx, c, n.Contact) }
	}
	if f := c.Backend.May(action); f != nil {
		do = func(context.Context) tea.Msg { return refusedMsg(c, f, nil) }
	}
	return again(failed, do)
}

// noticeEntry shows a notice: what it was about and to whom, and its delivery.
func noticeEntry(c *app.Context, n *model.Notice) dialog.Entry {
	glyph := "●"
	switch {
	case n.Failed():
		glyph = "✕"
	case n.Open():
		glyph = "◔"
	}
	head := c.Text.Term("notice", string(n.Kind))
	if n.Name != "" {
		head = n.Name + ": " + head
	}
	delivery := c.Mark(glyph) + text.Clean(c.T("notices.to", n.To, c.Text.Text(outbox.State(n))))
	return dialog.Entry{Head: head, Meta: widget.Stamp(n.At), Lines: []string{delivery}, Value: *n}
}

// readNotice shows a notice in full; then returns to the list.
func readNotice(c *app.Context, n *model.Notice, back func() tea.Cmd) tea.Cmd {
	lines := strings.Split(strings.TrimRight(text.Clean(n.Subject)+"\n\n"+cleanLines(n.Text), "\n"), "\n")
	delivery := []string{c.T("notices.to", text.Clean(n.To), c.Text.Text(outbox.State(n)))}
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Notice{
				Context: c, Title: c.T("notices.one"), Tone: style.Accent,
				Sections: []dialog.Section{{Lines: lines}, {Head: c.T("notices.delivery"), Lines: delivery}},
			}
		},
		Then: func(any) tea.Cmd { return back() },
	})
}

// cleanLines escapes text from outside and keeps its lines.
func cleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for n := range lines {
		lines[n] = text.Clean(lines[n])
	}
	return strings.Join(lines, "\n")
}
