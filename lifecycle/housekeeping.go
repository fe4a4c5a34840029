package lifecycle

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// revocationCheckEvery is how often the CA is asked whether it has revoked a certificate
// by itself.
const revocationCheckEvery = 24 * time.Hour

// revocationBudget bounds, in real time, how long a pass asks CAs, since renewals wait for
// it, and how long it waits for one answer.
const revocationBudget = 10 * time.Second

// retention is how long a job or task is kept that is done. What was done stands
// in the activity log.
const retention = 90 * rules.Day

// pruneBatch bounds what one transaction deletes or ends.
const pruneBatch = 100

// pruneFinished deletes jobs and tasks that were done with long ago, a page of each
// at a time: at ten thousand instances some hundreds are added every day. The
// caller holds passMu.
func (s *scheduler) pruneFinished(now time.Time) error {
	before := ulid.ULID{}
	if err := before.SetTime(ulid.Timestamp(now.Add(-retention))); err != nil {
		return model.Fail("error.forget", "cause", err)
	}
	return errors.Join(
		prune(s.Engine, &s.pruneCursor.jobs, before.String(), func(j *model.Job) bool { return !j.Live() }),
		prune(s.Engine, &s.pruneCursor.tasks, before.String(), func(t *model.Task) bool { return !t.Done.IsZero() }),
	)
}

// prune deletes what is done of a page of records, whose IDs rise with time,
// and moves on to the next. What is not done by then is passed until the engine
// starts anew.
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

// checkRevocations asks the CAs about the instances that were not asked about for
// a day. What a CA has revoked by itself leads to where a revocation by hand
// does (spec I4). Whom there is no time for is asked about in the next pass, the
// longest unasked first.
func (s *scheduler) checkRevocations(now time.Time) error {
	var ids []model.ID
	failures := 0
	err := s.store.View(func(r model.Reader) error {
		due := model.Scan{
			Kind: model.KindInstance, Index: "checked", To: model.TimeKey(now.Add(-revocationCheckEvery)), Limit: passLimit,
		}
		for key, err := range r.Keys(due) {
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
		return model.Fail("error.read-due", "cause", err)
	}
	bound := min(revocationBudget, s.policy.CallTimeout)
	for until := time.Now().Add(bound); len(ids) > 0 && time.Now().Before(until); ids = ids[1:] {
		id := ids[0]
		if s.journal.CheckInstance(id) != nil {
			continue // told there
		}
		ctx, cancel := context.WithTimeout(s.ctx, bound)
		err := s.journal.Guard("sweep.ask", func() error { return s.CheckRevoked(ctx, id) })
		cancel()
		if err == nil || s.ctx.Err() != nil {
			continue
		}
		s.log.Warn("the CA could not be asked whether it has revoked", "instance", id, "error", err)
		if err := s.recordRevocation(s.ctx, id, nil, nil); err != nil { // asked again tomorrow
			return err
		}
		if failures++; failures == 3 {
			return nil // it does not answer; renewals must not wait for it
		}
	}
	return nil
}

// CheckRevoked asks the CA about every unexpired version of an instance now.
func (e *Engine) CheckRevoked(ctx context.Context, id model.ID) error {
	c, err := e.readFacts(model.Scheduler, id)
	if err != nil {
		return err
	}
	is, err := e.issuerOf(c.Instance)
	if err != nil || c.Issuer == nil || !c.Issuer.Revocation || c.Job != nil {
		return e.scheduler.recordRevocation(ctx, id, nil, nil)
	}
	revoked := map[int]string{}
	at := map[int]time.Time{}
	for n := range c.Instance.Versions {
		v := &c.Instance.Versions[n]
		if !c.Revocable(v) {
			continue
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

// recordRevocation records what the CA said. With no unexpired version left the
// instance ends; hosting stops and nothing is paid back by itself but what the
// policy pays for a revocation.
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
		for n := range i.Versions {
			if reason, ok := revoked[i.Versions[n].Number]; ok {
				i.Versions[n].RevokedAt, i.Versions[n].RevokedReason = at[i.Versions[n].Number], reason
				ev.Detail = model.Texts(ev.Detail, model.Say("log.version-revoked", "version", i.Versions[n].Number, "reason", reason))
			}
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
			from, to := s.table.Row(rules.Revoke).Move(i, paid.Amount > 0)
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
	return err
}
