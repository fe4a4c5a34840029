package journal

import (
	"maps"
	"sync"

	"certquay/model"
)

// Tally counts what was committed since the journal was made. Its zero value is empty.
type Tally struct {
	// Jobs counts the jobs that have finished, by kind and result.
	Jobs map[JobResult]uint64
	// Failures counts the attempts that have failed, by kind of job, those that are
	// retried included.
	Failures map[model.JobKind]uint64
	// Notices counts the notices that are done, by [model.Notice.Outcome].
	Notices map[string]uint64
	// NoticeFailures counts the attempts at a delivery that have failed.
	NoticeFailures uint64
}

// JobResult is how a job of a kind has ended.
type JobResult struct {
	Kind   model.JobKind
	Result string
}

// tallies is the tally of a journal. It is safe for concurrent use.
type tallies struct {
	mu sync.Mutex
	t  Tally
}

// Tally returns what was committed through the journal so far.
func (j *Journal) Tally() Tally {
	j.tallies.mu.Lock()
	defer j.tallies.mu.Unlock()
	t := j.tallies.t
	t.Jobs, t.Failures, t.Notices = maps.Clone(t.Jobs), maps.Clone(t.Failures), maps.Clone(t.Notices)
	return t
}

// NoticeFailed counts a failed attempt at a delivery, once that is committed.
func (j *Journal) NoticeFailed() { j.tallies.add(&Tally{NoticeFailures: 1}) }

// add adds what a transaction has committed.
func (a *tallies) add(t *Tally) {
	a.mu.Lock()
	defer a.mu.Unlock()
	sum(&a.t.Jobs, t.Jobs)
	sum(&a.t.Failures, t.Failures)
	sum(&a.t.Notices, t.Notices)
	a.t.NoticeFailures += t.NoticeFailures
}

func sum[K comparable](to *map[K]uint64, from map[K]uint64) {
	for k, n := range from {
		count(to, k, n)
	}
}

func count[K comparable](to *map[K]uint64, key K, n uint64) {
	if *to == nil {
		*to = map[K]uint64{}
	}
	(*to)[key] += n
}

// countingTx is a transaction that counts what is written in it.
type countingTx struct {
	model.Tx
	tally Tally
}

// Put counts jobs and notices that are done.
func (c *countingTx) Put(r model.Record) error {
	if err := c.Tx.Put(r); err != nil {
		return err
	}
	switch r := r.(type) {
	case *model.Job:
		if !r.Live() {
			count(&c.tally.Jobs, JobResult{r.Kind, r.Result}, 1)
		}
	case *model.Notice:
		if !r.Open() {
			count(&c.tally.Notices, r.Outcome, 1)
		}
	}
	return nil
}

// Append counts the failed attempts of jobs.
func (c *countingTx) Append(ev model.Event) error {
	if err := c.Tx.Append(ev); err != nil {
		return err
	}
	if kind := model.JobKind(ev.Action); ev.Result == ResultFailed && kind.Known() {
		count(&c.tally.Failures, kind, 1)
	}
	return nil
}
