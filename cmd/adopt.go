package cmd

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// adoptedJSON is what adopting a finding does.
type adoptedJSON struct {
	Finding   string             `json:"finding"`
	Name      string             `json:"name"`
	ID        *string            `json:"id"`
	Held      bool               `json:"held"`
	Watched   bool               `json:"watched"`
	Places    []adoptedPlaceJSON `json:"places"`
	RenewedBy *string            `json:"renewed_by"`
	Price     int64              `json:"price"`
	Currency  *string            `json:"currency"`
	Kept      *string            `json:"kept"`
	SwitchOff *string            `json:"switch_off"`
	Warnings  []string           `json:"warnings"`
	Problems  []string           `json:"problems"`
	Error     *out.ErrorBody     `json:"error"`
}

// adoptedPlaceJSON is a resource that adopting adds.
type adoptedPlaceJSON struct {
	Product string `json:"product"`
	Driver  string `json:"driver"`
	Region  string `json:"region"`
	Name    string `json:"name"`
	New     bool   `json:"new_product"`
}

// unadoptedJSON is an adoption that was undone.
type unadoptedJSON struct {
	Finding string         `json:"finding"`
	Name    string         `json:"name"`
	ID      *string        `json:"id"`
	Deleted bool           `json:"deleted"`
	Error   *out.ErrorBody `json:"error"`
}

// adoptFlags are the flags of adopt.
type adoptFlags struct {
	all, dryRun, undo bool
	host              hostFlags
	r                 lifecycle.AdoptRequest
}

func adoptCmd(c *invocation) *cobra.Command {
	a := adoptFlags{host: hostFlags{
		stated: map[string]*string{"level": new(string), "type": new(string), "brand": new(string), "grade": new(string)},
	}}
	cmd := &cobra.Command{
		Use: "adopt", Args: cobra.ArbitraryArgs,
		Example: "  certquay adopt --all --dry-run\n  certquay adopt shop.example.com --brand letsencrypt --contact Ops\n" +
			"  certquay adopt --undo shop.example.com",
		RunE: func(cmd *cobra.Command, args []string) error { return c.adoptVerb(cmd.Context(), &a, args) },
	}
	f := cmd.Flags()
	f.BoolVar(&a.all, "all", false, "")
	f.BoolVar(&a.dryRun, "dry-run", false, "")
	f.BoolVar(&a.undo, "undo", false, "")
	f.BoolVar(&a.r.Keep, "keep", false, "")
	f.BoolVar(&a.r.Host.DifferentIssuer, "different-issuer", false, "")
	f.StringVar(&a.host.contact, "contact", "", "")
	for name, to := range a.host.stated {
		f.StringVar(to, name, "", "")
	}
	exclusive(cmd, "undo", "dry-run")
	exclusive(cmd, "undo", "keep")
	return cmd
}

func (c *invocation) adoptVerb(ctx context.Context, a *adoptFlags, args []string) error {
	if (len(args) > 0) == a.all {
		return out.Usage("usage.adopt")
	}
	if err := c.engine().Allow(ctx, rules.ActionAdopt, ""); err != nil {
		return err
	}
	if a.undo {
		return c.unadopt(ctx, args)
	}
	if err := c.readHosting(ctx, &a.host, &a.r.Host); err != nil {
		return err
	}
	a.r.Findings = args
	if !a.dryRun && c.Yes {
		return c.adopt(ctx, a.r)
	}
	stop := c.Progress(func() out.State { return out.State{What: c.Text("progress.read")} })
	plan, err := c.engine().PlanAdopt(ctx, a.r)
	stop()
	if err != nil {
		return err
	}
	if a.dryRun {
		return c.printAdopted(plan, true)
	}
	if c.adoptable(plan) == 0 {
		return c.printAdopted(plan, false)
	}
	word := ""
	if a.r.Host.DifferentIssuer { // a danger (spec H2)
		word = strconv.Itoa(c.adoptable(plan))
	}
	if err := c.Confirm(ctx, c.adoptListing(plan), word); err != nil {
		return err
	}
	return c.adopt(ctx, a.r)
}

func (c *invocation) adoptable(plan []lifecycle.Adopted) (n int) {
	for k := range plan {
		if plan[k].Err == nil {
			n++
		}
	}
	return n
}

func (c *invocation) adopt(ctx context.Context, r lifecycle.AdoptRequest) error {
	stop := c.Progress(func() out.State { return out.State{What: c.Text("progress.adopt")} })
	done, err := c.engine().Adopt(ctx, r)
	stop()
	if err != nil {
		return err
	}
	return c.printAdopted(done, false)
}

