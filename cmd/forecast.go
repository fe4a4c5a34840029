package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle/forecast"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// forecastJSON is a report in JSON, with balances as the verb balance prints them.
type forecastJSON struct {
	*forecast.Report
	CreditsRunOut *string       `json:"credits_run_out"`
	BusiestHour   *string       `json:"busiest_hour"`
	Before        []balanceJSON `json:"before"`
	After         []balanceJSON `json:"after"`
}

func forecastCmd(c *invocation) *cobra.Command {
	var r forecast.Request
	var compare string
	cmd := &cobra.Command{
		Use:     "forecast",
		Example: "  certquay forecast --months 12\n  certquay forecast --policy 47-days --json\n  certquay forecast --compare 47-days",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			rep, err := c.computeForecast(cmd.Context(), r)
			if err != nil {
				return err
			}
			if compare != "" {
				other, err := c.computeForecast(cmd.Context(), forecast.Request{Months: r.Months, Policy: compare})
				if err != nil {
					return err
				}
				if c.JSON {
					return c.PrintJSON([]forecastJSON{asForecast(rep), asForecast(other)})
				}
				return c.compareForecasts(rep, other)
			}
			if c.JSON {
				return c.PrintJSON(asForecast(rep))
			}
			c.forecast(rep)
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&r.Months, "months", forecast.DefaultMonths, fmt.Sprintf("%d-%d", forecast.MinMonths, forecast.MaxMonths))
	f.StringVar(&r.Policy, "policy", forecast.AsConfigured, out.Join(forecast.Policies))
	f.StringVar(&compare, "compare", "", "")
	return cmd
}

// computeForecast computes a forecast, and shows on a terminal how far it is. An invalid
// request is a usage error.
func (c *invocation) computeForecast(ctx context.Context, r forecast.Request) (*forecast.Report, error) {
	from := c.engine().Now()
	to := model.AddMonths(from, cmp.Or(r.Months, forecast.DefaultMonths))
	var at atomic.Int64 // seconds of the forecast that are done
	r.Progress = func(now time.Time) { at.Store(int64(now.Sub(from).Seconds())) }
	stop := c.Progress(func() out.State {
		done := time.Duration(at.Load()) * time.Second
		return out.State{
			What: c.Text("progress.forecast", "month", from.Add(done).UTC().Format("2006-01")),
			Part: done.Hours() / max(to.Sub(from).Hours(), 1),
		}
	})
	defer stop()
	rep, err := forecast.Run(ctx, c.engine(), r)
	var invalid *rules.Invalid
	if errors.As(err, &invalid) {
		return nil, &out.UsageError{
			What: invalid.AsText(),
			Hint: model.Say("usage.flag-example", "flag", invalid.Field, "example", invalid.Example),
		}
	}
	return rep, err
}

func asForecast(r *forecast.Report) forecastJSON {
	return forecastJSON{
		Report:        r,
		CreditsRunOut: out.TimeOrNil(r.CreditsRunOut),
		BusiestHour:   out.TimeOrNil(r.BusiestHour),
		Before:        asBalances(r.Before),
		After:         asBalances(r.After),
	}
}

// forecast prints a report by month, followed by the totals.
func (c *invocation) forecast(r *forecast.Report) {
	policy := c.Label("policy", r.Policy)
	c.Say("verb.forecast", "n", r.Instances, "hosted", r.Hosted, "from", out.Day(r.From), "to", out.Day(r.To), "policy", policy)
	rows := make([][]string, 0, len(r.ByMonth))
	quiet := 0 // consecutive months without events, not printed yet
	for quiet < len(r.ByMonth) && isEmpty(&r.ByMonth[quiet]) {
		quiet++
	}
	if quiet > 1 {
		c.Say("verb.forecast.quiet", "month", r.ByMonth[0].Start.AddDate(0, quiet, 0).Format("2006-01"))
	} else {
		quiet = 0
	}
	for n := quiet; n < len(r.ByMonth); n++ {
		rows = append(rows, append([]string{r.ByMonth[n].Start.Format("2006-01")}, tallies(&r.ByMonth[n])...))
	}
	rows = append(rows, append([]string{c.Text("verb.forecast.all")}, tallies(&r.Total)...))
	c.Table(c.Heads("month", "renewals", "reissues", "deployments", "credits", "units", "people", "waiting", "expire", "fail"), rows)
	if r.BusiestLoad > 0 {
		c.Say("verb.forecast.busiest", "at", r.BusiestHour, "n", r.BusiestLoad)
	}
	if !r.CreditsRunOut.IsZero() {
		c.Say("verb.forecast.credits", "day", out.Day(r.CreditsRunOut), "quantity", r.Total.Waiting)
	}
	const most = 20
	for _, kind := range []string{forecast.WhatExpires, forecast.WhatHostingEnds} {
		var list [][]string
		for _, m := range r.Occurrences {
			if m.What == kind {
				list = append(list, []string{out.Day(m.At), m.Name, m.Instance.Short(), c.Words().Text(m.Detail)})
			}
		}
		if len(list) == 0 {
			continue
		}
		c.Print("\n" + c.Text("ahead."+kind))
		c.Table(c.Heads("day", "name", "id", "what"), list[:min(most, len(list))])
		if len(list) > most {
			c.Say("verb.forecast.more", "n", len(list)-most)
		}
	}
}

// isEmpty reports whether a row is empty.
func isEmpty(t *forecast.Tally) bool {
	return !slices.ContainsFunc(tallies(t), func(cell string) bool { return cell != noEvents })
}

// noEvents is the cell of a month without events.
const noEvents = "-"

func tallies(t *forecast.Tally) []string {
	var cells []string
	for _, n := range []int{
		t.Renewals, t.Reissues, t.Deployments, t.CreditsUsed, t.PackUnits,
		t.People, t.Waiting, t.Expiries, t.Failures,
	} {
		if n == 0 {
			cells = append(cells, noEvents)
		} else {
			cells = append(cells, fmt.Sprint(n))
		}
	}
	return cells
}

// compareForecasts prints two reports of the same months, for comparison.
func (c *invocation) compareForecasts(a, b *forecast.Report) error {
	c.Say("verb.forecast.compared", "n", a.Instances, "hosted", a.Hosted, "from", out.Day(a.From), "to", out.Day(a.To))
	var rows [][]string
	row := func(name string, x, y *forecast.Tally) {
		rows = append(rows, []string{
			name,
			fmt.Sprint(x.Renewals + x.Reissues), fmt.Sprint(y.Renewals + y.Reissues),
			fmt.Sprint(x.Deployments), fmt.Sprint(y.Deployments),
			fmt.Sprint(x.CreditsUsed), fmt.Sprint(y.CreditsUsed),
			fmt.Sprint(x.People), fmt.Sprint(y.People),
		})
	}
	for n := range a.ByMonth {
		row(a.ByMonth[n].Start.Format("2006-01"), &a.ByMonth[n], &b.ByMonth[n])
	}
	row(c.Text("verb.forecast.all"), &a.Total, &b.Total)
	heads := c.Heads("month")
	for _, head := range c.Heads("versions", "deployments", "credits", "people") {
		heads = append(heads, head, c.Label("policy", b.Policy))
	}
	c.Table(heads, rows)
	return nil
}
