package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// manyRegions is a product with many regions, some of which fail.
type manyRegions struct {
	*lifecycletest.Product

	mu    sync.Mutex
	bad   map[string]bool // regions that refuse a certificate
	order []string        // in which regions were deployed to
}

func (p *manyRegions) Deploy(ctx context.Context, at ports.Target, pair ports.KeyPair) (ports.Binding, error) {
	p.mu.Lock()
	p.order = append(p.order, at.Region)
	bad := p.bad[at.Region]
	p.mu.Unlock()
	if bad {
		return ports.Binding{}, errors.New("no space left on device")
	}
	return p.Product.Deploy(ctx, at, pair)
}

// Discover takes a second, as a host that is far away does.
func (p *manyRegions) Discover(ctx context.Context, region string) ([]ports.Target, error) {
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
	}
	return p.Product.Discover(ctx, region)
}

func (p *manyRegions) Plan(_ context.Context, at ports.Target, pair ports.KeyPair) (ports.Plan, error) {
	return ports.Plan{Changes: []ports.Change{{Kind: ports.ChangeReplace, Subject: "/etc/" + at.Region, After: pair.Fingerprint}}}, nil
}

// presenting lists the regions that present the current version of a certificate.
func (w *world) presenting(p *manyRegions, id model.ID) (regions []string) {
	i := w.get(id)
	p.Mu.Lock()
	defer p.Mu.Unlock()
	for _, r := range p.RegionNames {
		if pair := p.Shown[ports.Target{Region: r, Name: "a.example.com"}]; pair != nil && pair.Fingerprint == i.Current().Fingerprint {
			regions = append(regions, r)
		}
	}
	return regions
}

func (w *world) manyRegions(n int) *manyRegions {
	p := &manyRegions{Product: w.product, bad: map[string]bool{}}
	p.RegionNames = nil
	for k := range n {
		p.RegionNames = append(p.RegionNames, fmt.Sprintf("r%02d", k))
	}
	w.with(p)
	return p
}

// rollOut deploys to all regions and returns the results by region.
func (w *world) rollOut(p *manyRegions, id model.ID) (results map[string]lifecycle.Progress) {
	w.t.Helper()
	jobs, err := w.engine.By(operator).Deploy(w.ctx(), id, lifecycle.DeployRequest{Product: "cdn", Regions: p.RegionNames})
	w.check(err)
	ids := make([]model.ID, len(jobs))
	for n := range jobs {
		ids[n] = jobs[n].ID
	}
	all, err := w.engine.By(model.Scheduler).Wait(w.ctx(), ids...)
	w.check(err)
	results = map[string]lifecycle.Progress{}
	for n, r := range p.RegionNames {
		results[r] = all[n]
	}
	return results
}

// hostedEverywhere is a hosted certificate with auto-deploy in every region.
func (w *world) hostedEverywhere(p *manyRegions) model.ID {
	w.t.Helper()
	id := w.hosted("a.example.com")
	_, err := w.engine.By(operator).BuyPack(w.ctx(), lifecycle.PackRequest{Kind: ledger.PackCredit, Quantity: len(p.RegionNames)})
	w.check(err)
	for _, r := range w.rollOut(p, id) {
		w.done(r.Job, nil)
		w.check(w.engine.By(operator).AutoDeploy(w.ctx(), r.Job.Resource, true))
	}
	return id
}

func (w *world) fingerprint(id model.ID) string {
	i := w.get(id)
	return i.Current().Fingerprint
}

// noRollouts checks that none is left behind, and the store.
func (w *world) noRollouts() {
	w.t.Helper()
	w.check(w.store.View(func(r model.Reader) error {
		for key, err := range r.Keys(model.Scan{Kind: model.KindRollout}) {
			w.t.Errorf("rollout %s is left, %v", key, err)
		}
		return nil
	}))
	w.fsck()
}

