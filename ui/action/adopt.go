package action

import (
	"context"
	"maps"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
	"certquay/ui/text"
)

// keepBrand is the choice that nobody renews what is adopted.
const keepBrand = "\x00keep"

// plan shows what adopting would change, or asks what the plan leaves open and adopts.
func (d *Discovery) plan(adopt bool) tea.Cmd {
	c, ids := d.c, d.chosen()
	if len(ids) == 0 {
		return nil
	}
	return c.Do(func(ctx context.Context) tea.Msg {
		r := lifecycle.AdoptRequest{Findings: ids}
		plan, err := c.Backend.PlanAdopt(ctx, r)
		if err != nil {
			return failedMsg(c, adoptRow, err)
		}
		if _, good := adoptLines(c, plan); !adopt || good == 0 {
			return d.planNotice(plan)
		}
		if !slices.ContainsFunc(
			plan,
			func(a lifecycle.Adopted) bool { return a.Err == nil && len(a.Places) > 0 && !a.Instance.Hosting.On },
		) {
			return d.confirm(r, plan, nil) // nothing that could be renewed
		}
		return d.askRenewal(ids, plan)
	})
}

func (d *Discovery) planNotice(plan []lifecycle.Adopted) tea.Msg {
	c := d.c
	lines, _ := adoptLines(c, plan)
	return app.OpenDialogMsg{Make: func() app.Dialog {
		return &dialog.Notice{
			Context: c, Title: c.T("discovery.plan"), Tone: style.Accent, Sections: []dialog.Section{{Lines: lines}},
		}
	}}
}

// askRenewal asks by whom and for whom what is adopted is renewed. What adopting would choose
// by itself is filled in, and what it does with the choice stands below.
func (d *Discovery) askRenewal(ids []string, plan []lifecycle.Adopted) tea.Msg {
	c := d.c
	contacts, err := c.Backend.Contacts()
	if err != nil {
		return failedMsg(c, adoptRow, err)
	}
	_, good := adoptLines(c, plan)
	brands := slices.Sorted(maps.Keys(c.Backend.Issuers()))
	values := slices.Concat([]string{""}, brands, []string{keepBrand})
	labels := slices.Concat([]string{c.T("discovery.brand.found", d.brands(ids))}, brands, []string{c.T("discovery.brand.keep")})
	untold := !slices.ContainsFunc(plan, func(a lifecycle.Adopted) bool {
		return a.Err == nil && (a.Instance.Spec.Level != "" || a.Finding.Keeper.Client != "") // else one answer holds for all
	})
	renewed := func(v form.Values) bool { return v["brand"] != keepBrand }
	fields := append([]form.Field{{
		Key: "brand", Label: c.T("discovery.brand"), Kind: form.Select, Options: fixedOptions(values, labels),
		Hint: func(form.Values) string { return c.T("discovery.brand.hint") },
	}, {
		Key: "level", Label: c.T("buy.level"), Kind: form.Select, Show: func(v form.Values) bool { return untold && renewed(v) },
		Options: func(form.Values) []form.Option { return offeredOptions(c, "level", model.Levels) },
		Hint:    func(form.Values) string { return c.T("discovery.level.hint") },
	}}, contactFields(c, contacts, contactChoice{Show: renewed, Needed: always})...)
	wanted := func(v form.Values) lifecycle.AdoptRequest {
		r := lifecycle.AdoptRequest{Findings: ids, Keep: !renewed(v)}
		if !r.Keep {
			r.Host.Spec.Brand, r.Host.Contact = v["brand"], model.ID(v["contact"])
			r.Host.Spec.Level = model.Level(v["level"])
		}
		return r
	}
	q := &request{c: c, row: adoptRow}
	return q.formThen(form.Spec{
		Title: c.T("discovery.adopt", good), Submit: c.T("discovery.key.adopt"), Intro: []string{c.T("discovery.adopt.intro")},
		Fields: fields, Preview: func(v form.Values) func() form.Preview {
			return func() form.Preview { return d.previewAdopt(wanted(v)) }
		},
	}, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		r := wanted(v)
		plan, err := c.Backend.PlanAdopt(ctx, r)
		if err != nil {
			return nil, err
		}
		return d.confirm(r, plan, func(ctx context.Context) (id model.ID, err error) {
			if r.Keep {
				return "", nil
			}
			return chosenContact(ctx, c, v) // a new one is saved only after the confirmation
		}), nil
	}, nil)
}

// brands names the issuers that adopting would choose for findings.
func (d *Discovery) brands(ids []string) string {
	var all []string
	for n := range d.found.Findings {
		f := &d.found.Findings[n]
		if f.Brand != "" && slices.Contains(ids, f.ID) && !slices.Contains(all, f.Brand) {
			all = append(all, f.Brand)
		}
	}
	slices.Sort(all)
	return strings.Join(all, d.c.T("list.join"))
}

// previewAdopt is what adopting does, in a few lines.
func (d *Discovery) previewAdopt(r lifecycle.AdoptRequest) (p form.Preview) {
	c := d.c
	ctx, cancel := context.WithTimeout(c.Ctx, discoveryTimeout)
	defer cancel()
	plan, err := c.Backend.PlanAdopt(ctx, r)
	if err != nil {
		p.Problem = c.FormatError(err)
		return p
	}
	lines, _ := adoptLines(c, plan)
	if len(lines) > shortPlan {
		lines = adoptSum(c, plan, lines[len(lines)-1])
	}
	p.Lines = form.Lines(lines...)
	return p
}

