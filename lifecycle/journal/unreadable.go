package journal

import (
	"context"
	"errors"
	"sync"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// reportedRecords are the unreadable records, by kind and key. Each is reported
// once in a process.
type reportedRecords struct {
	mu   sync.Mutex
	keys map[string]bool
}

// ReportUnreadable reports an unreadable record once, in the log and as a task.
// The caller continues with the next record.
func (j *Journal) ReportUnreadable(kind model.Kind, key string, cause error) {
	if j.ctx.Err() != nil {
		return
	}
	name := string(kind) + " " + key
	j.reported.mu.Lock()
	known := j.reported.keys[name]
	if j.reported.keys == nil {
		j.reported.keys = map[string]bool{}
	}
	j.reported.keys[name] = true
	j.reported.mu.Unlock()
	if known {
		return
	}
	j.Log.Error("a record cannot be read; it is left out", "record", name, "error", cause)
	err := j.Update(j.ctx, func(tx model.Tx) error {
		return j.RaiseRetryTask(tx, &model.Task{
			About:  string(kind) + " " + key,
			Text:   model.Say("todo.unreadable", "kind", kind, "key", key),
			Detail: model.Say("todo.unreadable-how"),
		})
	})
	if err != nil && j.ctx.Err() == nil {
		j.Log.Error("the task about a record that cannot be read could not be kept", "record", name, "error", err)
	}
}

// ErrUnreadable is the error of work on an unreadable record.
var ErrUnreadable = model.Fail("error.unreadable")

// UnreadableError reports the record and returns [ErrUnreadable] if err means
// that it cannot be read, and otherwise returns err.
func (j *Journal) UnreadableError(kind model.Kind, id model.ID, err error) error {
	if err == nil || errors.Is(err, model.ErrNotFound) || errors.As(err, new(*rules.Refusal)) {
		return err
	}
	j.ReportUnreadable(kind, string(id), err)
	return ErrUnreadable
}

// IsUnreadable reports whether a record was reported as unreadable.
func (j *Journal) IsUnreadable(kind model.Kind, id model.ID) bool {
	j.reported.mu.Lock()
	defer j.reported.mu.Unlock()
	return j.reported.keys[string(kind)+" "+string(id)]
}

// LogFilter keeps a loop from logging the same error at each iteration.
type LogFilter struct{ last string }

// IsNew reports whether to log an error: it differs from the previous one and ctx
// has not ended.
func (n *LogFilter) IsNew(ctx context.Context, err error) bool {
	before := n.last
	if n.last = ""; err == nil {
		return false
	}
	n.last = err.Error()
	return n.last != before && ctx.Err() == nil
}

// CollectUnreadable collects unreadable records of a kind during a read, to
// report them after it: a task cannot be written inside a read.
func (j *Journal) CollectUnreadable(kind model.Kind) *UnreadableRecords {
	return &UnreadableRecords{j: j, kind: kind}
}

// UnreadableRecords collects unreadable records; see [Journal.CollectUnreadable].
type UnreadableRecords struct {
	j    *Journal
	kind model.Kind
	keys []string
	errs []error
}

// Add adds a record with its error.
func (u *UnreadableRecords) Add(key string, err error) {
	u.keys, u.errs = append(u.keys, key), append(u.errs, err)
}

// Report reports all collected records.
func (u *UnreadableRecords) Report() {
	for n, key := range u.keys {
		u.j.ReportUnreadable(u.kind, key, u.errs[n])
	}
}

// EachReadable visits the records of a scan until do returns false. It passes an
// unreadable one to bad and continues; its error is that of the scan itself. bad
// is called inside the transaction: report afterwards.
func EachReadable[T any, P interface {
	*T
	model.Record
}](r model.Reader, s model.Scan, bad func(key string, err error), do func(*T) bool) error {
	s.Kind = P(nil).RecordKind()
	limit := s.Limit
	s.Limit = 0
	for key, err := range r.Keys(s) {
		if err != nil {
			return err
		}
		v := new(T)
		if err := r.Load(key, P(v)); err != nil {
			bad(key, err)
			continue
		}
		if !do(v) {
			return nil
		}
		if limit--; limit == 0 {
			return nil
		}
	}
	return nil
}

// ErrProcessDied is the error of an attempt in which the process died.
var ErrProcessDied = model.Fail("job.died")

// CheckInstance reports an unreadable instance. A missing one is no error.
func (j *Journal) CheckInstance(id model.ID) error {
	err := j.Store.View(func(r model.Reader) error {
		_, err := model.Get[model.Instance](r, string(id))
		return err
	})
	if errors.Is(err, model.ErrNotFound) {
		return nil
	}
	return j.UnreadableError(model.KindInstance, id, err)
}
