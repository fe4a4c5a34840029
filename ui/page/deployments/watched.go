package deployments

import (
	"context"
	"errors"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/list"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// watched is the sub-tab after those of the products: endpoints that certquay does not
// manage but watches (spec N3).
type watched struct {
	c    *app.Context
	list *list.Browser[model.Watch]
}

func newWatched(c *app.Context) *watched {
	w := &watched{c: c}
	w.list = list.NewBrowser(c, watchedColumns(c), func(r model.Watch) string { return string(r.ID) }, list.Source[model.Watch]{
		Name:      "watched",
		Rows:      w.rows,
		Instance:  func(model.Watch) model.ID { return "" },
		Sorts:     watchSorts,
		EmptyList: "watch.none", FilterHint: "watch.hint",
	})
	return w
}

// actions are the keys of the sub-tab; those on its rows do nothing in the others.
func (w *watched) actions(here bool) app.Actions {
	c := w.c
	some := here && w.list.Table.Total() > 0
	as := app.Actions{
		{
			ID:          "watch-add",
			Name:        text.NewName("act.watch.add"),
			Binding:     app.Keys("+"),
			Group:       app.View,
			Hidden:      !here,
			OpensDialog: true,
			Footer:      app.RankIf(app.First, here),
			Run:         w.add,
		},
		{
			ID:          "verify",
			Name:        text.NewName("act.watch.look"),
			Binding:     app.Keys("V"),
			Group:       app.View,
			Hidden:      !some,
			OpensDialog: true,
			Footer:      app.RankIf(app.First, some),
			Run:         w.check,
		},
		{
			ID:          "delete",
			Name:        text.NewName("act.watch.remove"),
			Binding:     app.Keys("ctrl+x"),
			Group:       app.View,
			Danger:      rules.SeverityCaution,
			Hidden:      !some,
			OpensDialog: true,
			Footer:      app.RankIf(app.First, some),
			Run:         w.remove,
		},
	}
	why := c.MayNot("watch")
	for n := range as {
		as[n] = as[n].DisableIf(why)
	}
	return as
}

func (w *watched) copy() tea.Cmd {
	r, ok := w.list.Table.Selected()
	if !ok {
		return nil
	}
	return app.Send(app.CopyMsg{What: w.c.T("copy.address"), Text: r.Address})
}

func (w *watched) check() tea.Cmd {
	r, ok := w.list.Table.Selected()
	if !ok {
		return nil
	}
	c := w.c
	return c.Do(func(ctx context.Context) tea.Msg {
		told, err := checkWatch(ctx, c, r.ID)
		if err != nil {
			return c.LoadFailed(err)
		}
		return told
	})
}

// checkWatch probes an endpoint and returns a toast about the result.
func checkWatch(ctx context.Context, c *app.Context, id model.ID) (app.ToastMsg, error) {
	seen, err := c.Backend.CheckWatch(ctx, id)
	switch {
	case err != nil:
		return app.ToastMsg{}, err
	case seen.Error != "":
		return app.ToastMsg{Text: c.T("watch.silent", seen.Address, c.Text.Text(seen.Error)), Tone: style.Warn}, nil
	}
	return app.ToastMsg{Text: c.T("watch.looked", seen.Address, watchText(c, &seen)), Tone: style.StatusOfServer(seen.State()).Tone}, nil
}

func (w *watched) remove() tea.Cmd {
	r, ok := w.list.Table.Selected()
	if !ok {
		return nil
	}
	c := w.c
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{
				Context:  c,
				Title:    c.T("act.watch.remove"),
				Danger:   rules.SeverityCaution,
				Lines:    []string{c.T("watch.remove.says")},
				Question: r.Address,
			}
		},
		Then: func(v any) tea.Cmd {
			if yes, ok := v.(bool); !ok || !yes {
				return nil
			}
			return c.Do(func(ctx context.Context) tea.Msg {
				if err := c.Backend.RemoveWatch(ctx, r.ID); err != nil {
					return c.LoadFailed(err)
				}
				return app.ToastMsg{Text: c.T("watch.removed", r.Address), Tone: style.Good}
			})
		},
	})
}

