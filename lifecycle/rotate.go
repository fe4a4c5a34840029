package lifecycle

import (
	"context"
	"crypto/x509"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// rotateCA is [Access.RotateCA].
func (e *Engine) rotateCA(ctx context.Context, actor model.Actor, ca ports.Rotates) (*x509.Certificate, error) {
	if f := e.table.May(actor, rules.ActionRotateCA); f != nil {
		return nil, e.journal.NoteRefusal(ctx, actor, f)
	}
	return ca.Rotate(ctx, func(tx model.Tx, made *x509.Certificate) error {
		ev := e.journal.Event(actor, rules.ActionRotateCA, nil)
		ev.Name = made.Subject.CommonName
		ev.Detail = model.Say("log.rotated", "serial", bundle.Serial(made.SerialNumber), "at", made.NotAfter)
		return tx.Append(ev)
	})
}
