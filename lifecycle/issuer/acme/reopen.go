package acme

import (
	"context"
	"errors"
	"strings"

	"certquay/lifecycle/ports"
	"certquay/model"
)

var _ ports.Reopener = (*Issuer)(nil)

// Reopen implements [ports.Reopener]. An order that waits for the CA is asked for again only
// after its pause, and meanwhile the CA may look.
func (i *Issuer) Reopen(ctx context.Context) error {
	var refs []string
	prefix := space + "/" + i.orderCell("")
	err := i.store.View(func(r model.Reader) error {
		for key, err := range r.Keys(model.Scan{Kind: model.KindKV, Prefix: prefix}) {
			if err != nil {
				return err
			}
			refs = append(refs, strings.TrimPrefix(key, prefix))
		}
		return nil
	})
	for _, ref := range refs {
		err = errors.Join(err, i.reopen(ctx, ref))
	}
	return err
}

func (i *Issuer) reopen(ctx context.Context, ref string) error {
	defer i.orders.lock(ref)()
	rec, err := i.load(ref)
	if err != nil {
		return err
	}
	for n := range rec.Authorizations {
		if a := &rec.Authorizations[n]; !rec.final() && a.Presented != 0 && !a.Done && !i.shows(a) {
			err = errors.Join(err, i.presentOne(ctx, rec, a))
		}
	}
	return err
}
