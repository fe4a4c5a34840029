package monitor

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/directory"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/names"
	"certquay/lifecycle/outbox"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

const (
	// maxIdle is the longest pause between rounds of probes, and maxDue the
	// maximum of endpoints in one round.
	maxIdle = 10 * time.Minute
	maxDue  = 1000
	// maxProbes bounds concurrent probes, and probeTimeout one of them, in real
	// time.
	maxProbes    = 16
	probeTimeout = 15 * time.Second
)

// What can be wrong with what is watched: what a [ports.ChainVerifier] finds of expiry, and
// what it does not.
const (
	WatchRevoked     = "revoked"
	WatchExpired     = "expired"
	WatchExpiring    = "expiring"
	WatchUnreachable = "unreachable"
)

// AddWatch starts to watch a host:port (spec N3); the port is 443 by default.
// name is the server name for SNI, by default the host.
func (m *Monitor) AddWatch(ctx context.Context, actor model.Actor, address, name string, contact model.ID) (model.Watch, error) {
	w := model.Watch{ID: m.journal.NewID(), Contact: contact, Created: m.journal.Now(), Next: m.journal.Now()}
	var err error
	if w.Address, w.Name, err = ParseAddress(address, name); err != nil {
		return w, err
	}
	err = m.journal.Update(ctx, func(tx model.Tx) error {
		key := model.WatchKey(w.Address, w.Name)
		for _, err := range tx.Keys(model.Scan{Kind: model.KindWatch, Index: "name", From: key, To: key + "\x00"}) {
			if err != nil {
				return err
			}
			return &rules.Refusal{Action: rules.ActionWatch, Reason: rules.ReasonNameTaken, Args: rules.Args{"name": displayName(&w)}}
		}
		if err := tx.Put(&w); err != nil {
			return err
		}
		return tx.Append(m.watchEvent(actor, &w, model.Say("log.added")))
	})
	if err == nil {
		m.Wake()
	}
	return w, err
}

// ParseAddress checks and completes what a person typed.
func ParseAddress(address, name string) (string, string, error) {
	bad := func(why model.Text) error {
		return &rules.Invalid{Field: "address", Why: why,
			Example: rules.OneOf([]string{"www.example.com:443", "[2001:db8::1]:443"})}
	}
	address = strings.TrimSpace(address)
	if u, err := url.Parse(address); err == nil && u.Host != "" { // as it is copied from a browser
		if u.Port() == "" && u.Scheme != "https" && u.Scheme != "" {
			return "", "", bad(model.Say("watch.port-unknown", "value", address))
		}
		address = u.Host
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = strings.Trim(address, "[]"), "443"
	}
	if n, err := net.DefaultResolver.LookupPort(context.Background(), "tcp", port); err != nil || n == 0 {
		return "", "", bad(model.Say("watch.no-port", "value", port))
	}
	if host = hostName(host); host == "" {
		return "", "", bad(model.Say("watch.no-host", "value", address))
	}
	if name = strings.TrimSpace(name); name == "" {
		name = host
	} else if name = hostName(name); name == "" {
		return "", "", &rules.Invalid{Field: "name", Why: model.Say("watch.no-name"), Example: rules.Example("www.example.com")}
	}
	return net.JoinHostPort(host, port), name, nil
}

// oneLabel matches a host name without a dot, as in a local network.
var oneLabel = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// hostName returns the normalized form of a host name or IP address; "" if it is
// neither.
func hostName(s string) string {
	if s = model.NormalizeName(s); oneLabel.MatchString(s) {
		return s
	}
	n, err := names.Parse(s)
	if err != nil || strings.HasPrefix(n.ASCII, "*") {
		return ""
	}
	return n.ASCII
}

// displayName is the address, followed by the server name if that differs.
func displayName(w *model.Watch) string {
	if host, _, err := net.SplitHostPort(w.Address); err == nil && model.NormalizeName(host) == model.NormalizeName(w.Name) {
		return w.Address
	}
	return w.Address + " (" + w.Name + ")"
}

// watchEvent returns an event that produces no notice.
func (m *Monitor) watchEvent(actor model.Actor, w *model.Watch, detail model.Text) model.Event {
	ev := m.journal.Event(actor, "watching", nil)
	ev.Name, ev.Detail = displayName(w), detail
	return ev
}

