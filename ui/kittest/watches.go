package kittest

import (
	"time"

	"certquay/model"
)

// addWatches makes three watched endpoints: one that is silent, a good one, and one
// that is wrong.
func (w *World) addWatches() {
	ago := func(d time.Duration) time.Time { return w.Clock.Add(-d) }
	silent := model.Say("dial.refused", "port", "8443", "host", "2001:db8::1", "cause",
		model.Say("error.dial", "address", "[2001:db8::1]:8443", "cause", model.Say("error.connection-refused")))
	w.Watched = []model.Watch{
		{ID: "01JCWATCH00000000000000000A", Address: "[2001:db8::1]:8443", Name: "partner.example.net", ProbedAt: ago(time.Hour),
			AnsweredAt: ago(26 * time.Hour), Problems: []string{"unreachable"}, Error: silent, Detail: silent},
		{ID: "01JCWATCH00000000000000000B", Address: "mail.example.org:465", Name: "mail.example.org", ProbedAt: ago(time.Hour),
			AnsweredAt: ago(time.Hour), Fingerprint: "ab12cd34ef56ab78", Subject: "mail.example.org", Issuer: "CN=Example CA",
			NotAfter: w.Clock.Add(100 * day)},
		{ID: "01JCWATCH00000000000000000C", Address: "old.example.com:443", Name: "old.example.com", ProbedAt: ago(time.Hour),
			AnsweredAt: ago(time.Hour), Fingerprint: "ffee00112233aabb", NotAfter: ago(48 * time.Hour),
			Problems: []string{"wrong-name", "expired"},
			Detail: model.Texts(model.Say("watch-problem.wrong-name", "name", `"old.example.com"`),
				model.Say("watch-problem.expired", "at", "2026-11-19\x1b[2J"))},
	}
}
