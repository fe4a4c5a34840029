package cmd_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"certquay/model"
	"certquay/store"
)

// yearly is a fleet of hosted certificates with auto-deploy on, whose owner is
// killed while a year passes.
type yearly struct {
	*person
	t       *testing.T
	random  *rand.Rand
	ids     []string
	years   int
	hosted  int // how often hosting was bought
	kills   int
	struck  int // of those, with renewals or deployments under way
	longest time.Duration
}

// decade is how many years one fleet lives: well below its root certificate.
const decade = 10

// places are the products of one region that each certificate is deployed to.
var places = []string{"CDN", "SCDN"}

// found makes n certificates that are hosted from their purchase, and deploys
// them with auto-deploy on.
func (y *yearly) found(n int) {
	y.t.Helper()
	y.must("--sandbox", "contact", "add", "--name", "Ops", "--email", "ops@example.com")
	for k := range n {
		out := y.must("buy", "--hosting", "--contact", "Ops", "--yes", "--json")
		id := decode[struct{ Instances []instance }](y.t, out).Instances[0].ID
		y.must("apply", id, "--domain", fmt.Sprintf("h%d.kill.example", k))
		for _, product := range places {
			y.must("auto-deploy", y.deploy(id, product).ID, "on", "--yes")
		}
		y.ids = append(y.ids, id)
	}
	y.hosted = n
}

// year lets a year pass, in which each certificate is renewed and deployed once,
// and kills the owner at random moments, most times kills in all.
func (y *yearly) year(most int) {
	y.t.Helper()
	for _, id := range y.ids {
		i := decode[struct {
			Left int `json:"renewals_left"`
		}](y.t, y.must("show", id, "--json"))
		if i.Left == 0 {
			y.must("host", id, "--contact", "Ops", "--yes")
			y.hosted++
		}
	}
	now := decode[struct{ Now time.Time }](y.t, y.must("clock", "--json")).Now
	target := now.Add(365 * 24 * time.Hour).Format(time.RFC3339)
	for over := false; !over; {
		over = y.pass(target, y.kills < most)
	}
	y.must("tick") // a clock that was killed on arrival has not done what is due there
	y.years++
}

// pass moves the clock once and, if it is to kill, kills who owns the store
// meanwhile: the process that moves it, or one that serves it. It says whether
// the year was over first.
func (y *yearly) pass(target string, kill bool) bool {
	y.t.Helper()
	victim := func() {}
	if y.random.IntN(2) == 0 {
		from := time.Now()
		victim = y.serve().kill
		y.longest = max(y.longest, time.Since(from))
	}
	c := y.command(y.t.Context(), "clock", target)
	errs := &safeBuffer{}
	c.Stderr = errs
	if err := c.Start(); err != nil {
		y.t.Fatal(err)
	}
	var err error
	ended := make(chan struct{})
	go func() { err = c.Wait(); close(ended) }()
	var strike <-chan time.Time
	if kill {
		strike = time.After(time.Duration(y.random.IntN(160)) * time.Millisecond)
	}
	select {
	case <-ended:
		victim()
		if err != nil && !strings.Contains(errs.String(), "never goes back") { // it was there already
			y.t.Fatalf("the clock could not be moved: %v\n%s", err, errs)
		}
		return true
	case <-strike:
	}
	victim()
	_ = c.Process.Kill()
	<-ended
	y.kills++
	if y.keys(model.Scan{Kind: model.KindJob, Index: "live"}, "") > 0 {
		y.struck++
	}
	return false
}

var deployedVersion = regexp.MustCompile(`presents version (\d+) at`)

