package lifecycle

import (
	"context"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// Access is what one session may read of an engine and do to it: the only way
// for the dashboard and the verbs. Every method asks anew who the actor is, so a
// role that is taken away counts from then on. Reading takes the least role,
// acting the role that the table names, and a read-only actor does nothing but
// read; else the error is a [*rules.Refusal] and nothing has been done. Methods that
// return no error give nothing to who may not read. An Access is safe for
// concurrent use, and as cheap to make as to keep.
type Access struct {
	e   *Engine
	who func() model.Actor
}

// As is the access of an actor, who is asked for in every call, from any
// goroutine.
func (e *Engine) As(who func() model.Actor) *Access { return &Access{e, who} }

// By is the access of an actor who stays who they are.
func (e *Engine) By(actor model.Actor) *Access { return e.As(Fixed(actor)) }

// Fixed always gives the same actor, for [Engine.As].
func Fixed(actor model.Actor) func() model.Actor {
	return func() model.Actor { return actor }
}

// Actor is who acts now.
func (a *Access) Actor() model.Actor { return a.who() }

// May says why the actor may not take an action whatever it is done to, or nil.
// It logs nothing.
func (a *Access) May(action rules.Action) *rules.Refusal { return a.e.table.May(a.who(), action) }

// Allow refuses, and logs, what the actor may not do to an instance, "" for none,
// whatever its state is. Each action does that by itself; this is for who first
// reads what the action is given.
func (a *Access) Allow(ctx context.Context, action rules.Action, id model.ID) error {
	_, err := a.may(ctx, action, id)
	return err
}

// mayRead refuses who has no role.
func (a *Access) mayRead() *rules.Refusal {
	actor := a.who()
	actor.ReadOnly = false // it may read
	return rules.Needs(actor, "read", model.Viewer)
}

// may gives the actor of an action on an instance, "" for none, or logs and
// returns the refusal of its role. The case is judged by the engine, inside the
// write.
func (a *Access) may(ctx context.Context, action rules.Action, id model.ID) (model.Actor, error) {
	actor := a.who()
	f := a.e.table.May(actor, action)
	if f == nil {
		return actor, nil
	}
	if id != "" && a.mayRead() == nil {
		i, err := a.e.reader.instance(id)
		if err != nil {
			return actor, err
		}
		f.Instance, f.State = id, i.State
	}
	return actor, a.e.journal.LogRefusal(ctx, actor, f)
}

// presents is the instance that a resource is meant to present; "" when there is
// none.
func (a *Access) presents(resource model.ID) model.ID {
	v, err := a.e.reader.resource(resource)
	if err != nil { // the action says so
		return ""
	}
	return v.Instance
}

// asActor does what the actor may do.
func asActor[T any](
	ctx context.Context, a *Access, action rules.Action, id model.ID, do func(model.Actor) (T, error),
) (done T, err error) {
	actor, err := a.may(ctx, action, id)
	if err != nil {
		return done, err
	}
	return do(actor)
}

// guardedRead reads what the actor may read.
func guardedRead[T any](a *Access, read func() (T, error)) (got T, err error) {
	if f := a.mayRead(); f != nil {
		return got, f
	}
	return read()
}

// guardedRead1 is reading with an argument.
func guardedRead1[P, T any](a *Access, read func(P) (T, error), p P) (T, error) {
	return guardedRead(a, func() (T, error) { return read(p) })
}

// guardedGet is reading where there is no error to return.
func guardedGet[T any](a *Access, read func() T) (got T) {
	if a.mayRead() != nil {
		return got
	}
	return read()
}

// guardedView reads one thing in one snapshot of the store.
func guardedView[T any](a *Access, read func(model.Reader) (T, error)) (got T, err error) {
	return guardedRead(a, func() (T, error) {
		err := a.e.store.View(func(r model.Reader) (err error) { got, err = read(r); return err })
		return got, err
	})
}
