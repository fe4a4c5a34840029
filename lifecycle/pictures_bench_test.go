package lifecycle_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/lifecycletest"
	"certquay/model"
)

// BenchmarkPictures reads what pictures show, of 100,000 instances that are deployed at
// one resource each and a log of 300,000 events.
func BenchmarkPictures(b *testing.B) {
	const many, a = 100_000, 3
	w := lifecycletest.New(b)
	now := w.Clock.Now()
	for n := 0; n < many; n += 250 {
		err := w.Store.Update(context.Background(), func(tx model.Tx) error {
			for k := n; k < n+250; k++ {
				i := &model.Instance{
					ID: model.ID(fmt.Sprintf("01JD%022d", k)), Name: fmt.Sprintf("%d.example.com", k), State: model.Issued,
					Versions: []model.Version{{
						Number: 1, Fingerprint: fmt.Sprintf("%064x", k), SPKI: fmt.Sprintf("%064x", k/2), Domains: []string{"a.example"},
						NotBefore: now, NotAfter: now.AddDate(0, 0, k%360),
					}},
				}
				r := &model.Resource{
					ID: model.ID(fmt.Sprintf("01JR%022d", k)), Product: "CDN", Region: "global", Name: i.Name, Instance: i.ID,
					Deployed: i.Versions[0].Fingerprint, Presented: i.Versions[0].Fingerprint,
				}
				for _, rec := range []model.Record{i, r} {
					if err := tx.Put(rec); err != nil {
						return err
					}
				}
				for range a {
					at := now.Add(time.Duration(k-many) * 100 * time.Second) // over 116 days
					if err := tx.Append(
						model.Event{At: at, Actor: "certquay", Action: "deploy", Instance: i.ID, Result: "ok"},
					); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	e := lifecycle.New(w.Options)
	b.Cleanup(e.Close)
	access := e.By(operator)
	for _, one := range []struct {
		name string
		read func() error
	}{
		{"EventsByDay", func() error { _, err := access.EventsByDay(now.AddDate(0, 0, -119), 120); return err }},
		{"EventsOfToday", func() error { _, err := access.EventsByDay(now.AddDate(0, 0, -1), 1); return err }},
		{"ActivityOfADay", func() error {
			_, err := access.Activity(lifecycle.ActivityFilter{Since: now.AddDate(0, 0, -60), Until: now.AddDate(0, 0, -59), Limit: 500})
			return err
		}},
		{"ActivityWithoutMatch", func() error {
			_, err := access.Activity(lifecycle.ActivityFilter{Results: []string{"failed"}, Limit: 500})
			return err
		}},
		{"KeyUses", func() error { _, err := access.KeyUses(""); return err }},
		{"KeyUsesOfOne", func() error { _, err := access.KeyUses("01JD0000000000000000001000"); return err }},
		{"Expiries", func() error { _, err := access.Expiries(now, 371); return err }},
	} {
		b.Run(one.name, func(b *testing.B) {
			for b.Loop() {
				if err := one.read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
