package cmd

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// effect is what a verb does to each of its targets: one way for one ID, for several, for
// those on standard input and for those of a query (spec Q2).
type effect[T target] struct {
	action rules.Action
	// title says what is done to n targets, such as "Revoke {n} certificates".
	title func(n int) model.Text
	// plan returns what would be done to a target, or why not. It changes nothing. The
	// facts allow the action; they are nil for a resource without an instance.
	plan func(ctx context.Context, t *T, cs *rules.Facts) (plan, error)
	// begin does it, or starts the jobs that do.
	begin func(ctx context.Context, t *T) (begun, error)
	// harmless means that several are not confirmed, because nothing is changed.
	harmless bool
	// typed means that several are confirmed by typing the action and their number.
	typed bool
}

// plan is what a verb would do to one target.
type plan struct {
	ask      bool           // a person has to confirm it, even for one
	lines    []string       // what is confirmed for one, in the language of the session
	typed    string         // the word that confirms one; "yes" if empty
	notes    []model.Text   // what the row of one among several says besides the sums
	below    [][]model.Text // what is said below the rows: groups of a head and indented lines
	price    int64          // in minor units of the currency
	refund   int64
	currency string
	credits  int // reserved by it
}

// begun is what a verb has started for one target.
type begun struct {
	jobs []model.ID // those to wait for; none if all is done
	// follows means that deployments and revocations follow from the jobs, which are
	// waited for too.
	follows bool
	// end returns the result. all are the jobs once waited for, nil if they were not.
	end func(all []lifecycle.Progress) outcome
}

// outcome is what became of one target.
type outcome struct {
	result any          // with --json
	lines  []model.Text // on standard output
	notes  []model.Text // on standard error
	after  model.Text   // at the end of the output, once for all
	err    error        // how it failed or why it was refused
}

// work is one target of a verb, from what was typed to what became of it.
type work struct {
	id    string // whole, or as it was typed if nothing has it
	name  string
	plan  plan
	begun begun
	outcome

	planned func(context.Context) (plan, error)
	start   func(context.Context) (begun, error)
	jobs    int // where its jobs begin among those of all
}

// many is a verb that acts on its targets.
type many struct {
	*invocation
	action          rules.Action
	title           func(n int) model.Text
	several         bool // the result is a list
	harmless, typed bool
	noWait          bool
	all             []*work
}

// actOn acts on the targets that a command line names: it says what would be done and
// asks once, starts all, waits for all, and prints what became of each. What is refused
// or fails does not stop the others. Exit codes are those of [many.exit].
func actOn[T target](ctx context.Context, c *invocation, s *selection, args []string, f finder[T], v effect[T]) error {
	ids, err := s.ids(ctx, c, args, f.search)
	if err != nil {
		return err
	}
	m := &many{
		invocation: c, action: v.action, title: v.title, several: s.several(args), harmless: v.harmless, typed: v.typed, noWait: s.noWait,
	}
	addTargets(m, ids, f, v)
	return m.run(ctx, s.dryRun)
}

// addTargets adds what was typed, each once, to what a verb acts on.
func addTargets[T target](m *many, ids []string, f finder[T], v effect[T]) {
	seen := map[string]bool{}
	for _, typed := range ids {
		w := &work{id: typed}
		t, err := f.find(typed)
		if err != nil {
			w.err = err
		} else {
			id, name := f.label(&t)
			w.id, w.name = string(id), name
			w.planned = func(ctx context.Context) (plan, error) {
				cs, err := f.check(v.action, &t)
				if err != nil {
					return plan{}, err
				}
				return v.plan(ctx, &t, cs)
			}
			w.start = func(ctx context.Context) (begun, error) { return v.begin(ctx, &t) }
		}
		if !seen[w.id] {
			seen[w.id] = true
			m.all = append(m.all, w)
		}
	}
}

// run is actOn for targets that are found.
func (m *many) run(ctx context.Context, dryRun bool) error {
	if err := m.look(ctx, dryRun); err != nil {
		return err
	}
	if dryRun {
		return m.printPlans()
	}
	if err := m.confirm(ctx); err != nil {
		return err
	}
	m.startAll(ctx)
	m.waitForAll(ctx)
	return m.report(ctx)
}

// look plans all. A refusal is logged, unless nothing is to be changed.
func (m *many) look(ctx context.Context, dryRun bool) error {
	stop := m.Progress(func() out.State { return out.State{What: m.Text("progress.look")} })
	defer stop()
	for _, w := range m.all {
		if ctx.Err() != nil {
			return out.NothingBegun(ctx.Err())
		}
		if w.err != nil {
			continue
		}
		var refusal *rules.Refusal
		if w.plan, w.err = w.planned(ctx); errors.As(w.err, &refusal) && !dryRun {
			w.err = m.engine().LogRefusal(ctx, refusal)
		}
	}
	return nil
}

// possible returns the targets that are not refused.
func (m *many) possible() (some []*work) {
	for _, w := range m.all {
		if w.err == nil {
			some = append(some, w)
		}
	}
	return some
}