// confirm asks with the plan, and adopts. The contact is that of the request if contact is nil.
func (d *Discovery) confirm(
	r lifecycle.AdoptRequest, plan []lifecycle.Adopted, contact func(context.Context) (model.ID, error),
) tea.Msg {
	c := d.c
	lines, good := adoptLines(c, plan)
	if good == 0 {
		return d.planNotice(plan)
	}
	if len(lines) > longPlan {
		lines = adoptSum(c, plan, lines[len(lines)-1])
	}
	return app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{
				Context: c, Title: c.T("discovery.adopt", good), Danger: rules.SeverityCaution, Costs: true, Lines: lines,
				Question: c.T("discovery.question"),
			}
		},
		Then: func(yes any) tea.Cmd {
			if yes == nil {
				return nil
			}
			return app.Send(discoverMsg{dialog: d, busy: c.T("discovery.adopting"), do: func(ctx context.Context) (string, tea.Msg, error) {
				if contact != nil {
					id, err := contact(ctx)
					if err != nil {
						return "", nil, err
					}
					r.Host.Contact = id
				}
				return d.adopt(ctx, r)
			}})
		},
	}
}

// adoptLines are the lines of a plan with the sum, and how many findings can be adopted.
func adoptLines(c *app.Context, plan []lifecycle.Adopted) (lines []string, good int) {
	total, currency := int64(0), ""
	for n := range plan {
		if plan[n].Err == nil {
			good++
		}
		for k, t := range plan[n].Lines() {
			lines = append(lines, map[bool]string{true: "", false: "  "}[k == 0]+text.Clean(c.Text.Text(t)))
		}
		if q := plan[n].Hosting; q != nil && plan[n].Err == nil {
			total, currency = total+q.Total, q.Currency
		}
	}
	if currency != "" {
		lines = append(lines, c.T("discovery.total", ledger.Money(total, currency)))
	}
	return lines, good
}

// longPlan is how many lines of a plan a question holds, and shortPlan how many a form does.
const (
	longPlan  = 28
	shortPlan = 8
)

// adoptSum says in a few lines what a long plan does; last is its last line.
func adoptSum(c *app.Context, plan []lifecycle.Adopted, last string) []string {
	renewed, kept, refused := 0, 0, 0
	for n := range plan {
		switch {
		case plan[n].Err != nil:
			refused++
		case plan[n].Hosting != nil:
			renewed++
		default:
			kept++
		}
	}
	lines := []string{c.T("discovery.sum", renewed, kept, refused)}
	if renewed > 0 {
		lines = append(lines, strings.TrimSpace(last))
	}
	return append(lines, c.T("discovery.sum.plan", c.KeyName(planKey)))
}

// adopt adopts, and returns what was done, with the offer to undo all of it.
func (d *Discovery) adopt(ctx context.Context, r lifecycle.AdoptRequest) (note string, offer tea.Msg, err error) {
	c := d.c
	done, err := c.Backend.Adopt(ctx, r)
	if err != nil {
		return "", nil, err
	}
	failed := model.Text("")
	var adopted []string
	name := ""
	for n := range done {
		switch one := &done[n]; {
		case one.Err != nil:
			failed = model.TextOf(one.Err)
			continue
		case len(one.Problems) > 0:
			failed = one.Problems[0]
		}
		adopted, name = append(adopted, done[n].Finding.ID), done[n].Finding.Name
	}
	if len(adopted) > 0 {
		offer = app.OfferUndoMsg{Undo: app.Undo{
			Label: text.NewName("undo.adopt", len(adopted)), Run: func() tea.Cmd { return giveBack(c, adopted, name, nil) },
		}}
	}
	if failed != "" {
		return c.T("discovery.adopted.some", len(adopted), len(done), text.Clean(c.Text.Text(failed))), offer, nil
	}
	return c.T("discovery.adopted", len(adopted)), offer, nil
}

// giveBack asks, and undoes the adoption of findings, one of which has the name. It is done in
// the list of findings, or without one if that is nil.
func giveBack(c *app.Context, ids []string, name string, d *Discovery) tea.Cmd {
	title := c.T("discovery.undo", text.Clean(name))
	if len(ids) > 1 {
		title = c.T("discovery.undo.many", len(ids))
	}
	undo := func(ctx context.Context) (string, tea.Msg, error) {
		done, err := c.Backend.Unadopt(ctx, ids)
		if err != nil {
			return "", nil, err
		}
		for n := range done {
			if done[n].Err != nil {
				return "", nil, done[n].Err
			}
		}
		if len(done) == 1 {
			return c.T("discovery.undone", text.Clean(name)), app.ForgetUndoMsg{}, nil
		}
		return c.T("discovery.undone.many", len(done)), app.ForgetUndoMsg{}, nil
	}
	return app.Send(app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &dialog.Confirm{
				Context: c, Title: title, Danger: rules.SeverityCaution,
				Lines: []string{c.T("discovery.undo.text")}, Question: c.T("discovery.undo.question"),
			}
		},
		Then: func(yes any) tea.Cmd {
			switch {
			case yes == nil:
				return nil
			case d != nil:
				return app.Send(discoverMsg{dialog: d, busy: c.T("discovery.undoing"), do: undo})
			}
			return c.Do(func(ctx context.Context) tea.Msg {
				note, _, err := undo(ctx)
				if err != nil {
					return failedMsg(c, adoptRow, err)
				}
				return app.ToastMsg{Text: note, Tone: style.Good}
			})
		},
	})
}
