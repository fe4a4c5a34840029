package cmd

import (
	"context"
	"maps"
	"slices"
	"strings"

	"certquay/cmd/out"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// totals are sums of plans.
type totals struct {
	price, refund map[string]int64 // in minor units, by currency
	credits       int
}

func sums(some []*work) totals {
	t := totals{map[string]int64{}, map[string]int64{}, 0}
	for _, w := range some {
		p := &w.plan
		if p.price != 0 {
			t.price[p.currency] += p.price
		}
		if p.refund != 0 {
			t.refund[p.currency] += p.refund
		}
		t.credits += p.credits
	}
	return t
}

// texts says the sums; nothing of what is zero.
func (t totals) texts() (texts []model.Text) {
	if len(t.price) > 0 {
		texts = append(texts, model.Say("verb.many.price", "total", money(t.price)))
	}
	if len(t.refund) > 0 {
		texts = append(texts, model.Say("verb.many.refund", "total", money(t.refund)))
	}
	if t.credits > 0 {
		texts = append(texts, model.Say("verb.many.credits", "n", t.credits))
	}
	return texts
}

// money lists amounts by currency.
func money(amounts map[string]int64) (list []string) {
	for _, currency := range slices.Sorted(maps.Keys(amounts)) {
		list = append(list, ledger.Money(amounts[currency], currency))
	}
	return list
}

// listing says what would be done, in full: a title, a row for each target and the sums.
func (m *many) listing() string {
	some := m.possible()
	var b strings.Builder
	if len(some) > 0 {
		b.WriteString(m.Words().Text(m.title(len(some))) + "\n")
	}
	t := sums(some)
	heads := []string{"id", "name"}
	for _, column := range []struct {
		head string
		on   bool
	}{{"price", len(t.price) > 0}, {"paid-back", len(t.refund) > 0}, {"credits", t.credits > 0}} {
		if column.on {
			heads = append(heads, column.head)
		}
	}
	var rows [][]string
	noted := false
	for _, w := range m.all {
		row, note := m.row(w, heads[2:])
		noted = noted || note != ""
		rows = append(rows, append(row, note))
	}
	if noted {
		heads = append(heads, "note")
	}
	for n := range rows {
		rows[n] = rows[n][:len(heads)]
	}
	b.WriteString(out.FormatTable(m.Heads(heads...), rows))
	for _, w := range m.all {
		for _, group := range w.plan.below {
			for n, t := range group {
				b.WriteString(strings.Repeat(" ", min(2*n, 2)) + m.Words().Text(t) + "\n")
			}
		}
	}
	for _, text := range t.texts() {
		b.WriteString(m.Words().Text(text) + "\n")
	}
	if left := len(m.all) - len(some); left > 0 {
		b.WriteString(m.Text("verb.many.left-out", "n", left) + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// row is the row of a target in a listing, and its note.
func (m *many) row(w *work, columns []string) (row []string, note string) {
	row = []string{model.ID(w.id).Short(), out.Dash(w.name)}
	cells := map[string]string{"price": "-", "paid-back": "-", "credits": "-"}
	if p := &w.plan; w.err == nil {
		for column, amount := range map[string]int64{"price": p.price, "paid-back": p.refund} {
			if amount != 0 {
				cells[column] = ledger.Money(amount, p.currency)
			}
		}
		if p.credits > 0 {
			cells["credits"] = m.Text("verb.number", "n", p.credits)
		}
	}
	for _, column := range columns {
		row = append(row, cells[column])
	}
	if w.err != nil {
		return row, m.Text("verb.many.not", "why", out.ProblemOf(w.err).Message)
	}
	notes := make([]string, len(w.plan.notes))
	for n, t := range w.plan.notes {
		notes[n] = m.Words().Text(t)
	}
	return row, strings.Join(notes, "; ")
}

// planJSON is what would be done to a target, in JSON. Amounts are in minor units.
type planJSON struct {
	ID       string       `json:"id"`
	Name     string       `json:"name"`
	Action   rules.Action `json:"action"`
	Price    int64        `json:"price"`
	Refund   int64        `json:"refund"`
	Currency *string      `json:"currency"`
	Credits  int          `json:"credits"`
	Notes    []string     `json:"notes"`
}

// resultJSON is what became of one of several targets, in JSON.
type resultJSON struct {
	ID     string         `json:"id"`
	Result any            `json:"result"`
	Error  *out.ErrorBody `json:"error"`
}

// printPlans says what would be done. The exit code is that of doing it, as far as it is
// known.
func (m *many) printPlans() error {
	if !m.several && m.all[0].err != nil {
		return m.all[0].err
	}
	for _, w := range m.all {
		notes := []string{}
		for _, t := range append(slices.Clone(w.plan.notes), slices.Concat(w.plan.below...)...) {
			notes = append(notes, out.English(t))
		}
		w.result = planJSON{w.id, w.name, m.action, w.plan.price, w.plan.refund, out.OrNil(w.plan.currency), w.plan.credits, notes}
	}
	switch {
	case m.JSON:
		return m.printJSON()
	case len(m.all) == 0:
		m.Say("verb.many.none")
	case !m.several && len(m.all[0].plan.lines) > 0:
		m.Print(strings.Join(m.all[0].plan.lines, "\n"))
	default:
		m.Print(m.listing())
	}
	m.Say("verb.many.dry")
	return m.exit()
}

func (m *many) printJSON() error {
	if !m.several {
		if err := m.PrintJSON(m.all[0].result); err != nil {
			return err
		}
		return m.all[0].err
	}
	items := []resultJSON{}
	for _, w := range m.all {
		item := resultJSON{w.id, w.result, out.NewErrorBody(w.err)}
		if w.err != nil {
			item.Result = nil
		}
		items = append(items, item)
	}
	if err := m.PrintJSON(items); err != nil {
		return err
	}
	return m.exit()
}

// report prints what became of each target, then how many are done.
func (m *many) report(ctx context.Context) error {
	if !m.several {
		return m.reportOne()
	}
	if m.JSON {
		for _, w := range m.all {
			m.notes(w)
		}
		return m.printJSON()
	}
	if len(m.all) == 0 {
		m.Say("verb.many.none")
		return nil
	}
	hints := map[string]bool{"": true}
	var after model.Text
	for _, w := range m.all {
		m.notes(w)
		for _, t := range w.lines {
			m.Print(m.Words().Text(t))
		}
		if w.after != "" {
			after = w.after
		}
		if w.err == nil || ctx.Err() != nil && out.ExitCode(w.err) == out.ExitStopped {
			continue
		}
		p := out.ProblemOf(w.err)
		name := w.id
		if w.name != "" {
			name = w.name + " (" + model.ID(w.id).Short() + ")"
		}
		m.PrintProblem(model.Say("verb.at", "place", name, "cause", p.Message), p.Hint, hints)
	}
	m.summary()
	if after != "" {
		m.Print(m.Words().Text(after))
	}
	return m.exit()
}

func (m *many) notes(w *work) {
	for _, t := range w.notes {
		if m.several && w.name != "" {
			t = model.Say("verb.at", "place", w.name, "cause", t)
		}
		m.Note("verb.note", "what", t)
	}
}

// reportOne prints the result of a single target as a verb on one ID always did.
func (m *many) reportOne() error {
	w := m.all[0]
	m.notes(w)
	if m.JSON && w.result != nil {
		if err := m.PrintJSON(w.result); err != nil {
			return err
		}
	}
	for _, t := range w.lines {
		m.Print(m.Words().Text(t))
	}
	if w.after != "" {
		m.Print(m.Words().Text(w.after))
	}
	return w.err
}

// count returns how many are done, were refused, failed, or were not begun because the
// user stopped.
func (m *many) count() (done, refused, failed, stopped int) {
	for _, w := range m.all {
		switch code := out.ExitCode(w.err); {
		case w.err == nil:
			done++
		case code == out.ExitRefused:
			refused++
		case code == out.ExitStopped:
			stopped++
		default:
			failed++
		}
	}
	return done, refused, failed, stopped
}

// summary prints how many are done, leaving out zeros.
func (m *many) summary() {
	done, refused, failed, stopped := m.count()
	var parts []string
	for _, p := range []struct {
		code string
		n    int
	}{{"verb.many.done", done}, {"verb.many.refused", refused}, {"verb.many.failed", failed}, {"verb.many.stopped", stopped}} {
		if p.n > 0 {
			parts = append(parts, m.Text(p.code, "n", p.n))
		}
	}
	m.Say("verb.many.summary", "action", m.action, "counts", strings.Join(parts, m.Words().T("verb.join")))
}

// exit returns nil when all were done, code 3 when all were refused, 130 when the user
// stopped, and 1 otherwise (spec Q2).
func (m *many) exit() error {
	done, refused, _, stopped := m.count()
	switch {
	case stopped > 0:
		return &out.ExitError{Code: out.ExitStopped}
	case done == len(m.all):
		return nil
	case refused == len(m.all):
		return &out.ExitError{Code: out.ExitRefused}
	}
	return &out.ExitError{Code: out.ExitFailed}
}