// checkVersions checks from outside what became of each version.
func (y *yearly) checkVersions() {
	y.t.Helper()
	s := y.serve()
	versions := y.years + 1
	leaf := map[string]string{}
	for _, i := range decode[[]instance](y.t, y.must("list", "--limit", "0", "--json")) {
		if len(i.Versions) != versions || i.Operation != nil {
			y.t.Errorf("%s has %d versions after %d years, under way %v", i.Name, len(i.Versions), y.years, i.Operation)
		}
		leaf[i.ID] = i.Fingerprint
	}
	done := map[string]int{}
	for _, e := range decode[[]struct{ Action, Resource, Why, Result, Detail string }](y.t, y.must("activity", "--limit", "0", "--json")) {
		if e.Action != "deploy" || e.Why != "due" || e.Result != "ok" {
			continue
		}
		m := deployedVersion.FindStringSubmatch(e.Detail)
		if m == nil {
			y.t.Fatalf("an automatic deployment does not name its version: %q", e.Detail)
		}
		done[e.Resource+" "+m[1]]++
	}
	rs := decode[[]resource](y.t, y.must("resources", "--json"))
	if len(rs) != len(y.ids)*len(places) || len(leaf) != len(y.ids) {
		y.t.Errorf("%d resources and %d instances", len(rs), len(leaf))
	}
	for _, r := range rs {
		for v := 2; v <= versions; v++ {
			key := fmt.Sprint(r.ID, " ", v)
			if done[key] != 1 {
				y.t.Errorf("version %d has %d automatic deployments to %s %s", v, done[key], r.Product, r.Name)
			}
			delete(done, key)
		}
		if p, err := presented(r.Address, r.Name); err != nil || p[0] != leaf[r.Instance] || r.State != "deployed" {
			y.t.Errorf("%s %s, %s, presents %v (%v), want %s", r.Product, r.Name, r.State, p, err, leaf[r.Instance])
		}
	}
	if len(done) > 0 {
		y.t.Errorf("deployments that nobody needed: %v", done)
	}
	for _, b := range decode[[]struct {
		Kind                             string
		Total, Reserved, Used, Available int
	}](y.t, y.must("balance", "--json")) {
		if b.Kind != "credit" {
			continue
		}
		if b.Used != len(rs)*y.years || b.Total != 5*y.hosted || b.Total != b.Reserved+b.Used+b.Available {
			y.t.Errorf("credits %+v, want %d used of %d", b, len(rs)*y.years, 5*y.hosted)
		}
		y.t.Logf("credits %+v", b)
	}
	y.must("fsck")
	if err := s.stopServing(); err != nil {
		y.t.Error(err)
	}
	if signed := y.keys(model.Scan{Kind: model.KindKV}, "/serial/"); signed != versions*len(y.ids) {
		y.t.Errorf("the CA has signed %d certificates for %d versions", signed, versions*len(y.ids))
	}
}

// keys counts the keys of a scan that have something in them, in the store that
// nobody owns now.
func (y *yearly) keys(scan model.Scan, within string) (n int) {
	y.t.Helper()
	s, err := store.Open(y.data, store.Options{KeyFile: filepath.Join(y.home, ".config", "certquay", "master.key")})
	if err != nil {
		y.t.Fatal(err)
	}
	err = s.View(func(r model.Reader) error {
		for key, err := range r.Keys(scan) {
			if err != nil {
				return err
			}
			if strings.Contains(key, within) {
				n++
			}
		}
		return nil
	})
	if err = errors.Join(err, s.Close()); err != nil {
		y.t.Fatal(err)
	}
	return n
}

// The owner is killed at random moments of yearly renewals and the deployments
// that follow by themselves. Each renewal ends with one certificate at the CA,
// one recorded automatic deployment to each resource, and one credit used.
// CERTQUAY_KILLS=200 is the whole measurement.
// spec: D6, D5, H4
func TestKilledWhileRenewingAndDeploying(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, seed))
	t.Logf("seed %d", seed)
	begin, total, done := time.Now(), kills(t), 0
	for done < total && !t.Failed() {
		y := &yearly{person: newPerson(t), t: t, random: random}
		y.found(6)
		for y.years < decade && done+y.kills < total {
			y.year(total - done)
		}
		y.checkVersions()
		done += y.kills
		t.Logf(
			"%d kills, %d of them with work under way, in %d years of %d certificates at %d resources; "+
				"%v so far; longest start of an owner %v",
			y.kills,
			y.struck,
			y.years,
			len(y.ids),
			len(y.ids)*len(places),
			time.Since(begin).Round(time.Second),
			y.longest.Round(time.Millisecond),
		)
	}
}
