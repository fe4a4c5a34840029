package action

import (
	"errors"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/style"
)

// refused is why one of the marked is left out.
type refused struct {
	*rules.Refusal
	name string
}

// refusedAll says of several certificates, by reason, why none of them can be
// acted on, and the ways out.
func (q *request) refusedAll(marked int) tea.Msg {
	c := q.c
	why := make([]problem, len(q.refused))
	var hints []string
	var ways []app.KeyHint
	for n, r := range q.refused {
		why[n] = q.problem(r.Refusal, r.name)
		if h, ws := c.KeyHints(r.Refusal); h != "" && !slices.Contains(hints, h) {
			hints, ways = append(hints, h), append(ways, ws...)
		}
	}
	ways = slices.DeleteFunc(ways, func(w app.KeyHint) bool { // it is about one, and that is not the one under the cursor
		return w.Key == c.KeyFor("details", "enter")
	})
	title := c.T("refused.title.name", c.T("action."+string(q.row.Action)), c.T("refused.marked", marked))
	parts := []dialog.Part{{Lines: counted(c, why)}}
	if len(hints) > 0 {
		parts = append(parts, dialog.Part{Head: c.T("refused.wayout"), Lines: hints})
	}
	return app.OpenDialogMsg{Then: dialog.Go, Make: func() app.Dialog {
		return &dialog.Notice{Context: c, Title: title, Word: c.T("danger.notice"), Tone: style.Accent, Parts: parts, Choices: dialog.Ways(c, ways)}
	}}
}

// problem is why something was not done for one of several. Those of one kind
// are counted together.
type problem struct{ kind, said, name string }

func (q *request) problem(err error, name string) problem {
	var r *rules.Refusal
	if errors.As(err, &r) {
		return problem{string(r.Reason), q.c.FormatRefusal(r), name}
	}
	return problem{err.Error(), q.c.FormatError(err), name}
}

// mostNamed is how many of a kind are named.
const mostNamed = 3

// counted sums problems up by kind, the most frequent first, with the names of
// the first ones and what the first of each kind says.
func counted(c *app.Context, problems []problem) []string {
	n, said, named := map[string]int{}, map[string]string{}, map[string]string{}
	differ := map[string]bool{} // by a date, for one
	var kinds []string
	for _, p := range problems {
		differ[p.kind] = differ[p.kind] || n[p.kind] > 0 && p.said != said[p.kind]
		switch n[p.kind]++; {
		case n[p.kind] == 1:
			kinds, said[p.kind], named[p.kind] = append(kinds, p.kind), p.said, p.name
		case n[p.kind] <= mostNamed:
			named[p.kind] += c.T("list.join") + p.name
		}
	}
	slices.SortStableFunc(kinds, func(a, b string) int { return n[b] - n[a] })
	for i, k := range kinds {
		if n[k] > mostNamed {
			named[k] += " " + c.T("and.more", n[k]-mostNamed)
		}
		switch {
		case n[k] == 1:
			kinds[i] = c.Mark("•") + c.T("done.reason.one", named[k], said[k])
		case differ[k]:
			kinds[i] = c.Mark("•") + c.T("done.reason.first", n[k], named[k], said[k])
		default:
			kinds[i] = c.Mark("•") + c.T("done.reason", n[k], named[k], said[k])
		}
	}
	return kinds
}

// names lists what a dialog is about, a few by name.
func (q *request) names() string { return named(q.c, q.cases) }

func named(c *app.Context, cases []*rules.Case) string {
	var ns []string
	for i, cs := range cases {
		if i == 5 {
			return strings.Join(ns, c.T("list.join")) + " " + c.T("and.more", len(cases)-5)
		}
		ns = append(ns, cs.Instance.Name)
	}
	return strings.Join(ns, c.T("list.join"))
}

// hidden tells in a dialog about marked ones that are acted on and that a filter
// hides.
func (q *request) hidden() []string {
	var away []*rules.Case
	for _, cs := range q.cases {
		if slices.Contains(q.unseen, cs.Instance.ID) {
			away = append(away, cs)
		}
	}
	if len(away) == 0 {
		return nil
	}
	return []string{q.c.T(number("hidden", len(away)), len(q.cases), len(away), named(q.c, away))}
}

// skipped tells in a dialog about marked ones that are left out.
func (q *request) skipped() []string {
	if len(q.refused) == 0 {
		return nil
	}
	why := make([]problem, len(q.refused))
	for n, r := range q.refused {
		why[n] = q.problem(r.Refusal, r.name)
	}
	return append([]string{q.c.T(number("skipped", len(q.refused)), len(q.refused))}, counted(q.c, why)...)
}
