package lifecycle

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/names"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// deployments starts jobs at resources, both those a person requests and
// automatic ones, and counts the resources of an instance by status.
type deployments struct {
	*Engine
	lookedAtAll atomic.Int64 // when all that wait were last looked at, in nanoseconds since 1970
}

// target is a resource to deploy to.
type target struct {
	product *NamedProduct
	place   ports.Target
}

// deploy is [Access.Deploy].
func (e *Engine) deploy(ctx context.Context, actor model.Actor, id model.ID, r DeployRequest) ([]model.Job, error) {
	c, err := e.readFacts(actor, id)
	if err != nil {
		return nil, err
	}
	if f := e.table.Check(rules.Deploy, c); f != nil {
		return nil, e.journal.LogRefusal(ctx, actor, f)
	}
	targets, err := e.deployments.targets(ctx, c.Instance, r)
	if err != nil {
		return nil, e.journal.LogRefusal(ctx, actor, err)
	}
	var jobs []model.Job
	err = e.transition(ctx, actor, rules.Deploy, id, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		jobs = jobs[:0]
		if !r.Older {
			if err := e.deployments.refuseOlder(tx, c.Instance, r, targets); err != nil {
				return err
			}
		}
		var where []string
		for _, t := range targets {
			j, err := e.deployments.startDeploy(tx, c, actor, t)
			if err != nil {
				return err
			}
			jobs = append(jobs, *j)
			where = append(where, t.product.Name+" "+t.place.Region+" "+t.place.Name)
		}
		if err := e.deployments.startRollout(tx, jobs, e.waves(r)); err != nil {
			return err
		}
		ev.Result, ev.Detail = journal.ResultStarted, model.Say("log.places", "places", where)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for n := range jobs {
		e.worker.enqueue(jobs[n].ID, true)
	}
	return jobs, nil
}

// targets resolves a request into places (spec D2, I10).
func (ds *deployments) targets(ctx context.Context, i *model.Instance, r DeployRequest) ([]target, error) {
	if r.Everywhere {
		return ds.targetsEverywhere(ctx, i)
	}
	refuse := func(reason rules.Reason, args rules.Args) error {
		return &rules.Refusal{Action: rules.Deploy, State: i.State, Instance: i.ID, Reason: reason, Rule: "D2", Args: args}
	}
	p, err := ds.product(r.Product)
	if err != nil {
		return nil, err
	}
	all := p.Product.Regions()
	regions := r.Regions
	if len(regions) == 0 {
		if len(all) != 1 {
			return nil, refuse(rules.ReasonRegion, rules.Args{"product": p.Name, "regions": all})
		}
		regions = all
	}
	regions = slices.Clone(regions)
	for k, region := range regions {
		n := slices.IndexFunc(all, func(a string) bool { return model.NormalizeName(a) == model.NormalizeName(region) })
		if n < 0 {
			return nil, refuse(rules.ReasonNoRegion, rules.Args{"product": p.Name, "region": region, "regions": all})
		}
		regions[k] = all[n]
	}
	// Regions may be hosts that answer slowly: all are asked at once.
	found, errs := make([][]target, len(regions)), make([]error, len(regions))
	var asked sync.WaitGroup
	for k, region := range regions {
		asked.Go(func() { found[k], errs[k] = ds.targetsIn(ctx, i, p, region, r.Resources) })
	}
	asked.Wait()
	var ts []target
	for k := range regions {
		if errs[k] != nil {
			return nil, errs[k]
		}
		for _, t := range found[k] {
			if !slices.ContainsFunc(ts, func(o target) bool { return o.place == t.place }) {
				ts = append(ts, t)
			}
		}
	}
	if len(ts) == 0 {
		return nil, refuse(rules.ReasonNoTarget, rules.Args{"product": p.Name})
	}
	return ts, nil
}

// targetsIn resolves the resources that are wanted in a region, all that the certificate
// covers if none is named.
func (ds *deployments) targetsIn(
	ctx context.Context, i *model.Instance, p *NamedProduct, region string, wanted []string,
) (ts []target, err error) {
	if len(wanted) == 0 {
		if wanted, err = ds.matchingResources(ctx, p.Product, region, i.Current().Domains); err != nil {
			return nil, err
		}
	}
	for _, name := range wanted {
		t := target{p, ports.Target{Region: region, Name: targetName(p.Product, name)}}
		if err := ds.requireCovered(ctx, i, t); err != nil {
			return nil, err
		}
		ts = append(ts, t)
	}
	return ts, nil
}

// targetName is a name that a person typed as the product knows it. Host names are the same
// in every notation; other names are taken as they are.
func targetName(p ports.Product, name string) string {
	if _, other := ports.Part[ports.HostLister](p); other {
		return name
	}
	if n, err := names.Parse(name); err == nil {
		return n.ASCII
	}
	return model.NormalizeName(name)
}

// hosts returns the host names that a target serves. A resource is named after its host
// unless the product says otherwise.
func (ds *deployments) hosts(ctx context.Context, p ports.Product, place ports.Target) ([]string, error) {
	l, other := ports.Part[ports.HostLister](p)
	if !other {
		return []string{hostOf(place.Name)}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, ds.policy.CallTimeout)
	defer cancel()
	hosts, err := l.Hosts(ctx, place)
	if err != nil && !errors.Is(err, ports.ErrNoResource) { // deploying says that there is none
		return nil, model.Fail("deploy.discover", "cause", messageFrom("server", err)).Wrapping(err)
	}
	return hosts, nil
}

// requireCovered refuses a resource that serves a name which the current certificate does
// not cover.
func (ds *deployments) requireCovered(ctx context.Context, i *model.Instance, t target) error {
	hosts, err := ds.hosts(ctx, t.product.Product, t.place)
	if err != nil {
		return err
	}
	_, listed := ports.Part[ports.HostLister](t.product.Product)
	covered := i.Current().Domains
	for _, host := range hosts {
		// Only a server that lists its names can be configured for a wildcard itself.
		wildcard := strings.HasPrefix(host, "*")
		if names.Covers(covered, host) && !wildcard || listed && slices.Contains(covered, host) {
			continue
		}
		return &rules.Refusal{
			Action: rules.Deploy, State: i.State, Instance: i.ID, Reason: rules.ReasonNotCovered, Rule: "D2",
			Args: rules.Args{"name": host, "names": covered},
		}
	}
	return nil
}

// held returns what tells the names of the certificate that a target has now, for one that
// serves whatever names are in it. A region is read once, and only if that is asked.
func (ds *deployments) held(ctx context.Context, p ports.Product, region string) func(ports.Target) ([]string, error) {
	d, ok := ports.Part[ports.Discoverer](p)
	survey := sync.OnceValues(func() ([]ports.Presence, error) { return d.Survey(ctx, region) })
	return func(t ports.Target) ([]string, error) {
		if !ok {
			return nil, nil
		}
		all, err := survey()
		if err != nil {
			return nil, model.Fail("deploy.discover", "cause", messageFrom("server", err)).Wrapping(err)
		}
		n := slices.IndexFunc(all, func(pr ports.Presence) bool { return pr.Target == t && len(pr.Chain) > 0 })
		if n < 0 {
			return nil, nil
		}
		leaf, err := x509.ParseCertificate(all[n].Chain[0])
		if err != nil { // nobody knows what it is for
			return nil, nil //nolint:nilerr // a person names the target
		}
		return bundle.Names(leaf), nil
	}
}

// matchingResources lists the existing resources of a region that the names
// cover, by what they serve, or else by what they have now. On a product that creates resources on demand and has no match it lists
// each name that is not a wildcard.
func (ds *deployments) matchingResources(ctx context.Context, p ports.Product, region string, certNames []string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, ds.policy.CallTimeout)
	defer cancel()
	places, err := p.Discover(ctx, region)
	if err != nil {
		return nil, model.Fail("deploy.discover", "cause", messageFrom("server", err)).Wrapping(err)
	}
	var found []string
	held := ds.held(ctx, p, region)
	for _, pl := range places {
		hosts, err := ds.hosts(ctx, p, pl)
		if err == nil && len(hosts) == 0 {
			hosts, err = held(pl)
		}
		if err != nil {
			return nil, err
		}
		if len(hosts) > 0 && !slices.ContainsFunc(hosts, func(h string) bool { return !names.Covers(certNames, h) }) {
			found = append(found, pl.Name)
		}
	}
	if len(found) == 0 && p.CreatesResources() {
		for _, n := range certNames {
			if !strings.HasPrefix(n, "*") {
				found = append(found, n)
			}
		}
	}
	return found, nil
}

