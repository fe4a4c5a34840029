package acme

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"

	"github.com/go-acme/lego/v5/acme"
	"github.com/go-acme/lego/v5/acme/api"

	"certquay/lifecycle/ports"
)

// reasons are the reasons of RFC 5280 section 5.3.1 that a certificate of a server can
// be revoked for.
var reasons = map[string]uint{
	"unspecified": 0, "keyCompromise": 1, "affiliationChanged": 3, "superseded": 4, "cessationOfOperation": 5,
	"privilegeWithdrawn": 9,
}

// reasonName returns the name of a reason; one of another number is unspecified.
func reasonName(number int) string {
	for name, n := range reasons {
		if n == uint(number) {
			return name
		}
	}
	return "unspecified"
}

const alreadyRevoked = "alreadyRevoked"

// Revoke revokes a certificate by the account. Revoking a revoked one is no error. That
// the CA does not take the account for this certificate is permanent.
func (i *Issuer) Revoke(ctx context.Context, leaf *x509.Certificate, reason string) error {
	c, err := i.connect(ctx)
	if err == nil {
		err = i.revoke(ctx, c.Core, leaf, reason)
	}
	if hasKind(err, unauthorized) || hasKind(err, accountDoesNotExist) {
		return &ports.PermanentError{Err: err}
	}
	return err
}

// RevokeByKey revokes a certificate by its own key, which needs no account (RFC 8555
// section 7.6).
func (i *Issuer) RevokeByKey(ctx context.Context, leaf *x509.Certificate, key crypto.Signer, reason string) error {
	core, err := i.newCore(ctx, "", key)
	if err != nil {
		return err
	}
	return i.revoke(ctx, core, leaf, reason)
}

func (i *Issuer) revoke(ctx context.Context, core *api.Core, leaf *x509.Certificate, reason string) error {
	number, ok := reasons[reason]
	if !ok {
		return permanent("acme.no-reason", "reason", reason)
	}
	msg := acme.RevokeCertMessage{Certificate: base64.RawURLEncoding.EncodeToString(leaf.Raw), Reason: &number}
	_, _, err := try(ctx, i, whatRevoke, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, core.Certificates.Revoke(ctx, msg)
	})
	if hasKind(err, alreadyRevoked) {
		return nil
	}
	return err
}
