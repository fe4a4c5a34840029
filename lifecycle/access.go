package lifecycle

import (
	"context"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// Access is the one door through which the dashboard and the verbs read an engine
// and act on it. Each call looks the actor up again, so a role that was revoked
// has no effect on later calls. Reading requires the viewer role, an action the
// role that the transition table names; a read-only actor may only read. A call
// that is not allowed changes nothing and returns a [*rules.Refusal]; a method
// without an error returns its zero value. An Access is cheap to make and safe
// for concurrent use.
type Access struct {
	e   *Engine
	who func() model.Actor
}

// As returns the access of the actor that who returns. who is called for each
// method, from any goroutine.
func (e *Engine) As(who func() model.Actor) *Access { return &Access{e, who} }

// By returns the access of a fixed actor.
func (e *Engine) By(actor model.Actor) *Access { return e.As(Fixed(actor)) }

// Fixed returns a function that always returns actor, for [Engine.As].
func Fixed(actor model.Actor) func() model.Actor {
	return func() model.Actor { return actor }
}

// Actor returns the current actor.
func (a *Access) Actor() model.Actor { return a.who() }

// May returns the refusal of an action that the actor's role does not permit on
// any instance, or nil. It does not log.
func (a *Access) May(action rules.Action) *rules.Refusal { return a.e.table.May(a.who(), action) }

// Allow refuses and logs an action that the actor's role does not permit; id is
// the instance concerned, or "". Every action checks this itself: call Allow
// before reading the input of an action, such as a file.
func (a *Access) Allow(ctx context.Context, action rules.Action, id model.ID) error {
	_, err := a.may(ctx, action, id)
	return err
}

// LogRefusal logs a refusal that reading has found before an action was tried, and
// returns it; nil does nothing. An action that is tried logs its refusal itself.
func (a *Access) LogRefusal(ctx context.Context, f *rules.Refusal) error {
	if r := a.mayRead(); r != nil {
		return r
	}
	if f == nil {
		return nil
	}
	return a.e.journal.LogRefusal(ctx, a.who(), f)
}

// mayRead refuses an actor without a role.
func (a *Access) mayRead() *rules.Refusal { return a.e.table.May(a.who(), rules.ActionRead) }

// may returns the actor of an action on an instance ("" for none), or logs and
// returns the refusal of the actor's role. The engine checks state and guards
// later, inside the write.
func (a *Access) may(ctx context.Context, action rules.Action, id model.ID) (model.Actor, error) {
	actor := a.who()
	f := a.e.table.May(actor, action)
	if f == nil {
		return actor, nil
	}
	f = a.e.whoMay(f)
	if id != "" && a.mayRead() == nil {
		i, err := a.e.reader.instance(id)
		if err != nil {
			return actor, err
		}
		f.Instance, f.State = id, i.State
	}
	return actor, a.e.journal.LogRefusal(ctx, actor, f)
}

// presents returns the instance that a resource is meant to present, or "".
func (a *Access) presents(resource model.ID) model.ID {
	v, err := a.e.reader.resource(resource)
	if err != nil { // the action itself reports this
		return ""
	}
	return v.Instance
}

// asActor runs do if the actor may take the action.
func asActor[T any](
	ctx context.Context, a *Access, action rules.Action, id model.ID, do func(model.Actor) (T, error),
) (done T, err error) {
	actor, err := a.may(ctx, action, id)
	if err != nil {
		return done, err
	}
	return do(actor)
}

// guardedRead runs read if the actor may read.
func guardedRead[T any](a *Access, read func() (T, error)) (got T, err error) {
	if f := a.mayRead(); f != nil {
		return got, f
	}
	return read()
}

// guardedRead1 is guardedRead for functions with one argument.
func guardedRead1[P, T any](a *Access, read func(P) (T, error), p P) (T, error) {
	return guardedRead(a, func() (T, error) { return read(p) })
}

// guardedGet is guardedRead for functions that return no error.
func guardedGet[T any](a *Access, read func() T) (got T) {
	if a.mayRead() != nil {
		return got
	}
	return read()
}

// guardedView runs read on one snapshot of the store, if the actor may read.
func guardedView[T any](a *Access, read func(model.Reader) (T, error)) (got T, err error) {
	return guardedRead(a, func() (T, error) {
		err := a.e.store.View(func(r model.Reader) (err error) { got, err = read(r); return err })
		return got, err
	})
}
