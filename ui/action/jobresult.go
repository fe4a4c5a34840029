package action

import (
	"context"
	"strings"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// began takes note of a job that the request has begun, so that what is told
// of it is told anew when it ends.
func (q *request) began(j model.Job, err error) error {
	if err == nil {
		q.jobs = append(q.jobs, j.ID)
	}
	return err
}

// follow has a line that says what is being done replaced by what has come of
// it; well is what to say when all is done. A line without jobs stays.
func (q *request) follow(told app.ToastMsg, well string) app.ToastMsg {
	if len(q.jobs) == 0 {
		return told
	}
	told.Tone = style.Work
	told.Await = func(ctx context.Context) app.ToastMsg {
		all, err := q.c.Backend.Wait(ctx, q.jobs...)
		if ctx.Err() != nil {
			return app.ToastMsg{}
		}
		if err != nil {
			return app.ToastMsg{Text: text.Clean(q.c.FormatError(err)), Tone: style.Bad}
		}
		return q.ended(all, well)
	}
	return told
}

// sum says of several jobs how many ended how, without what none did.
func (q *request) sum(done, failed, later int) string {
	c := q.c
	var parts []string
	for _, p := range []struct {
		key string
		n   int
	}{{"ended.done", done}, {"ended.n.failed", failed}, {number("ended.later", later), later}} {
		if p.n > 0 {
			parts = append(parts, c.T(p.key, p.n))
		}
	}
	return c.T("ended.many", c.T("action."+string(q.row.Action)), strings.Join(parts, c.T("list.join")))
}

// ended says what has come of jobs: of one that did not end well also why.
func (q *request) ended(all []lifecycle.Progress, well string) app.ToastMsg {
	c := q.c
	var failed, later []lifecycle.Progress
	for _, p := range all {
		switch {
		case p.Blocked:
			later = append(later, p)
		case p.Job.Result != lifecycle.ResultOK:
			failed = append(failed, p)
		}
	}
	what := c.T("action." + string(q.row.Action))
	switch {
	case len(failed)+len(later) == 0:
		return app.ToastMsg{Text: well, Tone: style.Good}
	case len(all) > 1:
		tone := style.Soon
		if len(failed) > 0 {
			tone = style.Bad
		}
		return app.ToastMsg{Text: q.sum(len(all)-len(failed)-len(later), len(failed), len(later)), Tone: tone}
	case len(failed) == 1:
		return app.ToastMsg{Text: c.T("ended.failed", what, c.Text.Text(failed[0].Job.Error)), Tone: style.Bad}
	case later[0].Job.WaitFor != "":
		return app.ToastMsg{Text: c.T("ended.waiting", what, c.Text.Text(later[0].Job.WaitFor)), Tone: style.Work}
	}
	return app.ToastMsg{Text: c.T("ended.again", what, widget.Stamp(later[0].Until), c.Text.Text(later[0].Job.Error)), Tone: style.Soon}
}
