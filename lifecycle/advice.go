package lifecycle

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"time"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// adviceRetry is the pause after a question about renewal that was not answered.
const adviceRetry = 6 * time.Hour

// adviser returns the issuer of a brand if it tells when to renew (spec C8).
func (e *Engine) adviser(brand string) (ports.RenewalAdviser, bool) {
	is, ok := e.issuers.Port(brand)
	if !ok {
		return nil, false
	}
	a, ok := is.(ports.RenewalAdviser)
	return a, ok
}

// askAdvice asks the CAs when to renew the certificates for which that is due, the
// longest unasked first (RFC 9773 section 4.3). Instances beyond the time budget are
// asked about in the next pass.
func (s *scheduler) askAdvice(now time.Time) error {
	ids, err := s.dueBy("advice", now)
	if err != nil {
		return err
	}
	return s.askInTurn(ids, "sweep.advice", s.adviseOne, func(id model.ID, err error) error {
		s.log.Warn("the CA could not be asked when to renew", "instance", id, "error", err)
		return s.postponeAdvice(id, s.Now().Add(adviceRetry))
	})
}

// dueBy lists the instances that an index of times has up to a time, the earliest first,
// without those that cannot be read.
func (s *scheduler) dueBy(index string, to time.Time) (ids []model.ID, err error) {
	err = s.store.View(func(r model.Reader) error {
		for key, err := range r.Keys(model.Scan{Kind: model.KindInstance, Index: index, To: model.TimeKey(to), Limit: passLimit}) {
			if err != nil {
				return err
			}
			if id := model.ID(key); !s.journal.IsUnreadable(model.KindInstance, id) {
				ids = append(ids, id)
			}
		}
		return nil
	})
	if err != nil {
		return nil, model.Fail("error.read-due", "cause", err)
	}
	return ids, nil
}

// postponeAdvice has a CA asked about an instance again at a time. What it said before
// holds until then.
func (s *scheduler) postponeAdvice(id model.ID, next time.Time) error {
	err := s.journal.Update(s.ctx, func(tx model.Tx) error {
		i, err := model.Get[model.Instance](tx, string(id))
		if err != nil {
			return err
		}
		i.AdviceAt = next
		return s.saveInstance(tx, &i)
	})
	if errors.Is(err, model.ErrNotFound) {
		return nil // deleted meanwhile
	}
	return err
}

