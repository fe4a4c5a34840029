package monitor

import (
	"slices"

	"certquay/lifecycle/journal"
	"certquay/model"
)

// syncTask opens a task about a watched server that does not answer, or presents a
// revoked or an expired certificate, and closes it once the server is well (spec N3). A dismissed task is
// not opened again for the same problem.
func (m *Monitor) syncTask(tx model.Tx, w *model.Watch) error {
	var text model.Text
	about := ""
	switch {
	case slices.Contains(w.Problems, WatchUnreachable):
		text, about = model.Say("todo.watch-unreachable", "server", displayName(w)), WatchUnreachable
	case slices.Contains(w.Problems, WatchRevoked):
		text, about = model.Say("todo.watch-revoked", "server", displayName(w)), WatchRevoked+"/"+w.Fingerprint
	case slices.Contains(w.Problems, WatchExpired):
		text, about = model.Say("todo.watch-expired", "server", displayName(w), "at", w.NotAfter), w.Fingerprint
	}
	all, err := tasksOf(tx, w.ID)
	if err != nil {
		return err
	}
	asks := model.Task{
		ID:      m.journal.NewID(),
		Kind:    model.TaskWatch,
		Watch:   w.ID,
		About:   about,
		Created: m.journal.Now(),
		Text:    text,
		Detail:  w.Detail,
	}
	for n := range all {
		switch t := &all[n]; {
		case text != "" && journal.SameTask(t, &asks) && (t.Done.IsZero() || t.Outcome == "dismissed" && !t.Created.Before(w.Since)):
			return nil
		case t.Done.IsZero():
			t.Done, t.Outcome = m.journal.Now(), "seen"
			if err := tx.Put(t); err != nil {
				return err
			}
		}
	}
	if text == "" {
		return nil
	}
	return tx.Put(&asks)
}

// tasksOf lists the tasks about a watched endpoint, closed ones included.
func tasksOf(tx model.Tx, id model.ID) (all []model.Task, err error) {
	for t, err := range model.All[model.Task](tx, model.Scan{Index: "watch", From: string(id), To: string(id) + "\x00"}) {
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// deleteTasks deletes the tasks about a removed endpoint.
func deleteTasks(tx model.Tx, id model.ID) error {
	all, err := tasksOf(tx, id)
	if err != nil {
		return err
	}
	for n := range all {
		if err := tx.Delete(&all[n]); err != nil {
			return err
		}
	}
	return nil
}
