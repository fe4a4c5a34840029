// Package action takes a life-cycle action from its key to the backend: it asks
// the transition table whether the action is allowed, loads what its dialog
// shows, asks the person, acts, and tells what came of it. Every page that
// shows certificates offers the actions listed here.
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
	IDs      []model.ID              // the marked ones, or the one under the cursor
	Case     *rules.Case             // of the one under the cursor, as last loaded; nil while unknown
	Marked   []*rules.Case           // of the marked ones, one for each set of what is allowed; nil while unknown
	Unseen   []model.ID              // those of the marked that a filter hides
	Resource *lifecycle.ResourceView // the one under the cursor, where resources are listed
}

// On is the target of a list without marks: the certificate under its cursor, ""
// for none, and the case of that as last loaded.
func On(id model.ID, cs *rules.Case) Target {
	if id == "" {
		return Target{}
	}
	return Target{IDs: []model.ID{id}, Case: cs}
}

// request is one action under way, once the table has allowed it. It is made
// and used in commands, so it touches only what never changes in a context.
type request struct {
	c        *app.Context
	row      *rules.Row
	cases    []*rules.Case // what the table allows
	refused  []refused     // of the others that were marked
	unseen   []model.ID    // of those that were marked, what a filter hides
	resource *lifecycle.ResourceView
	undo     func() app.Undo // how it is taken back; nil when it cannot be
	jobs     []model.ID      // what it has begun
	costs    bool            // it spends money, or what was bought
}

// flows says how each action of the table goes on once it is allowed: by
// loading something and then opening a dialog, or by acting at once.
var flows = map[rules.Action]func(*request) tea.Msg{
	rules.Buy: buy, rules.BuyPack: buy, rules.Review: review, rules.UploadKey: uploadKey, rules.Upload: upload, rules.Apply: apply, rules.Withdraw: withdraw,
	rules.Close: end, rules.Revoke: end, rules.Delete: end, rules.Deploy: deploy, rules.Undeploy: undeploy,
	rules.Host: host, rules.StopHosting: stopHosting, rules.AutoDeploy: autoDeploy, rules.Verify: verify, rules.Download: download, rules.Renew: renew, rules.Reissue: reissue,
}

// footer lists the actions that deserve a place in the footer, the most
// wanted first.
var footer = []rules.Action{
	rules.Buy, rules.Upload, rules.Apply, rules.Withdraw, rules.Review, rules.Renew, rules.Deploy,
	rules.Host, rules.StopHosting, rules.AutoDeploy, rules.UploadKey, rules.Download, rules.Verify, rules.Reissue, rules.Undeploy,
}

// rank puts what makes new certificates after what acts on the one in hand.
func rank(row *rules.Row) app.Rank {
	if len(row.From) == 0 {
		return app.Third
	}
	return app.Second + app.Rank(slices.Index(footer, row.Action))
}

// Actions lists the life-cycle actions of the table for a target, one for each
// key, then undo and explain.
func Actions(c *app.Context, t Target) app.Actions {
	var as app.Actions
	for _, key := range keys(c.Table) {
		rows := rowsOf(c.Table, key)
		row, why := choose(c, rows, t)
		as = append(as, app.Action{
			ID: app.ActionID(c.Table, key), Name: called(rows), Binding: app.Keys(key), Danger: row.Danger, Group: app.Certificate, Disabled: why, OpensDialog: true,
			Footer: app.RankIf(rank(row), why == nil && slices.Contains(footer, row.Action)),
			Run:    func() tea.Cmd { return prepare(c, rows, t) },
		})
		if why == nil && len(t.IDs) > 0 && t.Case != nil && len(row.From) > 0 {
			as[len(as)-1].Name = text.Called("action." + string(row.Action))
		}
	}
	return append(as, undo(c, t), explain(c, t), contact(c), contacts(c))
}

// keys are the keys of the table, each once, in its order.
func keys(t *rules.Table) []string {
	var ks []string
	for _, r := range t.Rows() {
		if k := app.DefaultKey(r); k != "" && !slices.Contains(ks, k) {
			ks = append(ks, k)
		}
	}
	return ks
}

