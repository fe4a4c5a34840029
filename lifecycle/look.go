package lifecycle

import (
	"context"
	"crypto/x509"
	"slices"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
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
