package action

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
)

// reorder shows what ordering again costs and where it deploys, before it buys, applies
// and deploys (spec I11). Of a single upload it first asks for what the certificate does
// not tell of its specification.
func reorder(q *request) tea.Msg {
	if s := q.cases[0].Instance.Spec; len(q.cases) == 1 && (s.Level == "" || s.Type == "" || s.Brand == "" || s.Grade == "") {
		return q.formMsg(form.Spec{
			Title: q.c.T("reorder.title", q.names()), Submit: q.c.T("reorder.submit"),
			Intro: []string{q.c.T("reorder.spec")}, Fields: specFields(q.c, q.cases[0].Instance),
		}, func(_ context.Context, v form.Values) (tea.Msg, error) {
			r := lifecycle.ReorderRequest{Spec: model.Specification{
				Level: model.Level(v["level"]), Type: model.DomainType(v["type"]), Brand: v["brand"], Grade: model.Grade(v["grade"]),
			}}
			return q.confirmReorder(r), nil
		})
	}
	return q.confirmReorder(lifecycle.ReorderRequest{})
}

// specFields ask for the parts of a specification that an instance lacks.
func specFields(c *app.Context, i *model.Instance) (fields []form.Field) {
	brands := slices.Sorted(maps.Keys(c.Backend.Issuers()))
	ask := func(key string, known bool, options func(form.Values) []form.Option) {
		if !known {
			fields = append(fields, form.Field{Key: key, Label: c.T("buy." + key), Kind: form.Select, Options: options})
		}
	}
	ask("level", i.Spec.Level != "", func(form.Values) []form.Option { return offeredOptions(c, "level", model.Levels) })
	ask("type", i.Spec.Type != "", func(form.Values) []form.Option { return offeredOptions(c, "type", model.DomainTypes) })
	ask("brand", i.Spec.Brand != "", fixedOptions(brands, brands))
	ask("grade", i.Spec.Grade != "", func(form.Values) []form.Option { return offeredOptions(c, "grade", model.Grades) })
	return fields
}

func (q *request) confirmReorder(r lifecycle.ReorderRequest) tea.Msg {
	c := q.c
	lines := []string{c.T("reorder.intro")}
	var possible []*rules.Facts
	for _, cs := range q.cases {
		plan, err := c.Backend.PlanReorder(cs.Instance.ID, r)
		if err != nil && len(q.cases) == 1 {
			return failedMsg(c, q.row, err)
		}
		if f := (*rules.Refusal)(nil); err != nil && !errors.As(err, &f) {
			lines = append(lines, "", cs.Instance.Name+": "+c.FormatError(err))
			continue
		} else if err != nil {
			q.refused = append(q.refused, refused{f, cs.Instance.Name})
			continue
		}
		possible = append(possible, cs)
		lines = append(lines, "")
		lines = append(lines, priceLines(c, plan.Quote)...)
		lines = append(lines, q.placesLine(plan.Resources))
	}
	if q.cases = possible; len(possible) == 0 {
		return q.refusedAll(len(q.refused))
	}
	q.spends, q.follows = true, true
	return q.confirm(c.T("reorder.title", q.names()), lines, c.T("reorder.question"), "reorder.done",
		func(ctx context.Context, cs *rules.Facts) error {
			_, j, err := c.Backend.Reorder(ctx, cs.Instance.ID, r)
			return q.addJob(j, err)
		})
}

// placesLine says where a certificate will be deployed.
func (q *request) placesLine(rs []lifecycle.ResourceView) string {
	if len(rs) == 0 {
		return q.c.T("deploy.nowhere")
	}
	return q.c.T("deploy.at", joinResources(q.c, rs))
}

// maxPlaces is how many resources are named in a line.
const maxPlaces = 6

// joinResources lists resources, the first ones by name.
func joinResources(c *app.Context, rs []lifecycle.ResourceView) string {
	var at []string
	for n := range rs[:min(len(rs), maxPlaces)] {
		at = append(at, resourceName(&rs[n]))
	}
	said := strings.Join(at, c.T("list.join"))
	if more := len(rs) - len(at); more > 0 {
		said += " " + c.T("and.more", more)
	}
	return said
}
