package lifecycle

import (
	"context"
	"slices"

	"certquay/lifecycle/names"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Preflight looks for what would make an order for an instance fail, and spends none (spec
// C6). The names are those given, or else those of its application or certificate. An
// issuer that needs no proof of control has nothing to look at; of those that are asked
// after the first one, what differs is told. It may take a minute.
func (a *Access) Preflight(ctx context.Context, id model.ID, domains ...string) ([]ports.PreflightFinding, error) {
	return asActor(ctx, a, rules.ActionPreflight, id, func(model.Actor) ([]ports.PreflightFinding, error) {
		return a.e.preflight(ctx, id, domains)
	})
}

func (e *Engine) preflight(ctx context.Context, id model.ID, domains []string) (all []ports.PreflightFinding, err error) {
	i, err := e.reader.instance(id)
	if err != nil {
		return nil, err
	}
	is, err := e.issuerOf(&i, i.Spec.Brand)
	if err != nil {
		return nil, err
	}
	if _, looks := ports.Extension[ports.Preflighter](is); !looks && len(i.Fallback) == 0 {
		return nil, nil
	}
	if len(domains) == 0 {
		domains = i.Application.Domains
	}
	if v := i.Current(); v != nil && len(domains) == 0 {
		domains = v.Domains
	}
	if len(domains) == 0 {
		return nil, &rules.Invalid{
			Field: "domains", Why: model.Say("preflight.no-names"), Example: rules.Example("www.example.com"), Rule: "A2",
		}
	}
	ascii := make([]string, len(domains))
	for n, d := range domains {
		name, err := names.Parse(d)
		if wrong, ok := names.IsError(err); ok {
			return nil, &rules.Invalid{Field: wrong.Field, Why: wrong.Why(), Example: wrong.Hint, Rule: "A2"}
		} else if err != nil {
			return nil, err
		}
		ascii[n] = name.ASCII
	}
	ctx, cancel := context.WithTimeout(ctx, e.policy.CallTimeout)
	defer cancel()
	first, err := e.preflightAt(ctx, &i, i.Spec.Brand, ascii)
	if err != nil {
		return nil, err
	}
	all = slices.Clone(first)
	for _, brand := range i.Fallback { // in turn, since they may look by the same port
		next, err := e.preflightAt(ctx, &i, brand, ascii)
		all = append(all, differing(brand, first, next, err)...)
	}
	return all, nil
}

// preflightAt looks for one of the issuers of an instance. One that needs no proof of
// control has nothing to look at.
func (e *Engine) preflightAt(
	ctx context.Context,
	i *model.Instance,
	brand string,
	names []string,
) (all []ports.PreflightFinding, err error) {
	is, err := e.issuerOf(i, brand)
	if err != nil {
		return nil, err
	}
	p, ok := ports.Extension[ports.Preflighter](is)
	if !ok {
		return nil, nil
	}
	err = e.journal.Guard("issuer.Preflight", func() (err error) { all, err = p.Preflight(ctx, names); return err })
	return all, err
}

// differing are the faults that are found for an issuer that is asked after the first one
// (spec C10), and not for the first. None of them is in the way while the first serves.
func differing(brand string, first, next []ports.PreflightFinding, err error) (all []ports.PreflightFinding) {
	if err != nil {
		next = []ports.PreflightFinding{{Check: ports.CheckDirectory, Level: ports.PreflightBad, Text: model.TextOf(err)}}
	}
	for _, f := range next {
		if f.Level == ports.PreflightGood || slices.Contains(first, f) {
			continue
		}
		f.Level, f.Certain = ports.PreflightWarning, false
		f.Text = model.Say("preflight.fallback", "issuer", brand, "found", f.Text)
		if f.Hint == "" {
			f.Hint = model.Say("preflight.again")
		}
		all = append(all, f)
	}
	return all
}
