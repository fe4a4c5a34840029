package action

import (
	"context"
	"slices"
	"strconv"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/ui/app"
	"certquay/ui/text"
)

// autoDeploy toggles auto-deploy for the resource under the cursor, else for all
// resources of the certificates (spec D5).
func autoDeploy(q *request) tea.Msg {
	c := q.c
	places, err := q.resources()
	if err != nil {
		return failedMsg(c, q.row, err)
	}
	on := false // all on goes off, anything else goes on
	for n := range places {
		on = on || !places[n].AutoDeploy
	}
	places = slices.DeleteFunc(places, func(r lifecycle.ResourceView) bool { return r.AutoDeploy == on })
	return q.confirmAutoDeploy(places, on)
}

// confirmAutoDeploy asks, then switches auto-deploy at each of the resources; undo
// switches it back at just those.
func (q *request) confirmAutoDeploy(places []lifecycle.ResourceView, on bool) tea.Msg {
	c := q.c
	q.undo = func() app.Undo {
		what := "undo.auto.off"
		if !on {
			what = "undo.auto.on"
		}
		return app.Undo{
			Label: text.NewName(what, q.names()),
			Run:   q.restart(rules.AutoDeploy, func(back *request) tea.Msg { return back.confirmAutoDeploy(places, !on) }),
		}
	}
	free := 0
	all, err := c.Backend.Balances()
	if err != nil {
		return failedMsg(c, q.row, err)
	}
	for _, b := range all {
		if b.Kind == string(ledger.PackCredit) {
			free = b.Available
		}
	}
	if on && free < len(places) { // nothing is asked that would then be refused
		return refusedMsg(c, ledger.NoUnits(rules.AutoDeploy, ledger.UnitCredit, free, len(places)), nil)
	}
	title, question, done := c.T("auto.off.title", q.names()), c.T("auto.off.question"), "auto.off.done"
	lines := []string{c.T("auto.off.intro")}
	if on {
		title, question, done = c.T("auto.on.title", q.names()), c.T("auto.on.question"), "auto.on.done"
		lines = []string{c.T("auto.on.intro"), c.T("auto.credits", strconv.Itoa(free), len(places))}
	}
	for n := range places {
		lines = append(lines, c.SubMark()+places[n].Product+" "+places[n].Region+" "+places[n].Name)
	}
	first := true
	return q.confirm(title, lines, question, done, func(ctx context.Context, _ *rules.Facts) error {
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
