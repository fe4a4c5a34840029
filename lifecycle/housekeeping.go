package lifecycle

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/monitor"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// revocationCheckEvery is the interval at which a CA is asked whether it has
// revoked a certificate of its own accord.
const revocationCheckEvery = 24 * time.Hour

// revocationBudget bounds, in real time, the revocation checks of one pass, since
// renewals wait for them, and also a single answer.
const revocationBudget = 10 * time.Second

// retention is how long finished jobs and closed tasks are kept. Their history is
// in the activity log.
const retention = 90 * rules.Day

// pruneBatch is the maximum of records that one transaction deletes or closes.
const pruneBatch = 100

// pruneFinished deletes jobs and tasks that ended before the retention period,
// one batch of each: a fleet of ten thousand instances adds some hundreds a day.
// The caller holds passMu.
func (s *scheduler) pruneFinished(now time.Time) error {
	before := ulid.ULID{}
	if err := before.SetTime(ulid.Timestamp(now.Add(-retention))); err != nil {
		return model.Fail("error.forget", "cause", err)
	}
	return errors.Join(
		prune(s.Engine, &s.pruneCursor.jobs, before.String(), func(j *model.Job) bool { return !j.Live() }),
		prune(s.Engine, &s.pruneCursor.tasks, before.String(), func(t *model.Task) bool {
			// A dismissal lasts as long as its cause, for which the task is looked up.
			lasts := t.Kind.FollowsState() || t.Kind == model.TaskWatch
			return !t.Done.IsZero() && (t.Outcome != journal.OutcomeDismissed || !lasts)
		}),
	)
}

