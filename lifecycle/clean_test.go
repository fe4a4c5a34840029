package lifecycle_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/authority"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// cloud gives a world a product with a store of its own, CDN with two regions.
func (w *world) cloud(removes bool) *lifecycletest.Cloud {
	w.t.Helper()
	c := &lifecycletest.Cloud{Product: w.product, Elsewhere: map[string][]string{}}
	c.RegionNames = []string{"global", "eu"}
	w.engine.Close()
	w.base.Options.Products = nil
	w.base.Options.DeclaredProducts = []authority.Declaration{
		{Name: "CDN", Kind: "cloud", Settings: map[string]any{"remove_superseded": removes}},
		{Name: "Plain", Kind: "plain"},
	}
	w.base.Options.OpenProduct = &authority.ProductOpener{
		Check: func(authority.Declaration) error { return nil },
		Open: func(d authority.Declaration, _ func(string) (model.Secret, error)) authority.Opening[ports.Product] {
			if d.Kind == "plain" {
				return authority.Opening[ports.Product]{Port: lifecycletest.NewProduct("global")}
			}
			return authority.Opening[ports.Product]{Port: c}
		},
	}
	w.start(w.store)
	return c
}

// deployTo deploys to the CDN in regions, and waits for what follows.
func (w *world) deployTo(id model.ID, regions ...string) {
	w.t.Helper()
	jobs, err := w.engine.By(operator).Deploy(w.ctx(), id, lifecycle.DeployRequest{Product: "CDN", Regions: regions})
	w.check(err)
	ids := make([]model.ID, len(jobs))
	for n := range jobs {
		ids[n] = jobs[n].ID
	}
	_, err = w.engine.By(model.Scheduler).Follow(w.ctx(), nil, ids...)
	w.check(err)
}

func (w *world) reissued(id model.ID) {
	w.t.Helper()
	w.done(w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{}))
}

// stores expects versions of a certificate in the store of a cloud.
func (w *world) stores(when string, c *lifecycletest.Cloud, id model.ID, versions ...int) {
	w.t.Helper()
	i := w.get(id)
	var got []int
	c.Mu.Lock()
	defer c.Mu.Unlock()
	for _, f := range c.Stored {
		got = append(got, i.ByFingerprint(f).Number)
	}
	if slices.Sort(got); !slices.Equal(got, versions) {
		w.t.Errorf("%s: the store holds the versions %v, want %v", when, got, versions)
	}
}

// cleaned lists what the activity says of removals.
func (w *world) cleaned() (codes []string) {
	w.t.Helper()
	all, err := w.engine.By(model.Scheduler).Activity(lifecycle.ActivityFilter{})
	w.check(err)
	for n := range all {
		if all[n].Action == string(model.JobClean) {
			codes = append(codes, all[n].Result+" "+(all[n].Detail+all[n].Reason).Code())
		}
	}
	slices.Reverse(codes)
	return codes
}

// A superseded certificate leaves the store of a product once the last resource has been
// seen to present the newer one, if the configuration says so, and the proof is kept.
// spec: N4
// spec: P9
func TestWhatADeploymentSupersedesIsRemovedWithProof(t *testing.T) {
	for _, on := range []bool{true, false} {
		w := newWorld(t)
		c := w.cloud(on)
		id := w.issued("a.example.com")
		w.deployTo(id, "global", "eu")
		w.reissued(id)
		w.stores("after reissuing", c, id, 1)
		w.deployTo(id, "global")
		w.stores("while another region presents it", c, id, 1, 2)
		w.deployTo(id, "eu")
		if !on {
			w.stores("without the setting", c, id, 1, 2)
			if got := w.cleaned(); len(got) > 0 {
				t.Errorf("%q", got)
			}
			continue
		}
		w.stores("after all", c, id, 2)
		if got := w.cleaned(); !slices.Equal(got, []string{"ok log.cleaned"}) {
			t.Errorf("the activity says %q", got)
		}
		receipts, err := w.engine.By(operator).Receipts(lifecycle.ReceiptFilter{Instance: id})
		w.check(err)
		last, i := receipts[0], w.get(id)
		if len(last.Removed) != 1 || last.Region != "eu" || last.Removed[0].Fingerprint != i.Versions[0].Fingerprint ||
			last.Removed[0].Proof.Message().Args["request"] != "r-1" || last.Removed[0].At.IsZero() {
			t.Errorf("the receipt: %+v", last)
		}
		before := len(c.Calls())
		w.reissued(id)
		w.deployTo(id, "global", "eu")
		w.stores("after both at once", c, id, 3)
		surveys := slices.DeleteFunc(c.Calls()[before:], func(s string) bool { return !strings.HasPrefix(s, "survey ") })
		if len(surveys) != 4 { // by one job: each region before and after the removal
			t.Errorf("%d surveys: %q", len(surveys), surveys)
		}
		w.fsck()
	}
}

