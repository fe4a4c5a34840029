package action

import (
	"context"
	"strings"
	"sync/atomic"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// addJob notes a job that the request has started, so that its result is shown when it
// ends.
func (q *request) addJob(j model.Job, err error) error {
	if err == nil {
		q.jobs = append(q.jobs, j.ID)
	}
	return err
}

// awaitJobs lets a toast about running jobs be replaced by their result; well is the
// text when all succeed. For several jobs the toast has a progress bar. Without jobs
// the toast stays.
func (q *request) awaitJobs(told app.ToastMsg, well string) app.ToastMsg {
	if len(q.jobs) == 0 {
		return told
	}
	var settled, failed atomic.Int64
	if jobs := len(q.jobs); jobs > 1 {
		told.Progress = func() app.Progress {
			return app.Progress{Done: int(settled.Load()), Of: jobs, Failed: int(failed.Load())}
		}
	}
	told.Tone = style.Busy
	told.Await = func(ctx context.Context) app.ToastMsg {
		all, err := q.await(ctx, func(n, bad int) { settled.Store(int64(n)); failed.Store(int64(bad)) })
		if ctx.Err() != nil {
			return app.ToastMsg{}
		}
		if err != nil {
			return app.ToastMsg{Text: text.Clean(q.c.FormatError(err)), Tone: style.Bad}
		}
		return q.jobsToast(all, well)
	}
	return told
}

// countResults says how many of several jobs are done, have failed, or go on later,
// leaving out zeros.
func (q *request) countResults(done, failed, later int) string {
	c := q.c
	var parts []string
	for _, p := range []struct {
		key string
		n   int
	}{{"ended.done", done}, {"ended.n.failed", failed}, {"ended.later", later}} {
		if p.n > 0 {
			parts = append(parts, c.T(p.key, p.n))
		}
	}
	return c.T("ended.many", c.T("action."+string(q.row.Action)), strings.Join(parts, c.T("list.join")))
}

// jobsToast is the toast about jobs that have ended; for a single one that did not
// succeed, with the reason.
func (q *request) jobsToast(all []lifecycle.Progress, well string) app.ToastMsg {
	c := q.c
	var failed, later []lifecycle.Progress
	for _, p := range all {
		switch {
		case p.Blocked:
			later = append(later, p)
		case p.Job.Result != journal.ResultOK:
			failed = append(failed, p)
		}
	}
	what := c.T("action." + string(q.row.Action))
	switch {
	case len(failed)+len(later) == 0:
		return app.ToastMsg{Text: well, Tone: style.Good}
	case len(all) > 1:
		tone := style.Warn
		if len(failed) > 0 {
			tone = style.Bad
		}
		return app.ToastMsg{Text: q.countResults(len(all)-len(failed)-len(later), len(failed), len(later)), Tone: tone}
	case len(failed) == 1:
		return app.ToastMsg{Text: c.T("ended.failed", what, c.Text.Text(failed[0].Job.Error)), Tone: style.Bad}
	case later[0].Job.WaitFor != "":
		return app.ToastMsg{Text: c.T("ended.waiting", what, c.Text.Text(later[0].Job.WaitFor)), Tone: style.Busy}
	}
	return app.ToastMsg{Text: c.T("ended.again", what, widget.Stamp(later[0].Until), c.Text.Text(later[0].Job.Error)), Tone: style.Warn}
}