// Watches lists what is watched, in the natural order of addresses and names.
func (m *Monitor) Watches() (all []model.Watch, err error) {
	err = m.journal.Store.View(func(r model.Reader) error {
		for w, err := range model.All[model.Watch](r, model.Scan{Index: "name"}) {
			if err != nil {
				return err
			}
			all = append(all, w)
		}
		return nil
	})
	slices.SortStableFunc(all, func(a, b model.Watch) int {
		return model.CompareNatural(model.WatchKey(a.Address, a.Name), model.WatchKey(b.Address, b.Name))
	})
	return all, err
}

// FindWatch resolves a watched endpoint by what a person typed: an ID, a unique
// tail or an address.
func (m *Monitor) FindWatch(typed string) (model.Watch, error) {
	var found []model.Watch
	err := m.journal.Store.View(func(r model.Reader) error {
		var ids []model.ID
		if err := journal.Find(r, model.KindWatch, typed, &ids); err != nil {
			return err
		}
		if address, _, err := ParseAddress(typed, ""); err == nil && len(ids) == 0 {
			for key, err := range r.Keys(model.Scan{Kind: model.KindWatch, Index: "name", Prefix: model.WatchKey(address, ""), Limit: 20}) {
				if err != nil {
					return err
				}
				ids = append(ids, model.ID(key))
			}
		}
		for _, id := range ids {
			w, err := model.Get[model.Watch](r, string(id))
			if err != nil {
				return err
			}
			found = append(found, w)
		}
		return nil
	})
	switch {
	case err != nil:
		return model.Watch{}, err
	case len(found) == 0:
		return model.Watch{}, &rules.NotFound{What: "watch", Name: typed}
	case len(found) == 1:
		return found[0], nil
	}
	a := &rules.Ambiguous{Name: typed}
	for n := range found {
		a.Candidates = append(a.Candidates, found[n].ID.Short()+" "+displayName(&found[n]))
	}
	return model.Watch{}, a
}

// AssignWatch gives a watched endpoint another contact; "" is the configured default. It
// changes nothing if that is its contact already.
func (m *Monitor) AssignWatch(ctx context.Context, actor model.Actor, id, contact model.ID) (w model.Watch, err error) {
	err = m.journal.Update(ctx, func(tx model.Tx) error {
		if w, err = model.Get[model.Watch](tx, string(id)); errors.Is(err, model.ErrNotFound) {
			return &rules.NotFound{What: "watch", Name: string(id)}
		}
		if err != nil || w.Contact == contact {
			return err
		}
		detail, err := directory.ContactChanged(tx, "contact", w.Contact, contact)
		if err != nil {
			return err
		}
		w.Contact = contact
		return errors.Join(tx.Put(&w), tx.Append(m.watchEvent(actor, &w, detail)))
	})
	return w, err
}

// RemoveWatch stops watching an endpoint.
func (m *Monitor) RemoveWatch(ctx context.Context, actor model.Actor, id model.ID) error {
	return m.journal.Update(ctx, func(tx model.Tx) error {
		w, err := model.Get[model.Watch](tx, string(id))
		if errors.Is(err, model.ErrNotFound) {
			return &rules.NotFound{What: "watch", Name: string(id)}
		}
		if err != nil {
			return err
		}
		if err := errors.Join(deleteTasks(tx, w.ID), tx.Delete(&w)); err != nil {
			return err
		}
		return tx.Append(m.watchEvent(actor, &w, model.Say("log.removed")))
	})
}

// CheckWatch probes an endpoint now. A change is reported as after a scheduled
// probe.
func (m *Monitor) CheckWatch(ctx context.Context, id model.ID) (model.Watch, error) {
	if m.verify == nil {
		return model.Watch{}, model.Fail("watch.none-can")
	}
	return m.probe(ctx, id)
}

