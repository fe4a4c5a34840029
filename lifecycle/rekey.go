package lifecycle

import (
	"context"
	"slices"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// RekeyPlan is what replacing the key of an instance would do.
type RekeyPlan struct {
	Versions  []int            // with the present key, to be revoked
	Resources []ResourceView   // to which the new version will be deployed
	Shared    []model.Instance // others with the same key, which keep it
}

// sameKey lists the versions that have the key of the current one and that the CA can
// revoke, the newest first.
func sameKey(c *rules.Facts) (numbers []int) {
	current := c.Instance.Current()
	for n := len(c.Instance.Versions) - 1; n >= 0; n-- {
		if v := &c.Instance.Versions[n]; current != nil && v.SPKI == current.SPKI && c.Revocable(v) {
			numbers = append(numbers, v.Number)
		}
	}
	return numbers
}

// planRekey is [Access.PlanRekey].
func (e *Engine) planRekey(id model.ID) (p RekeyPlan, err error) {
	c, err := e.readFacts(model.Scheduler, id)
	if err != nil {
		return p, err
	}
	p.Versions = sameKey(c)
	if p.Shared, err = e.sharesKey(id); err != nil {
		return p, err
	}
	p.Resources, err = e.reader.everywhere(id)
	return p, err
}

// rekey is [Access.Rekey].
func (e *Engine) rekey(ctx context.Context, actor model.Actor, id model.ID, reason string) (model.Job, error) {
	reason, err := revocationReason(reason, rules.RekeyReason)
	if err != nil {
		return model.Job{}, err
	}
	c, err := e.noteFacts(actor, id)
	if err != nil {
		return model.Job{}, err
	}
	return e.reissueAs(ctx, c, rules.Rekey, ReissueRequest{NewKey: true}, func(tx model.Tx, c *rules.Facts, j *model.Job) error {
		rs, err := everywhere(tx, c.Instance)
		if err != nil {
			return err
		}
		for n := range rs {
			j.Deploy = append(j.Deploy, rs[n].ID)
		}
		j.Reason, j.Versions = reason, sameKey(c)
		return nil
	})
}

// retire starts to revoke the versions whose key was replaced, once the current version
// has another key and no resource presents them. The caller saves the instance. It runs
// in the transaction that changes what a resource presents, so it happens exactly once
// (spec I12).
func (w *worker) retire(tx model.Tx, i *model.Instance, rs []model.Resource) error {
	old, current := i.Retiring, i.Current()
	if len(old.Versions) == 0 || current == nil {
		return nil
	}
	c := &rules.Facts{Instance: i, Now: w.Now()}
	left := slices.DeleteFunc(slices.Clone(old.Versions), func(number int) bool {
		v := i.Version(number)
		return v == nil || !c.Revocable(v)
	})
	for _, number := range left {
		v := i.Version(number)
		if v.SPKI == current.SPKI || slices.ContainsFunc(rs, func(r model.Resource) bool { return r.Presented == v.Fingerprint }) {
			return nil
		}
	}
	i.Retiring = model.Retiring{}
	if len(left) == 0 {
		return nil
	}
	actor := model.Actor{Name: old.Actor, Via: old.Via}
	j, err := w.startRevoke(tx, i, actor, left, old.Reason)
	if err != nil {
		return err
	}
	ev := w.journal.Event(actor, string(rules.RevokeVersion), i)
	ev.Result, ev.Detail = journal.ResultStarted, model.Say("log.revoking", "reason", j.Reason, "versions", rules.Numbers(j.Versions))
	return tx.Append(ev)
}
