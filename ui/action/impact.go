package action

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// ImpactKey shows everything that falls with what is under the cursor.
const ImpactKey = "I"

// impactActions are those that can be started for everything that falls.
var impactActions = []rules.Action{rules.Renew, rules.Rekey, rules.Reissue, rules.Reorder, rules.Revoke, rules.Deploy}

// impact is the action that shows what falls with the certificate, version or resource
// under the cursor.
func impact(c *app.Context, t Target) app.Action {
	a := app.Action{
		ID: "impact", Name: text.NewName("action.impact"), Binding: app.Keys(ImpactKey), Group: app.Certificate, OpensDialog: true,
	}
	if len(t.IDs) == 0 && len(t.Resources) == 0 {
		a.Disabled = app.Disabled(
			c.T("impact.nothing"), c.T("impact.nothing.hint"), app.KeyHint{Key: c.KeyOf(rules.Buy), Label: c.T("action.buy")},
		)
		return a
	}
	kind, name := lifecycle.ImpactOfInstance, ""
	if len(t.Resources) > 0 {
		kind, name = lifecycle.ImpactOfResource, string(t.Resources[0].ID)
	} else {
		name = string(t.IDs[0])
		if t.Case != nil {
			if v := t.Case.Instance.Version(t.Version); v != nil && v.SPKI != "" {
				kind, name = lifecycle.ImpactOfKey, v.SPKI
			}
		}
	}
	a.Run = func() tea.Cmd { return showImpact(c, kind, name) }
	return a
}

// showImpact lists what falls with something. Actions are started for all of it.
func showImpact(c *app.Context, kind lifecycle.ImpactKind, name string) tea.Cmd {
	return c.Do(func(ctx context.Context) tea.Msg {
		im, err := c.Backend.Impact(ctx, kind, name)
		if err != nil {
			return failedMsg(c, &rules.Transition{Action: "impact"}, err)
		}
		return app.OpenDialogMsg{
			Make: func() app.Dialog { return impactList(c, &im) },
			Then: func(v any) tea.Cmd { return impactChosen(c, &im, v) },
		}
	})
}

// impactList lists the instances that fall, then the resources and the watches.
func impactList(c *app.Context, im *lifecycle.Impact) app.Dialog {
	name := text.Clean(im.Name)
	if im.Kind == lifecycle.ImpactOfInstance && len(im.Instances) == 1 {
		name = text.Clean(im.Instances[0].Name)
	} else if len(name) > 20 {
		name = name[:12] + "…"
	}
	d := &dialog.List{Context: c, Title: c.T("impact.title", name), Empty: c.T("impact.empty")}
	if len(im.IDs) > 0 {
		d.Note = c.T("impact.all", len(im.IDs))
		for _, a := range impactActions {
			if k := c.KeyOf(a); app.IsKey(k) {
				d.Keys = append(d.Keys, dialog.ListKey{Key: k, Label: c.T("action." + string(a)), Bare: true})
			}
		}
	}
	group := func(code string, n int, lines ...string) {
		if n > 0 {
			d.Entries = append(d.Entries, dialog.Entry{Head: c.T(code, n), Lines: lines})
		}
	}
	var products []string
	for _, p := range im.Products {
		products = append(products, c.Fact(text.Clean(p.Name), widget.Count(p.Instances)))
	}
	group("impact.group.instances", len(im.IDs), append(productLine(c, products), issuerLine(c, im.Issuers)...)...)
	for n := range im.Instances {
		i := &im.Instances[n]
		said := []string{c.Text.Lookup("label."+string(i.State), string(i.State))}
		if len(i.Versions) > 0 {
			said = append(said, c.T("impact.versions", joinNumbers(c, i.Versions)))
		}
		if !i.NotAfter.IsZero() {
			said = append(said, c.T("impact.until", i.NotAfter.UTC().Format(time.DateOnly)))
		}
		if i.Deployed > 0 {
			said = append(said, c.T("impact.resources", i.Deployed))
		}
		d.Entries = append(
			d.Entries,
			dialog.Entry{Head: c.Mark("•") + text.Clean(i.Name), Meta: strings.Join(said, c.Separator()), Value: i.ID},
		)
	}
	group("impact.group.resources", im.Deployed)
	for n := range im.Resources {
		r := &im.Resources[n]
		st := style.StatusOfServer(string(r.State))
		d.Entries = append(d.Entries, dialog.Entry{
			Head: c.Mark(
				st.Glyph,
			) + text.Clean(
				r.Place(),
			),
			Meta:  c.Text.Lookup("label."+string(r.State), string(r.State)),
			Value: r.Instance,
		})
	}
	group("impact.group.watches", len(im.Watches))
	for n := range im.Watches {
		w := &im.Watches[n]
		d.Entries = append(
			d.Entries,
			dialog.Entry{Head: c.Mark("•") + text.Clean(w.Address), Meta: c.Text.Lookup("watch."+w.State(), w.State())},
		)
	}
	if im.More {
		d.Entries = append(d.Entries, dialog.Entry{Head: c.T("impact.listed", lifecycle.MaxImpact)})
	}
	return d
}

func productLine(c *app.Context, products []string) []string {
	if len(products) == 0 {
		return nil
	}
	return []string{c.T("impact.products", strings.Join(products, c.T("list.join")))}
}

func issuerLine(c *app.Context, issuers []string) []string {
	if len(issuers) == 0 {
		return nil
	}
	return []string{c.T("impact.issuers", strings.Join(issuers, c.T("list.join")))}
}

func joinNumbers(c *app.Context, numbers []int) string {
	words := make([]string, len(numbers))
	for n, number := range numbers {
		words[n] = strconv.Itoa(number)
	}
	return strings.Join(words, c.T("comma"))
}

// impactChosen opens what the person chose, or starts an action for everything that falls,
// as if all of it were marked.
func impactChosen(c *app.Context, im *lifecycle.Impact, v any) tea.Cmd {
	switch v := v.(type) {
	case model.ID:
		if v != "" {
			return app.Send(app.ShowInstanceMsg{ID: v})
		}
	case dialog.Pressed:
		n := slices.IndexFunc(impactActions, func(a rules.Action) bool { return c.KeyOf(a) == v.Key })
		if n >= 0 {
			return prepare(c, rowsOf(c.Table, app.DefaultKey(c.Table.Transition(impactActions[n]))), Target{IDs: im.IDs})
		}
	}
	return nil
}
