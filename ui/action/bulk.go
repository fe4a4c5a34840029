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

// refused is why one of several marked certificates is left out.
type refused struct {
	*rules.Refusal
	name string
}

// refusedAll says, grouped by reason, why none of several certificates can be acted on,
// and what to do instead.
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
	parts := []dialog.Section{{Lines: groupProblems(c, why)}}
	if len(hints) > 0 {
		parts = append(parts, dialog.Section{Head: c.T("refused.wayout"), Lines: hints})
	}
	return app.OpenDialogMsg{Then: dialog.PressChosen, Make: func() app.Dialog {
		return &dialog.Notice{
			Context:  c,
			Title:    title,
			Badge:    c.T("danger.notice"),
			Tone:     style.Accent,
			Sections: parts,
			Choices:  dialog.ChoicesFrom(c, ways),
		}
	}}
}

// problem is why one of several certificates was not acted on. Those of one kind are
// counted together.
type problem struct{ kind, said, name string }

func (q *request) problem(err error, name string) problem {
	var r *rules.Refusal
	if errors.As(err, &r) {
		return problem{string(r.Reason), q.c.FormatRefusal(r), name}
	}
	return problem{err.Error(), q.c.FormatError(err), name}
}

// maxNamed is how many certificates of a kind are named.
const maxNamed = 3

// groupProblems counts problems by kind, the most frequent first, with the names of the
// first ones and the message of the first.
func groupProblems(c *app.Context, problems []problem) []string {
	n, said, named := map[string]int{}, map[string]string{}, map[string]string{}
	differ := map[string]bool{} // by a date, for one
	var kinds []string
	for _, p := range problems {
		differ[p.kind] = differ[p.kind] || n[p.kind] > 0 && p.said != said[p.kind]
		switch n[p.kind]++; {
		case n[p.kind] == 1:
			kinds, said[p.kind], named[p.kind] = append(kinds, p.kind), p.said, p.name
		case n[p.kind] <= maxNamed:
			named[p.kind] += c.T("list.join") + p.name
		}
	}
	slices.SortStableFunc(kinds, func(a, b string) int { return n[b] - n[a] })
	for i, k := range kinds {
		if n[k] > maxNamed {
			named[k] += " " + c.T("and.more", n[k]-maxNamed)
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

// names lists the certificates that a dialog is about, the first five by name. Their
// number comes first where there are more than three, because titles are cut at the end.
func (q *request) names() string {
	list := joinNames(q.c, q.cases)
	if n := len(q.cases); n > maxNamed {
		return q.c.T("names.counted", n, list)
	}
	return list
}

func joinNames(c *app.Context, cases []*rules.Facts) string {
	var ns []string
	for i, cs := range cases {
		if i == 5 {
			return strings.Join(ns, c.T("list.join")) + " " + c.T("and.more", len(cases)-5)
		}
		ns = append(ns, cs.Instance.Name)
	}
	return strings.Join(ns, c.T("list.join"))
}

// hiddenLines warns of marked certificates that are acted on though a filter hides
// them.
func (q *request) hiddenLines() []string {
	var away []*rules.Facts
	for _, cs := range q.cases {
		if slices.Contains(q.hidden, cs.Instance.ID) {
			away = append(away, cs)
		}
	}
	if len(away) == 0 {
		return nil
	}
	return []string{q.c.T("hidden", len(away), len(q.cases), joinNames(q.c, away))}
}

// skippedLines lists marked certificates that are left out.
func (q *request) skippedLines() []string {
	if len(q.refused) == 0 {
		return nil
	}
	why := make([]problem, len(q.refused))
	for n, r := range q.refused {
		why[n] = q.problem(r.Refusal, r.name)
	}
	return append([]string{q.c.T("skipped", len(q.refused))}, groupProblems(q.c, why)...)
}
