package directory

import (
	"context"
	"strings"

	"certquay/lifecycle/journal"
	"certquay/model"
)

// Reaches reports whether there is a channel on which a contact can receive
// notices: an e-mail address is none as long as no mail server is configured.
func (d *Directory) Reaches(c *model.Contact) bool {
	if d.notifier == nil {
		return false
	}
	for range d.ChannelsOf(c) {
		return true
	}
	return false
}

// FollowContacts raises a task for each contact that cannot receive notices, and
// closes those of the others (spec D9). The configuration may have changed since
// the last time.
func (d *Directory) FollowContacts(ctx context.Context) error {
	if d.notifier == nil {
		return nil
	}
	return d.journal.Update(ctx, d.followContacts)
}

// followContacts is FollowContacts in a transaction that has changed a contact.
// Tasks about channels of contacts that are gone are closed as well.
func (d *Directory) followContacts(tx model.Tx) error {
	if d.notifier == nil {
		return nil
	}
	there := map[string]bool{}
	var want []model.Task
	for c, err := range model.All[model.Contact](tx, model.Scan{Index: "name"}) {
		if err != nil {
			return err
		}
		there[string(c.ID)] = true
		if !d.Reaches(&c) {
			want = append(want, model.Task{
				Kind: model.TaskContact, About: string(c.ID),
				Text: model.Say("todo.contact", "name", c.Name), Detail: model.Say("todo.contact-how"),
			})
		}
	}
	gone := func(t *model.Task) bool {
		contact, _, _ := strings.Cut(t.About, "/")
		return t.Kind == model.TaskChannel && !there[contact]
	}
	mine := func(t *model.Task) bool { return t.Kind == model.TaskContact || gone(t) }
	_, err := d.journal.FollowState(tx, journal.AboutCertquay, mine, want)
	return err
}
