package lifecycle

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"certquay/lifecycle/discover"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// Unadopted is an adoption that was undone, or why not.
type Unadopted struct {
	Finding  discover.Finding
	Instance model.ID
	Deleted  bool // the instance was taken out of the store with its key
	Hosted   bool // hosting was stopped; its unused renewal is a paid instance (spec H10)
	Err      error
}

// Unadopt undoes the adoption of findings, of all without names (spec P4): what certquay has
// deployed there since is taken off, hosting ends, and the resources, the instance and the
// products that adopting made are removed. It is refused once a certificate was renewed.
func (a *Access) Unadopt(ctx context.Context, findings []string) ([]Unadopted, error) {
	return asActor(ctx, a, rules.ActionAdopt, "", func(by model.Actor) ([]Unadopted, error) { return a.e.unadopt(ctx, by, findings) })
}

func (e *Engine) unadopt(ctx context.Context, actor model.Actor, findings []string) (done []Unadopted, err error) {
	e.adopting.Lock()
	defer e.adopting.Unlock()
	adopted, all := map[string]adoption{}, []adoption(nil)
	if err := e.store.View(func(r model.Reader) (err error) { adopted, err = adoptions(r); return err }); err != nil {
		return nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(adopted)) {
		all = append(all, adopted[id])
	}
	some, err := chosen(all, func(a *adoption) *discover.Finding { return &a.Finding }, findings)
	if err == nil && len(some) == 0 {
		err = &rules.Refusal{Action: rules.ActionAdopt, Reason: rules.ReasonNotAdopted, Rule: "P4"}
	}
	if err != nil {
		return nil, e.journal.LogRefusal(ctx, actor, err)
	}
	for n := range some {
		u := Unadopted{Finding: some[n].Finding, Instance: some[n].Instance}
		if u.Err = ctx.Err(); u.Err == nil {
			u.Err = e.journal.LogRefusal(ctx, actor, e.unadoptOne(ctx, actor, &some[n], &u))
		}
		done = append(done, u)
	}
	return done, nil
}

func (e *Engine) unadoptOne(ctx context.Context, actor model.Actor, a *adoption, u *Unadopted) error {
	if a.Watch != "" {
		if err := e.monitor.RemoveWatch(ctx, actor, a.Watch); err != nil && !errors.As(err, new(*rules.NotFound)) {
			return err
		}
		return e.forgetAdoption(ctx, actor, a, nil)
	}
	i, err := e.reader.instance(a.Instance)
	if err != nil && !errors.Is(err, model.ErrNotFound) && !errors.As(err, new(*rules.NotFound)) {
		return err
	}
	if err != nil || i.Deleted {
		return e.forgetAdoption(ctx, actor, a, nil)
	}
	if v := i.Current(); i.Operation.Active() || v == nil || v.Fingerprint != a.Finding.Fingerprint {
		return &rules.Refusal{Action: rules.ActionAdopt, State: i.State, Instance: i.ID, Reason: rules.ReasonRenewedSince, Rule: "P4"}
	}
	if err := e.takeOff(ctx, actor, a); err != nil {
		return err
	}
	if a.Hosted && i.Hosting.On {
		if err := e.stopHosting(ctx, actor, i.ID); err != nil {
			return err
		}
		u.Hosted = true
	}
	if err := e.forgetAdoption(ctx, actor, a, &i); err != nil {
		return err
	}
	others := 0
	err = e.store.View(func(r model.Reader) error {
		all, err := adoptions(r)
		for _, o := range all {
			if o.Instance == a.Instance {
				others++
			}
		}
		return err
	})
	if err == nil && a.Uploaded && others == 0 {
		err = e.delete(ctx, actor, a.Instance)
		u.Deleted = err == nil
	}
	return errors.Join(err, e.forgetProducts(ctx, actor, a))
}