// The certificate that a successor replaces is superseded as well.
// spec: N4
func TestWhatASuccessorReplacesIsRemoved(t *testing.T) {
	w := newWorld(t)
	c := w.cloud(true)
	c.RegionNames = c.RegionNames[:1]
	_, next := w.renewed("a.example.com")
	w.deployTo(next, "global")
	w.check(w.settle(w.ctx()))
	if len(c.Stored) != 1 || c.Stored[0] != w.fingerprint(next) {
		t.Errorf("the store holds %q", c.Stored)
	}
	if receipts, err := w.engine.By(operator).Receipts(lifecycle.ReceiptFilter{Instance: next}); err != nil || len(receipts) != 1 {
		t.Errorf("%+v, %v", receipts, err)
	}
	w.fsck()
}

// Nothing is removed that something refers to, also if that begins between the survey and
// the removal; a failing product is asked again, and a deployment of the same certificate
// waits while it is being removed.
// spec: N4
func TestWhatIsReferredToStays(t *testing.T) {
	setup := func(t *testing.T) (*world, *lifecycletest.Cloud, model.ID, string) {
		w := newWorld(t)
		c := w.cloud(true)
		id := w.issued("a.example.com")
		w.deployTo(id, "global")
		w.reissued(id)
		i := w.get(id)
		return w, c, id, i.Versions[0].Fingerprint
	}
	t.Run("elsewhere", func(t *testing.T) {
		w, c, id, first := setup(t)
		c.Elsewhere[first] = []string{"another service"}
		w.deployTo(id, "global")
		w.stores("while it is used", c, id, 1, 2)
		if got := w.cleaned(); len(got) > 0 { // nothing was tried
			t.Errorf("the activity says %q", got)
		}
		delete(c.Elsewhere, first)
		all, err := w.engine.By(admin).CleanProduct(w.ctx(), "cdn", true)
		if err != nil || len(all) != 1 || all[0].Version != 1 || all[0].Job != "" || len(all[0].References) != 0 {
			t.Fatalf("%+v, %v", all, err)
		}
		w.stores("after a dry run", c, id, 1, 2)
		all, err = w.engine.By(admin).CleanProduct(w.ctx(), "cdn", false)
		w.check(err)
		w.done(model.Job{ID: all[0].Job}, nil)
		w.stores("by hand", c, id, 2)
		w.fsck()
	})
	t.Run("meanwhile", func(t *testing.T) {
		w, c, id, first := setup(t)
		c.OnCall = func(method string) {
			if method == "remove" {
				c.Mu.Lock()
				c.Elsewhere[first] = []string{"another service"}
				c.Mu.Unlock()
			}
		}
		w.deployTo(id, "global")
		w.stores("since it is used", c, id, 1, 2)
		if got := w.cleaned(); !slices.Equal(got, []string{"ok log.kept"}) {
			t.Errorf("the activity says %q", got)
		}
		if i := w.get(id); i.Failure.Kind != "" {
			t.Errorf("%+v", i.Failure)
		}
		w.fsck()
	})
	for _, method := range []string{"survey", "remove"} {
		for _, how := range []lifecycletest.Behaviour{lifecycletest.Fails, lifecycletest.LosesReply, lifecycletest.Panics} {
			t.Run(fmt.Sprintf("%s %v", method, how), func(t *testing.T) {
				w, c, id, _ := setup(t)
				c.Plan(method, how)
				w.deployTo(id, "global")
				if i := w.get(id); i.Failure.Kind != model.JobClean {
					t.Errorf("it shows %+v", i.Failure)
				}
				w.forward(2 * time.Hour)
				w.stores("after another attempt", c, id, 2)
				if i := w.get(id); i.Failure.Kind != "" {
					t.Errorf("it shows %+v", i.Failure)
				}
				w.fsck()
			})
		}
	}
	t.Run("deployed meanwhile", func(t *testing.T) {
		w, c, id, first := setup(t)
		var jobs []model.Job
		c.OnCall = func(method string) {
			if method != "remove" || jobs != nil {
				return
			}
			w.check(w.store.Update(w.ctx(), func(tx model.Tx) error { // the first version is wanted again
				i, err := model.Get[model.Instance](tx, string(id))
				if err != nil {
					return err
				}
				i.Versions[1].RevokedAt = w.clock.Now()
				return tx.Put(&i)
			}))
			var err error
			jobs, err = w.engine.By(operator).Deploy(w.ctx(), id, lifecycle.DeployRequest{Product: "CDN", Regions: []string{"eu"}})
			w.check(err)
			w.wait(jobs[0].ID)
			if c.Bound[ports.Target{Region: "eu", Name: "a.example.com"}] != nil {
				t.Error("it was deployed while it was being removed")
			}
		}
		w.deployTo(id, "global")
		w.forward(time.Minute)
		if b := c.Bound[ports.Target{Region: "eu", Name: "a.example.com"}]; b == nil || b.Fingerprint != first ||
			!slices.Contains(c.Stored, first) {
			t.Errorf("bound %+v, the store holds %q", b, c.Stored)
		}
		w.fsck()
	})
}