// prune deletes the finished records of one batch and advances the cursor; IDs
// rise with time. A record that is not finished by then is skipped until the
// engine restarts.
func prune[T any, P interface {
	*T
	model.Record
}](e *Engine, from *string, before string, done func(P) bool) error {
	var finished []P
	next := *from
	bad := e.journal.CollectUnreadable(P(nil).RecordKind())
	defer bad.Report()
	err := e.store.View(func(r model.Reader) error {
		for key, err := range r.Keys(model.Scan{Kind: P(nil).RecordKind(), From: *from, To: before, Limit: pruneBatch}) {
			if err != nil {
				return err
			}
			next = key + "\x00"
			v, err := model.Get[T, P](r, key)
			if err != nil {
				bad.Add(key, err)
			} else if done(&v) {
				finished = append(finished, &v)
			}
		}
		return nil
	})
	if err == nil && len(finished) > 0 {
		err = e.store.Update(e.ctx, func(tx model.Tx) error {
			for _, v := range finished {
				if err := tx.Delete(v); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		return model.Fail("error.forget", "cause", err)
	}
	*from = next
	return nil
}

// pruneIssuers has the issuers delete records that are of no use any more, a batch of each
// in one pass, and once that is done again the next day. The caller holds passMu.
func (s *scheduler) pruneIssuers(now time.Time) error {
	if now.Sub(s.issuersPruned) < rules.Day {
		return nil
	}
	var failed []error
	left := false
	for name, is := range s.issuers.Usable() {
		p, ok := ports.Extension[ports.Pruner](is)
		if !ok {
			continue
		}
		err := s.journal.Guard("issuer.Prune", func() error {
			more, err := p.Prune(s.ctx, pruneBatch)
			left = left || more
			return err
		})
		if err != nil {
			failed = append(failed, model.Fail("error.forget-issuer", "issuer", name, "cause", err))
		}
	}
	if !left { // one that fails is tried again the next day, too
		s.issuersPruned = now
	}
	return errors.Join(failed...)
}

// checkRevocations asks the CAs about instances that were not checked for a day,
// the longest unchecked first. A revocation by the CA has the effect of a manual
// one (spec I4). Instances beyond the time budget are checked in the next pass.
func (s *scheduler) checkRevocations(now time.Time) error {
	ids, err := s.dueBy("checked", now.Add(-revocationCheckEvery))
	if err != nil {
		return err
	}
	return s.askInTurn(ids, "sweep.ask", s.CheckRevoked, func(id model.ID, err error) error {
		s.log.Warn("the CA could not be asked whether it has revoked", "instance", id, "error", err)
		return s.recordRevocation(s.ctx, id, nil, nil) // asked again tomorrow
	})
}

// askInTurn asks CAs about instances, one after the other, for as long as the time budget
// of a pass lasts. What fails is given to failed, which postpones it; after three failures
// it ends, since renewals must not wait for a CA that does not answer.
func (s *scheduler) askInTurn(
	ids []model.ID, where string, ask func(context.Context, model.ID) error, failed func(model.ID, error) error,
) error {
	failures := 0
	bound := min(revocationBudget, s.policy.CallTimeout)
	for until := time.Now().Add(bound); len(ids) > 0 && s.ctx.Err() == nil && time.Now().Before(until); ids = ids[1:] {
		id := ids[0]
		if s.journal.CheckInstance(id) != nil {
			continue // already reported
		}
		ctx, cancel := context.WithTimeout(s.ctx, bound)
		err := s.journal.Guard(where, func() error { return ask(ctx, id) })
		cancel()
		if err == nil || s.ctx.Err() != nil { // the next engine asks what a closing one could not
			continue
		}
		if err := failed(id, err); err != nil {
			return err
		}
		if failures++; failures == 3 {
			return nil
		}
	}
	return nil
}

// CheckRevoked asks the CA about each unexpired version of an instance now.
func (e *Engine) CheckRevoked(ctx context.Context, id model.ID) error {
	c, err := e.readFacts(model.Scheduler, id)
	if err != nil {
		return err
	}
	if c.Issuer == nil || !c.Issuer.Revocation || c.Job != nil {
		return e.scheduler.recordRevocation(ctx, id, nil, nil)
	}
	revoked := map[int]string{}
	at := map[int]time.Time{}
	for n := range c.Instance.Versions {
		v := &c.Instance.Versions[n]
		if !c.Revocable(v) {
			continue
		}
		is, err := e.issuerOf(c.Instance, brandOfVersion(c.Instance, v))
		if err != nil {
			continue // nobody is left to be asked
		}
		m, err := e.reader.material(id, v.Number)
		if err != nil {
			return err
		}
		leaf, err := x509.ParseCertificate(m.Certificates[0])
		if err != nil {
			return model.Fail("error.decode-version", "version", v.Number, "cause", err)
		}
		cctx, cancel := context.WithTimeout(ctx, e.policy.CallTimeout)
		when, reason, err := is.Revoked(cctx, leaf)
		cancel()
		if err != nil {
			return err
		}
		if !when.IsZero() {
			revoked[v.Number], at[v.Number] = reason, when
		}
	}
	return e.scheduler.recordRevocation(ctx, id, revoked, at)
}

// recordRevocation records the CA's answer. If no unexpired version is left the
// instance ends: hosting stops, and only what the policy refunds for a revocation
// is refunded.
func (s *scheduler) recordRevocation(ctx context.Context, id model.ID, revoked map[int]string, at map[int]time.Time) error {
	err := s.journal.Update(ctx, func(tx model.Tx) error {
		c, err := s.loadFacts(tx, model.Scheduler, id)
		if err != nil {
			return err
		}
		i := c.Instance
		i.RevocationCheckedAt = c.Now
		if len(revoked) == 0 || c.Job != nil {
			return s.saveInstance(tx, i)
		}
		ev := s.journal.Event(model.Scheduler, string(rules.Revoke), i)
		ev.Why = journal.CauseCARevoked
		var fingerprints []string
		for n := range i.Versions {
			if reason, ok := revoked[i.Versions[n].Number]; ok {
				i.Versions[n].RevokedAt, i.Versions[n].RevokedReason = at[i.Versions[n].Number], reason
				fingerprints = append(fingerprints, i.Versions[n].Fingerprint)
				ev.Detail = model.Texts(ev.Detail, model.Say("log.version-revoked", "version", i.Versions[n].Number, "reason", reason))
			}
		}
		if err := monitor.LookAgain(tx, c.Now, fingerprints...); err != nil {
			return err
		}
		if !slices.ContainsFunc(i.Versions, func(v model.Version) bool { return c.Revocable(&v) }) {
			if i.Hosting.On {
				if _, err := s.clearHosting(tx, c, model.Scheduler); err != nil {
					return err
				}
			}
			paid, err := ledger.Refund(tx, &s.policy, i, c.Now)
			if err != nil {
				return err
			}
			from, to := s.table.Transition(rules.Revoke).Apply(i, paid.Amount > 0)
			ev.From, ev.To = string(from), string(to)
			ev.Detail = model.Texts(ev.Detail, refundText(paid))
			i.Reason = model.Say("end.revoked-by-ca")
		}
		if err := closeRevokedTasks(tx, i, c.Now); err != nil {
			return err
		}
		if err := s.saveInstance(tx, i); err != nil {
			return err
		}
		return tx.Append(ev)
	})
	if errors.Is(err, model.ErrNotFound) {
		return nil // deleted meanwhile
	}
	if len(revoked) > 0 {
		s.monitor.Wake()
	}
	return err
}

// recordedRevocation returns when and why a certificate was revoked, as a version that
// certquay has or the records of an issuer say; a zero time if neither does. It is a
// [ports.RevocationLookup].
func (e *Engine) recordedRevocation(ctx context.Context, leaf *x509.Certificate) (at time.Time, reason string, err error) {
	fingerprint := bundle.Fingerprint(leaf.Raw)
	err = e.store.View(func(r model.Reader) error {
		for i, err := range model.All[model.Instance](r, model.Scan{Index: "fingerprint", Prefix: fingerprint}) {
			if err != nil {
				return err
			}
			if v := i.ByFingerprint(fingerprint); v != nil {
				at, reason = v.RevokedAt, v.RevokedReason
			}
		}
		return nil
	})
	if err != nil || !at.IsZero() {
		return at, reason, err
	}
	for _, is := range e.issuers.Usable() {
		if !is.Capabilities(e.Now()).Records {
			continue
		}
		at, reason, err := is.Revoked(ctx, leaf)
		if errors.As(err, new(*ports.PermanentError)) { // of another CA
			continue
		}
		if err != nil || !at.IsZero() {
			return at, reason, err
		}
	}
	return at, "", nil
}
