package kittest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"certquay/lifecycle/forecast"
	"certquay/model"
)

// Forecast implements app.Backend without an engine: what is hosted gets new
// versions 30 days before the last one ends, the rest expires. Progress is told
// each month; where Ahead is set the forecast then waits to receive from it.
func (b *Backend) Forecast(ctx context.Context, r forecast.Request) (*forecast.Report, error) {
	rep := b.forecast(r)
	if r.Progress != nil {
		r.Progress(rep.From.AddDate(0, 4, 0))
	}
	if b.Ahead != nil {
		select {
		case <-b.Ahead:
		case <-ctx.Done():
		}
	}
	return rep, cmp.Or(ctx.Err(), b.Fail)
}

func (b *Backend) forecast(r forecast.Request) *forecast.Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Forecasts++
	from := b.Clock.UTC()
	rep := &forecast.Report{From: from, To: model.AddMonths(from, r.Months), Months: r.Months, Policy: cmp.Or(r.Policy, forecast.AsConfigured)}
	validity := 365 * day
	switch rep.Policy {
	case forecast.Public:
		validity = 100 * day
	case "200-days", "100-days", "47-days":
		validity = map[string]time.Duration{"200-days": 200, "100-days": 100, "47-days": 47}[rep.Policy] * day
	}
	for at := from.Truncate(day); at.Before(rep.To); at = at.Add(day) {
		rep.ByDay = append(rep.ByDay, forecast.Tally{Start: at})
	}
	for n, i := range b.Instances {
		if v := i.Newest(); !i.Deleted && v != nil && i.State.Group() == model.GroupIssued {
			rep.Instances++
			b.foresee(rep, i, n, validity)
		}
	}
	slices.SortFunc(rep.Moments, func(x, y forecast.Moment) int { return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.Instance, y.Instance)) })
	for n := range rep.ByDay {
		d := &rep.ByDay[n]
		if load := d.Renewals + d.Reissues; load > rep.BusiestLoad {
			rep.BusiestHour, rep.BusiestLoad = d.Start.Add(3*time.Hour), load
		}
		if len(rep.ByMonth) == 0 || d.Start.Day() == 1 {
			rep.ByMonth = append(rep.ByMonth, forecast.Tally{Start: time.Date(d.Start.Year(), d.Start.Month(), 1, 0, 0, 0, 0, time.UTC)})
		}
		rep.ByMonth[len(rep.ByMonth)-1].Add(d)
		rep.Total.Add(d)
	}
	return rep
}

// foresee lives one instance through the months.
func (b *Backend) foresee(rep *forecast.Report, i *model.Instance, n int, validity time.Duration) {
	in := func(t time.Time) *forecast.Tally {
		k := int(t.Sub(rep.ByDay[0].Start) / day)
		if k < 0 || k >= len(rep.ByDay) {
			return nil
		}
		return &rep.ByDay[k]
	}
	moment := func(t time.Time, what string, detail model.Text) {
		m := forecast.Moment{At: t, What: what, Instance: i.ID, Name: i.Name, Detail: detail}
		if what == forecast.WhatPerson {
			m.Task = model.TaskInstall
		}
		rep.Moments = append(rep.Moments, m)
	}
	ends := i.Newest().NotAfter
	if !i.Hosting.On {
		if d := in(ends); d != nil {
			d.Expiries++
			moment(ends, forecast.WhatExpires, "")
		}
		return
	}
	rep.Hosted++
	for year := 0; ; {
		at := ends.Add(-min(30*day, validity/3))
		d := in(at)
		if d == nil {
			return
		}
		if left := model.AddYears(i.ServiceEnd, year); at.Before(left.Add(-30 * day)) {
			d.Reissues++
		} else {
			d.Renewals++
			if year++; n%3 == 0 && year == 2 {
				d.HostingEnds++
				moment(at, forecast.WhatHostingEnds, model.Say("log.last-year-over"))
			}
		}
		switch {
		case i.Deployments.Auto == 0:
			d.People++
			moment(at, forecast.WhatPerson, model.Say("todo.install", "version", 2, "name", i.Name))
		case d.Start.After(rep.From.AddDate(1, 0, 0)) && n%5 == 0:
			d.Waiting++
			moment(at, forecast.WhatWaits, model.Say("log.waits-for-credit", "version", 2, "place", "CDN global "+i.Name))
			if rep.CreditsRunOut.IsZero() || at.Before(rep.CreditsRunOut) {
				rep.CreditsRunOut = at
			}
		default:
			d.Deployments += i.Deployments.Auto
			d.CreditsUsed++
		}
		ends = at.Add(validity)
	}
}
