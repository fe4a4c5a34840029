package action

import (
	"context"
	"strconv"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/dialog/form"
	"certquay/ui/style"
)

// buyKey opens the purchase of what an application lacks, and returns.
const buyKey = "ctrl+b"

// maxPacks is how many hosting packs this application may use (spec H6).
func (a *application) maxPacks() int {
	if a.i.Origin != model.OriginPack {
		return 0
	}
	return lifecycle.MostHostingPacks(a.i.Spec.Level)
}

// chosenPacks is how many hosting packs are chosen; 0 where the form does not ask.
func chosenPacks(v form.Values) int {
	n, err := strconv.Atoi(v["hosting packs"])
	if err != nil { // not asked
		return 0
	}
	return n
}

// packFields ask how many hosting packs to use, where any may be used. While there are
// some, nothing is chosen at first: what is issued without hosting cannot be hosted
// later (spec H6, H7).
func (a *application) packFields() []form.Field {
	c, most := a.c, a.maxPacks()
	if most == 0 {
		return nil
	}
	ns, labels := []string{""}, []string{c.T("apply.packs.unavailable")}
	if a.hosting > 0 {
		labels[0] = c.T("apply.packs.choose")
	}
	for n := range most + 1 {
		if n == 0 && a.hosting == 0 { // the same as the first
			continue
		}
		ns = append(ns, strconv.Itoa(n))
		switch n {
		case 0:
			labels = append(labels, c.T("apply.packs.none"))
		case 1:
			labels = append(labels, c.T("apply.packs.one"))
		default:
			labels = append(labels, c.T("apply.packs.some", n, n))
		}
	}
	return []form.Field{
		{Key: "hosting packs", Label: c.T("apply.packs"), Kind: form.Select, Step: stepSubmit, Options: fixedOptions(ns, labels),
			Valid: func(s string, _ form.Values) string {
				if a.packsNotChosen(form.Values{"hosting packs": s}) {
					return c.T("apply.packs.needed", most, c.KeyName("right"))
				}
				return ""
			},
			Hint: func(v form.Values) string {
				switch {
				case a.hosting == 0 && chosenPacks(v) == 0:
					return c.T("apply.packs.hint.unavailable", buyKey)
				case chosenPacks(v) == 0:
					return c.T("apply.packs.hint.none")
				}
				return c.T("apply.packs.hint")
			}},
	}
}

// packsNotChosen reports that hosting packs are available and the person has not chosen
// yet whether to use any.
func (a *application) packsNotChosen(v form.Values) bool {
	return a.maxPacks() > 0 && a.hosting > 0 && v["hosting packs"] == ""
}

// available returns how many hosting packs, and units of the specification, are not
// used or reserved.
func (a *application) available() (hosting, units int, err error) {
	all, err := a.c.Backend.Balances()
	for _, b := range all {
		switch {
		case b.Kind == string(ledger.PackHosting):
			hosting = b.Available
		case b.Specification != nil && *b.Specification == a.i.Spec:
			units = b.Available
		}
	}
	return hosting, units, err
}

// packSummary says what an application with n hosting packs consumes, what is left
// then, and how long the service lasts; or what there is too little of (spec H6).
func (a *application) packSummary(n int) (lines []form.Line, wrong string) {
	c := a.c
	hosting, units, err := a.available()
	switch {
	case err != nil:
		return nil, c.FormatError(err)
	case n == 0:
		return form.Lines(c.T("apply.packs.zero", hosting, units)), ""
	}
	line := func(key string, free int) form.Line {
		if free < n {
			return form.Line{Tone: style.Warn, Text: c.T(key+".few", n, free)}
		}
		return form.Line{Text: c.T(key, n, free-n)}
	}
	lines = []form.Line{line("apply.packs.hosting", hosting), line("apply.packs.units", units)}
	if hosting < n || units < n {
		return lines, c.T("apply.packs.short", buyKey)
	}
	return append(lines, form.Line{Tone: style.Good, Text: c.T("apply.packs.years", 1+n)}), ""
}

// buyPacks is the command that buys what there is too little of.
func (a *application) buyPacks() form.Command {
	step := strconv.Itoa(stepSubmit)
	return form.Command{Key: buyKey, Label: a.c.T("apply.packs.buy"), ClosesForm: true,
		Show: func(v form.Values) bool { return a.maxPacks() > 0 && v[form.StepKey] == step }}
}

// offerPurchase opens the purchase of hosting packs, or of units of the specification
// if there are too few of those, and returns to the application.
func (a *application) offerPurchase(q *request, v form.Values) tea.Cmd {
	c := a.c
	return c.Do(func(ctx context.Context) tea.Msg {
		if _, err := a.storeDraft(ctx, v); err != nil {
			return failedMsg(c, q.row, err)
		}
		hosting, units, err := a.available()
		if err != nil {
			return failedMsg(c, q.row, err)
		}
		n := max(chosenPacks(v), 1)
		what, few := string(ledger.PackHosting), n-hosting
		if few <= 0 && units < n {
			what, few = string(ledger.PackCertificate), n-units
		}
		s := a.i.Spec
		first := form.Values{"what": what, "quantity": strconv.Itoa(max(few, 1)),
			"brand": s.Brand, "level": string(s.Level), "type": string(s.Type), "grade": string(s.Grade)}
		back := func() tea.Msg {
			cs, err := c.Backend.Facts(a.i.ID)
			if err != nil {
				return failedMsg(c, q.row, err)
			}
			if r := c.Table.Check(q.row.Action, cs); r != nil {
				return refusedMsg(c, r, cs)
			}
			return apply(&request{c: c, row: q.row, cases: []*rules.Facts{cs}})
		}
		return buyFor(&request{c: c, row: c.Table.Transition(rules.BuyPack)}, first, back)
	})
}