// hostOf is the name without a port.
func hostOf(name string) string {
	if n := strings.LastIndexByte(name, ':'); n > 0 && !strings.Contains(name[:n], ":") {
		return name[:n]
	}
	return name
}

// startDeploy commits the intent to deploy to one place.
func (ds *deployments) startDeploy(tx model.Tx, c *rules.Facts, actor model.Actor, t target) (*model.Job, error) {
	i := c.Instance
	v := i.Current()
	r, err := ds.resourceAt(tx, t)
	if err != nil {
		return nil, err
	}
	if running, err := ds.supersedeWaiting(tx, r); err != nil {
		return nil, err
	} else if running {
		return nil, &rules.Refusal{Action: rules.Deploy, State: i.State, Instance: i.ID, Reason: rules.ReasonBusy, Rule: "S2",
			Args: rules.Args{"job": model.Say("busy.at", "job", r.Operation.Kind, "place", r.Place())}}
	}
	j := ds.worker.newJob(model.JobDeploy, i, actor)
	j.Step, j.Resource, j.Version, j.WantFingerprint = model.StepDeploy, r.ID, v.Number, v.Fingerprint
	if r.Deployed == "" {
		// Nothing is deployed there yet, so the resource belongs to this instance
		// at once. Otherwise it changes hands with the first verified handshake.
		r.Instance, r.Version = i.ID, v.Number
	}
	r.Operation = model.Operation{Kind: model.JobDeploy, Job: j.ID, Since: c.Now, Attempt: 1}
	if err := tx.Put(r); err != nil {
		return nil, err
	}
	if err := ds.recountDeployments(tx, i); err != nil {
		return nil, err
	}
	return &j, tx.Put(&j)
}