// TestDeploymentsGoInWaves deploys to twelve regions: one first, then five at a time.
// spec: P6 P10
func TestDeploymentsGoInWaves(t *testing.T) {
	bubble(t, "all is well", func(t *testing.T) {
		w := newWorld(t)
		w.policy.Waves = rules.Waves{First: 1, Batch: 5, Pause: time.Minute}
		p := w.manyRegions(12)
		id := w.issued("a.example.com")
		from := time.Now()
		jobs, err := w.engine.By(operator).Deploy(w.ctx(), id, lifecycle.DeployRequest{Product: "cdn", Regions: p.RegionNames})
		w.check(err)
		if took := time.Since(from); took > 2*time.Second {
			t.Errorf("twelve regions of a second each were asked in %v", took)
		}
		for _, n := range []int{1, 6, 11, 12} { // as each wave has ended
			synctest.Wait()
			if got := w.presenting(p, id); len(got) != n {
				t.Fatalf("presented at %v, want %d regions", got, n)
			}
			if n < 12 {
				w.forward(time.Minute)
				w.tick()
			}
		}
		for _, j := range jobs {
			w.done(j, nil)
		}
		if p.order[0] != "r00" {
			t.Errorf("the first was %s", p.order[0])
		}
		w.noRollouts()
		for wave, at := range map[int]string{1: "r00", 2: "r03", 4: "r11"} {
			rs, _, err := w.engine.By(model.Scheduler).Resources(lifecycle.ResourceFilter{Region: at})
			w.check(err)
			got, err := w.engine.By(operator).Receipts(lifecycle.ReceiptFilter{Resource: rs[0].ID})
			w.check(err)
			if len(got) != 1 || got[0].Wave != wave || got[0].Waves != 4 || got[0].Result != journal.ResultOK ||
				got[0].After != w.fingerprint(id) || got[0].Actor != operator.Name || len(got[0].Changes) != 1 ||
				got[0].Changes[0].Subject != "/etc/"+at {
				t.Errorf("receipts of %s: %+v", at, got)
			}
		}
	})
	for name, c := range map[string]struct {
		bad  []string
		kept []string // that go on presenting the new version
		held int      // that are not begun
	}{
		"the first fails":          {[]string{"r00"}, nil, 11},
		"one of the second wave":   {[]string{"r03"}, []string{"r00"}, 6},
		"two of the second wave":   {[]string{"r01", "r05"}, []string{"r00"}, 6},
		"the last wave is one":     {[]string{"r11"}, strings.Fields("r00 r01 r02 r03 r04 r05 r06 r07 r08 r09 r10"), 0},
		"one of the third of four": {[]string{"r10"}, []string{"r00", "r01", "r02", "r03", "r04", "r05"}, 1},
	} {
		bubble(t, name, func(t *testing.T) {
			w := newWorld(t)
			w.policy.Waves = rules.Waves{First: 1, Batch: 5}
			p := w.manyRegions(12)
			id := w.issued("a.example.com")
			for _, r := range w.rollOut(p, id) { // what is there before
				w.done(r.Job, nil)
			}
			before := w.fingerprint(id)
			w.done(w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{}))
			for _, r := range c.bad {
				p.bad[r] = true
			}
			held, failed := 0, 0
			for region, r := range w.rollOut(p, id) {
				switch {
				case !r.Done:
					t.Errorf("%s is at %s, next %s", region, r.Job.Step, r.Job.Next)
				case r.Job.Result == "held":
					held++
				case r.Job.Result == journal.ResultFailed:
					failed++
				}
				if ok := slices.Contains(c.kept, region); ok != (r.Job.Result == journal.ResultOK) {
					t.Errorf("%s ended %q", region, r.Job.Result)
				}
			}
			if held != c.held || held+failed+len(c.kept) != 12 {
				t.Errorf("%d held, %d failed", held, failed)
			}
			if got := w.presenting(p, id); !slices.Equal(got, c.kept) {
				t.Errorf("the new version is presented at %v, want %v", got, c.kept)
			}
			rs, _, err := w.engine.By(model.Scheduler).Resources(lifecycle.ResourceFilter{})
			w.check(err)
			for _, r := range rs {
				if want := slices.Contains(c.kept, r.Region); (r.Deployed == before) == want || r.Operation.Active() {
					t.Errorf("%s: deployed %s, operation %+v", r.Region, r.Deployed, r.Operation)
				}
			}
			w.noRollouts()
		})
	}
}

