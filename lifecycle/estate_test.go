package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"certquay/cmd/waittest"

	"certquay/lifecycle"
	"certquay/lifecycle/authority"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/discover"
	"certquay/lifecycle/estatetest"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product"
	"certquay/lifecycle/product/producttest"
	"certquay/lifecycle/rules"
	"certquay/lifecycle/runner"
	"certquay/lifecycle/runner/runnertest"
	"certquay/model"
)

// estate is what an operator has: folders of clients and servers that present what they hold.
type estate struct {
	*estatetest.Estate
	t      *testing.T
	engine *lifecycle.Engine
	clock  *ports.MovableClock
	sshd   *runnertest.Server
}

// newEstate makes an estate on this machine and on a host by SSH, and an engine with the
// drivers of the program and the embedded CA.
func newEstate(t *testing.T) *estate {
	t.Helper()
	ca := producttest.NewCA(t, lifecycletest.Epoch)
	e := &estate{
		Estate: estatetest.New(t, func(name string) ports.KeyPair { return ca.Pair(t, name) }),
		t:      t, sshd: runnertest.SSHD(t, runnertest.Options{}),
	}
	w := lifecycletest.New(t, func(w *lifecycletest.World) {
		ca, err := embedded.New(w.Store, embedded.Options{Now: w.Clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		o := &w.Options
		o.Issuers, o.Prober = map[string]ports.Issuer{embedded.Brand: ca}, product.Prober{Now: w.Clock.Now}
		o.Policy.HandshakeTimeout = 5 * time.Second
		open := func(kind string, settings map[string]any, hosts []runner.Runner) (ports.Product, error) {
			k, _ := product.Find(kind)
			f, err := k.Fill(settings)
			if err != nil {
				return nil, err
			}
			return k.Open(context.Background(), product.Setup{Product: kind, Hosts: hosts, Settings: f.Driver, Now: w.Clock.Now})
		}
		hosts := func(ssh []string) ([]runner.Runner, error) {
			s := runner.Settings{}
			if len(ssh) > 0 {
				s = e.sshd.Settings()
				s.SSH = ssh
			}
			return runner.Open(s)
		}
		o.OpenProduct = &authority.ProductOpener{
			Check: func(authority.Declaration) error { return nil },
			Regions: func(d authority.Declaration) []string {
				k, _ := product.Find(d.Kind)
				f, err := k.Fill(d.Settings)
				if err != nil {
					return nil
				}
				return f.Regions
			},
			Open: func(d authority.Declaration, _ func(string) (model.Secret, error)) authority.Opening[ports.Product] {
				k, _ := product.Find(d.Kind)
				f, err := k.Fill(d.Settings)
				var at []runner.Runner
				var p ports.Product
				if err == nil {
					at, err = hosts(f.SSH)
				}
				if err == nil {
					p, err = open(d.Kind, d.Settings, at)
				}
				if err != nil {
					return authority.Opening[ports.Product]{Problem: model.TextOf(err)}
				}
				return authority.Opening[ports.Product]{Port: p, Close: func() error { return at[0].Close() }}
			},
		}
		o.Discover = &discover.Scanner{
			Look: product.Prober{Now: w.Clock.Now}.Look,
			Open: func(address string, _ discover.Reach) (runner.Runner, error) {
				if address == "" {
					return runner.Local{}, nil
				}
				all, err := hosts([]string{address})
				if err != nil {
					return nil, err
				}
				return all[0], nil
			},
		}
		for _, k := range product.Kinds {
			if k.ByConfiguration == nil {
				continue
			}
			o.Discover.Servers = append(o.Discover.Servers, discover.Server{
				Driver: k.Name, ByConfiguration: k.ByConfiguration,
				Survey: func(ctx context.Context, host runner.Runner, settings map[string]any) ([]ports.Presence, error) {
					p, err := open(k.Name, settings, []runner.Runner{host})
					if err != nil {
						return nil, err
					}
					return p.(ports.Discoverer).Survey(ctx, host.Name())
				},
			})
		}
	})
	e.engine, e.clock = w.Engine, w.Clock
	return e
}

func (e *estate) state() string { return e.State(e.t) }

// look discovers the estate.
func (e *estate) look() lifecycle.Discovery {
	e.t.Helper()
	d, err := e.engine.By(operator).Discover(e.t.Context(), []string{
		e.Path(estatetest.Here), "ssh://" + e.sshd.Address + e.Path(estatetest.There),
	}, discover.Reach{})
	if err != nil {
		e.t.Fatal(err)
	}
	return d
}

// The estate of an operator is found whole without changing anything, adopted by one action,
// and given back as it was, also after everything was deployed again. spec: P4
func TestAnEstateIsAdoptedAndGivenBack(t *testing.T) {
	e := newEstate(t)
	before := e.state()
	d := e.look()
	var found, broken, want []string
	for n := range d.Findings {
		f := &d.Findings[n]
		if f.Problem != "" {
			broken = append(broken, f.Path)
			continue
		}
		found = append(found, fmt.Sprintf("%s %s %s %d", f.Host, f.Name, f.Keeper.Client, len(f.Places)))
	}
	switchedOff := 0
	for _, h := range e.All {
		host, places := map[string]string{estatetest.Here: "local", estatetest.There: "127.0.0.1"}[h.Where], 0
		if h.Server != "" {
			places = 1
		}
		want = append(want, fmt.Sprintf("%s %s %s %d", host, h.Name, h.Client, places))
		if h.Server != "" && h.Client != "" {
			switchedOff++
		}
	}
	if found, want = sorted(found), sorted(want); !slices.Equal(found, want) || len(found) != 30 {
		t.Errorf("found %q\nwant %q", found, want)
	}
	if !slices.Equal(sorted(broken), e.Broken) {
		t.Errorf("broken %q", broken)
	}
	for n, again := range e.look().Findings {
		if again.ID != d.Findings[n].ID {
			t.Errorf("the ID of %s changed", again.Path)
		}
	}
	e.is(before, "discovering")
	door := e.engine.By(operator)
	ops, err := door.AddContact(t.Context(), model.Contact{Name: "Ops", Email: "ops@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	whole := lifecycle.AdoptRequest{Host: lifecycle.HostRequest{Contact: ops.ID, Spec: model.Specification{Level: model.DV}}}
	all := e.adopt(whole)
	renewed := 0
	for n := range all {
		if all[n].Hosting != nil {
			renewed++
		}
	}
	if len(all) != len(e.All) || renewed != e.Presented() {
		t.Errorf("%d adopted, %d renewed", len(all), renewed)
	}
	e.is(before, "adopting")
	tasks, err := door.Tasks(100)
	tasks = slices.DeleteFunc(tasks, func(k model.Task) bool { return k.Kind != model.TaskSwitchOff })
	if err != nil || len(tasks) != switchedOff {
		t.Errorf("%d tasks about other clients, want %d, %v", len(tasks), switchedOff, err)
	}
	e.giveBack(before)
	if products := door.Products(); slices.ContainsFunc(products, func(p lifecycle.ProductInfo) bool { return p.Driver != "scripted" }) {
		t.Errorf("products stay: %v", namesIn(products))
	}
	e.adopt(whole)
	e.redeploy()
	e.giveBack(before)
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

// is expects that the files are as they were.
func (e *estate) is(before, after string) {
	e.t.Helper()
	if now := e.state(); now != before {
		e.t.Errorf("after %s:%s", after, producttest.Changed(before, now))
	}
}

// adopt adopts all, and expects that to work and to do what was planned.
func (e *estate) adopt(r lifecycle.AdoptRequest) []lifecycle.Adopted {
	e.t.Helper()
	door := e.engine.By(operator)
	plan, err := door.PlanAdopt(e.t.Context(), r)
	if err != nil {
		e.t.Fatal(err)
	}
	all, err := door.Adopt(e.t.Context(), r)
	if err != nil {
		e.t.Fatal(err)
	}
	for n := range all {
		if err := errors.Join(all[n].Err, plan[n].Err); err != nil || len(all[n].Problems) > 0 {
			e.t.Errorf("%s: %v %v", all[n].Finding.Name, err, all[n].Problems)
		}
		if (plan[n].Hosting == nil) != (all[n].Hosting == nil) {
			e.t.Errorf("%s: planned %s, done %s", all[n].Finding.Name, plan[n].Kept, all[n].Kept)
		}
	}
	return all
}

// giveBack undoes everything and expects the files to be as they were.
func (e *estate) giveBack(before string) {
	e.t.Helper()
	done, err := e.engine.By(operator).Unadopt(e.t.Context(), nil)
	if err != nil || len(done) != len(e.All) {
		e.t.Fatalf("%d given back, %v", len(done), err)
	}
	for _, u := range done {
		if u.Err != nil {
			e.t.Errorf("%s: %v", u.Finding.Name, u.Err)
		}
	}
	e.is(before, "giving back")
	all, _, err := e.engine.By(operator).Resources(lifecycle.ResourceFilter{})
	if err != nil || len(all) > 0 {
		e.t.Errorf("%d resources stay, %v", len(all), err)
	}
}

// redeploy deploys what was adopted to its product, without saying to which resource: the
// names decide, also those of a certificate that HAProxy has without a filter. Since it is
// there already, no file is changed. spec: D2
func (e *estate) redeploy() {
	e.t.Helper()
	door := e.engine.By(operator)
	before := e.state()
	all, _, err := door.Resources(lifecycle.ResourceFilter{})
	if err != nil || len(all) != e.Presented() {
		e.t.Fatalf("%d resources, %v", len(all), err)
	}
	for _, r := range all {
		jobs, err := door.Deploy(e.t.Context(), r.Instance, lifecycle.DeployRequest{Product: r.Product, Regions: []string{r.Region}})
		if err != nil || len(jobs) != 1 || jobs[0].Resource != r.ID {
			e.t.Errorf("%s: %d jobs, %v", r.Place(), len(jobs), err)
			continue
		}
		if p, err := door.Wait(e.t.Context(), jobs[0].ID); err != nil || p[0].Job.Error != "" {
			e.t.Errorf("%s: %v %s", r.Place(), err, p[0].Job.Error)
		}
	}
	e.is(before, "deploying what is there")
}

// What was adopted is renewed and redeployed by itself and seen by handshake; then the
// adoption is not undone any more, and undeploying puts every file back. spec: P4
func TestAnAdoptedEstateIsRenewed(t *testing.T) {
	e := newEstate(t)
	before := e.state()
	e.look()
	door := e.engine.By(operator)
	ops, err := door.AddContact(t.Context(), model.Contact{Name: "Ops", Email: "ops@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	e.adopt(lifecycle.AdoptRequest{Host: lifecycle.HostRequest{Contact: ops.ID, Spec: model.Specification{Level: model.DV}}})
	e.engine.Start()
	if err := door.MoveClock(t.Context(), e.clock.Now().Add(85*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	var all []lifecycle.ResourceView
	if !waittest.Eventually(5*time.Minute, func() bool {
		if all, _, err = door.Resources(lifecycle.ResourceFilter{}); err != nil {
			t.Fatal(err)
		}
		return !slices.ContainsFunc(all, func(r lifecycle.ResourceView) bool { return r.Version < 2 || r.Presented != r.Expected })
	}) {
		t.Error("not everything is renewed and presented")
	}
	for _, r := range all {
		seen, err := ports.LookAt(t.Context(), product.Prober{Now: e.clock.Now}, r.Address, r.Name)
		if err != nil || seen[0].Err != nil || r.Version != 2 || bundle.Fingerprint(seen[0].Chain[0]) != r.Expected {
			t.Errorf("%s: version %d, %v %+v", r.Place(), r.Version, err, r.Failure)
		}
	}
	if len(all) != e.Presented() {
		t.Errorf("%d resources", len(all))
	}
	done, err := door.Unadopt(t.Context(), []string{e.All[0].Name})
	if f := (*rules.Refusal)(nil); err != nil || !errors.As(done[0].Err, &f) || f.Reason != rules.ReasonRenewedSince {
		t.Errorf("undone after a renewal: %v %v", done, err)
	}
	for _, r := range all {
		j, err := door.Undeploy(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		p, err := door.Wait(t.Context(), j.ID)
		if err != nil || p[0].Job.Error != "" {
			t.Errorf("%s: %v %s", r.Place(), err, p[0].Job.Error)
		}
	}
	e.is(before, "taking off")
}
