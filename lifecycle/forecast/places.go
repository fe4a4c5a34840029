package forecast

import (
	"cmp"
	"slices"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/lifecycle/window"
	"certquay/model"
)

// place is the part of a resource of an independent instance that its future depends on. It
// presents what was deployed there last.
type place struct {
	id           model.ID
	product      *productAt
	region, name string
	fingerprint  string    // of what is presented, until its version is known
	version      int       // that is presented; 0 for one that is not known any more
	notAfter     time.Time // of that
	deployedAt   time.Time
	// windowAt is when the window begins that it waits for; zero for none.
	windowAt                time.Time
	auto, reserved, waiting bool
	expired, missed         bool // a task is open about what it presents, about its window
}

// productAt is a product as resources name it, with its windows.
type productAt struct {
	name    string // as the resources have it
	opened  string // as it is configured; "" if it is not
	windows []window.Window

	asked, next time.Time // the window of the moment that was asked for last
}

// describe is [model.Resource.Place].
func (p *place) describe() string { return p.product.name + " " + p.region + " " + p.name }

// awaitsWindow and starves report what a deployment waits for: a window, or a credit.
func (p *place) awaitsWindow() bool { return p.waiting && !p.windowAt.IsZero() }
func (p *place) starves() bool      { return p.waiting && p.windowAt.IsZero() }

// misses reports whether what is presented ends before the window begins.
func (p *place) misses() bool { return p.awaitsWindow() && p.windowAt.After(p.notAfter) }

func (p *place) stopWaiting() { p.waiting, p.windowAt = false, time.Time{} }

// windowFrom is the first moment, not before a time, at which the product may be deployed to.
func (p *productAt) windowFrom(now time.Time) time.Time {
	if len(p.windows) == 0 {
		return now
	}
	if !p.asked.Equal(now) {
		p.asked, p.next = now, window.Next(p.windows, now)
	}
	return p.next
}

// product returns a product that a resource names.
func (s *independents) product(name string) *productAt {
	p := s.products[name]
	if p == nil {
		p = &productAt{name: name}
		for n := range s.open {
			if o := &s.open[n]; model.NormalizeName(o.Name) == model.NormalizeName(name) {
				p.opened = o.Name
				if ws, err := window.ParseAll(o.Windows); err == nil { // else the engine knows of none
					p.windows = ws
				}
			}
		}
		s.products[name] = p
	}
	return p
}

// stage keeps a resource for the instance it belongs to, if what is deployed there is
// presented and nothing goes on. It reports false if the engine gets it.
func (s *independents) stage(r *model.Resource, words interner) bool {
	p := place{
		id: r.ID, product: s.product(r.Product), region: r.Region, name: r.Name, notAfter: r.NotAfter, deployedAt: r.DeployedAt,
		windowAt: r.WindowAt, auto: r.AutoDeploy, reserved: r.Reserved, waiting: r.Waiting, fingerprint: r.Deployed,
	}
	if s.none || r.Instance == "" || r.Deployed == "" || r.Drifts() || r.Operation.Active() || r.Failure.Kind != "" ||
		p.auto && p.product.opened == "" || !p.auto && (p.reserved || p.waiting) {
		return false
	}
	words.intern(&p.region)
	s.staged[r.Instance] = append(s.staged[r.Instance], p)
	return true
}

// placesOf returns the places of an instance in the order of the waves, and whether the
// engine has none of its resources.
func (s *independents) placesOf(i *model.Instance) (all []place, ok bool) {
	all = s.staged[i.ID]
	if len(all) != i.Deployments.Total || len(s.records.resources.indexes[resourcesByInstance].whole[string(i.ID)]) > 0 {
		return nil, false
	}
	current := i.Newest()
	for n := range all {
		p := &all[n]
		if v := i.ByFingerprint(p.fingerprint); v != nil {
			p.version = v.Number
		}
		if p.starves() && (!current.AnnualRenewal || p.reserved || p.version == current.Number) {
			return nil, false
		}
	}
	for n := range all {
		all[n].fingerprint = ""
	}
	slices.SortFunc(all, func(a, b place) int { return cmp.Compare(a.describe(), b.describe()) })
	return slices.Clip(all), true
}

// unstage gives the engine the resources that no independent instance has taken.
func (s *independents) unstage(from model.Reader) error {
	for _, places := range s.staged {
		for n := range places {
			r, err := model.Get[model.Resource](from, string(places[n].id))
			if err == nil {
				err = s.records.Put(&r)
			}
			if err != nil {
				return err
			}
		}
	}
	s.staged = nil
	return nil
}

