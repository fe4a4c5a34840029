package lifecycle

import (
	"cmp"
	"context"
	"slices"
	"time"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// everywhere lists the resources where an instance, or one that it replaces, is
// deployed now (spec I10).
func everywhere(r model.Reader, i *model.Instance) (all []model.Resource, err error) {
	before, err := predecessors(r, i)
	if err != nil {
		return nil, err
	}
	for _, owner := range append([]*model.Instance{i}, before...) {
		rs, err := resourcesOf(r, owner.ID)
		if err != nil {
			return nil, err
		}
		for _, res := range rs {
			if res.Deployed != "" {
				all = append(all, res)
			}
		}
	}
	return all, nil
}

// everywhere is [Access.Everywhere].
func (rd *reader) everywhere(id model.ID) (views []ResourceView, err error) {
	err = rd.store.View(func(r model.Reader) error {
		c, err := rd.loadFacts(r, model.Scheduler, id)
		if err != nil {
			return err
		}
		rs, err := everywhere(r, c.Instance)
		if err != nil {
			return err
		}
		for _, res := range rs {
			v, _, err := viewOf(r, res, rd.Now())
			if err != nil {
				return err
			}
			views = append(views, v)
		}
		return nil
	})
	return views, err
}

// targetsEverywhere resolves a request for every resource where the certificate, or
// the one it replaces, is deployed.
func (ds *deployments) targetsEverywhere(ctx context.Context, i *model.Instance) (ts []target, err error) {
	views, err := ds.reader.everywhere(i.ID)
	if err != nil {
		return nil, err
	}
	for n := range views {
		v := &views[n]
		p, err := ds.product(v.Product)
		if err != nil {
			return nil, err
		}
		t := target{p, ports.Target{Region: v.Region, Name: v.Name}}
		if !slices.Contains(i.Current().Domains, hostOf(v.Name)) { // which may be a wildcard
			if err := ds.requireCovered(ctx, i, t); err != nil {
				return nil, err
			}
		}
		ts = append(ts, t)
	}
	if len(ts) == 0 {
		return nil, &rules.Refusal{Action: rules.Deploy, State: i.State, Instance: i.ID, Reason: rules.ReasonNotDeployed, Rule: "I10"}
	}
	return ts, nil
}

// sameAge is the difference up to which neither of two certificates counts as the
// newer one.
const sameAge = 24 * time.Hour

// refuseOlder refuses to deploy a version over a newer one of the same names that a
// resource presents (spec I9): one that ends later, or that of a successor.
func (ds *deployments) refuseOlder(r model.Reader, i *model.Instance, wanted DeployRequest, targets []target) error {
	v := i.Current()
	for _, t := range targets {
		res, err := ds.resourceAt(r, t)
		if err != nil {
			return err
		}
		other, seen, err := presentedVersion(r, res)
		if err != nil {
			return err
		}
		if seen == nil || other.ID == i.ID || !seen.RevokedAt.IsZero() || ds.Now().After(seen.NotAfter) {
			continue
		}
		before, err := predecessors(r, other)
		if err != nil {
			return err
		}
		if containsInstance(before, i.ID) || sameNames(seen.Domains, v.Domains) && seen.NotAfter.Sub(v.NotAfter) > sameAge {
			return &rules.Refusal{
				Action: rules.Deploy, State: i.State, Instance: i.ID, Reason: rules.ReasonOlder, Rule: "I9",
				Args: rules.Args{"place": res.Place(), "other": other.ID.Short(), "newer": seen.NotAfter, "older": v.NotAfter},
				Instead: []rules.Suggestion{
					{Action: rules.Deploy, Args: []string{other.ID.Short(), "--everywhere"}},
					{Action: rules.Deploy, Args: append(wanted.args(i.ID), "--older")},
				},
			}
		}
	}
	return nil
}

// args are the arguments of the verb that makes the same request.
func (r DeployRequest) args(id model.ID) []string {
	if r.Everywhere {
		return []string{id.Short(), "--everywhere"}
	}
	args := []string{id.Short(), "--product", r.Product}
	for _, region := range r.Regions {
		args = append(args, "--region", region)
	}
	for _, name := range r.Resources {
		args = append(args, "--resource", name)
	}
	return args
}

// presentedVersion finds the version that a resource presents, or, before it was ever
// probed, the one deployed there; nil if certquay does not hold it.
func presentedVersion(r model.Reader, res *model.Resource) (*model.Instance, *model.Version, error) {
	fingerprint := cmp.Or(res.Presented, res.Deployed)
	if fingerprint == "" {
		return nil, nil, nil
	}
	for i, err := range model.All[model.Instance](r, model.Scan{Index: "fingerprint", Prefix: fingerprint}) {
		if err != nil {
			return nil, nil, err
		}
		return &i, i.ByFingerprint(fingerprint), nil
	}
	return nil, nil, nil
}

func containsInstance(all []*model.Instance, id model.ID) bool {
	for _, i := range all {
		if i.ID == id {
			return true
		}
	}
	return false
}