// add asks for an endpoint to watch.
func (w *watched) add() tea.Cmd {
	c := w.c
	return c.Do(func(context.Context) tea.Msg {
		people, err := c.Backend.Contacts()
		if err != nil {
			return c.LoadFailed(err)
		}
		spec := form.Spec{Title: c.T("watch.title"), Submit: c.T("watch.submit"), Fields: []form.Field{
			{
				Key:         "address",
				Label:       c.T("watch.address"),
				Placeholder: "www.example.com:443",
				Hint:        func(form.Values) string { return c.T("watch.address.hint") },
			},
			{
				Key:         "name",
				Label:       c.T("watch.name"),
				Placeholder: c.T("optional"),
				Hint:        func(form.Values) string { return c.T("watch.name.hint") },
			},
			{Key: "contact", Label: c.T("watch.contact"), Kind: form.Select, Options: func(form.Values) []form.Option {
				os := []form.Option{{Label: c.T("watch.contact.default")}}
				for _, k := range people {
					os = append(os, form.Option{Value: string(k.ID), Label: k.Name})
				}
				return os
			}},
		}}
		return app.OpenDialogMsg{Make: func() app.Dialog { return form.New(c, spec) }, Then: addThen(c, spec)}
	})
}

// addedMsg reports that an endpoint was added to the watched ones.
type addedMsg struct{ made model.Watch }

// added selects the new row and shows the result of the first probe.
func (w *watched) added(m addedMsg) tea.Cmd {
	c := w.c
	w.list.Table.SelectID(string(m.made.ID))
	return tea.Batch(
		w.list.Load(),
		app.Send(app.ToastMsg{Text: c.T("watch.added", m.made.Address), Tone: style.Good, Await: func(ctx context.Context) app.ToastMsg {
			told, err := checkWatch(ctx, c, m.made.ID)
			if err != nil {
				return app.ToastMsg{Text: c.FormatError(err), Tone: style.Bad}
			}
			return told
		}}),
	)
}

func addThen(c *app.Context, spec form.Spec) func(any) tea.Cmd {
	return func(value any) tea.Cmd {
		v, ok := value.(form.Values)
		if !ok {
			return nil
		}
		return c.Do(func(ctx context.Context) tea.Msg {
			made, err := c.Backend.AddWatch(ctx, v["address"], v["name"], model.ID(v["contact"]))
			field, why := "address", ""
			var inv *rules.Invalid
			var ref *rules.Refusal
			switch {
			case err == nil:
				return addedMsg{made}
			case errors.As(err, &inv):
				field, why = inv.Field, c.FormatInvalid(inv)
			case errors.As(err, &ref):
				why = c.FormatRefusal(ref)
			default:
				return c.LoadFailed(err)
			}
			return app.OpenDialogMsg{Then: addThen(c, spec), Make: func() app.Dialog {
				return form.New(c, spec).Restore(v).WithError(field, text.Clean(why))
			}}
		})
	}
}

// details shows what is known about the selected endpoint.
func (w *watched) details() tea.Cmd {
	r, ok := w.list.Table.Selected()
	if !ok {
		return nil
	}
	c := w.c
	st := style.StatusOfServer(r.State())
	lines := []string{watchText(c, &r)}
	add := func(label, value string) {
		if value != "" {
			lines = append(lines, widget.JoinCJK(c.T(label), text.Clean(value)))
		}
	}
	add("watch.because", c.Text.Text(r.Detail))
	add("watch.silence", c.Text.Text(r.Error))
	about := []string{}
	for _, l := range [][2]string{
		{"watch.name", r.Name}, {"watch.subject", r.Subject}, {"watch.issuer", r.Issuer}, {"watch.sha256", r.Fingerprint},
	} {
		if l[1] != "" {
			about = append(about, c.T(l[0])+c.T("colon")+text.Clean(l[1]))
		}
	}
	if !r.NotAfter.IsZero() {
		about = append(about, c.T("watch.until")+c.T("colon")+r.NotAfter.UTC().Format("2006-01-02 15:04:05Z"))
	}
	return app.Send(app.OpenDialogMsg{Make: func() app.Dialog {
		return &dialog.Notice{
			Context:  c,
			Title:    r.Address,
			Tone:     st.Tone,
			Sections: []dialog.Section{{Tone: st.Tone, Lines: lines}, {Tone: style.Normal, Head: c.T("watch.presents"), Lines: about}},
		}
	}, Then: func(any) tea.Cmd { return nil }})
}