// followed reports whether there are tasks that follow from the state of an instance.
func (x *independent) followed() bool {
	return x.lapse != "" || slices.ContainsFunc(x.places, func(p place) bool { return p.expired || p.missed })
}

// look raises and closes the tasks about the places of an instance.
func (s *independents) look(x *independent, now time.Time) {
	for n := range x.places {
		p := &x.places[n]
		missed, expired := p.misses(), now.After(p.notAfter)
		if missed && !p.missed {
			s.raise(x, model.TaskWindow, now, func() model.Text {
				return model.Say("todo.window", "place", p.describe(), "at", p.notAfter)
			})
		}
		if expired && !p.expired {
			s.raise(x, model.TaskReplace, now, func() model.Text {
				return model.Say("todo.replace-expired", "place", p.describe(), "at", p.notAfter)
			})
		}
		p.missed, p.expired = missed, expired
	}
}

// windowOpens reports whether a window has begun that a deployment waits for.
func (p *place) windowOpens(now time.Time) bool { return p.awaitsWindow() && !p.windowAt.After(now) }

// wavesNow reports whether so many deployments of a certificate are done in one moment.
func (s *independents) wavesNow(deployments int) bool {
	w := s.waves
	return w.Pause <= 0 || w.First < 1 || w.Batch < 1 || deployments <= w.First
}

// install raises a task where the loaded version is not deployed by itself.
func (s *independents) install(x *independent, now time.Time) {
	version := s.v[0].Number
	if len(x.places) == 0 {
		s.raise(x, model.TaskInstall, now, func() model.Text { return model.Say("todo.install", "version", version, "name", x.name) })
	}
	for n := range x.places {
		if p := &x.places[n]; !p.auto {
			s.raise(x, model.TaskInstall, now, func() model.Text {
				return model.Say("todo.deploy", "version", version, "name", x.name, "place", p.describe())
			})
		}
	}
}

// start begins the deployment of the loaded version at a place. It reports false if it waits
// for a window or a credit.
func (s *independents) start(x *independent, p *place, now time.Time) bool {
	if at := p.product.windowFrom(now); at.After(now) {
		told := p.awaitsWindow()
		p.waiting, p.windowAt = true, at
		if !told {
			s.wait(x, p, now, model.Say(lifecycle.AwaitsWindow, "version", s.v[0].Number, "place", p.describe(), "at", at))
		}
		return false
	}
	if s.v[0].AnnualRenewal && !p.reserved {
		if !s.reserve(x.id, now) {
			told := p.starves()
			p.waiting, p.windowAt = true, time.Time{}
			if !told {
				s.wait(x, p, now, model.Say("log.waits-for-credit", "version", s.v[0].Number, "place", p.describe()))
			}
			return false
		}
		p.reserved = true
	}
	p.stopWaiting()
	return true
}

// wait counts the event that a deployment waits.
func (s *independents) wait(x *independent, p *place, now time.Time, why model.Text) {
	s.log(x, rules.AutoDeploy, journal.ResultWaiting, now)
	s.event.Resource, s.event.Detail = p.id, why
	s.report.count(&s.event)
}

// deploy ends the deployments of the loaded version that were begun, in the order in which
// they were.
func (s *independents) deploy(x *independent, begun []*place, now time.Time) {
	if len(begun) == 0 {
		return
	}
	s.look(x, now)
	i, v := &s.i, &s.v[0]
	for _, p := range begun {
		p.version, p.notAfter, p.deployedAt = v.Number, v.NotAfter, now
		if v.AnnualRenewal && p.reserved {
			s.consume(x.id, now)
			p.reserved = i.Hosting.RenewalsLeft > 0 && s.reserve(x.id, now)
		}
		s.look(x, now)
		s.log(x, rules.Action(model.JobDeploy), journal.ResultOK, now)
		s.event.Resource = p.id
		if s.report.events != nil {
			address := p.product.opened + "\x00" + p.region // as [product] says it
			s.event.Detail = model.Say("log.presents", "place", p.describe(), "version", v.Number, "address", address)
		}
		s.report.count(&s.event)
	}
}

// resource writes out a place of an instance.
func (p *place) resource(x *independent) *model.Resource {
	shown := fingerprint(p.version)
	return &model.Resource{
		ID: p.id, Product: p.product.name, Region: p.region, Name: p.name, Instance: x.id, Version: p.version,
		Deployed: shown, DeployedAt: p.deployedAt, Presented: shown, NotAfter: p.notAfter,
		AutoDeploy: p.auto, Reserved: p.reserved, Waiting: p.waiting, WindowAt: p.windowAt,
	}
}
