package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"certquay/lifecycle/forecast"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// forecastJSON is a report with the balances as the balance verb prints them.
type forecastJSON struct {
	*forecast.Report
	CreditsRunOut *string       `json:"credits_run_out"`
	BusiestHour   *string       `json:"busiest_hour"`
	Before        []balanceJSON `json:"before"`
	After         []balanceJSON `json:"after"`
}

func forecastCmd(c *call) *cobra.Command {
	var r forecast.Request
	var compare string
	cmd := &cobra.Command{
		Use:     "forecast",
		Example: "  certquay forecast --months 12\n  certquay forecast --policy 47-days --json\n  certquay forecast --compare 47-days",
		Args:    onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error {
			rep, err := c.lookAhead(cmd.Context(), r)
			if err != nil {
				return err
			}
			if compare != "" {
				other, err := c.lookAhead(cmd.Context(), forecast.Request{Months: r.Months, Policy: compare})
				if err != nil {
					return err
				}
				if c.g.json {
					return c.printJSON([]forecastJSON{asForecast(rep), asForecast(other)})
				}
				return c.sideBySide(rep, other)
			}
			if c.g.json {
				return c.printJSON(asForecast(rep))
			}
			c.forecast(rep)
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&r.Months, "months", forecast.DefaultMonths, fmt.Sprintf("%d-%d", forecast.MinMonths, forecast.MaxMonths))
	f.StringVar(&r.Policy, "policy", forecast.AsConfigured, joined(forecast.Policies))
	f.StringVar(&compare, "compare", "", "")
	return cmd
}

// lookAhead is a forecast; what was asked wrongly is wrong usage.
func (c *call) lookAhead(ctx context.Context, r forecast.Request) (*forecast.Report, error) {
	rep, err := forecast.Run(ctx, c.engine(), r)
	var invalid *rules.Invalid
	if errors.As(err, &invalid) {
		return nil, &usageError{invalid.AsText(), model.Say("usage.flag-example", "flag", invalid.Field, "example", invalid.Example)}
	}
	return rep, err
}

func asForecast(r *forecast.Report) forecastJSON {
	return forecastJSON{
		Report:        r,
		CreditsRunOut: timeOrNil(r.CreditsRunOut),
		BusiestHour:   timeOrNil(r.BusiestHour),
		Before:        asBalances(r.Before),
		After:         asBalances(r.After),
	}
}

// forecast prints a report by month, then what somebody will want to know.
func (c *call) forecast(r *forecast.Report) {
	policy := c.label("policy", r.Policy)
	c.say("verb.forecast", "n", r.Instances, "hosted", r.Hosted, "from", day(r.From), "to", day(r.To), "policy", policy)
	rows := make([][]string, 0, len(r.ByMonth))
	quiet := 0 // months in which nothing happens yet
	for quiet < len(r.ByMonth) && idle(&r.ByMonth[quiet]) {
		quiet++
	}
	if quiet > 1 {
		c.say("verb.forecast.quiet", "month", r.ByMonth[0].Start.AddDate(0, quiet, 0).Format("2006-01"))
	} else {
		quiet = 0
	}
	for n := quiet; n < len(r.ByMonth); n++ {
		rows = append(rows, append([]string{r.ByMonth[n].Start.Format("2006-01")}, tallies(&r.ByMonth[n])...))
	}
	rows = append(rows, append([]string{c.text("verb.forecast.all")}, tallies(&r.Total)...))
	c.table(c.heads("month", "renewals", "reissues", "deployments", "credits", "units", "people", "waiting", "expire", "fail"), rows)
	if r.BusiestLoad > 0 {
		c.say("verb.forecast.busiest", "at", r.BusiestHour, "n", r.BusiestLoad)
	}
	if !r.CreditsRunOut.IsZero() {
		c.say("verb.forecast.credits", "day", day(r.CreditsRunOut), "quantity", r.Total.Waiting)
	}
	const most = 20
	for _, kind := range []string{forecast.WhatExpires, forecast.WhatHostingEnds} {
		var list [][]string
		for _, m := range r.Moments {
			if m.What == kind {
				list = append(list, []string{day(m.At), m.Name, m.Instance.Short(), c.words().Text(m.Detail)})
			}
		}
		if len(list) == 0 {
			continue
		}
		c.print("\n" + c.text("ahead."+kind))
		c.table(c.heads("day", "name", "id", "what"), list[:min(most, len(list))])
		if len(list) > most {
			c.say("verb.forecast.more", "n", len(list)-most)
		}
	}
}

// idle says whether nothing is in a row.
func idle(t *forecast.Tally) bool {
	return !slices.ContainsFunc(tallies(t), func(cell string) bool { return cell != none })
}

// none stands where nothing happens.
const none = "-"

func tallies(t *forecast.Tally) []string {
	var cells []string
	for _, n := range []int{
		t.Renewals, t.Reissues, t.Deployments, t.CreditsUsed, t.PackUnits,
		t.People, t.Waiting, t.Expiries, t.Failures,
	} {
		if n == 0 {
			cells = append(cells, none)
		} else {
			cells = append(cells, fmt.Sprint(n))
		}
	}
	return cells
}

// sideBySide prints two reports of the same months.
func (c *call) sideBySide(a, b *forecast.Report) error {
	c.say("verb.forecast.compared", "n", a.Instances, "hosted", a.Hosted, "from", day(a.From), "to", day(a.To))
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
	row(c.text("verb.forecast.all"), &a.Total, &b.Total)
	heads := c.heads("month")
	for _, head := range c.heads("versions", "deployments", "credits", "people") {
		heads = append(heads, head, c.label("policy", b.Policy))
	}
	c.table(heads, rows)
	return nil
}
