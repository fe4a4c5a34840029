// Package demo fills a temporary store with a realistic fleet. Nothing is faked: the
// engine bought, applied for and deployed every certificate, with the embedded CA and
// real TLS endpoints, over the last fourteen months of a movable clock.
package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"slices"
	"strings"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/names"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Config is the configuration of a demo: certificates are valid for 100 days, like
// public ones from March 2027, so that renewals occur, and approvals outlast the
// history, so that hosted renewals need no reviewer. Waves are small, so that six servers are
// four of them.
const Config = `embedded:
  max_validity_days: 100
review:
  reuse_days: 825
waves:
  batch: 2
`

// HandshakeTimeout is how long a demo waits until a new leaf is presented. It is short,
// because the endpoints are local and the frozen one never presents it.
const HandshakeTimeout = 500 * time.Millisecond

// Clock returns the clock of a demo. It starts at the beginning of the history, and
// [World.Fill] moves it to the present.
func Clock(now time.Time) *ports.MovableClock {
	return ports.NewMovableClock(shiftedClock{now.Sub(now.AddDate(0, 0, -history))}, 0)
}

// shiftedClock is the system clock, set back.
type shiftedClock struct{ by time.Duration }

// Now returns the system time minus the shift.
func (s shiftedClock) Now() time.Time { return time.Now().Add(-s.by) }

