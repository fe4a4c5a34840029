package action

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/style"
)

// verify asks resources at once what they present.
func verify(q *request) tea.Msg {
	rs, err := q.resources()
	if err != nil {
		return failedMsg(q.c, q.row, err)
	}
	if len(rs) == 0 {
		return refusedMsg(q.c, newRefusal(q.row, q.cases[0], rules.ReasonNotDeployed), q.cases[0])
	}
	ctx, cancel := context.WithTimeout(q.c.Ctx, app.Timeout)
	defer cancel()
	msg := q.forEachResource(ctx, "verify.done", rs, q.c.Backend.Verify)
	if told, ok := msg.(app.ToastMsg); ok && told.Await != nil && len(rs) == 1 {
		told.Await = q.verifyResult(told.Await, rs[0])
		return told
	}
	return msg
}

// verifyResult adds to the result of a verified resource when what it presents, as
// deployed, has expired, is revoked or is not the current version (spec D4).
func (q *request) verifyResult(follow func(context.Context) app.ToastMsg, at lifecycle.ResourceView) func(context.Context) app.ToastMsg {
	c := q.c
	return func(ctx context.Context) app.ToastMsg {
		said := follow(ctx)
		rs, _, err := c.Backend.Resources(lifecycle.ResourceFilter{Instance: at.Instance})
		if err != nil {
			return said // what was asked is answered
		}
		for n := range rs {
			switch r := &rs[n]; {
			case r.ID != at.ID:
			case r.VerifyError != "" || r.State == model.ResourceDrifted:
				return said // says what is wrong
			case r.State == model.ResourceRevoked:
				return app.ToastMsg{Text: c.T("verify.done.revoked", resourceName(r)), Tone: style.Bad}
			case r.NotAfter.Before(c.Backend.Now()):
				return app.ToastMsg{
					Text: c.T("verify.done.expired", resourceName(r), r.NotAfter.UTC().Format(time.DateOnly)),
					Tone: style.Bad,
				}
			case r.State == model.ResourceOutdated:
				return app.ToastMsg{Text: c.T("verify.done.outdated", resourceName(r)), Tone: style.Warn}
			}
		}
		return said
	}
}
