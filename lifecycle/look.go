package lifecycle

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/outbox"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// look asks what a target is configured to present and what it presents (spec D3, P8): by
// the product if it can, otherwise by handshakes at each address of the binding.
func (w *worker) look(ctx context.Context, s *deployTarget) (ports.Binding, ports.Look, error) {
	b, err := s.product.Current(ctx, s.place)
	if err != nil {
		return b, ports.Look{}, err
	}
	l, err := w.lookAt(ctx, s, b)
	return b, l, err
}

// lookAt asks what a binding presents. Without an error the first that was seen answered.
func (w *worker) lookAt(ctx context.Context, s *deployTarget, b ports.Binding) (l ports.Look, err error) {
	if b.ListenErr != nil {
		return l, &NotListeningError{b.ListenErr}
	}
	if v, ok := ports.Part[ports.Verifier](s.product); ok {
		l, err = v.Look(ctx, s.place)
	} else {
		l.Seen, err = ports.LookAt(ctx, w.prober, b.Address, b.SNI)
	}
	if err != nil {
		return l, err
	}
	answered := slices.IndexFunc(l.Seen, func(s ports.Seen) bool { return s.Err == nil })
	switch {
	case len(l.Seen) == 0:
		return l, ports.ErrNothingPresented
	case answered < 0:
		return l, l.Seen[0].Err
	}
	return l, nil
}

// addresses groups what was seen by address, in the order of the look. An address at which
// nothing answered is left out: it is on record, and not every route is open from here.
func addresses(l ports.Look) (all [][]ports.Seen) {
	for _, s := range l.Seen {
		n := slices.IndexFunc(all, func(at []ports.Seen) bool { return at[0].Address == s.Address })
		switch {
		case s.Err != nil:
		case n < 0:
			all = append(all, []ports.Seen{s})
		default:
			all[n] = append(all[n], s)
		}
	}
	return all
}

// presents returns nil if each address that answered presents the chain to one of the kinds
// of clients, and otherwise how the first one that does not differs.
func presents(l ports.Look, want [][]byte) error {
	for _, at := range addresses(l) {
		first := diffChain(at[0].Chain, want)
		if first != nil && !slices.ContainsFunc(at[1:], func(s ports.Seen) bool { return diffChain(s.Chain, want) == nil }) {
			return first
		}
	}
	return nil
}

// presentedLeaf returns the leaf that tells most about a target: one that is not the
// expected one, at the first address where the expected one is not presented, or else the
// expected one.
func presentedLeaf(l ports.Look, expected string) (leaf *x509.Certificate, fingerprint string, err error) {
	var der []byte
	for _, at := range addresses(l) {
		n := slices.IndexFunc(at, func(s ports.Seen) bool { return bundle.Fingerprint(s.Chain[0]) == expected })
		if n < 0 {
			der = at[0].Chain[0]
			break
		}
		der = at[n].Chain[0]
	}
	leaf, err = x509.ParseCertificate(der)
	return leaf, bundle.Fingerprint(der), err
}

// recordLook puts on record what was configured and what each address presented, where
// there is more to tell than the one that the resource itself holds.
func recordLook(r *model.Resource, b ports.Binding, l ports.Look) {
	r.Configured, r.ReadBack, r.Seen = b.Fingerprint, l.ReadBack, nil
	if len(l.Seen) < 2 {
		return
	}
	for _, s := range l.Seen {
		at := model.SeenAt{Address: s.Address, Algorithm: s.Algorithm}
		if s.Err != nil {
			at.Error = messageFrom("server", s.Err)
		} else {
			at.Fingerprint = bundle.Fingerprint(s.Chain[0])
			if leaf, err := x509.ParseCertificate(s.Chain[0]); err == nil {
				at.NotAfter = leaf.NotAfter
			}
		}
		r.Seen = append(r.Seen, at)
	}
}

