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

// buyKey opens the purchase of what an application lacks, and comes back.
const buyKey = "ctrl+b"

// mostPacks is how many hosting packs this application may use (spec H6).
func (a *application) mostPacks() int {
	if a.i.Origin != model.OriginPack {
		return 0
	}
	return lifecycle.MostHostingPacks(a.i.Spec.Level)
}

func packs(v form.Values) int {
	n, err := strconv.Atoi(v["hosting packs"])
	if err != nil { // not asked
		return 0
	}
	return n
}

// packFields ask how many hosting packs to use, where there may be some. While
// there are some, nothing is chosen at first: what is applied for without
// hosting cannot be hosted later (spec H6, H7).
func (a *application) packFields() []form.Field {
	c, most := a.c, a.mostPacks()
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
	return []form.Field{{Key: "hosting packs", Label: c.T("apply.packs"), Kind: form.Select, Step: stepSubmit, Options: fixed(ns, labels),
		Valid: func(s string, _ form.Values) string {
			if a.unchosen(form.Values{"hosting packs": s}) {
				return c.T("apply.packs.needed", most, c.KeyName("right"))
			}
			return ""
		},
		Hint: func(v form.Values) string {
			switch {
			case a.hosting == 0 && packs(v) == 0:
				return c.T("apply.packs.hint.unavailable", buyKey)
			case packs(v) == 0:
				return c.T("apply.packs.hint.none")
			}
			return c.T("apply.packs.hint")
		}}}
}

// unchosen says that hosting packs are free, and a person has not said yet
// whether to use any.
func (a *application) unchosen(v form.Values) bool {
	return a.mostPacks() > 0 && a.hosting > 0 && v["hosting packs"] == ""
}

// free tells how many hosting packs and units of the specification are free.
func (a *application) free() (hosting, units int, err error) {
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

// packSummary says what an application with n hosting packs takes, what is
// left then, and how long the service lasts; or what is too few (spec H6).
func (a *application) packSummary(n int) (lines []form.Line, wrong string) {
	c := a.c
	hosting, units, err := a.free()
	switch {
	case err != nil:
		return nil, c.FormatError(err)
	case n == 0:
		return form.Lines(c.T("apply.packs.zero", hosting, units)), ""
	}
	line := func(key string, free int) form.Line {
		if free < n {
			return form.Line{Tone: style.Soon, Text: c.T(key+".few", n, free)}
		}
		return form.Line{Text: c.T(key, n, free-n)}
	}
	lines = []form.Line{line("apply.packs.hosting", hosting), line("apply.packs.units", units)}
	if hosting < n || units < n {
		return lines, c.T("apply.packs.short", buyKey)
	}
	return append(lines, form.Line{Tone: style.Good, Text: c.T("apply.packs.years", 1+n)}), ""
}

// buyPacks is the key that buys what is too few for the packs chosen.
func (a *application) buyPacks() form.Command {
	step := strconv.Itoa(stepSubmit)
	return form.Command{Key: buyKey, Label: a.c.T("apply.packs.buy"), Leaves: true,
		Show: func(v form.Values) bool { return a.mostPacks() > 0 && v[form.StepKey] == step }}
}

// toBuy opens the purchase of hosting packs, or of units of the specification
// if those are what is too few, and comes back to the application.
func (a *application) toBuy(q *request, v form.Values) tea.Cmd {
	c := a.c
	return c.Do(func(ctx context.Context) tea.Msg {
		if _, err := a.save(ctx, v); err != nil {
			return failedMsg(c, q.row, err)
		}
		hosting, units, err := a.free()
		if err != nil {
			return failedMsg(c, q.row, err)
		}
		n := max(packs(v), 1)
		what, few := string(ledger.PackHosting), n-hosting
		if few <= 0 && units < n {
			what, few = string(ledger.PackCertificate), n-units
		}
		s := a.i.Spec
		first := form.Values{"what": what, "quantity": strconv.Itoa(max(few, 1)),
			"brand": s.Brand, "level": string(s.Level), "type": string(s.Type), "grade": string(s.Grade)}
		back := func() tea.Msg {
			cs, err := c.Backend.Case(a.i.ID)
			if err != nil {
				return failedMsg(c, q.row, err)
			}
			if r := c.Table.Check(q.row.Action, cs); r != nil {
				return refusedMsg(c, r, cs)
			}
			return apply(&request{c: c, row: q.row, cases: []*rules.Case{cs}})
		}
		return buyFor(&request{c: c, row: c.Table.Row(rules.BuyPack)}, first, back)
	})
}
