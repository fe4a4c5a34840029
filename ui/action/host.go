package action

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
	"certquay/ui/text"
)

// host switches managed hosting on. It asks for a contact and for what the certificate
// does not tell of its specification, and shows the price before it is confirmed (spec
// H1, H2).
func host(q *request) tea.Msg {
	if m := q.requireOne(); m != nil {
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
			fields = append(fields, form.Field{Key: key, Label: c.T(label), Kind: form.Select, Options: fixedOptions(values, values)})
		}
	}
	ask("level", "buy.level", i.Spec.Level != "", toStrings(model.Levels))
	ask("type", "buy.type", i.Spec.Type != "", toStrings(model.DomainTypes))
	ask("brand", "buy.brand", i.Spec.Brand != "", brands)
	ask("grade", "buy.grade", i.Spec.Grade != "", toStrings(model.Grades))
	fields = append(fields, form.Field{Key: "pay", Label: c.T("host.pay"), Kind: form.Select,
		Options: fixedOptions([]string{"money", "pack"}, []string{c.T("host.pay.money"), c.T("host.pay.pack")})})
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
			return app.Undo{Label: text.NewName("undo.host", i.Name), Run: q.restart(rules.StopHosting, stopHosting)}
		}
		q.spends = true
		return q.confirm(
			c.T("host.title", i.Name),
			lines,
			c.T("host.question"),
			"host.done",
			func(ctx context.Context, cs *rules.Facts) (err error) {
				if r.Contact, err = chosenContact(ctx, c, v); err != nil { // only after the confirmation
					return err
				}
				return c.Backend.Host(ctx, cs.Instance.ID, r)
			},
		), nil
	})
}