// confirm asks once, with what would be done. Nothing is asked if nothing can be done.
func (m *many) confirm(ctx context.Context) error {
	some := m.possible()
	if len(some) == 0 || m.harmless {
		return nil
	}
	p := &some[0].plan
	switch {
	case !m.several && !p.ask:
		return nil
	case m.Yes:
		m.sayPrice(some)
		return nil
	case !m.several:
		return m.Confirm(ctx, strings.Join(p.lines, "\n"), p.typed)
	}
	word := ""
	if m.typed {
		word = m.Text("verb.many.word", "action", string(m.action), "n", len(some))
	}
	question := m.listing()
	if len(m.all) > longListing { // its title has left the screen
		question += "\n" + m.Words().Text(m.title(len(some)))
	}
	return m.Confirm(ctx, question, word)
}

// longListing is how many rows of a listing are asked about without repeating its title.
const longListing = 10

// sayPrice prints what is confirmed by --yes if it costs or pays back money (spec B1).
func (m *many) sayPrice(some []*work) {
	total := sums(some)
	switch {
	case len(total.price)+len(total.refund) == 0:
	case m.JSON:
		for _, t := range total.texts() {
			m.Note("verb.note", "what", t)
		}
	case !m.several:
		m.Print(strings.Join(some[0].plan.lines, "\n"))
	default:
		m.Print(m.Words().Text(m.title(len(some))))
		for _, t := range total.texts() {
			m.Print(m.Words().Text(t))
		}
	}
}

// startAll starts the work on all that are possible, in their order: what is prepaid
// goes to the first.
func (m *many) startAll(ctx context.Context) {
	some := m.possible()
	var n atomic.Int64
	stop := m.Progress(func() out.State {
		return out.State{What: m.Text("progress.start", "action", m.action), N: int(n.Load()), Of: len(some)}
	})
	defer stop()
	for _, w := range some {
		if err := ctx.Err(); err != nil {
			w.err = out.NothingBegun(err)
			continue
		}
		w.begun, w.err = w.start(ctx)
		n.Add(1)
	}
}

// waitForAll waits for the jobs of all, and sets the outcomes.
func (m *many) waitForAll(ctx context.Context) {
	some := m.possible()
	var jobs []model.ID
	for _, w := range some {
		w.jobs = len(jobs)
		jobs = append(jobs, w.begun.jobs...)
	}
	var all []lifecycle.Progress
	var failed error
	if len(jobs) > 0 && !m.noWait {
		all, failed = m.waitFor(ctx, m.action, jobs)
	}
	for _, w := range some {
		mine := len(w.begun.jobs)
		switch {
		case mine == 0 || m.noWait:
			w.outcome = w.begun.end(nil)
		case failed == nil || settled(all, w.jobs, mine):
			ended := all[w.jobs : w.jobs+mine]
			if w.begun.follows && failed == nil {
				if ended, failed = m.engine().Follow(ctx, nil, w.begun.jobs...); failed != nil {
					w.err = failed
					continue
				}
			}
			w.outcome = w.begun.end(ended)
		default:
			w.err = failed
		}
	}
}

// settled reports whether n jobs, from one of all, have ended or are postponed.
func settled(all []lifecycle.Progress, from, n int) bool {
	if len(all) < from+n {
		return false
	}
	for _, p := range all[from : from+n] {
		if !p.Done && !p.Blocked {
			return false
		}
	}
	return true
}

// waitFor waits for jobs and shows the progress on a terminal.
func (c *invocation) waitFor(ctx context.Context, a rules.Action, jobs []model.ID) ([]lifecycle.Progress, error) {
	var n atomic.Int64
	stop := c.Progress(func() out.State {
		return out.State{What: c.Text("progress.wait", "action", a), N: int(n.Load()), Of: len(jobs)}
	})
	defer stop()
	return c.engine().WaitReporting(ctx, func(settled, _ int) { n.Store(int64(settled)) }, jobs...)
}

// became returns the work on an instance whose result is the instance in its new state,
// once its jobs have ended or wait for an external event. Interrupting does not stop the
// jobs.
func (c *invocation) became(id model.ID, done model.Text, jobs ...model.ID) begun {
	return begun{jobs: jobs, end: func(all []lifecycle.Progress) (o outcome) {
		if len(jobs) > 0 && all == nil {
			done = model.Say("verb.not-waited", "done", done)
		}
		for _, p := range all {
			switch {
			case p.Blocked && p.Job.WaitFor != "":
				o.notes = append(o.notes, model.Say("verb.waits", "waiting", p.Job.WaitFor, "at", p.Until))
			case p.Blocked:
				o.err = out.Failed("failed.attempt", "job", p.Job.Kind, "attempt", p.Job.Attempt, "cause", p.Job.Error, "at", p.Until)
				return o
			case p.Job.Result != journal.ResultOK:
				o.err = out.Failed("failed.job", "job", p.Job.Kind, "cause", p.Job.Error, "id", id.Short())
				return o
			}
		}
		i, err := c.engine().Instance(id)
		if err != nil {
			o.err = err
			return o
		}
		o.result = c.instance(&i)
		o.lines = []model.Text{model.Say("verb.became", "done", done, "name", i.Name, "state", i.Status(c.engine().Now()))}
		return o
	}}
}

// counted returns a title with the number of targets.
func counted(code string, args ...any) func(n int) model.Text {
	return func(n int) model.Text { return model.Say(code, append([]any{"n", n}, args...)...) }
}

// unasked is the plan of a verb that is not confirmed for one target and costs nothing.
func unasked[T target](context.Context, *T, *rules.Facts) (plan, error) { return plan{}, nil }
