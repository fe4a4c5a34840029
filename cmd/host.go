package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// hostFlags are the flags of host that name other things.
type hostFlags struct {
	stated           map[string]*string // the parts of a specification
	contact, company string
	documents        []string
}

func hostCmd(c *invocation) *cobra.Command {
	s := selection{}
	var stop bool
	from := hostFlags{stated: map[string]*string{"level": new(string), "type": new(string), "brand": new(string), "grade": new(string)}}
	r := lifecycle.HostRequest{}
	cmd := &cobra.Command{
		Use: "host",
		Example: "  certquay host shop.example.com --contact Ops\n" +
			"  certquay host upload.example.com --contact Ops --level dv --brand embedded --grade free",
		Args: s.args("arg.id", 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if stop {
				return actOn(cmd.Context(), c, &s, args, c.findInstances(), effect[model.Instance]{
					action: rules.StopHosting, title: counted("many.host-stop"), plan: c.planStopHosting,
					begin: func(ctx context.Context, i *model.Instance) (begun, error) {
						return c.became(i.ID, model.Say("verb.host.stopped")), c.engine().StopHosting(ctx, i.ID)
					},
				})
			}
			if err := c.readHosting(cmd.Context(), &from, &r); err != nil {
				return err
			}
			return actOn(cmd.Context(), c, &s, args, c.findInstances(), effect[model.Instance]{
				action: rules.Host, title: counted("many.host"), typed: r.DifferentIssuer,
				plan: func(_ context.Context, i *model.Instance, _ *rules.Facts) (plan, error) { return c.planHosting(i, r) },
				begin: func(ctx context.Context, i *model.Instance) (begun, error) {
					return c.became(i.ID, model.Say("verb.host.on")), c.engine().Host(ctx, i.ID, r)
				},
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&stop, "stop", false, "")
	f.StringVar(&from.contact, "contact", "", "")
	f.BoolVar(&r.FromPack, "from-pack", false, "")
	f.BoolVar(&r.DifferentIssuer, "different-issuer", false, "")
	for name, to := range from.stated {
		f.StringVar(to, name, "", "")
	}
	applicantFlags(f, &r.Application)
	f.StringVar(&from.company, "company", "", "")
	f.StringSliceVar(&from.documents, "document", nil, "")
	s.flags(cmd)
	return cmd
}

// readHosting completes a request by what its flags name: the parts of a specification,
// a contact, a company and files.
func (c *invocation) readHosting(ctx context.Context, from *hostFlags, r *lifecycle.HostRequest) (err error) {
	if c.engine().May(rules.Host) != nil {
		return nil //nolint:nilerr // each is refused, which is logged
	}
	if from.contact != "" {
		ct, err := c.engine().Contact(from.contact)
		if err != nil {
			return err
		}
		r.Contact = ct.ID
		c.warnUnreached(&ct)
	}
	if r.Spec, err = parseSpecification(from.stated); err != nil {
		return err
	}
	return c.companyAndDocuments(ctx, from.company, from.documents, &r.Application, &r.Documents)
}

// planHosting returns what hosting costs, line by line, and what to know about it.
// Where a public CA is replaced, the name of the instance confirms it (spec H1, H2, H5).
func (c *invocation) planHosting(i *model.Instance, r lifecycle.HostRequest) (plan, error) {
	if r.Contact == "" && i.Contact == "" {
		return plan{}, out.Usage("usage.hosting-contact")
	}
	q, err := c.engine().QuoteHosting(i.ID, r)
	if err != nil {
		return plan{}, err
	}
	lines := []string{c.Text("verb.host.what", "name", i.Name)}
	for _, l := range q.Lines {
		item, spec := c.Text("verb.item", "item", l.Item), c.Text("verb.spec", "spec", l.Spec)
		lines = append(lines, "  "+out.Pad(item, 16)+" "+out.Pad(spec, 32)+" "+ledger.Money(l.Amount, l.Currency))
	}
	p := plan{ask: true, price: q.Total, currency: q.Currency}
	if q.Credits > 0 {
		lines = append(lines, "  "+c.Text("verb.host.credits", "n", q.Credits))
	}
	if len(q.Itself) > 0 {
		lines = append(lines, c.Text("renewal-proof.itself", "names", q.Itself))
	}
	if len(q.Not) > 0 {
		lines = append(lines, c.Text("renewal-proof.none", "n", len(q.Not), "names", q.Not, "issuer", q.Spec.Brand))
	}
	if q.Proof != "" {
		lines = append(lines, c.Text("renewal-proof."+q.Proof, "n", len(q.Names), "names", q.Names))
	}
	lines = append(lines, c.Text("verb.host.total", "total", ledger.Money(q.Total, q.Currency)))
	if q.PublicIssuer != "" {
		public := model.Say("verb.host.public", "issuer", q.PublicIssuer, "brand", q.Spec.Brand)
		lines = append(lines, c.Words().Text(public))
		p.typed, p.notes = i.Name, append(p.notes, public)
	}
	p.lines = lines
	return p, nil
}

// parseSpecification parses the parts of a specification that were given.
func parseSpecification(stated map[string]*string) (s model.Specification, err error) {
	if v := *stated["level"]; v != "" {
		if s.Level, err = oneOf("--level", v, model.Levels); err != nil {
			return s, err
		}
	}
	if v := *stated["type"]; v != "" {
		if s.Type, err = oneOf("--type", v, model.DomainTypes); err != nil {
			return s, err
		}
	}
	if v := *stated["grade"]; v != "" {
		if s.Grade, err = oneOf("--grade", v, model.Grades); err != nil {
			return s, err
		}
	}
	s.Brand = model.NormalizeName(*stated["brand"])
	return s, nil
}

// planStopHosting returns what is lost by stopping to host.
func (c *invocation) planStopHosting(_ context.Context, i *model.Instance, _ *rules.Facts) (plan, error) {
	p := plan{ask: true, lines: []string{c.Text("verb.host.stop", "name", i.Name)}}
	switch left := i.Hosting.RenewalsLeft; {
	case left > 0 && i.Hosting.FromPack:
		p.notes = append(p.notes, model.Say("verb.host.units", "n", left))
	case left > 0:
		p.notes = append(p.notes, model.Say("verb.host.renewals", "n", left))
	}
	for _, t := range p.notes {
		p.lines = append(p.lines, c.Words().Text(t))
	}
	return p, nil
}