// TestAutomaticDeploymentsAreNotHeldUp stops a rollout that was due by itself: the others are
// tried again each by itself. spec: P6 H9
func TestAutomaticDeploymentsAreNotHeldUp(t *testing.T) {
	bubble(t, "one server is down", func(t *testing.T) {
		w := newWorld(t)
		w.policy.Waves = rules.Waves{First: 1, Batch: 5}
		p := w.manyRegions(12)
		id := w.hostedEverywhere(p)
		p.bad["r03"] = true
		w.done(w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{}))
		w.tick()
		synctest.Wait()
		if got := w.presenting(p, id); !slices.Equal(got, []string{"r00"}) {
			t.Fatalf("the new version is presented at %v", got)
		}
		for range 40 {
			w.forward(time.Hour)
			w.tick()
			synctest.Wait()
		}
		if got := w.presenting(p, id); len(got) != 11 || slices.Contains(got, "r03") {
			t.Fatalf("later the new version is presented at %v", got)
		}
		p.bad["r03"] = false
		for range 60 {
			w.forward(time.Hour)
			w.tick()
			synctest.Wait()
		}
		if got := w.presenting(p, id); len(got) != 12 {
			t.Errorf("once it is mended the new version is presented at %v", got)
		}
		w.noRollouts()
	})
}

// TestARolloutSurvivesDeath kills the program before and after each write of a rollout, one
// that succeeds and one that is stopped. spec: P6
func TestARolloutSurvivesDeath(t *testing.T) {
	for _, fails := range []bool{false, true} {
		for _, before := range []bool{true, false} {
			for at := 1; at < 200; at++ {
				died := false
				bubble(t, fmt.Sprintf("fails %v, before %v, write %d", fails, before, at), func(t *testing.T) {
					w := newWorld(t)
					w.policy.Waves = rules.Waves{First: 1, Batch: 3}
					p := w.manyRegions(6)
					id := w.issued("a.example.com")
					p.bad["r04"] = fails
					m := &mortal{Store: w.store, left: at, before: before, dead: make(chan struct{})}
					w.engine.Close()
					w.start(m)
					jobs, err := w.engine.By(operator).Deploy(w.ctx(), id, lifecycle.DeployRequest{Product: "cdn", Regions: p.RegionNames})
					if err == nil {
						ctx, cancel := context.WithTimeout(w.ctx(), 5*time.Second)
						_, _ = w.engine.By(model.Scheduler).Wait(ctx, idsOf(jobs)...)
						cancel()
					}
					died = m.isDead()
					w.engine.Close()
					w.start(w.store)
					w.tick()
					synctest.Wait()
					w.check(w.store.View(func(r model.Reader) error {
						for j, err := range model.All[model.Job](r, model.Scan{Index: "live"}) {
							t.Errorf("a job is at %s, next %s, %s, %v", j.Step, j.Next, j.Error, err)
						}
						return nil
					}))
					want := []string{"r00", "r01", "r02", "r03", "r04", "r05"}
					if fails {
						want = []string{"r00", "r01", "r02", "r03"}
					}
					if got := w.presenting(p, id); !slices.Equal(got, want) && (err == nil && len(jobs) > 0) {
						t.Errorf("presented at %v, want %v", got, want)
					}
					w.noRollouts()
				})
				if !died {
					break
				}
			}
		}
	}
}

func idsOf(jobs []model.Job) (ids []model.ID) {
	for n := range jobs {
		ids = append(ids, jobs[n].ID)
	}
	return ids
}
