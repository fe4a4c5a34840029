package journal

import (
	"context"
	"errors"
	"sync"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// reportedRecords are the records that cannot be read, by kind and key: each is told
// of once in a process.
type reportedRecords struct {
	mu   sync.Mutex
	keys map[string]bool
}

// ReportUnreadable tells of a record that cannot be read, once: in the log and as a
// task for a person. Whoever met it goes on with the next.
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

// ErrUnreadable is why something about a record was not done that cannot be read.
var ErrUnreadable = model.Fail("error.unreadable")

// UnreadableError tells of a record if err is that it cannot be read, and then returns
// an [ErrUnreadable].
func (j *Journal) UnreadableError(kind model.Kind, id model.ID, err error) error {
	if err == nil || errors.Is(err, model.ErrNotFound) || errors.As(err, new(*rules.Refusal)) {
		return err
	}
	j.ReportUnreadable(kind, string(id), err)
	return ErrUnreadable
}

// IsUnreadable says whether a record was told of as one that cannot be read.
func (j *Journal) IsUnreadable(kind model.Kind, id model.ID) bool {
	j.reported.mu.Lock()
	defer j.reported.mu.Unlock()
	return j.reported.keys[string(kind)+" "+string(id)]
}

// LogFilter keeps a loop from logging the same error at each turn.
type LogFilter struct{ last string }

// IsNew says whether an error is to be logged: one that is not the one before,
// and not that ctx has ended.
func (n *LogFilter) IsNew(ctx context.Context, err error) bool {
	before := n.last
	if n.last = ""; err == nil {
		return false
	}
	n.last = err.Error()
	return n.last != before && ctx.Err() == nil
}

// CollectUnreadable gathers the records of a kind that a read met and that cannot be read,
// to tell of them once it is over: a task cannot be written inside of it.
func (j *Journal) CollectUnreadable(kind model.Kind) *UnreadableRecords {
	return &UnreadableRecords{j: j, kind: kind}
}

// UnreadableRecords gathers records that cannot be read; see [Journal.CollectUnreadable].
type UnreadableRecords struct {
	j    *Journal
	kind model.Kind
	keys []string
	errs []error
}

// Add remembers one, with why.
func (u *UnreadableRecords) Add(key string, err error) {
	u.keys, u.errs = append(u.keys, key), append(u.errs, err)
}

// Report tells of all of them.
func (u *UnreadableRecords) Report() {
	for n, key := range u.keys {
		u.j.ReportUnreadable(u.kind, key, u.errs[n])
	}
}

// EachReadable visits the records of a scan. One that cannot be read is told of and
// passed over, so that it keeps nobody from those behind it; an error is that of
// the scan itself. Tell of it after the transaction: bad is called inside.
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
		v, err := model.Get[T, P](r, key)
		if err != nil {
			bad(key, err)
			continue
		}
		if !do(&v) {
			return nil
		}
		if limit--; limit == 0 {
			return nil
		}
	}
	return nil
}

// ErrProcessDied is why something has failed in whose call the process died.
var ErrProcessDied = model.Fail("job.died")

// CheckInstance tells of an instance that cannot be read. One that is not there is
// none.
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
