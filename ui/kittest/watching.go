package kittest

import (
	"context"
	"slices"
	"time"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// Watches implements app.Watching.
func (b *Backend) Watches() ([]model.Watch, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.Watched), nil
}

// AddWatch implements app.Watching.
func (b *Backend) AddWatch(_ context.Context, address, name string, contact model.ID) (model.Watch, error) {
	if address == "" {
		return model.Watch{}, &rules.Invalid{
			Field: "address", Why: model.Say("watch.no-host", "value", address), Example: model.Quoted("", "www.example.com:443"),
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.Fail != nil {
		return model.Watch{}, b.Fail
	}
	b.calls = append(b.calls, "AddWatch "+address)
	w := model.Watch{ID: model.ID("01JCWATCH000000000000000" + string(rune('A'+len(b.Watched)))), Address: address, Name: name, Contact: contact, Created: b.Clock}
	b.Watched = append(b.Watched, w)
	b.publish()
	return w, nil
}

// CheckWatch implements app.Watching.
func (b *Backend) CheckWatch(_ context.Context, id model.ID) (model.Watch, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for n := range b.Watched {
		if b.Watched[n].ID == id {
			b.calls = append(b.calls, "CheckWatch "+b.Watched[n].Address)
			b.Watched[n].ProbedAt, b.Watched[n].AnsweredAt = b.Clock, b.Clock
			b.publish()
			return b.Watched[n], b.Fail
		}
	}
	return model.Watch{}, &rules.NotFound{What: "watch", Name: string(id)}
}

// RemoveWatch implements app.Watching.
func (b *Backend) RemoveWatch(_ context.Context, id model.ID) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.Fail != nil {
		return b.Fail
	}
	b.calls = append(b.calls, "RemoveWatch "+id.Short())
	b.Watched = slices.DeleteFunc(b.Watched, func(w model.Watch) bool { return w.ID == id })
	b.publish()
	return nil
}

// watch makes three watched endpoints: one that is silent, a good one, and one
// that is wrong.
func (b *Backend) watch() {
	ago := func(d time.Duration) time.Time { return b.Clock.Add(-d) }
	silent := model.Say("dial.refused", "port", "8443", "host", "2001:db8::1", "cause", model.Say("error.dial", "address", "[2001:db8::1]:8443", "cause", model.Say("error.connection-refused")))
	b.Watched = []model.Watch{
		{ID: "01JCWATCH00000000000000000A", Address: "[2001:db8::1]:8443", Name: "partner.example.net", ProbedAt: ago(time.Hour), AnsweredAt: ago(26 * time.Hour), Problems: []string{"unreachable"}, Error: silent, Detail: silent},
		{ID: "01JCWATCH00000000000000000B", Address: "mail.example.org:465", Name: "mail.example.org", ProbedAt: ago(time.Hour), AnsweredAt: ago(time.Hour), Fingerprint: "ab12cd34ef56ab78", Subject: "mail.example.org", Issuer: "CN=Example CA", NotAfter: b.Clock.Add(100 * day)},
		{ID: "01JCWATCH00000000000000000C", Address: "old.example.com:443", Name: "old.example.com", ProbedAt: ago(time.Hour), AnsweredAt: ago(time.Hour), Fingerprint: "ffee00112233aabb", NotAfter: ago(48 * time.Hour), Problems: []string{"wrong-name", "expired"}, Detail: model.Texts(model.Say("watch-problem.wrong-name", "name", `"old.example.com"`), model.Say("watch-problem.expired", "at", "2026-11-19\x1b[2J"))},
	}
}
