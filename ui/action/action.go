// Package action takes a life-cycle action from its key to the engine: it asks the
// transition table whether the action is allowed, loads what its dialog shows, asks
// the person, acts, and shows the result. There is a file for each action. Every page
// that shows certificates offers the actions listed here.
package action

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
)

// Target is what an action is about to act on.
type Target struct {
	IDs       []model.ID               // the marked ones, or the one under the cursor
	Case      *rules.Facts             // of the one under the cursor; nil until it is loaded
	Marked    []*rules.Facts           // of the marked ones, one for each set of allowed actions; nil until loaded
	Hidden    []model.ID               // the marked ones that a filter hides
	Resources []lifecycle.ResourceView // the marked ones, or the one under the cursor, where resources are listed
	Version   int                      // the one under the cursor, where versions are listed; 0 for none
}

// On is the target of a list without marks: the certificate under its cursor, "" for
// none, with its case, nil until that is loaded.
func On(id model.ID, cs *rules.Facts) Target {
	if id == "" {
		return Target{}
	}
	return Target{IDs: []model.ID{id}, Case: cs}
}

// request is one action under way, once the table has allowed it. It is made and used
// in commands, so of a context it touches only what never changes.
type request struct {
	c       *app.Context
	row     *rules.Transition
	cases   []*rules.Facts           // what the table allows
	refused []refused                // the marked ones that are left out
	hidden  []model.ID               // the marked ones that a filter hides
	places  []lifecycle.ResourceView // the resources to act on, where those are chosen; nil for all
	version int                      // the one to act on, where that can be chosen; 0 for none
	undo    func() app.Undo          // how to undo it; nil when that is not possible
	jobs    []model.ID               // those it has started
	follows bool                     // deployments and revocations follow from the jobs
	spends  bool                     // it costs money or a pack
}

// handlers holds what follows once an action of the table is allowed: a handler loads
// something and opens a dialog, or acts at once.
var handlers = map[rules.Action]func(*request) tea.Msg{
	rules.Buy:         buy,
	rules.BuyPack:     buy,
	rules.Review:      review,
	rules.UploadKey:   uploadKey,
	rules.Upload:      upload,
	rules.Apply:       apply,
	rules.Withdraw:    withdraw,
	rules.Close:       terminate,
	rules.Revoke:      terminate,
	rules.Delete:      terminate,
	rules.Deploy:      deploy,
	rules.Undeploy:    undeploy,
	rules.Host:        host,
	rules.StopHosting: stopHosting,
	rules.AutoDeploy:  autoDeploy,
	rules.Verify:      verify,
	rules.Accept:      accept,
	rules.Download:    download,
	rules.Renew:       renew,
	rules.Reissue:     reissue,
	rules.Assign:      assign,
	rules.Annotate:    annotate,
	rules.Reorder:     reorder,
	rules.Rekey:       rekey,

	rules.RevokeVersion: terminate,
}

// footerOrder lists the actions that the footer shows, the most wanted first.
var footerOrder = []rules.Action{
	rules.Buy, rules.Upload, rules.Apply, rules.Withdraw, rules.Review, rules.Renew, rules.Reorder, rules.Deploy,
	rules.Host, rules.StopHosting, rules.AutoDeploy, rules.UploadKey, rules.Download, rules.Verify, rules.Reissue, rules.Undeploy,
	rules.Accept, rules.Rekey,
}

// rank puts buying after what is wanted most for the selected certificate, and other
// actions that make new ones after all that act on it.
func rank(row *rules.Transition) app.Rank {
	switch {
	case row.Action == rules.Buy:
		return app.Second + app.Rank(slices.Index(footerOrder, rules.Verify))
	case len(row.From) == 0:
		return app.Third
	}
	return app.Second + app.Rank(slices.Index(footerOrder, row.Action))
}

// Actions lists the life-cycle actions of the table for a target, one for each key,
// then undo and explain.
func Actions(c *app.Context, t Target) app.Actions {
	var as app.Actions
	for _, key := range keys(c.Table) {
		rows := rowsOf(c.Table, key)
		row, why := choose(c, rows, t)
		as = append(as, app.Action{
			ID:          app.ActionID(c.Table, key),
			Name:        nameOf(rows),
			Binding:     app.Keys(key),
			Danger:      row.Severity,
			Group:       app.Certificate,
			Disabled:    why,
			OpensDialog: true,
			ShortLabel:  c.Text.Lookup("foot."+string(row.Action), ""),
			Footer:      app.RankIf(rank(row), why == nil && slices.Contains(footerOrder, row.Action)),
			Run:         func() tea.Cmd { return prepare(c, rows, t) },
		})
		if why == nil && len(t.IDs) > 0 && t.Case != nil && len(row.From) > 0 {
			as[len(as)-1].Name = text.NewName("action." + string(row.Action))
		}
	}
	return append(as, undo(c, t), explain(c, t), impact(c, t), preflight(c, t))
}

// keys are the keys of the table, each once, in its order.
func keys(t *rules.TransitionTable) []string {
	var ks []string
	for _, r := range t.Transitions() {
		if k := app.DefaultKey(r); k != "" && !slices.Contains(ks, k) {
			ks = append(ks, k)
		}
	}
	return ks
}

func rowsOf(t *rules.TransitionTable, key string) []*rules.Transition {
	var rows []*rules.Transition
	for _, r := range t.Transitions() {
		if app.DefaultKey(r) == key {
			rows = append(rows, r)
		}
	}
	return rows
}

func nameOf(rows []*rules.Transition) (n text.Name) {
	for _, r := range rows {
		n = append(n, text.NewName("action."+string(r.Action))...)
	}
	return n
}

