package cmd

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/product/edge"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func deployCmd(c *invocation) *cobra.Command {
	s := selection{}
	r := lifecycle.DeployRequest{}
	var batch int
	var pause time.Duration
	cmd := &cobra.Command{
		Use: "deploy",
		Example: "  certquay deploy shop.example.com --product CDN\n" +
			"  certquay deploy shop.example.com --everywhere\n" +
			"  certquay deploy shop.example.com --product SLB --region eu-central-1 --resource shop.example.com",
		Args: s.args("arg.id", 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if r.Product == "" && !r.Everywhere {
				return out.Usage("usage.no-product", "words", c.productNames())
			}
			if err := setWaves(cmd, &r, c.engine().Policy().Waves, batch, pause); err != nil {
				return err
			}
			title := counted("many.deploy", "product", r.Product)
			if r.Everywhere {
				title = counted("many.deploy-everywhere")
			}
			older := map[model.ID]bool{} // confirmed to go over a newer one
			return actOn(cmd.Context(), c, &s, args, c.findInstances(), effect[model.Instance]{
				action: rules.Deploy, title: title,
				plan: func(ctx context.Context, i *model.Instance, _ *rules.Facts) (plan, error) {
					if c.Yes && !s.dryRun {
						return plan{}, nil // nobody sees it
					}
					outside, err := c.outsideWindows(i, r)
					if err != nil {
						return plan{}, err
					}
					p, err := c.planDeployment(ctx, i, r)
					if len(outside) > 0 {
						p.ask, p.lines = true, slices.Concat([]string{c.Text("verb.deploy.outside", "name", i.Name)}, outside, p.lines)
					}
					if f := (*rules.Refusal)(
						nil,
					); c.Interactive && !c.Yes && !s.dryRun && errors.As(err, &f) &&
						f.Reason == rules.ReasonOlder {
						older[i.ID] = true
						p = c.planOlder(i, f)
						p.lines = append(p.lines, outside...)
						return p, nil
					}
					return p, err
				},
				begin: func(ctx context.Context, i *model.Instance) (begun, error) {
					r := r
					r.Older = r.Older || older[i.ID]
					jobs, err := c.engine().Deploy(ctx, i.ID, r)
					return c.deployed(&s, deployProblem(i), jobs), err
				},
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&r.Everywhere, "everywhere", false, "")
	f.BoolVar(&r.Older, "older", false, "")
	f.StringVar(&r.Product, "product", "", "")
	f.StringSliceVar(&r.Regions, "region", nil, "")
	f.StringSliceVar(&r.Resources, "resource", nil, "")
	f.IntVar(&batch, "batch", 0, "")
	f.DurationVar(&pause, "pause", 0, "")
	exclusive(cmd, "everywhere", "product")
	exclusive(cmd, "everywhere", "region")
	exclusive(cmd, "everywhere", "resource")
	waitFlag(f, &s.noWait)
	s.flags(cmd)
	return cmd
}

// setWaves takes how a deployment is divided from its flags (spec P6).
func setWaves(cmd *cobra.Command, r *lifecycle.DeployRequest, waves rules.Waves, batch int, pause time.Duration) error {
	sized, paused := cmd.Flags().Changed("batch"), cmd.Flags().Changed("pause")
	if batch < 0 || pause < 0 {
		return out.Usage("usage.waves")
	}
	if sized {
		waves.Batch = batch
	}
	if paused {
		waves.Pause = pause
	}
	if sized || paused {
		r.Waves = &waves
	}
	return nil
}

// planOlder confirms as a danger that a certificate goes over a newer one (spec I9).
func (c *invocation) planOlder(i *model.Instance, f *rules.Refusal) plan {
	return plan{
		ask: true, typed: i.Name, lines: []string{c.Label("danger", string(rules.SeverityDanger)) + ": " + c.Words().Text(f.AsText())},
		notes: []model.Text{f.AsText()},
	}
}

// outsideWindows says which products of a deployment are in none of their deployment windows
// now, and when the next one of each begins (spec P7).
func (c *invocation) outsideWindows(i *model.Instance, r lifecycle.DeployRequest) (lines []string, err error) {
	products := []string{r.Product}
	if r.Everywhere {
		places, err := c.engine().Everywhere(i.ID)
		if err != nil {
			return nil, err
		}
		products = nil
		for n := range places {
			if !slices.Contains(products, places[n].Product) {
				products = append(products, places[n].Product)
			}
		}
	}
	for _, p := range c.engine().Products() {
		named := func(name string) bool { return model.NormalizeName(name) == model.NormalizeName(p.Name) }
		if slices.ContainsFunc(products, named) && !p.Window.IsZero() {
			lines = append(lines, c.Text("verb.deploy.window", "product", p.Name, "at", p.Window))
		}
	}
	return lines, nil
}

// planDeployment returns where a certificate would be deployed.
func (c *invocation) planDeployment(ctx context.Context, i *model.Instance, r lifecycle.DeployRequest) (p plan, err error) {
	places, err := c.engine().PlanDeploy(ctx, i.ID, r)
	for n := range places {
		p.notes = append(p.notes, model.Say("verb.deploy.to", "place", places[n].Place()))
		lines := places[n].Lines()
		p.below = append(p.below, lines)
		if places[n].Breaks() { // servers of others would present what does not cover them
			p.ask = true
			for _, line := range lines {
				p.lines = append(p.lines, c.Words().Text(line))
			}
		}
	}
	if problem := deployProblem(i); problem != "" {
		p.notes = append(p.notes, problem)
	}
	return p, err
}

// deployProblem returns a warning of properties that do not prevent deployment but cause
// problems for clients (spec D3); "" if there are none.
func deployProblem(i *model.Instance) model.Text {
	switch v := i.Current(); {
	case v == nil:
	case v.SelfSigned:
		return model.Say("verb.deploy.self-signed")
	case v.Incomplete:
		return model.Say("verb.deploy.incomplete")
	}
	return ""
}

func (c *invocation) productNames() string {
	var names []string
	for _, p := range c.engine().Products() {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// place returns the display name of a resource.
func place(r *model.Resource) string { return r.Product + " " + r.Region + " " + r.Name }

// deployed returns the work of jobs that deploy one certificate, whose result is the
// resources. It fails if one of them failed.
func (c *invocation) deployed(s *selection, problem model.Text, jobs []model.Job) begun {
	ids := make([]model.ID, len(jobs))
	all := make([]lifecycle.Progress, len(jobs))
	for n := range jobs {
		ids[n], all[n] = jobs[n].ID, lifecycle.Progress{Job: jobs[n]}
	}
	return begun{jobs: ids, follows: true, end: func(ended []lifecycle.Progress) outcome {
		var o outcome
		if problem != "" {
			o.notes = append(o.notes, problem)
		}
		if ended != nil {
			all = ended[:len(ids)]
			for _, p := range ended[len(ids):] { // what is superseded is removed
				if p.Job.Kind == model.JobClean && p.Job.Error != "" {
					o.notes = append(o.notes, p.Job.Error)
				}
			}
		}
		items := []out.Resource{}
		var wrong []model.Text
		served := false // by certquay itself
		for _, p := range all {
			v, err := c.engine().Resource(p.Job.Resource)
			if err != nil {
				return outcome{err: err}
			}
			items = append(items, out.NewResource(&v))
			info, err := c.engine().Product(v.Product)
			served = served || err == nil && info.Driver == edge.Driver
			switch at := place(&v.Resource); {
			case s.noWait:
				o.lines = append(o.lines, model.Say("verb.deploy.state", "place", at, "state", v.State))
			case p.Job.Result == journal.ResultOK:
				said := model.Say("verb.deploy.verified", "place", at, "state", v.State, "address", v.Address)
				if v.ReadBack {
					said = model.Say("verb.deploy.read-back", "place", at, "state", v.State)
				}
				o.lines = append(o.lines, said)
			default:
				wrong = append(wrong, model.Say("verb.at", "place", at, "cause", p.Job.Error))
			}
		}
		o.result = items
		switch {
		case len(wrong) > 0:
			o.err = &out.FailedError{What: model.Texts(wrong...), Hint: model.Say("failed.deploy.hint")}
		case !s.noWait && served && c.app.Temporary():
			o.after = model.Say("verb.deploy.edge")
		}
		return o
	}}
}