// supersedeWaiting frees a resource for a new job. It reports whether a job is
// running there, which it leaves alone. A job that only waits for its next
// attempt is finished as superseded, so that it cannot overwrite the result of
// the new one. The caller saves the resource.
func (ds *deployments) supersedeWaiting(tx model.Tx, r *model.Resource) (bool, error) {
	if !r.Operation.Active() {
		return false, nil
	}
	j, err := model.Get[model.Job](tx, string(r.Operation.Job))
	if err != nil {
		return false, rules.ReadError("job", r.Operation.Job, err)
	}
	if ds.isRunning(&j) {
		return true, nil
	}
	r.Operation = model.Operation{}
	if !j.Live() {
		return false, nil
	}
	return false, ds.worker.finish(tx, &j, resultSuperseded)
}

// isRunning reports whether a job is under way and does not wait for its next attempt.
func (ds *deployments) isRunning(j *model.Job) bool { return j.Live() && !j.Next.After(ds.Now()) }

// resultSuperseded is the result of a job that was replaced by a later one.
const resultSuperseded = "superseded"

// clearOperation clears the operation of a resource if it is that of the job.
func clearOperation(r *model.Resource, j *model.Job) {
	if r.Operation.Job == j.ID {
		r.Operation = model.Operation{}
	}
}

// resourceAt finds the resource of a target, or returns a new record for it.
func (ds *deployments) resourceAt(tx model.Reader, t target) (*model.Resource, error) {
	key := model.PlaceKey(t.product.Name, t.place.Region, t.place.Name)
	for r, err := range model.All[model.Resource](tx, model.Scan{Index: "place", Prefix: key}) {
		if err != nil {
			return nil, err
		}
		if model.PlaceKey(r.Product, r.Region, r.Name) == key {
			return &r, nil
		}
	}
	return &model.Resource{ID: ds.journal.NewID(), Product: t.product.Name, Region: t.place.Region, Name: t.place.Name}, nil
}

// recountDeployments updates the counts of deployments of an instance. The caller
// saves the instance.
func (ds *deployments) recountDeployments(tx model.Reader, i *model.Instance) error {
	rs, err := resourcesOf(tx, i.ID)
	if err != nil {
		return err
	}
	i.Deployments = countDeployments(rs)
	return nil
}

