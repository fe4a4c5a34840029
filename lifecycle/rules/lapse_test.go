package rules

import (
	"testing"
	"time"

	"certquay/model"
)

// A certificate lapses from its window on if nothing will replace it, and not while
// something does. spec: D9, T4, T5, T6, H4
func TestWhatLapses(t *testing.T) {
	const d = 24 * time.Hour
	begin := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	end := begin.AddDate(1, 0, 0)
	day := func(n int) time.Time { return begin.Add(time.Duration(n) * d) }
	for _, c := range []struct {
		name   string
		change func(*model.Instance)
		at     time.Time
		kind   model.TaskKind
		next   time.Time
	}{
		{"before the window", nil, day(100), "", day(335).Add(-time.Second)},
		{"in the window", nil, day(335), model.TaskExpiry, end},
		{"expired", nil, day(400), model.TaskExpiry, time.Time{}},
		{"revoked", func(i *model.Instance) { i.State = model.Revoked }, day(350), "", time.Time{}},
		{"deleted", func(i *model.Instance) { i.Deleted = true }, day(350), "", time.Time{}},
		{"not issued yet", func(i *model.Instance) { i.State, i.Versions = model.Verifying, nil }, day(350), "", time.Time{}},
		{"hosted, to be renewed", func(i *model.Instance) {
			i.Hosting = model.Hosting{On: true, RenewalsLeft: 1}
			i.Due, i.DueAction = day(336), model.DueRenew
		}, day(335), "", time.Time{}},
		{"its renewal is overdue", func(i *model.Instance) {
			i.Hosting = model.Hosting{On: true, RenewalsLeft: 1}
			i.Due, i.DueAction = day(336), model.DueRenew
		}, day(337), model.TaskExpiry, end},
		{"its renewal is under way", func(i *model.Instance) {
			i.Hosting = model.Hosting{On: true, RenewalsLeft: 1}
			i.Due, i.DueAction = day(336), model.DueRenew
			i.Operation = model.Operation{Kind: model.JobRenew, Job: "J"}
		}, day(337), "", time.Time{}},
		{"hosting without a renewal left, early", func(i *model.Instance) {
			i.Hosting.On = true
			i.Due, i.DueAction = end, model.DueEndHosting
		}, day(100), "", day(335).Add(-time.Second)},
		{"hosting without a renewal left", func(i *model.Instance) {
			i.Hosting.On = true
			i.Due, i.DueAction = end, model.DueEndHosting
		}, day(340), model.TaskHostingEnds, end},
		{"to be reissued inside the service period", func(i *model.Instance) {
			i.Versions[0].NotAfter = day(200).Add(-time.Second)
			i.Due, i.DueAction = day(170), model.DueReissue
		}, day(160), "", time.Time{}},
		{"reissued once more, but not beyond the service period", func(i *model.Instance) {
			i.Versions[0].NotBefore, i.Versions[0].NotAfter = day(270), day(360).Add(-time.Second)
			i.Due, i.DueAction = day(350), model.DueReissue
		}, day(340), model.TaskExpiry, day(360)},
		{"the same before the service window", func(i *model.Instance) {
			i.Versions[0].NotBefore, i.Versions[0].NotAfter = day(270), day(360).Add(-time.Second)
			i.Due, i.DueAction = day(350), model.DueReissue
		}, day(330), "", day(335)},
	} {
		i := &model.Instance{
			ID: "A", State: model.Issued, ServiceStart: begin, ServiceEnd: end,
			Versions: []model.Version{{Number: 1, NotBefore: begin, NotAfter: end.Add(-time.Second)}},
		}
		if c.change != nil {
			c.change(i)
		}
		l, next := LapseOf(i, c.at)
		if l.Kind != c.kind || !next.Equal(c.next) {
			t.Errorf("%s: %q, looked at again %s; want %q, %s", c.name, l.Kind, next, c.kind, c.next)
		}
	}
}

// A version that was asked for a moment before it was issued ends a moment before the
// service period, and is not replaced for that. spec: T5
func TestAMomentOfTheServicePeriodIsNotWorthAVersion(t *testing.T) {
	begin := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	i := model.Instance{ID: "01M8000000000000000000000A", State: model.Issued, ServiceStart: begin, ServiceEnd: begin.AddDate(1, 0, 0)}
	for early, due := range map[time.Duration]bool{
		time.Second: false, 3 * time.Second: false, time.Hour: false, time.Hour + time.Second: true,
	} {
		i.Versions = []model.Version{{Number: 1, NotBefore: begin, NotAfter: i.ServiceEnd.Add(-early)}}
		if at := reissueAt(&i); at.IsZero() == due {
			t.Errorf("a version that ends %v early is replaced at %v", early, at)
		}
	}
}