// takeOff puts back what was there before certquay at the places where it has deployed since.
func (e *Engine) takeOff(ctx context.Context, actor model.Actor, a *adoption) error {
	for _, id := range a.Places {
		v, err := e.reader.resource(id)
		if errors.As(err, new(*rules.NotFound)) || errors.Is(err, model.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if v.Deployed == "" || v.DeployedAt.Equal(a.At) && !v.Operation.Active() {
			continue
		}
		j, err := e.undeploy(ctx, actor, id)
		if err != nil {
			return err
		}
		ended, err := e.worker.wait(ctx, nil, j.ID)
		if err != nil {
			return err
		}
		if len(ended) > 0 && ended[0].Job.Result != journal.ResultOK {
			return &rules.Refusal{Action: rules.ActionAdopt, Instance: a.Instance, Reason: rules.ReasonUndeployFailed, Rule: "P4",
				Args: rules.Args{"place": v.Place(), "why": ended[0].Job.Error}}
		}
	}
	return nil
}

// forgetAdoption removes the resources that adopting made, the task about the other client,
// and the record.
func (e *Engine) forgetAdoption(ctx context.Context, actor model.Actor, a *adoption, i *model.Instance) error {
	return e.journal.Update(ctx, func(tx model.Tx) error {
		for _, id := range a.Places {
			r, err := model.Get[model.Resource](tx, string(id))
			if errors.Is(err, model.ErrNotFound) || err == nil && r.Instance != a.Instance {
				continue
			}
			if err != nil {
				return rules.ReadError("resource", id, err)
			}
			if r.AutoDeploy {
				if err := e.deployments.disableAutoDeploy(tx, &r); err != nil {
					return err
				}
			}
			if err := tx.Delete(&r); err != nil {
				return err
			}
			if err := deleteTasks(tx, a.Instance, id); err != nil {
				return err
			}
		}
		off := func(t *model.Task) string {
			if t.Kind == model.TaskSwitchOff && t.About == a.Finding.ID && t.Done.IsZero() {
				return journal.OutcomeSeen
			}
			return ""
		}
		if err := journal.EndTasks(tx, model.Scan{Index: "instance", Prefix: string(a.Instance)}, e.Now(), off); err != nil {
			return err
		}
		if i != nil {
			if err := e.worker.resourcesChanged(tx, i.ID); err != nil {
				return err
			}
		}
		if err := tx.Delete(&model.KV{Namespace: adoptedSpace, Name: a.Finding.ID}); err != nil {
			return err
		}
		ev := e.journal.Event(actor, string(rules.ActionAdopt), i)
		ev.Result, ev.Detail = journal.ResultOK, model.Say("log.unadopted", "name", a.Finding.Name)
		return tx.Append(ev)
	})
}

// forgetProducts removes the products that adopting declared, or takes the host from them,
// where nothing is deployed any more.
func (e *Engine) forgetProducts(ctx context.Context, actor model.Actor, a *adoption) error {
	var errs []error
	for _, name := range a.Products {
		p, ok := e.products.Find(name)
		if !ok || p.Configured || p.Default {
			continue
		}
		used, here := false, false
		err := e.store.View(func(r model.Reader) error {
			for res, err := range model.All[model.Resource](r, model.Scan{Index: "place", Prefix: model.PlaceKey(name, "", "")}) {
				if err != nil {
					return err
				}
				used = true
				here = here || res.Region == a.Finding.Host
			}
			return nil
		})
		hosts := slices.DeleteFunc(hostsOf(p.Settings), func(h string) bool { return sameHost(h, a.Finding.SSH) })
		switch {
		case err != nil || here:
		case !used:
			err = e.products.Remove(ctx, actor, name)
		case a.Finding.SSH != "" && len(hosts) > 0 && len(hosts) < len(hostsOf(p.Settings)):
			_, err = e.products.Edit(ctx, actor, name, map[string]any{"ssh": hosts}, nil)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// sameHost compares two addresses by the host alone, since a host is one region.
func sameHost(a, b string) bool {
	x, err := runner.ParseAddress(a)
	y, wrong := runner.ParseAddress(b)
	return err == nil && wrong == nil && strings.EqualFold(x.Host, y.Host)
}