// countDeployments counts the resources of one instance by status.
func countDeployments(rs []model.Resource) (d model.Deployments) {
	for n := range rs {
		r := &rs[n]
		d.Total++
		if r.Deployed != "" {
			d.Deployed++
			d.Products = append(d.Products, r.Product)
			d.Regions = append(d.Regions, r.Region)
			d.Names = append(d.Names, r.Name)
		}
		if r.AutoDeploy {
			d.Auto++
		}
		if r.Failure.Kind != "" {
			d.Failing++
		}
	}
	for _, list := range []*[]string{&d.Products, &d.Regions, &d.Names} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return d
}

// withResource changes a resource in a transaction and updates the counts of the
// instance it belonged to before and of the one it belongs to now.
func (ds *deployments) withResource(tx model.Tx, id model.ID, change func(*model.Resource) error) error {
	r, err := model.Get[model.Resource](tx, string(id))
	if errors.Is(err, model.ErrNotFound) {
		return nil // taken off meanwhile
	}
	if err != nil {
		return rules.ReadError("resource", id, err)
	}
	before := r.Instance
	if err := change(&r); err != nil {
		return err
	}
	if err := tx.Put(&r); err != nil {
		return err
	}
	if before != r.Instance && before != "" {
		if err := deleteTasks(tx, before, id); err != nil {
			return err
		}
	}
	for _, owner := range slices.Compact([]model.ID{before, r.Instance}) {
		if owner == "" {
			continue
		}
		if err := ds.worker.resourcesChanged(tx, owner); err != nil {
			return err
		}
	}
	return nil
}

// resourcesChanged saves an instance with what follows from its resources.
func (w *worker) resourcesChanged(tx model.Tx, id model.ID) error {
	i, err := model.Get[model.Instance](tx, string(id))
	if err != nil {
		return rules.ReadError("instance", id, err)
	}
	rs, err := resourcesOf(tx, id)
	if err != nil {
		return err
	}
	i.Deployments = countDeployments(rs)
	if err := w.retire(tx, &i, rs); err != nil {
		return err
	}
	return w.saveWith(tx, &i, rs)
}

// undeploy is [Access.Undeploy].
func (e *Engine) undeploy(ctx context.Context, actor model.Actor, resource model.ID) (model.Job, error) {
	return e.deployments.startResourceJob(ctx, actor, rules.Undeploy, model.JobUndeploy, model.StepUndeploy, resource)
}

// verify is [Access.Verify].
func (e *Engine) verify(ctx context.Context, actor model.Actor, resource model.ID) (model.Job, error) {
	return e.deployments.startResourceJob(ctx, actor, rules.Verify, model.JobVerify, model.StepLook, resource)
}

// startResourceJob starts a job at an existing resource.
func (ds *deployments) startResourceJob(
	ctx context.Context, actor model.Actor, a rules.Action, kind model.JobKind, step string, id model.ID,
) (model.Job, error) {
	res, err := ds.reader.resource(id)
	if err != nil {
		return model.Job{}, err
	}
	var j model.Job
	err = ds.transition(ctx, actor, a, res.Instance, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		r, err := model.Get[model.Resource](tx, string(id))
		if err != nil {
			return rules.ReadError("resource", id, err)
		}
		if running, err := ds.supersedeWaiting(tx, &r); err != nil {
			return err
		} else if running {
			return &rules.Refusal{Action: a, State: c.Instance.State, Instance: c.Instance.ID, Reason: rules.ReasonBusy, Rule: "S2",
				Args: rules.Args{"job": r.Operation.Kind}}
		}
		j = ds.worker.newJob(kind, c.Instance, actor)
		j.Step, j.Resource, j.Version = step, r.ID, r.Version
		r.Operation = model.Operation{Kind: kind, Job: j.ID, Since: c.Now, Attempt: 1}
		if err := tx.Put(&r); err != nil {
			return err
		}
		ev.Resource, ev.Result, ev.Detail = r.ID, journal.ResultStarted, model.Say("log.places", "places", r.Place())
		if actor == model.Scheduler {
			*ev = model.Event{} // a daily check is logged only if it finds a change
		}
		return tx.Put(&j)
	})
	if err == nil {
		ds.worker.enqueue(j.ID, true)
	}
	return j, err
}
