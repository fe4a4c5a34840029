package journal

import (
	"context"
	"errors"
	"sync"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// badRecords are the records that cannot be read, by kind and key: each is told
// of once in a process.
type badRecords struct {
	mu   sync.Mutex
	told map[string]bool
}

// Unreadable tells of a record that cannot be read, once: in the log and as a
// task for a person. Whoever met it goes on with the next.
func (j *Journal) Unreadable(kind model.Kind, key string, cause error) {
	if j.ctx.Err() != nil {
		return
	}
	name := string(kind) + " " + key
	j.bad.mu.Lock()
	known := j.bad.told[name]
	if j.bad.told == nil {
		j.bad.told = map[string]bool{}
	}
	j.bad.told[name] = true
	j.bad.mu.Unlock()
	if known {
		return
	}
	j.Log.Error("a record cannot be read; it is left out", "record", name, "error", cause)
	err := j.Update(j.ctx, func(tx model.Tx) error {
		return j.AskToRetry(tx, &model.Task{
			About:  string(kind) + " " + key,
			Text:   model.Say("todo.unreadable", "kind", kind, "key", key),
			Detail: model.Say("todo.unreadable-how"),
		})
	})
	if err != nil && j.ctx.Err() == nil {
		j.Log.Error("the task about a record that cannot be read could not be kept", "record", name, "error", err)
	}
}

// ErrUnread is why something about a record was not done that cannot be read.
var ErrUnread = model.Fail("error.unreadable")

// UnreadIf tells of a record if err is that it cannot be read, and then returns
// an [ErrUnread].
func (j *Journal) UnreadIf(kind model.Kind, id model.ID, err error) error {
	if err == nil || errors.Is(err, model.ErrNotFound) || errors.As(err, new(*rules.Refusal)) {
		return err
	}
	j.Unreadable(kind, string(id), err)
	return ErrUnread
}

// IsBad says whether a record was told of as one that cannot be read.
func (j *Journal) IsBad(kind model.Kind, id model.ID) bool {
	j.bad.mu.Lock()
	defer j.bad.mu.Unlock()
	return j.bad.told[string(kind)+" "+string(id)]
}

// News keeps a loop from logging the same error at each turn.
type News struct{ last string }

// IsNew says whether an error is to be logged: one that is not the one before,
// and not that ctx has ended.
func (n *News) IsNew(ctx context.Context, err error) bool {
	before := n.last
	if n.last = ""; err == nil {
		return false
	}
	n.last = err.Error()
	return n.last != before && ctx.Err() == nil
}

// Later gathers the records of a kind that a read met and that cannot be read,
// to tell of them once it is over: a task cannot be written inside of it.
func (j *Journal) Later(kind model.Kind) *Unread { return &Unread{j: j, kind: kind} }

// Unread gathers records that cannot be read; see [Journal.Later].
type Unread struct {
	j    *Journal
	kind model.Kind
	keys []string
	errs []error
}

// Add remembers one, with why.
func (u *Unread) Add(key string, err error) {
	u.keys, u.errs = append(u.keys, key), append(u.errs, err)
}

// Tell tells of all of them.
func (u *Unread) Tell() {
	for n, key := range u.keys {
		u.j.Unreadable(u.kind, key, u.errs[n])
	}
}

// Readable visits the records of a scan. One that cannot be read is told of and
// passed over, so that it keeps nobody from those behind it; an error is that of
// the scan itself. Tell of it after the transaction: bad is called inside.
func Readable[T any, P interface {
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

// ErrDied is why something has failed in whose call the process died.
var ErrDied = model.Fail("job.died")

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
	return j.UnreadIf(model.KindInstance, id, err)
}
