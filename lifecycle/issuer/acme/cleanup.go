package acme

import (
	"context"
	"errors"
	"slices"
	"strings"

	"certquay/lifecycle/challenge"
	"certquay/model"
)

// cleanUp removes what was presented for an order, and ends what solvers keep for it. It
// does not fail: the order goes on.
func (i *Issuer) cleanUp(ctx context.Context, rec *orderRecord) {
	var used []challenge.Solver
	for n := range rec.Authorizations {
		a := &rec.Authorizations[n]
		i.removeProof(ctx, rec, a)
		e, ok := i.opt.Challenges.Find(a.Rule, a.Proof.Type)
		if ok && e.Solver != nil && !slices.Contains(used, e.Solver) {
			used = append(used, e.Solver)
		}
	}
	for _, s := range used {
		s.Close(rec.Key)
	}
}

// removeProof removes the proof of an authorization. If it cannot be removed that is
// kept with the order, for a person, and by itself, for the next order to try again (spec
// C5). Records of dns-persist-01 are to stay.
func (i *Issuer) removeProof(ctx context.Context, rec *orderRecord, a *authorizationRecord) {
	if a.Cleaned || a.Manual || !a.Presenting || a.Proof.Type == challenge.DNSPersist01 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	a.Cleaned = true
	i.shown.Delete(a.URL)
	e, ok := i.opt.Challenges.Find(a.Rule, a.Proof.Type)
	shown := a.Proof
	if ok && e.Solver != nil {
		err := e.Solver.CleanUp(ctx, a.Proof)
		if err == nil {
			return
		}
		var left *challenge.LeftError
		if errors.As(err, &left) {
			shown = left.Proof // where it really is, after CNAMEs
		}
	}
	rec.Left = append(rec.Left, shown)
	cell := i.leftPrefix() + hashOf(a.Proof.Record+"\x00"+a.Proof.Value+"\x00"+a.Proof.Token)
	// If this is not kept the order's own record still has it.
	_ = i.put(ctx, cell, &leftRecord{a.Rule, a.Proof, shown}, model.Secret{})
}

// leftRecord is a proof that could not be removed, with the rule that presented it.
type leftRecord struct {
	Rule  string          `cbor:"1,keyasint"`
	Proof challenge.Proof `cbor:"2,keyasint"`
	Shown challenge.Proof `cbor:"3,keyasint"` // where it is for a person
}

// leftCells lists the cells of proofs that could not be removed.
func (i *Issuer) leftCells() (cells []string, err error) {
	err = i.store.View(func(r model.Reader) error {
		for key, err := range r.Keys(model.Scan{Kind: model.KindKV, Prefix: space + "/" + i.leftPrefix()}) {
			if err != nil {
				return err
			}
			cells = append(cells, strings.TrimPrefix(key, space+"/"))
		}
		return nil
	})
	return cells, err
}

// cleanLeft tries again to remove what earlier orders left. It does not fail: the next
// order tries once more.
func (i *Issuer) cleanLeft(ctx context.Context) {
	cells, err := i.leftCells()
	if err != nil {
		return
	}
	for _, cell := range cells {
		var l leftRecord
		if _, err := i.get(cell, &l); err != nil {
			continue
		}
		e, ok := i.opt.Challenges.Find(l.Rule, l.Proof.Type)
		if !ok || e.Solver == nil {
			continue
		}
		err := e.Solver.CleanUp(ctx, l.Proof)
		e.Solver.Close(l.Proof.Order)
		if err == nil {
			_ = i.remove(ctx, cell) // otherwise it is tried once more, which does no harm
		}
	}
}
