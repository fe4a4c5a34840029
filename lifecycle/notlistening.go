package lifecycle

import (
	"errors"
	"sync"
	"time"

	"certquay/lifecycle/journal"
	"certquay/model"
)

// relistenEvery is the interval at which a resource is verified whose product
// cannot listen at its address. Verifying makes the product try again.
const relistenEvery = 10 * time.Minute

// NotListeningError means that a product presents nothing for a deployed
// certificate since it cannot listen at its address.
type NotListeningError struct{ Err error }

func (n *NotListeningError) Error() string { return n.AsText().String() }

// AsText is the message.
func (n *NotListeningError) AsText() model.Text {
	return model.Say("deploy.not-listening", "cause", n.Err)
}

// Unwrap is the cause.
func (n *NotListeningError) Unwrap() error { return n.Err }

// listenRetries holds the resources that present nothing, with the time of their
// last check.
type listenRetries struct {
	mu   sync.Mutex
	last map[model.ID]time.Time
}

// record adds or removes a resource that presents nothing.
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

// due returns the resources to check again and counts them as checked now.
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

// verifyProblems schedules an immediate check of resources of products that could
// not be opened as a whole, and of those that presented nothing at their last
// check, instead of trusting their old status for a day.
func (s *scheduler) verifyProblems() {
	if s.noSweeps {
		return
	}
	problem := map[string]bool{}
	for _, p := range s.products.All() {
		problem[p.Name] = p.Usable() && p.Problem != ""
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

// recordListening records whether a resource presents anything at all. While it
// does not, the resource is shown as failed without an address, and a task says
// why.
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