// short16 is enough of a fingerprint to tell certificates apart.
func short16(fingerprint string) string { return fingerprint[:min(len(fingerprint), 16)] }

// verifyStep checks which certificate is presented now (spec D4).
func (w *worker) verifyStep(ctx context.Context, j model.Job, _ bool) (func(model.Tx, *model.Job) error, error) {
	s, err := w.deployTarget(&j)
	if err != nil {
		return nil, err
	}
	b, seen, err := w.look(ctx, &s)
	var leaf *x509.Certificate
	var presented string
	if err == nil {
		leaf, presented, err = presentedLeaf(seen, s.res.Deployed)
	}
	probeErr := err
	w.scheduler.listenRetries.record(j.Resource, errors.As(probeErr, new(*NotListeningError)), w.Now())
	return func(tx model.Tx, j *model.Job) error {
		result, detail, reason, repeat := journal.ResultOK, model.Text(""), model.Text(""), false
		changed := false
		if err := w.deployments.withResource(tx, j.Resource, func(r *model.Resource) error {
			clearOperation(r, j)
			r.ProbedAt = w.Now()
			before := *r
			defer func() {
				changed = r.Presented != before.Presented || r.Address != before.Address ||
					r.VerifyError != before.VerifyError || r.DriftSince.IsZero() != before.DriftSince.IsZero() ||
					before.Configured != "" && r.Configured != before.Configured
			}()
			if err := w.recordListening(tx, r, probeErr); err != nil {
				return err
			}
			if probeErr != nil {
				repeat = r.VerifyError != ""
				r.VerifyError, result, reason = messageFrom("server", probeErr), journal.ResultFailed, messageFrom("server", probeErr)
				return nil
			}
			r.Address = b.Address
			was, drifted := r.Presented, !r.DriftSince.IsZero()
			recordLook(r, b, seen)
			w.recordPresented(r, presented, leaf.NotAfter)
			switch {
			case r.Presented == r.Deployed && r.Misconfigured():
				detail, result = model.Say("verify.configured", "fingerprint", short16(r.Configured)), journal.ResultFailed
				reason, repeat = model.Say(outbox.ReasonDrift), drifted
			case r.Presented == r.Deployed:
				i, err := model.Get[model.Instance](tx, string(r.Instance))
				if err != nil {
					return rules.ReadError("instance", r.Instance, err)
				}
				switch revoked, expired := presentsBadCertificate(r, &i, w.Now()); { // a task reports either
				case revoked:
					detail, result, repeat = model.Say("verify.revoked"), journal.ResultFailed, true
				case expired:
					detail, result, repeat = model.Say("verify.expired", "at", r.NotAfter), journal.ResultFailed, true
				case r.Presents(&i) == model.ResourceOutdated:
					detail = model.Say("verify.outdated")
				default:
					detail = model.Say("verify.deployed")
				}
			default:
				detail, result = model.Say("verify.drifted", "fingerprint", short16(r.Presented)), journal.ResultFailed
				reason, repeat = model.Say(outbox.ReasonDrift), drifted && was == r.Presented
			}
			if was != r.Presented {
				detail = model.Texts(detail, model.Say("verify.changed"))
			}
			return nil
		}); err != nil {
			return err
		}
		if j.Cause == journal.CauseScheduled && !changed {
			// The daily check found no change. It leaves neither an event nor a job
			// behind, or both would grow without end.
			if err := w.finish(tx, j, result); err != nil {
				return err
			}
			return tx.Delete(j)
		}
		ev := w.jobEvent(j, result)
		ev.Detail, ev.Reason, ev.SuppressNotice = detail, reason, repeat
		j.Error = reason
		if result == journal.ResultFailed && probeErr == nil {
			j.Error = detail
		}
		if err := w.fillInstanceName(tx, &ev); err != nil {
			return err
		}
		if err := tx.Append(ev); err != nil {
			return err
		}
		return w.finish(tx, j, result)
	}, nil
}
