package lifecycle_test

import (
	"errors"
	"slices"
	"testing"

	"certquay/lifecycle"
	"certquay/lifecycle/directory"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// edit changes the contact Ops.
func (w *world) edit(change func(*directory.ContactEdit)) (model.Contact, error) {
	w.t.Helper()
	was, err := w.engine.By(operator).Contact("ops")
	w.check(err)
	e := directory.ContactEdit{Was: was, Name: was.Name, Email: was.Email, Phone: was.Phone}
	change(&e)
	return w.engine.By(operator).EditContact(w.ctx(), e)
}

const (
	secondTo = "https://hooks.example.org/T0KEN"
	thirdTo  = "https://hooks.example.net/T0KEN"
)

// toldTo lists the channels that were told of one new certificate.
func (w *world) toldTo(p *lifecycletest.Notifier) (told []string) {
	w.t.Helper()
	p.Forget()
	w.issued("told.example.com")
	w.tick()
	for _, to := range []string{mailTo, "mailto:new@example.com", hookTo, secondTo, thirdTo} {
		if len(p.Kinds(to)) == 1 {
			told = append(told, to)
		}
	}
	return told
}

// The channels that stay are the same channels, whatever goes before them.
// finding: U6
// spec: Q7, N1
func TestChannelsAreEditedOneByOne(t *testing.T) {
	w, p := telling(t)
	for _, c := range []struct {
		change func(*directory.ContactEdit)
		told   []string
	}{
		{func(e *directory.ContactEdit) { e.AddChannels = []string{secondTo} }, []string{mailTo, hookTo, secondTo}},
		{func(e *directory.ContactEdit) { e.RemoveChannels = []int{1} }, []string{mailTo, secondTo}},
		{func(e *directory.ContactEdit) { e.AddChannels = []string{thirdTo} }, []string{mailTo, secondTo, thirdTo}},
		{func(e *directory.ContactEdit) { e.AddChannels, e.RemoveChannels = []string{hookTo}, []int{2} },
			[]string{mailTo, hookTo, secondTo}},
		{func(e *directory.ContactEdit) { e.Email = "new@example.com" }, []string{"mailto:new@example.com", hookTo, secondTo}},
		{func(e *directory.ContactEdit) { e.RemoveChannels = []int{2, 1} }, []string{"mailto:new@example.com"}},
	} {
		_, err := w.edit(c.change)
		w.check(err)
		if told := w.toldTo(p); !slices.Equal(told, c.told) {
			t.Errorf("told %q, want %q", told, c.told)
		}
	}
	w.fsck()
}

// What waits for a removed channel ends, also what was set aside; its task is closed.
// spec: Q7, N2
func TestNoticesOfARemovedChannelEnd(t *testing.T) {
	w, p := telling(t)
	p.Before = func(channel string) {
		if channel == hookTo {
			panic("unsendable")
		}
	}
	w.issued("a.example.com")
	for range 5 {
		w.tick()
		w.forward(2 * days)
	}
	if len(w.tasksOf(model.TaskAside)) != 1 {
		t.Fatalf("tasks: %v", w.tasksOf(model.TaskAside))
	}
	_, err := w.edit(func(e *directory.ContactEdit) { e.RemoveChannels = []int{1} })
	w.check(err)
	w.tick()
	if n, err := w.engine.OpenNotices(); err != nil || n != 0 || len(w.tasksOf(model.TaskAside)) != 0 {
		t.Errorf("%d notices are open, %v; tasks: %v", n, err, w.tasksOf(model.TaskAside))
	}
	w.fsck()
}

// Of two people who edit the same contact or company the later is refused, and nothing
// of the earlier is lost. spec: Q7
func TestTheLaterOfTwoEditsIsRefused(t *testing.T) {
	w, _ := telling(t)
	_, err := w.edit(func(e *directory.ContactEdit) {
		_, first := w.edit(func(e *directory.ContactEdit) { e.Phone = "112" })
		w.check(first)
		e.Email = "late@example.com"
	})
	w.refused(err, rules.ReasonChanged)
	if c, err := w.engine.By(operator).Contact("Ops"); err != nil || c.Phone != "112" || c.Email != "ops@example.com" {
		t.Errorf("it is %+v, %v", c, err)
	}
	was, err := w.engine.By(operator).
		AddCompany(w.ctx(), model.Company{Organization: model.Organization{Name: "Example GmbH", City: "Berlin"}})
	w.check(err)
	edited := was
	edited.City = "Kiel"
	_, err = w.engine.By(operator).EditCompany(w.ctx(), was, edited)
	w.check(err)
	edited.City = "Hamburg"
	_, err = w.engine.By(operator).EditCompany(w.ctx(), was, edited)
	w.refused(err, rules.ReasonChanged)
	w.check(w.engine.By(operator).RemoveCompany(w.ctx(), "Example GmbH"))
	_, err = w.engine.By(operator).EditCompany(w.ctx(), was, edited)
	if !errors.Is(err, model.ErrNotFound) {
		t.Errorf("a removed company: %v", err)
	}
}

// A contact is given away in any state, so that it can be removed. spec: Q7, H1
func TestAContactIsRelievedOfEverything(t *testing.T) {
	w, _ := telling(t)
	ops, err := w.engine.By(operator).Contact("Ops")
	w.check(err)
	web, err := w.engine.By(operator).AddContact(w.ctx(), model.Contact{Name: "Web", Email: "web@example.com"})
	w.check(err)
	paid, live, gone := w.bought(), w.issued("a.example.com"), w.issued("b.example.com")
	w.done(w.engine.By(operator).Revoke(w.ctx(), gone, lifecycle.RevokeRequest{Reason: "superseded"}))
	for _, id := range []model.ID{paid, live, gone} {
		w.check(w.engine.By(operator).Assign(w.ctx(), id, ops.ID))
	}
	owner := "Ops"
	owned := w.bought()
	_, err = w.engine.By(operator).Annotate(w.ctx(), owned, lifecycle.Annotation{Owner: &owner})
	w.check(err)
	w.refused(w.engine.By(operator).RemoveContact(w.ctx(), "Ops"), rules.ReasonInUse)
	users, err := w.engine.By(operator).UsersOfContact(ops.ID)
	w.check(err)
	if len(users.Instances) != 4 {
		t.Fatalf("it is used by %v", users)
	}
	for _, id := range users.Instances {
		w.check(w.engine.By(operator).ReplaceContact(w.ctx(), id, ops.ID, web.ID))
	}
	if i := w.get(owned); i.Owner != web.ID || i.Contact != "" {
		t.Errorf("it has the owner %q and the contact %q", i.Owner, i.Contact)
	}
	w.check(w.engine.By(operator).RemoveContact(w.ctx(), "Ops"))
	w.check(w.engine.By(operator).Assign(w.ctx(), paid, ""))
	if err := w.engine.By(operator).Assign(w.ctx(), live, ops.ID); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("a removed contact is given: %v", err)
	}
	w.fsck()
}