// After sends the time after d.
func (s shiftedClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// World is the environment in which the fleet is created.
type World struct {
	Engine *lifecycle.Engine
	Clock  *ports.MovableClock
	Store  ports.Store
	// Products are those of the engine, by name.
	Products map[string]ports.Product
	// Reached, if not nil, is called for each month of the history. An error ends
	// [World.Fill].
	Reached func(month time.Time) error

	actor model.Actor
	ops   model.ID
	now   time.Time // the present, at which the history ends
}

// step is one event of the history.
type step struct {
	ago int
	do  func(context.Context) error
}

// Fill runs the whole history, up to the present.
func (w *World) Fill(ctx context.Context) error {
	w.actor = model.Actor{Name: "demo", Role: model.Owner, Via: "demo"}
	w.now = w.Clock.Now().AddDate(0, 0, history)
	steps := []step{{history, w.setUp}}
	for n := range fleet {
		l := &fleet[n]
		var id model.ID
		steps = append(steps, step{l.ago, func(ctx context.Context) (err error) {
			id, err = w.buy(ctx, l)
			return err
		}})
		if l.after > 0 {
			steps = append(steps, step{l.after, func(ctx context.Context) error { return w.finish(ctx, l, id) }})
		}
	}
	for _, ago := range installs {
		steps = append(steps, step{ago, w.install})
	}
	steps = append(steps, step{16, w.uploads}, step{0, w.incidents})
	slices.SortStableFunc(steps, func(a, b step) int { return b.ago - a.ago })
	for _, d := range steps {
		// The clock also advances by itself; for several steps on one day it is moved
		// once.
		if to := w.now.AddDate(0, 0, -d.ago); to.After(w.Clock.Now()) {
			if w.Reached != nil && to.Month() != w.Clock.Now().Month() {
				if err := w.Reached(to); err != nil {
					return fmt.Errorf("tell of %s: %w", to.Format("2006-01"), err)
				}
			}
			if err := w.Engine.By(w.actor).MoveClock(ctx, to); err != nil {
				return err
			}
		}
		if err := d.do(ctx); err != nil {
			return fmt.Errorf("%d days ago: %w", d.ago, err)
		}
	}
	_, err := w.Engine.By(model.Scheduler).Tick(ctx)
	return err
}

var company = model.Organization{
	Name: "Example Trading GmbH", Type: "company", Phone: "+49 30 1234500", OrganizationID: "HRB 123456",
	Country: "DE", Province: "Berlin", City: "Berlin", Address: "Example Street 1", Zip: "10115",
}

// setUp creates contacts, company and packs.
func (w *World) setUp(ctx context.Context) error {
	ops, err := w.Engine.By(w.actor).AddContact(ctx, model.Contact{Name: "Ops", Email: "ops@example.com", Phone: "+49 30 1234511"})
	if err != nil {
		return err
	}
	w.ops = ops.ID
	if _, err := w.Engine.By(w.actor).AddContact(ctx, model.Contact{Name: "Web team", Email: "web@example.com"}); err != nil {
		return err
	}
	if _, err := w.Engine.By(w.actor).AddCompany(ctx, model.Company{Organization: company}); err != nil {
		return err
	}
	dv := func(t model.DomainType) model.Specification {
		return model.Specification{Level: model.DV, Type: t, Brand: embedded.Brand, Grade: model.Standard}
	}
	for _, p := range []lifecycle.PackRequest{
		{Kind: ledger.PackCertificate, Spec: dv(model.Single), Quantity: 10},
		{Kind: ledger.PackCertificate, Spec: dv(model.Wildcard), Quantity: 5},
		{Kind: ledger.PackHosting, Quantity: 10},
		{Kind: ledger.PackCredit, Quantity: 10},
	} {
		if _, err := w.Engine.By(w.actor).BuyPack(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// buy buys, applies for and deploys one certificate, as far as its story says.
func (w *World) buy(ctx context.Context, l *story) (model.ID, error) {
	domains := strings.Fields(l.names)
	for n, d := range domains {
		name, err := names.Parse(d)
		if err != nil {
			return "", err
		}
		domains[n] = name.ASCII
	}
	r := lifecycle.BuyRequest{
		Spec:  model.Specification{Level: l.level, Type: model.Single, Brand: l.issuer(), Grade: l.grade},
		Years: max(l.years, 1), Quantity: 1, Hosting: l.host == hostedBought, FromPack: l.host == hostedPacks, Contact: w.ops,
	}
	switch {
	case strings.HasPrefix(l.names, "*."):
		r.Spec.Type = model.Wildcard
	case len(domains) > 1:
		r.Spec.Type = model.Multi
	}
	_, made, err := w.Engine.By(w.actor).Buy(ctx, r)
	if err != nil {
		return "", err
	}
	id := made[0].ID
	if err := w.tag(ctx, l, id); err != nil {
		return id, err
	}
	if len(domains) == 0 {
		return id, nil
	}
	a := lifecycle.ApplyRequest{Contact: w.ops, DraftOnly: l.end == draftOnly, Application: model.Application{
		Domains: domains, KeyType: l.key,
		ApplicantName: "Anna Berg", Phone: "+49 30 1234522", Email: "anna.berg@example.com", IDNumber: "L01X00T47",
	}}
	if a.Application.KeyType == "" {
		a.Application.KeyType = model.ECDSAP256
	}
	if l.level != model.DV || l.grade == model.Professional {
		a.Application.Company = company
	}
	if l.level != model.DV {
		if _, err := w.Engine.By(w.actor).AddDocument(ctx, id, "register.png", document()); err != nil {
			return id, err
		}
	}
	if l.host == hostedPacks {
		a.HostingPacks = 2
	}
	if l.end == draftOnly {
		return id, w.Engine.By(w.actor).SaveDraft(ctx, id, a.Application)
	}
	j, err := w.Engine.By(w.actor).Apply(ctx, id, a)
	if err != nil {
		return id, err
	}
	if l.level != model.DV {
		if _, err := w.wait(ctx, j); err != nil {
			return id, err
		}
		if l.end == awaitsReview || l.end == rejected {
			return id, nil
		}
		if err := w.Engine.By(w.actor).Approve(ctx, id); err != nil {
			return id, err
		}
	}
	if err := w.waitDone(ctx, j); err != nil {
		return id, err
	}
	if l.host == hostedLater {
		if err := w.Engine.By(w.actor).Host(ctx, id, lifecycle.HostRequest{Contact: w.ops}); err != nil {
			return id, err
		}
	}
	return id, w.deploy(ctx, l, id)
}

// tag gives an instance the tags of its story.
func (w *World) tag(ctx context.Context, l *story, id model.ID) error {
	_, err := w.Engine.By(w.actor).Annotate(ctx, id, lifecycle.Annotation{Add: l.tags})
	return err
}

// waitDone waits for jobs and returns an error if one fails.
func (w *World) waitDone(ctx context.Context, jobs ...model.Job) error {
	for _, j := range jobs {
		p, err := w.wait(ctx, j)
		if err != nil {
			return err
		}
		if p.Job.Result != journal.ResultOK {
			return fmt.Errorf("%s of %s: %s", j.Kind, j.Instance, p.Job.Error)
		}
	}
	return nil
}

// wait waits for a job.
func (w *World) wait(ctx context.Context, j model.Job) (lifecycle.Progress, error) {
	ps, err := w.Engine.By(model.Scheduler).Wait(ctx, j.ID)
	return ps[0], err
}

// deploy deploys a certificate to the resources of its story.
func (w *World) deploy(ctx context.Context, l *story, id model.ID) error {
	for _, to := range l.resources {
		r := lifecycle.DeployRequest{Product: to}
		if name, region, ok := strings.Cut(to, "/"); ok {
			r.Product, r.Regions = name, []string{region}
		}
		if strings.HasPrefix(l.names, "*.") {
			r.Resources = []string{strings.Replace(l.names, "*", "www", 1)}
		}
		jobs, err := w.Engine.By(w.actor).Deploy(ctx, id, r)
		if err != nil {
			return err
		}
		if err := w.waitDone(ctx, jobs...); err != nil {
			return err
		}
		if !l.auto {
			continue
		}
		for _, j := range jobs {
			err := w.Engine.By(w.actor).AutoDeploy(ctx, j.Resource, true)
			if err != nil && !errors.As(err, new(*rules.Refusal)) { // without a credit it stays off
				return err
			}
		}
	}
	return nil
}

// installs are the days before the present on which renewed certificates without
// auto-deploy are deployed by hand; forgotten lists those that are never deployed.
var (
	installs  = []int{260, 180, 100, 40, 12}
	forgotten = []string{"wiki.example.com", "old.example.org", "git.example.dev", "radio.example.org"}
)

// install deploys the current version wherever an earlier one is presented, expired or
// not.
func (w *World) install(ctx context.Context) error {
	rs, _, err := w.Engine.By(model.Scheduler).Resources(lifecycle.ResourceFilter{})
	if err != nil {
		return err
	}
	for n := range rs {
		r := &rs[n]
		if r.State != model.ResourceOutdated && r.State != model.ResourceExpired || slices.Contains(forgotten, r.InstanceName) {
			continue
		}
		jobs, err := w.Engine.By(w.actor).Deploy(ctx, r.Instance, lifecycle.DeployRequest{
			Product: r.Product, Regions: []string{r.Region}, Resources: []string{r.Name},
		})
		if err != nil {
			return err
		}
		if err := w.waitDone(ctx, jobs...); err != nil {
			return err
		}
	}
	return nil
}

// finish ends a certificate as its story says.
func (w *World) finish(ctx context.Context, l *story, id model.ID) error {
	switch l.end {
	case revoked:
		j, err := w.Engine.By(w.actor).Revoke(ctx, id, lifecycle.RevokeRequest{Reason: "keyCompromise"})
		if err != nil {
			return err
		}
		return w.waitDone(ctx, j)
	case rejected:
		return w.Engine.By(w.actor).RejectApplication(ctx, id, "the register extract is older than a year")
	case closed:
		return w.Engine.By(w.actor).CloseInstance(ctx, id)
	case renewed:
		next, j, err := w.Engine.By(w.actor).Renew(ctx, id)
		if err != nil {
			return err
		}
		if err := w.waitDone(ctx, j); err != nil {
			return err
		}
		if err := w.tag(ctx, l, next.ID); err != nil {
			return err
		}
		return w.deploy(ctx, l, next.ID)
	}
	return nil
}

// incidents adds today's incidents: places that are frozen during a reissue, and an endpoint
// that was changed by hand.
func (w *World) incidents(ctx context.Context) error {
	for name, at := range frozen {
		if f, ok := w.Products[name].(*Freezable); ok {
			f.Freeze(at)
		}
	}
	cart, err := w.Engine.By(model.Scheduler).Find("cart.example.com")
	if err != nil {
		return err
	}
	download, err := w.Engine.By(model.Scheduler).Find("download.example.com")
	if err != nil {
		return err
	}
	six, err := w.Engine.By(model.Scheduler).Find("a.example.net")
	if err != nil {
		return err
	}
	// The one is deployed by itself, the other waits for a person.
	for _, id := range []model.ID{cart.ID, six.ID} {
		j, err := w.Engine.By(w.actor).Reissue(ctx, id, lifecycle.ReissueRequest{NewKey: true})
		if err != nil {
			return err
		}
		if err := w.waitDone(ctx, j); err != nil {
			return err
		}
	}
	// Somebody deploys the first version again, bypassing certquay.
	jobs, err := w.Engine.By(w.actor).Deploy(ctx, download.ID, lifecycle.DeployRequest{Product: "CDN"})
	if err != nil {
		return err
	}
	if err := w.waitDone(ctx, jobs...); err != nil {
		return err
	}
	there, err := w.Engine.By(model.Scheduler).Resource(jobs[0].Resource)
	if err != nil {
		return err
	}
	old, err := w.pair(there.Instance, 1)
	if err != nil {
		return err
	}
	place, cdn := ports.Target{Region: there.Region, Name: there.Name}, w.Products[there.Product]
	if _, err := cdn.Deploy(ctx, place, old); err != nil {
		return err
	}
	if err := cdn.Commit(ctx, place); err != nil {
		return err
	}
	j, err := w.Engine.By(w.actor).Verify(ctx, there.ID)
	if err != nil {
		return err
	}
	_, err = w.wait(ctx, j)
	return err
}

// pair returns a version of an instance with its key.
func (w *World) pair(id model.ID, version int) (p ports.KeyPair, err error) {
	err = w.Store.View(func(r model.Reader) error {
		i, err := model.Get[model.Instance](r, string(id))
		if err != nil {
			return err
		}
		v := i.Version(version)
		if v == nil {
			return fmt.Errorf("%s has no version %d", i.Name, version)
		}
		m, err := model.Get[model.Chain](r, model.ChainKey(id, version))
		if err != nil {
			return err
		}
		k, err := model.Get[model.Key](r, string(v.KeyID))
		p = ports.KeyPair{Chain: m.Certificates, Key: k.PKCS8, Fingerprint: v.Fingerprint}
		return err
	})
	return p, err
}

// document returns a picture that looks like a stamped page.
func document() []byte {
	img := image.NewGray(image.Rect(0, 0, 420, 594))
	for y := range 594 {
		for x := range 420 {
			shade := uint8(250)
			if y > 40 && y%22 < 3 && x > 40 && x < 380-(y*7)%90 {
				shade = 90
			}
			img.SetGray(x, y, color.Gray{shade})
		}
	}
	var b bytes.Buffer
	_ = png.Encode(&b, img) // writing to memory does not fail
	return b.Bytes()
}
