package action

import (
	"context"
	"slices"
	"strconv"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
	"certquay/ui/text"
)

// host switches managed hosting on: a contact, what an upload does not tell of
// its specification, and the price, before it is confirmed (spec H1, H2).
func host(q *request) tea.Msg {
	if m := q.one(); m != nil {
		return m
	}
	c, i := q.c, q.cases[0].Instance
	contacts, err := c.Backend.Contacts()
	if err != nil {
		return failedMsg(c, q.row, err)
	}
	issuers := c.Backend.Issuers()
	var brands []string
	for b := range issuers {
		brands = append(brands, b)
	}
	// Asked only where the certificate does not tell.
	var fields []form.Field
	ask := func(key, label string, known bool, values []string) {
		if !known {
			fields = append(fields, form.Field{Key: key, Label: c.T(label), Kind: form.Select, Options: fixed(values, values)})
		}
	}
	ask("level", "buy.level", i.Spec.Level != "", words(model.Levels))
	ask("type", "buy.type", i.Spec.Type != "", words(model.DomainTypes))
	ask("brand", "buy.brand", i.Spec.Brand != "", brands)
	ask("grade", "buy.grade", i.Spec.Grade != "", words(model.Grades))
	fields = append(fields, form.Field{Key: "pay", Label: c.T("host.pay"), Kind: form.Select,
		Options: fixed([]string{"money", "pack"}, []string{c.T("host.pay.money"), c.T("host.pay.pack")})})
	fields = append(fields, contactFields(c, contacts, contactChoice{Needed: always, Initial: i.Contact})...)
	asked := func(v form.Values) lifecycle.HostRequest {
		return lifecycle.HostRequest{FromPack: v["pay"] == "pack", Spec: model.Specification{
			Level: model.Level(v["level"]), Type: model.DomainType(v["type"]), Brand: v["brand"], Grade: model.Grade(v["grade"]),
		}}
	}
	spec := form.Spec{Title: c.T("host.title", i.Name), Submit: c.T("host.submit"), Intro: []string{c.T("host.intro")}, Fields: fields}
	return q.formMsg(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		r := asked(v)
		quote, err := c.Backend.QuoteHosting(i.ID, r)
		if err != nil {
			return nil, err
		}
		lines := append([]string{c.T("host.intro"), ""}, priceLines(c, quote)...)
		q.undo = func() app.Undo { // hosting is not paid back (spec H1): it only stops
			return app.Undo{What: text.Called("undo.host", i.Name), Run: q.again(lifecycle.StopHosting, stopHosting)}
		}
		q.costs = true
		return q.confirm(c.T("host.title", i.Name), lines, c.T("host.question"), "host.done", func(ctx context.Context, cs *lifecycle.Case) (err error) {
			if r.Contact, err = contactOf(ctx, c, v); err != nil { // not before somebody has said yes
				return err
			}
			return c.Backend.Host(ctx, cs.Instance.ID, r)
		}), nil
	})
}

// again starts another flow for the certificates of this one, each judged
// afresh.
func (q *request) again(action lifecycle.Action, flow func(*request) tea.Msg) func() tea.Cmd {
	c, row := q.c, q.c.Table.Row(action)
	ids := make([]model.ID, len(q.cases))
	for n, cs := range q.cases {
		ids[n] = cs.Instance.ID
	}
	return func() tea.Cmd {
		return c.Do(func(context.Context) tea.Msg {
			back := &request{c: c, row: row}
			for _, id := range ids {
				cs, err := c.Backend.Case(id)
				if err != nil {
					return failedMsg(c, row, err)
				}
				if r := c.Table.Check(row.Action, cs); r != nil {
					return refusedMsg(c, r, cs)
				}
				back.cases = append(back.cases, cs)
			}
			return flow(back)
		})
	}
}

func words[T ~string](list []T) []string {
	out := make([]string, len(list))
	for n, w := range list {
		out[n] = string(w)
	}
	return out
}

// number is the key of a text for one, or for many.
func number(key string, n int) string {
	if n == 1 {
		return key + ".one"
	}
	return key
}

// stopHosting says what becomes of what was not used (spec H10).
func stopHosting(q *request) tea.Msg {
	c := q.c
	left, packs := 0, false
	for _, cs := range q.cases {
		left += cs.Instance.Hosting.RenewalsLeft
		packs = packs || cs.Instance.Hosting.FromPack
	}
	lines := []string{c.T("host.stop.intro")}
	switch {
	case left > 0 && packs:
		lines = append(lines, c.T(number("host.stop.packs", left), left))
	case left > 0:
		lines = append(lines, c.T(number("host.stop.bought", left), left))
	}
	return q.confirm(c.T("host.stop.title", q.names()), lines, c.T("host.stop.question"), "host.stop.done", func(ctx context.Context, cs *lifecycle.Case) error {
		return c.Backend.StopHosting(ctx, cs.Instance.ID)
	})
}

// autoDeploy toggles: with one resource under the cursor that one, else all
// resources of the certificate (spec D5).
func autoDeploy(q *request) tea.Msg {
	c := q.c
	var places []lifecycle.ResourceView
	if q.resource != nil {
		places = append(places, *q.resource)
	} else {
		for _, cs := range q.cases {
			rs, _, err := c.Backend.Resources(lifecycle.ResourceFilter{Instance: cs.Instance.ID})
			if err != nil {
				return failedMsg(c, q.row, err)
			}
			places = append(places, rs...)
		}
	}
	on := false // all on goes off, anything else goes on
	for n := range places {
		on = on || !places[n].AutoDeploy
	}
	places = slices.DeleteFunc(places, func(r lifecycle.ResourceView) bool { return r.AutoDeploy == on })
	return q.switchAuto(places, on)
}

// switchAuto asks, and switches auto-deploy at each of the places; undo
// switches it back at just those.
func (q *request) switchAuto(places []lifecycle.ResourceView, on bool) tea.Msg {
	c := q.c
	q.undo = func() app.Undo {
		what := "undo.auto.off"
		if !on {
			what = "undo.auto.on"
		}
		return app.Undo{What: text.Called(what, q.names()), Run: q.again(lifecycle.AutoDeploy, func(back *request) tea.Msg { return back.switchAuto(places, !on) })}
	}
	free := 0
	all, err := c.Backend.Balances()
	if err != nil {
		return failedMsg(c, q.row, err)
	}
	for _, b := range all {
		if b.Kind == string(lifecycle.PackCredit) {
			free = b.Available
		}
	}
	title, question, done := c.T("auto.off.title", q.names()), c.T("auto.off.question"), "auto.off.done"
	lines := []string{c.T("auto.off.intro")}
	if on {
		title, question, done = c.T("auto.on.title", q.names()), c.T("auto.on.question"), "auto.on.done"
		lines = []string{c.T("auto.on.intro"), c.T("auto.credits", strconv.Itoa(free))}
	}
	for n := range places {
		lines = append(lines, c.Sub()+places[n].Product+" "+places[n].Region+" "+places[n].Name)
	}
	first := true
	return q.confirm(title, lines, question, done, func(ctx context.Context, _ *lifecycle.Case) error {
		if !first { // all places are done with the first
			return nil
		}
		first = false
		for n := range places {
			if err := c.Backend.AutoDeploy(ctx, places[n].ID, on); err != nil {
				return err
			}
		}
		return nil
	})
}

var _ app.Hosting = (*lifecycle.Access)(nil)