// choose picks, of the actions that share a key, the one for the target, with the
// reason if it is not allowed. Until the case is known nothing is disabled.
func choose(c *app.Context, rows []*rules.Transition, t Target) (*rules.Transition, *app.DisabledReason) {
	if f := forbidden(c, rows, t.Case); f != nil {
		return rows[0], c.DisabledBy(f)
	}
	if (len(t.IDs) > 1 || t.Case == nil) && len(t.Marked) > 0 && len(rows[0].From) > 0 { // what is possible for one of them at least
		for _, cs := range t.Marked {
			if row, r := Pick(c.Table, rows, cs); r == nil {
				return row, nil
			}
		}
		row, r := Pick(c.Table, rows, t.Marked[0])
		return row, c.DisabledBy(r)
	}
	if t.Case == nil || len(t.IDs) > 1 {
		if len(rows[0].From) > 0 && len(t.IDs) == 0 {
			return rows[0], c.DisabledBy(c.Table.Check(rows[0].Action, c.NoInstance()))
		}
		return rows[0], nil
	}
	row, r := Pick(c.Table, rows, t.Case)
	return row, c.DisabledBy(r)
}

// Pick is the one of several actions that the table allows in a case. When it allows
// none, it is the first one possible in the state, with its refusal; else the last one
// whose refusal has another reason than that of the first, and so says more about what
// has ended; else the first one.
func Pick(t *rules.TransitionTable, rows []*rules.Transition, cs *rules.Facts) (*rules.Transition, *rules.Refusal) {
	var near *rules.Transition
	for _, r := range rows {
		if t.Check(r.Action, cs) == nil {
			return r, nil
		}
		if near == nil && cs.Instance != nil && slices.Contains(r.From, cs.Instance.State) {
			near = r
		}
	}
	if near == nil {
		near = rows[0]
		first := t.Check(near.Action, cs).Reason
		for _, r := range rows[1:] {
			if t.Check(r.Action, cs).Reason != first {
				near = r
			}
		}
	}
	return near, t.Check(near.Action, cs)
}

// Allowed lists the actions that the table allows in a case as one string, to be
// compared with that of other cases.
func Allowed(t *rules.TransitionTable, cs *rules.Facts) string {
	var as []string
	for _, r := range t.Transitions() {
		if t.Check(r.Action, cs) == nil {
			as = append(as, string(r.Action))
		}
	}
	return strings.Join(as, " ")
}

// forbidden returns why this session may take none of several actions on anything; nil
// if it may take one.
func forbidden(c *app.Context, rows []*rules.Transition, cs *rules.Facts) *rules.Refusal {
	var first *rules.Refusal
	for _, row := range rows {
		f := c.Backend.May(row.Action)
		if f == nil {
			return nil
		}
		first = cmp.Or(first, f)
	}
	if cs != nil && cs.Instance != nil {
		another := *cs
		another.Actor = model.Actor{Role: model.Owner}
		row, _ := Pick(c.Table, rows, &another) // what the key would do for somebody else
		first = c.Backend.May(row.Action)
		first.State, first.Instance = cs.Instance.State, cs.Instance.ID
	}
	return first
}

func newRefusal(row *rules.Transition, cs *rules.Facts, why rules.Reason) *rules.Refusal {
	r := &rules.Refusal{Action: row.Action, Reason: why}
	if cs != nil && cs.Instance != nil {
		r.State, r.Instance = cs.Instance.State, cs.Instance.ID
	}
	return r
}

// prepare checks again what is allowed, for each marked certificate, and hands over to
// the handler of the action. What is dimmed on the screen decides nothing.
func prepare(c *app.Context, rows []*rules.Transition, t Target) tea.Cmd {
	ids, unseen, places, version := slices.Clone(t.IDs), slices.Clone(t.Hidden), slices.Clone(t.Resources), t.Version
	return c.Do(func(context.Context) tea.Msg {
		q := &request{c: c, row: rows[0], hidden: unseen, places: places, version: version}
		if f := forbidden(c, rows, nil); f != nil {
			var cs *rules.Facts
			if len(ids) == 1 {
				cs, _ = c.Backend.Facts(ids[0])
			}
			return refusedMsg(c, forbidden(c, rows, cs), cs)
		}
		if len(rows[0].From) == 0 || len(ids) == 0 {
			if r := c.Table.Check(rows[0].Action, c.NoInstance()); r != nil {
				return refusedMsg(c, r, nil)
			}
			return handlers[rows[0].Action](q)
		}
		for n, id := range ids {
			cs, err := c.Backend.Facts(id)
			if errors.Is(err, model.ErrNotFound) && len(ids) > 1 {
				continue // marked, and deleted since
			}
			if err != nil {
				return failedMsg(c, rows[0], err)
			}
			row, r := Pick(c.Table, rows, cs)
			if n == 0 || len(q.cases) == 0 && (r == nil || len(q.refused) == 0) {
				q.row = row
			}
			switch {
			case r != nil:
				q.refused = append(q.refused, refused{r, cs.Instance.Name})
				if len(ids) == 1 {
					return refusedMsg(c, r, cs)
				}
			case row != q.row: // the marked ones need different actions: those of the first
				if r := c.Table.Check(q.row.Action, cs); r != nil {
					q.refused = append(q.refused, refused{r, cs.Instance.Name})
					continue
				}
				q.cases = append(q.cases, cs)
			default:
				q.cases = append(q.cases, cs)
			}
		}
		switch {
		case len(q.cases) == 0 && len(q.refused) == 0:
			return app.ToastMsg{Text: c.T("gone"), Tone: style.Warn}
		case len(q.cases) == 0:
			return q.refusedAll(len(ids))
		}
		return handlers[q.row.Action](q)
	})
}
