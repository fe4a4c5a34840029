package action

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/style"
	"certquay/ui/text"
)

// part is one of the things that an action acts on.
type part struct {
	name string
	act  func(context.Context) error
}

// countEvery is how often the ended ones are counted while others are begun.
const countEvery = 200 * time.Millisecond

// work is how far the work on several parts is.
type work struct {
	of                    int
	begun, refused        atomic.Int64 // parts, and those that could not begin
	jobs, settled, failed atomic.Int64 // jobs that the parts have started
	mu                    sync.Mutex
	started               []model.ID
}

func (w *work) progress() app.Progress {
	p := app.Progress{Done: int(w.begun.Load()), Of: w.of, Failed: int(w.refused.Load() + w.failed.Load())}
	if jobs := int(w.jobs.Load()); jobs > 0 {
		p.Begun, p.Starts, p.Done, p.Of = p.Done, w.of, int(w.settled.Load()), jobs
	}
	return p
}

func (w *work) report(settled, failed int) {
	w.settled.Store(int64(settled))
	w.failed.Store(int64(failed))
}

// actOn acts on each part and sums up the results. Several are acted on while the person
// goes on, with a bar that counts what has begun and what has ended.
func (q *request) actOn(ctx context.Context, done string, parts []part) (tea.Msg, error) {
	if len(parts) > 1 {
		return q.workOn(done, parts), nil
	}
	problems, ok, last := q.refusedProblems(), 0, ""
	for _, p := range parts {
		if err := p.act(ctx); err == nil {
			ok, last = 1, p.name
		} else if len(problems) == 0 {
			return nil, err
		} else {
			problems = append(problems, q.problem(err, p.name))
		}
	}
	return q.summary(ok, q.resultMsg(done, ok, last, problems)), nil
}

// workOn announces the work on several parts, which begins at once and goes on also if
// nobody waits for it any more.
func (q *request) workOn(done string, parts []part) tea.Msg {
	c, w := q.c, &work{of: len(parts)}
	told := app.ToastMsg{
		Text: c.T("started.many", c.T("action."+string(q.row.Action)), len(parts)), Tone: style.Busy, Progress: w.progress,
		Await: func(ctx context.Context) app.ToastMsg {
			problems, ok, last := q.begin(ctx, w, parts)
			if len(q.jobs) == 0 {
				return app.ToastMsg{Then: q.summary(ok, q.resultMsg(done, ok, last, problems))}
			}
			all, err := q.await(ctx, w.report)
			if ctx.Err() != nil {
				return app.ToastMsg{}
			}
			if err != nil {
				return app.ToastMsg{Text: text.Clean(c.FormatError(err)), Tone: style.Bad}
			}
			return app.ToastMsg{Then: q.summary(ok, q.endedMsg(all, problems))}
		},
	}
	if q.row.Action == rules.Delete { // what could be undone may be gone soon
		return app.ForgetUndoMsg{Then: told}
	}
	return told
}

// begin acts on the parts, one after the other: what is prepaid goes to the first. It does
// not end with ctx, by which somebody waits.
func (q *request) begin(ctx context.Context, w *work, parts []part) (problems []problem, ok int, last string) {
	counting, stop := context.WithCancel(ctx)
	var counter sync.WaitGroup
	counter.Go(func() { q.countEnded(counting, w) })
	problems = q.refusedProblems()
	for _, p := range parts {
		err := q.beginOne(ctx, p)
		w.mu.Lock()
		w.started = q.jobs
		w.mu.Unlock()
		w.jobs.Store(int64(len(q.jobs)))
		w.begun.Add(1)
		if err != nil {
			w.refused.Add(1)
			problems = append(problems, q.problem(err, p.name))
			continue
		}
		ok, last = ok+1, p.name
	}
	stop()
	counter.Wait()
	return problems, ok, last
}

func (q *request) beginOne(ctx context.Context, p part) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), app.Timeout)
	defer cancel()
	return p.act(ctx)
}

// countEnded counts the jobs that have ended among those that were started so far, until
// ctx ends.
func (q *request) countEnded(ctx context.Context, w *work) {
	for ctx.Err() == nil {
		look, cancel := context.WithTimeout(ctx, countEvery)
		w.mu.Lock()
		started := w.started
		w.mu.Unlock()
		if len(started) > 0 {
			_, _ = q.c.Backend.WaitReporting(look, w.report, started...) // a failure is found by the wait for all
		}
		<-look.Done()
		cancel()
	}
}

// await waits for the jobs, and for what follows from them where that belongs to the action.
func (q *request) await(ctx context.Context, report func(settled, failed int)) ([]lifecycle.Progress, error) {
	if q.follows {
		return q.c.Backend.Follow(ctx, report, q.jobs...)
	}
	return q.c.Backend.WaitReporting(ctx, report, q.jobs...)
}

// endedMsg says what became of several jobs, and why others could not begin.
func (q *request) endedMsg(all []lifecycle.Progress, problems []problem) tea.Msg {
	c := q.c
	said := q.jobsToast(all, q.countResults(len(all), 0, 0))
	if len(problems) == 0 {
		return said
	}
	return q.problemsMsg([]string{said.Text, c.T("begun.not", len(problems))}, problems)
}

// refusedProblems are the marked ones that are left out.
func (q *request) refusedProblems() (problems []problem) {
	for _, r := range q.refused {
		problems = append(problems, q.problem(r.Refusal, r.name))
	}
	return problems
}

// problemsMsg opens a notice of what could not be done, below what was.
func (q *request) problemsMsg(lines []string, problems []problem) tea.Msg {
	c := q.c
	return app.OpenDialogMsg{Make: func() app.Dialog {
		return &dialog.Notice{Context: c, Title: c.T("action." + string(q.row.Action)), Badge: c.T("danger.notice"), Tone: style.Warn,
			Sections: []dialog.Section{{Lines: lines, Tone: style.Strong}, {Lines: groupProblems(c, problems)}}}
	}}
}