// Run probes watched endpoints until the engine closes.
func (m *Monitor) Run() {
	if m.verify == nil {
		return
	}
	var looked, found journal.LogFilter
	for {
		if err := m.journal.Guard("watch.look", func() error { return m.ProbeDue(m.ctx) }); looked.IsNew(m.ctx, err) {
			m.journal.Log.Error("not all that is watched could be looked at", "error", err)
		}
		wait := maxIdle
		bad := m.journal.CollectUnreadable(model.KindWatch)
		err := m.journal.Guard("watch.next", func() error {
			return m.journal.Store.View(func(r model.Reader) error {
				return journal.EachReadable(
					r,
					model.Scan{Index: "next", From: model.TimeKey(m.journal.Now()), Limit: 1},
					bad.Add,
					func(w *model.Watch) bool {
						wait = min(wait, max(w.Next.Sub(m.journal.Now()), 100*time.Millisecond))
						return true
					},
				)
			})
		})
		if found.IsNew(m.ctx, err) {
			m.journal.Log.Error("the next look could not be found", "error", err)
		}
		bad.Report()
		select {
		case <-m.ctx.Done():
			return
		case <-m.wake:
		case <-m.journal.Clock.After(wait):
		}
	}
}

// ProbeDue probes all due endpoints concurrently and waits for the results.
func (m *Monitor) ProbeDue(ctx context.Context) error {
	if m.verify == nil {
		return nil
	}
	var due []model.ID
	err := m.journal.Store.View(func(r model.Reader) error {
		now := model.TimeKey(m.journal.Now())
		for key, err := range r.Keys(model.Scan{Kind: model.KindWatch, Index: "next", To: now + "~", Limit: maxDue}) {
			if err != nil {
				return err
			}
			if id := model.ID(key); !m.journal.IsUnreadable(model.KindWatch, id) {
				due = append(due, id)
			}
		}
		return nil
	})
	if err != nil {
		return model.Fail("error.read-due", "cause", err)
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, maxProbes)
	errs := make([]error, len(due))
	for n, id := range due {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			err := m.journal.Guard("watch.look", func() error { _, err := m.probe(ctx, id); return err })
			if err != nil && !errors.As(err, new(*rules.NotFound)) && !errors.Is(err, journal.ErrUnreadable) {
				errs[n] = err
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// probe reads what an endpoint presents, evaluates it and records changes.
func (m *Monitor) probe(ctx context.Context, id model.ID) (w model.Watch, err error) {
	if err := m.journal.Store.View(func(r model.Reader) (err error) {
		w, err = model.Get[model.Watch](r, string(id))
		return err
	}); errors.Is(err, model.ErrNotFound) {
		return w, &rules.NotFound{What: "watch", Name: string(id)}
	} else if err != nil {
		return w, m.journal.UnreadableError(model.KindWatch, id, err)
	}
	lctx, cancel := context.WithTimeout(ctx, probeTimeout)
	chain, _, failure := m.prober.Probe(lctx, w.Address, w.Name)
	cancel()
	if ctx.Err() != nil {
		return w, ctx.Err()
	}
	now := m.journal.Now()
	var seen observation
	if failure == nil {
		failure = m.journal.Guard("watch.judge", func() error { seen = m.evaluate(chain, w.Name, now); return nil })
	}
	if failure == nil && seen.leaf != nil {
		if err := m.checkRevocation(ctx, &seen); err != nil {
			return w, err
		}
	}
	err = m.journal.Update(ctx, func(tx model.Tx) error {
		stored, err := model.Get[model.Watch](tx, string(id))
		if errors.Is(err, model.ErrNotFound) {
			return &rules.NotFound{What: "watch", Name: string(id)}
		}
		if err != nil {
			return err
		}
		changes := merge(&stored, seen, failure, now, m.lookAgain(&seen))
		w = stored
		if err := errors.Join(tx.Put(&stored), m.syncTask(tx, &stored)); err != nil || changes == "" {
			return err
		}
		ev := m.journal.Event(model.Scheduler, rules.ActionWatch, nil)
		ev.Name, ev.Detail = displayName(&stored), changes
		if len(stored.Problems) > 0 {
			ev.Result, ev.Reason = journal.ResultFailed, stored.Detail
		}
		return outbox.AppendWatchEvent(tx, ev, &stored)
	})
	return w, err
}

// observation is the evaluated result of a probe.
type observation struct {
	problems                     []string
	sentences                    []model.Text
	fingerprint, subject, issuer string
	notAfter                     time.Time
	validity                     time.Duration     // 0 if the leaf cannot be read
	leaf                         *x509.Certificate // nil if it cannot be read
}

// lookAgain is the pause until the next look at what was seen.
func (m *Monitor) lookAgain(s *observation) time.Duration {
	if s.leaf == nil {
		return m.looks
	}
	return rules.LookEvery(m.looks, s.validity)
}

// checkRevocation adds that the certificate has been revoked, before all else: no client
// should accept it, whatever else is wrong.
func (m *Monitor) checkRevocation(ctx context.Context, s *observation) error {
	at, reason, err := m.revoked(ctx, s.leaf)
	if err != nil || at.IsZero() {
		return err
	}
	s.problems = slices.Insert(s.problems, 0, WatchRevoked)
	s.sentences = slices.Insert(s.sentences, 0, model.Say("watch-problem.revoked", "at", at, "reason", reason))
	return nil
}

// LookAgain makes the endpoints due that presented one of some certificates when they were
// last probed, because those have been revoked. The caller wakes the monitor once that is
// stored.
func LookAgain(tx model.Tx, now time.Time, fingerprints ...string) error {
	var again []model.Watch
	for w, err := range model.All[model.Watch](tx, model.Scan{Index: "next", From: model.TimeKey(now)}) {
		if err != nil {
			return err
		}
		if w.Fingerprint != "" && slices.Contains(fingerprints, w.Fingerprint) {
			w.Next = now
			again = append(again, w)
		}
	}
	for n := range again {
		if err := tx.Put(&again[n]); err != nil {
			return err
		}
	}
	return nil
}

// evaluate verifies a chain and adds to the findings that it expires soon (spec
// T3).
func (m *Monitor) evaluate(chain [][]byte, name string, now time.Time) observation {
	var s observation
	add := func(problem string, text model.Text) {
		if !slices.Contains(s.problems, problem) {
			s.problems = append(s.problems, problem)
		}
		s.sentences = append(s.sentences, text)
	}
	for _, f := range m.verify(chain, name, now) {
		add(f.Problem, f.Text)
	}
	if len(chain) == 0 {
		return s
	}
	s.fingerprint = bundle.Fingerprint(chain[0])
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return s
	}
	s.leaf = leaf
	v := bundle.Version(leaf)
	s.validity = v.Validity()
	s.subject, s.issuer, s.notAfter = ports.SanitizeLine(v.Subject), ports.SanitizeLine(leaf.Issuer.String()), v.NotAfter
	if !now.Before(v.Window()) && !now.After(v.NotAfter) {
		add(WatchExpiring, model.Say("watch-problem.expires", "at", v.NotAfter))
	}
	return s
}

// merge updates the record with an observation and returns what changed since the
// previous one; "" for nothing. A single probe without an answer does not count: another
// one follows soon. After an answer the next one is due after the pause again.
func merge(w *model.Watch, s observation, failure error, now time.Time, again time.Duration) model.Text {
	w.ProbedAt = now
	if failure != nil {
		w.Error = DialError(failure, w.Address, w.Name)
		if w.Failures > 0 && now.Before(w.Next) {
			return "" // probed concurrently: count it once
		}
		w.Failures++
		w.Next = now.Add(rules.RetryAfter(w.Failures, 0))
		if w.Failures == 1 || slices.Equal(w.Problems, []string{WatchUnreachable}) {
			return ""
		}
		w.Problems, w.Detail, w.Since = []string{WatchUnreachable}, w.Error, now
		return model.Say("watch-log.is", "problems", WatchUnreachable)
	}
	before, first := w.Problems, w.AnsweredAt.IsZero()
	var changes []model.Text
	if w.Fingerprint != "" && w.Fingerprint != s.fingerprint {
		changes = append(changes, model.Say("watch-log.changed", "fingerprint", s.fingerprint[:16], "at", s.notAfter))
	}
	fresh := func(p string) bool { return !slices.Contains(before, p) }
	switch {
	case slices.ContainsFunc(s.problems, fresh):
		changes = append(changes, model.Say("watch-log.is", "problems", s.problems))
	case len(before) > 0 && len(s.problems) == 0:
		changes = append(changes, model.Say("watch-log.recovered"))
	case len(before) != len(s.problems):
		changes = append(changes, model.Say("watch-log.still", "problems", s.problems))
	}
	if len(changes) > 0 || first {
		w.Since = now
	}
	w.Problems, w.Detail = s.problems, model.Texts(s.sentences...)
	w.Fingerprint, w.Subject, w.Issuer, w.NotAfter = s.fingerprint, s.subject, s.issuer, s.notAfter
	w.AnsweredAt, w.Failures, w.Error, w.Next = now, 0, "", now.Add(again)
	return model.Texts(changes...)
}