// A product without a store, and one whose configuration does not say so, give the reason.
// spec: N4
func TestCleaningUpIsRefusedWithAReason(t *testing.T) {
	w := newWorld(t)
	w.cloud(false)
	_, err := w.engine.By(admin).CleanProduct(w.ctx(), "Plain", true)
	w.refused(err, rules.ReasonNoStore)
	_, err = w.engine.By(admin).CleanProduct(w.ctx(), "CDN", false)
	w.refused(err, rules.ReasonKeepsSuperseded)
	if all, err := w.engine.By(admin).CleanProduct(w.ctx(), "CDN", true); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
}

// The engine is killed at each write of a deployment that supersedes another, before and
// after the write became durable: another engine removes what is left, and nothing else.
// spec: N4
func TestKilledWhileCleaningUp(t *testing.T) {
	begin := func(t *testing.T) (*world, *lifecycletest.Cloud, model.ID) {
		w := newWorld(t)
		c := w.cloud(true)
		id := w.issued("a.example.com")
		w.deployTo(id, "global")
		w.reissued(id)
		w.engine.Close()
		return w, c, id
	}
	act := func(w *world, id model.ID) error {
		_, err := w.engine.By(operator).Deploy(w.ctx(), id, lifecycle.DeployRequest{Product: "CDN", Regions: []string{"global"}})
		if err != nil {
			return err
		}
		return w.settle(w.ctx())
	}
	w, _, id := begin(t)
	count := &mortal{Store: w.store, dead: make(chan struct{})}
	w.start(count)
	w.check(act(w, id))
	if count.writes < 6 {
		t.Fatalf("only %d writes", count.writes)
	}
	for n := 1; n <= count.writes; n++ {
		for _, before := range []bool{true, false} {
			t.Run(fmt.Sprintf("write %d before=%v", n, before), func(t *testing.T) {
				w, c, id := begin(t)
				m := &mortal{Store: w.store, left: n, before: before, dead: make(chan struct{})}
				w.start(m)
				ctx, cancel := context.WithCancel(context.WithValue(w.ctx(), mortalKey{}, m))
				go func() { <-m.dead; cancel() }()
				_, err := w.engine.By(operator).Deploy(ctx, id, lifecycle.DeployRequest{Product: "CDN", Regions: []string{"global"}})
				if err == nil {
					_ = w.settle(ctx)
				}
				cancel()
				w.engine.Close()
				w.start(w.store)
				w.check(w.settle(w.ctx()))
				if i := w.get(id); w.resource(0).Presented != i.Current().Fingerprint { // it died before the intent
					w.check(act(w, id))
				}
				w.stores("after the death", c, id, 2)
				ok := slices.DeleteFunc(w.cleaned(), func(s string) bool { return !strings.HasPrefix(s, journal.ResultOK+" log.cleaned") })
				if len(ok) != 1 {
					t.Errorf("the activity says %q", w.cleaned())
				}
				w.fsck()
			})
		}
	}
}