func toAdopted(a *lifecycle.Adopted) adoptedJSON {
	j := adoptedJSON{
		Finding: a.Finding.ID, Name: a.Finding.Name, ID: out.OrNil(a.Instance.ID), Held: a.Held, Watched: a.Watch,
		Places: []adoptedPlaceJSON{}, Kept: out.OrNil(out.English(a.Kept)), SwitchOff: out.OrNil(a.Off), Warnings: []string{},
		Problems: []string{}, Error: out.NewErrorBody(a.Err),
	}
	for _, p := range a.Places {
		j.Places = append(j.Places, adoptedPlaceJSON{p.Product, p.Driver, p.Target.Region, p.Target.Name, p.New})
	}
	if q := a.Hosting; q != nil {
		j.RenewedBy, j.Price, j.Currency = out.OrNil(q.Spec.Brand), q.Total, out.OrNil(q.Currency)
	}
	for _, w := range a.Warnings {
		j.Warnings = append(j.Warnings, out.English(w.Text))
	}
	for _, p := range a.Problems {
		j.Problems = append(j.Problems, out.English(p))
	}
	return j
}

// printAdopted prints what adopting does or has done. The exit code is that of verbs on many.
func (c *invocation) printAdopted(all []lifecycle.Adopted, dryRun bool) error {
	counts := many{invocation: c, action: rules.ActionAdopt}
	items := []adoptedJSON{}
	for n := range all {
		j := toAdopted(&all[n])
		if dryRun && !all[n].Held {
			j.ID = nil // it is made anew
		}
		items = append(items, j)
		counts.all = append(counts.all, &work{outcome: outcome{err: all[n].Err}})
	}
	switch {
	case c.JSON:
		if err := c.PrintJSON(items); err != nil {
			return err
		}
	case len(all) == 0:
		c.Say("verb.adopt.none")
	case dryRun:
		c.Print(c.adoptListing(all))
		c.Say("verb.many.dry")
	default:
		for n := range all {
			c.reportAdopted(&all[n])
		}
		counts.summary()
	}
	return counts.exit()
}

// adoptListing says what adopting would do, a paragraph for each finding, with the sum.
func (c *invocation) adoptListing(all []lifecycle.Adopted) string {
	var b strings.Builder
	var total int64
	currency := ""
	for n := range all {
		a := &all[n]
		for k, t := range a.Lines() {
			b.WriteString(strings.Repeat(" ", min(2*k, 2)) + c.Words().Text(t) + "\n")
		}
		if a.Err == nil && a.Hosting != nil {
			total, currency = total+a.Hosting.Total, a.Hosting.Currency
		}
	}
	if currency != "" {
		b.WriteString(c.Text("verb.many.price", "total", ledger.Money(total, currency)) + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// reportAdopted prints what became of one finding.
func (c *invocation) reportAdopted(a *lifecycle.Adopted) {
	switch {
	case a.Err != nil:
		c.PrintProblem(
			model.Say("verb.at", "place", a.Finding.Name, "cause", model.TextOf(a.Err)),
			out.ProblemOf(a.Err).Hint,
			map[string]bool{"": true},
		)
		return
	case a.Watch:
		c.Say("verb.adopt.watched", "address", a.Finding.Path)
		return
	case a.Hosting != nil:
		c.Say("verb.adopt.renewed", "name", a.Instance.Name, "id", a.Instance.ID, "brand", a.Hosting.Spec.Brand)
	default:
		c.Say("verb.adopt.kept", "name", a.Instance.Name, "id", a.Instance.ID, "why", a.Kept)
	}
	for _, p := range a.Problems {
		c.Note("verb.at", "place", a.Finding.Name, "cause", p)
	}
	if a.Off != "" {
		c.Note("verb.adopt.off", "client", string(a.Finding.Keeper.Client), "command", a.Off)
	}
}

func (c *invocation) unadopt(ctx context.Context, args []string) error {
	if !c.Yes {
		if err := c.Confirm(ctx, c.Text("verb.adopt.undo"), ""); err != nil {
			return err
		}
	}
	done, err := c.engine().Unadopt(ctx, args)
	if err != nil {
		return err
	}
	counts := many{invocation: c, action: rules.ActionAdopt}
	items := []unadoptedJSON{}
	for _, u := range done {
		items = append(items, unadoptedJSON{u.Finding.ID, u.Finding.Name, out.OrNil(u.Instance), u.Deleted, out.NewErrorBody(u.Err)})
		counts.all = append(counts.all, &work{outcome: outcome{err: u.Err}})
		switch {
		case c.JSON:
		case u.Err != nil:
			c.PrintProblem(
				model.Say(
					"verb.at",
					"place",
					u.Finding.Name,
					"cause",
					model.TextOf(u.Err),
				),
				out.ProblemOf(u.Err).Hint,
				map[string]bool{"": true},
			)
		case u.Hosted:
			c.Say("verb.adopt.undone-hosted", "name", u.Finding.Name)
		default:
			c.Say("verb.adopt.undone", "name", u.Finding.Name)
		}
	}
	if c.JSON {
		if err := c.PrintJSON(items); err != nil {
			return err
		}
	} else {
		counts.summary()
	}
	return counts.exit()
}
