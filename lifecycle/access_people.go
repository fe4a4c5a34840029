package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"certquay/lifecycle/directory"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Users lists who may log in over SSH, the highest role first (spec G1).
func (a *Access) Users() ([]model.User, error) { return guardedRead(a, a.e.directory.Users) }

// User finds a user by name.
func (a *Access) User(name string) (model.User, error) {
	return guardedRead1(a, a.e.directory.User, name)
}

// AddUser saves a person who may log in over SSH. Nobody gives a role above their own.
func (a *Access) AddUser(ctx context.Context, name string, e directory.UserEdit) (model.User, error) {
	return asActor(ctx, a, rules.ActionUser, "", func(by model.Actor) (model.User, error) {
		if err := a.e.secondPerson(ctx, by, &ask{Action: rules.ActionUser, Name: name, Data: userRequest{Add: true, Edit: e}}); err != nil {
			return model.User{}, err
		}
		u, err := a.e.directory.AddUser(ctx, by, name, e)
		return u, a.e.journal.LogRefusal(ctx, by, err)
	})
}

// EditUser changes a user, which takes effect at the next action of a running session.
// Nobody changes a user whose role is above their own.
func (a *Access) EditUser(ctx context.Context, name string, e directory.UserEdit) (model.User, error) {
	return asActor(ctx, a, rules.ActionUser, "", func(by model.Actor) (model.User, error) {
		if err := a.e.secondPerson(ctx, by, &ask{Action: rules.ActionUser, Name: name, Data: userRequest{Edit: e}}); err != nil {
			return model.User{}, err
		}
		u, err := a.e.directory.EditUser(ctx, by, name, e)
		return u, a.e.journal.LogRefusal(ctx, by, err)
	})
}

// RemoveUser removes a user. Sessions of the user end.
func (a *Access) RemoveUser(ctx context.Context, name string) error {
	by, err := a.may(ctx, rules.ActionUser, "")
	if err != nil {
		return err
	}
	if err := a.e.secondPerson(ctx, by, &ask{Action: rules.ActionUser, Name: name, Data: userRequest{Remove: true}}); err != nil {
		return err
	}
	return a.e.journal.LogRefusal(ctx, by, a.e.directory.RemoveUser(ctx, by, name))
}

// UserByKey finds the user who has a public key, for who logs in; [model.ErrNotFound] if
// nobody has it.
func (e *Engine) UserByKey(fingerprint string) (model.User, error) {
	return e.directory.UserByKey(fingerprint)
}

// UserByPrincipals finds the user whom the principals of a certificate mean, for who logs
// in; [model.ErrNotFound] if they mean nobody.
func (e *Engine) UserByPrincipals(principals []string) (model.User, error) {
	return e.directory.UserByPrincipals(principals)
}

// WhoMay returns a refusal of the actor's role with the names of those who have the role
// that it demands, and any other refusal as it is (spec G2).
func (a *Access) WhoMay(f *rules.Refusal) *rules.Refusal {
	if a.mayRead() != nil {
		return f
	}
	return a.e.whoMay(f)
}

// whoMay is [Access.WhoMay] for whoever asks. It changes nothing in f.
func (e *Engine) whoMay(f *rules.Refusal) *rules.Refusal {
	if f == nil || f.Reason != rules.ReasonRole {
		return f
	}
	needed, ok := f.Args["needed"].(model.Role)
	if !ok {
		return f
	}
	all, err := e.directory.Users()
	if err != nil {
		e.log.Warn("users cannot be read", "error", err)
		return f
	}
	slices.SortStableFunc(all, func(a, b model.User) int { return cmp.Compare(a.Role, b.Role) }) // the lowest sufficient role first
	var names []string
	for _, u := range all {
		if u.Role >= needed && u.Enabled() && len(names) < 5 {
			names = append(names, u.Name)
		}
	}
	named := *f
	named.Args = maps.Clone(f.Args)
	named.Args["who"] = model.Say("who.none")
	if len(names) > 0 {
		named.Args["who"] = model.Say("who.named", "names", names)
	}
	return &named
}

// presentActor returns a person with the role that they have now; without one if their
// user was disabled or removed since. Who is no user keeps the role.
func (e *Engine) presentActor(p model.Person) (model.Actor, error) {
	actor := p.Actor()
	u, err := e.directory.User(p.Name)
	switch {
	case errors.Is(err, model.ErrNotFound):
		return actor, nil
	case err != nil:
		return actor, err
	case p.Via != viaSSH:
		return actor, nil
	}
	actor.Role = u.Role
	if !u.Enabled() {
		actor.Role = model.NoRole
	}
	return actor, nil
}

// viaSSH is how an actor of network SSH connected.
const viaSSH = "ssh"
