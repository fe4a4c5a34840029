package lifecycle

import (
	"errors"
	"sync"
	"time"

	"certquay/lifecycle/journal"
	"certquay/model"
)

// relistenEvery is how often a resource is looked at whose address its product
// cannot listen at; to look is to try again.
const relistenEvery = 10 * time.Minute

// A NotListening is why a product presents nothing at a place where something is
// deployed: it cannot listen at its address.
type NotListeningError struct{ Err error }

func (n *NotListeningError) Error() string { return n.AsText().String() }

// AsText is the message.
func (n *NotListeningError) AsText() model.Text {
	return model.Say("deploy.not-listening", "cause", n.Err)
}

// Unwrap is the cause.
func (n *NotListeningError) Unwrap() error { return n.Err }

// listenRetries are the resources that present nothing, with when they were last
// looked at.
type listenRetries struct {
	mu   sync.Mutex
	last map[model.ID]time.Time
}

// record remembers, or forgets, that a resource presents nothing.
func (s *listenRetries) record(id model.ID, silent bool, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !silent {
		delete(s.last, id)
		return
	}
	if s.last == nil {
		s.last = map[model.ID]time.Time{}
	}
	s.last[id] = now
}

// due lists those that are to be looked at again.
func (s *listenRetries) due(now time.Time) (ids []model.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, at := range s.last {
		if now.Sub(at) >= relistenEvery {
			s.last[id] = now
			ids = append(ids, id)
		}
	}
	return ids
}

// verifyProblems looks at once at the resources of products that could not be
// opened as a whole, and at those that presented nothing when an engine last
// looked: that something is presented must not be believed for a day.
func (s *scheduler) verifyProblems() {
	if s.noSweeps {
		return
	}
	problem := map[string]bool{}
	for _, p := range s.products {
		problem[p.Name] = p.Product != nil && p.Problem != ""
	}
	bad := s.journal.CollectUnreadable(model.KindResource)
	err := s.store.View(func(r model.Reader) error {
		return journal.EachReadable(r, model.Scan{Index: "looked"}, bad.Add, func(res *model.Resource) bool {
			if problem[res.Product] || res.Failure.Kind == model.JobVerify {
				s.listenRetries.record(res.ID, true, time.Time{}) // due at once
			}
			return true
		})
	})
	bad.Report()
	if err != nil && s.ctx.Err() == nil {
		s.log.Error("resources that present nothing could not be found", "error", err)
	}
}

// recordListening records whether a resource presents anything at all. While it does
// not, its row is failed and has no address, and a task tells why.
func (e *Engine) recordListening(tx model.Tx, r *model.Resource, looked error) error {
	var silent *NotListeningError
	isSilent := errors.As(looked, &silent)
	if isSilent {
		r.Address = ""
		r.Failure = model.Failure{Kind: model.JobVerify, At: e.Now(), Message: model.TextOf(silent)}
	} else if r.Failure.Kind == model.JobVerify {
		r.Failure = model.Failure{}
	}
	exists := false
	err := journal.EndTasks(tx, model.Scan{Index: "pending", Prefix: string(r.Instance)}, e.Now(), func(t *model.Task) string {
		switch {
		case t.Kind != model.TaskAddress || t.Resource != r.ID:
			return ""
		case !isSilent:
			return "seen"
		}
		exists = true
		return ""
	})
	if err != nil || !isSilent || exists {
		return err
	}
	t := model.Task{
		ID: e.journal.NewID(), Kind: model.TaskAddress, Instance: r.Instance, Resource: r.ID, Created: e.Now(),
		Text:   model.Say("todo.not-presented", "place", r.Place(), "cause", silent.Err),
		Detail: model.Say("todo.not-presented-how", "resource", r.ID.Short()),
	}
	return tx.Put(&t)
}