func rowsOf(t *rules.Table, key string) []*rules.Row {
	var rows []*rules.Row
	for _, r := range t.Rows() {
		if app.DefaultKey(r) == key {
			rows = append(rows, r)
		}
	}
	return rows
}

func called(rows []*rules.Row) (n text.Name) {
	for _, r := range rows {
		n = append(n, text.Called("action."+string(r.Action))...)
	}
	return n
}

// choose picks the row of a key for what is under the cursor and says why it
// is not allowed, if it is not. Until the case is known nothing is dimmed.
func choose(c *app.Context, rows []*rules.Row, t Target) (*rules.Row, *app.DisabledReason) {
	if f := barred(c, rows, t.Case); f != nil {
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

// Pick is the row of several that the table allows in a case. When it allows
// none, it is the first that the state would allow, with the refusal; else the
// last, which knows more of what has ended, or the first if both are refused
// for the same reason.
func Pick(t *rules.Table, rows []*rules.Row, cs *rules.Case) (*rules.Row, *rules.Refusal) {
	var near *rules.Row
	for _, r := range rows {
		if t.Check(r.Action, cs) == nil {
			return r, nil
		}
		if near == nil && cs.Instance != nil && slices.Contains(r.From, cs.Instance.State) {
			near = r
		}
	}
	if near == nil {
		near = rows[len(rows)-1]
		if first, last := t.Check(rows[0].Action, cs), t.Check(near.Action, cs); first.Reason == last.Reason {
			near = rows[0]
		}
	}
	return near, t.Check(near.Action, cs)
}

// Allowed lists the actions that the table allows in a case, as one word to
// compare by.
func Allowed(t *rules.Table, cs *rules.Case) string {
	var as []string
	for _, r := range t.Rows() {
		if t.Check(r.Action, cs) == nil {
			as = append(as, string(r.Action))
		}
	}
	return strings.Join(as, " ")
}

// barred says why this session may take none of several actions, whatever they
// are done to; nil if it may take one.
func barred(c *app.Context, rows []*rules.Row, cs *rules.Case) *rules.Refusal {
	var first *rules.Refusal
	for _, row := range rows {
		f := c.Backend.May(row.Action)
		if f == nil {
			return nil
		}
		first = cmp.Or(first, f)
	}
	if cs != nil && cs.Instance != nil {
		first.State, first.Instance = cs.Instance.State, cs.Instance.ID
	}
	return first
}

func refusal(row *rules.Row, cs *rules.Case, why rules.Reason) *rules.Refusal {
	r := &rules.Refusal{Action: row.Action, Reason: why}
	if cs != nil && cs.Instance != nil {
		r.State, r.Instance = cs.Instance.State, cs.Instance.ID
	}
	return r
}

// prepare judges afresh what is allowed, for every certificate marked, and
// starts the flow. The dimming on the screen is never what decides.
func prepare(c *app.Context, rows []*rules.Row, t Target) tea.Cmd {
	ids, unseen, resource := slices.Clone(t.IDs), slices.Clone(t.Unseen), t.Resource
	return c.Do(func(context.Context) tea.Msg {
		q := &request{c: c, row: rows[0], unseen: unseen, resource: resource}
		if f := barred(c, rows, nil); f != nil {
			var cs *rules.Case
			if len(ids) == 1 {
				cs, _ = c.Backend.Case(ids[0])
			}
			return refusedMsg(c, barred(c, rows, cs), cs)
		}
		if len(rows[0].From) == 0 || len(ids) == 0 {
			if r := c.Table.Check(rows[0].Action, c.NoInstance()); r != nil {
				return refusedMsg(c, r, nil)
			}
			return flows[rows[0].Action](q)
		}
		for n, id := range ids {
			cs, err := c.Backend.Case(id)
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
			return app.ToastMsg{Text: c.T("gone"), Tone: style.Soon}
		case len(q.cases) == 0:
			return q.refusedAll(len(ids))
		}
		return flows[q.row.Action](q)
	})
}