// adviseOne asks when to renew the newest version of an instance, and keeps the answer.
func (s *scheduler) adviseOne(ctx context.Context, id model.ID) error {
	i, err := s.reader.instance(id)
	if errors.Is(err, model.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	v := i.Current()
	var ask ports.RenewalAdviser
	ok := false
	if v != nil {
		ask, ok = s.adviser(brandOfVersion(&i, v))
	}
	if !ok {
		return s.keepAdvice(ctx, id, 0, ports.Advice{}, time.Time{})
	}
	m, err := s.reader.material(id, v.Number)
	if err != nil {
		return err
	}
	leaf, err := x509.ParseCertificate(m.Certificates[0])
	if err != nil {
		return model.Fail("error.decode-version", "version", v.Number, "cause", err)
	}
	a, err := ask.Advise(ctx, leaf)
	if err != nil {
		return err
	}
	return s.keepAdvice(context.WithoutCancel(ctx), id, v.Number, a, s.Now().Add(max(a.RetryAfter, time.Minute)))
}

// keepAdvice keeps what a CA said about a version; next is when to ask again, zero for
// never. What differs from before is an event.
func (s *scheduler) keepAdvice(ctx context.Context, id model.ID, version int, a ports.Advice, next time.Time) error {
	changed := false
	err := s.journal.Update(ctx, func(tx model.Tx) error {
		i, err := model.Get[model.Instance](tx, string(id))
		if err != nil {
			return err
		}
		i.AdviceAt = next
		v := i.Version(version)
		changed = v != nil && (!v.SuggestedStart.Equal(a.Start) || !v.SuggestedEnd.Equal(a.End))
		if changed {
			v.SuggestedStart, v.SuggestedEnd = a.Start, a.End
		}
		if err := s.saveInstance(tx, &i); err != nil || !changed {
			return err
		}
		ev := s.journal.Event(model.Scheduler, string(rules.RenewHosted), &i)
		ev.Action, ev.Result = actionAdvice, journal.ResultOK
		switch {
		case a.Ignored != "":
			ev.Detail = a.Ignored
		case a.Start.IsZero():
			ev.Detail = model.Say("log.advice-none", "version", version)
		case a.Explanation != "":
			ev.Detail = model.Say("log.advice-why", "version", version, "from", a.Start, "to", a.End, "url", a.Explanation)
		default:
			ev.Detail = model.Say("log.advice", "version", version, "from", a.Start, "to", a.End)
		}
		return tx.Append(ev)
	})
	if err == nil && changed {
		s.wakeUp() // it may be due at once, and this pass has started already what was due
	}
	if errors.Is(err, model.ErrNotFound) {
		return nil // deleted meanwhile
	}
	return err
}

// actionAdvice is the action of events about what a CA advises.
const actionAdvice = "advice"

// leftProofs returns what an issuer has presented and could not remove (spec C5); known
// says that it tells.
func leftProofs(is ports.Issuer) (left []model.Proof, known bool, err error) {
	l, known := ports.Extension[ports.LeftLister](is)
	if !known {
		return nil, false, nil
	}
	left, err = l.Left()
	return left, true, err
}

// persistNotice is how long before the records of dns-persist-01 hold no more a person is
// told: time enough to have new ones made by hand.
const persistNotice = 30 * rules.Day

// followPersist raises a task for each issuer whose records of dns-persist-01 soon hold no
// more, and closes it once they hold for longer (spec C4).
func (s *scheduler) followPersist(now time.Time) error {
	var want []model.Task
	for name, is := range s.issuers.Usable() {
		p, ok := ports.Extension[ports.LastingProver](is)
		if !ok {
			continue
		}
		if until := p.ProofsUntil(); !until.IsZero() && now.After(until.Add(-persistNotice)) {
			want = append(want, model.Task{
				Kind: model.TaskPersist, About: name, Text: model.Say("todo.persist", "issuer", name, "at", until),
			})
		}
	}
	slices.SortFunc(want, func(a, b model.Task) int { return cmp.Compare(a.About, b.About) })
	if s.persistTasks != nil && slices.Equal(*s.persistTasks, want) {
		return nil
	}
	err := s.journal.Update(s.ctx, func(tx model.Tx) error {
		mine := func(t *model.Task) bool { return t.Kind == model.TaskPersist }
		_, err := s.journal.FollowState(tx, journal.AboutCertquay, mine, want)
		return err
	})
	if err == nil {
		s.persistTasks = &want
	}
	return err
}

// followLeft raises a task for each proof that the issuer of a job could not remove, and
// closes those about proofs that are gone.
func (w *worker) followLeft(tx model.Tx, j *model.Job, left []model.Proof) error {
	i, err := model.Get[model.Instance](tx, string(j.Instance))
	if err != nil {
		return rules.ReadError("instance", j.Instance, err)
	}
	brand := brandOf(&i, j)
	var want []model.Task
	for _, p := range left {
		want = append(want, model.Task{
			Kind: model.TaskLeft, About: brand + "/" + p.Name + "/" + p.Value,
			Text: model.Say("todo.left", "issuer", brand, "name", p.Name, "value", p.Value),
		})
	}
	mine := func(t *model.Task) bool { return t.Kind == model.TaskLeft && strings.HasPrefix(t.About, brand+"/") }
	_, err = w.journal.FollowState(tx, journal.AboutCertquay, mine, want)
	return err
}
