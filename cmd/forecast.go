package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"certquay/lifecycle"
	"certquay/lifecycle/forecast"
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
		Short:   "What will happen in the next months, by the real engine on a copy",
		Example: "  certquay forecast --months 12\n  certquay forecast --policy 47-days --json\n  certquay forecast --compare 47-days",
		Args:    cobra.NoArgs,
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
	f.IntVar(&r.Months, "months", forecast.DefaultMonths, fmt.Sprintf("how far to look, %d to %d", forecast.MinMonths, forecast.MaxMonths))
	f.StringVar(&r.Policy, "policy", forecast.AsConfigured,
		"the limit of issuers: "+strings.Join(forecast.Policies, ", ")+", or any N-days")
	f.StringVar(&compare, "compare", "", "another policy, side by side")
	return cmd
}

// lookAhead is a forecast; what was asked wrongly is wrong usage.
func (c *call) lookAhead(ctx context.Context, r forecast.Request) (*forecast.Report, error) {
	rep, err := forecast.Run(ctx, c.engine(), r)
	var wrong *lifecycle.Invalid
	if errors.As(err, &wrong) {
		return nil, &usageError{c.words().Text(wrong.AsText()), "for example --" + wrong.Field + " " + c.words().Text(wrong.Example)}
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
	c.say("%d instances, %d hosted; %s to %s under the policy %s", r.Instances, r.Hosted, day(r.From), day(r.To), r.Policy)
	rows := make([][]string, 0, len(r.ByMonth))
	quiet := 0 // months in which nothing happens yet
	for quiet < len(r.ByMonth) && idle(&r.ByMonth[quiet]) {
		quiet++
	}
	if quiet > 1 {
		c.say("nothing happens before %s", r.ByMonth[0].Start.AddDate(0, quiet, 0).Format("2006-01"))
	} else {
		quiet = 0
	}
	for n := quiet; n < len(r.ByMonth); n++ {
		rows = append(rows, append([]string{r.ByMonth[n].Start.Format("2006-01")}, tallies(&r.ByMonth[n])...))
	}
	rows = append(rows, append([]string{"all"}, tallies(&r.Total)...))
	c.table([]string{"MONTH", "RENEWALS", "REISSUES", "DEPLOYMENTS", "CREDITS", "PACK UNITS", "PEOPLE", "WAITING", "EXPIRE", "FAIL"}, rows)
	if r.BusiestLoad > 0 {
		c.say("the busiest hour begins %s: %s", stamp(r.BusiestHour), plural(r.BusiestLoad, "renewal"))
	}
	if !r.CreditsRunOut.IsZero() {
		c.say("credits run out %s; certquay buy-pack credit --quantity %d", day(r.CreditsRunOut), r.Total.Waiting)
	}
	const most = 20
	for _, what := range []struct{ kind, heading string }{
		{forecast.WhatExpires, "expire and are not replaced"},
		{forecast.WhatHostingEnds, "hosting ends"},
	} {
		var list [][]string
		for _, m := range r.Moments {
			if m.What == what.kind {
				list = append(list, []string{day(m.At), m.Name, m.Instance.Short(), c.words().Text(m.Detail)})
			}
		}
		if len(list) == 0 {
			continue
		}
		c.say("\n%s:", what.heading)
		c.table([]string{"DAY", "NAME", "ID", "WHAT"}, list[:min(most, len(list))])
		if len(list) > most {
			c.say("and %d more; --json has them", len(list)-most)
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
	c.say("%d instances, %d hosted; %s to %s", a.Instances, a.Hosted, day(a.From), day(a.To))
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
	row("all", &a.Total, &b.Total)
	c.table([]string{"MONTH", "NEW VERSIONS", b.Policy, "DEPLOYMENTS", b.Policy, "CREDITS", b.Policy, "PEOPLE", b.Policy}, rows)
	return nil
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
