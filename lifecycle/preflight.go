package lifecycle

import (
	"context"

	"certquay/lifecycle/names"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Preflight looks for what would make an order for an instance fail, and spends none (spec
// C6). The names are those given, or else those of its application or certificate. An
// issuer that needs no proof of control has nothing to look at. It may take a minute.
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
	p, ok := ports.Extension[ports.Preflighter](is)
	if !ok {
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
	err = e.journal.Guard("issuer.Preflight", func() (err error) { all, err = p.Preflight(ctx, ascii); return err })
	return all, err
}
