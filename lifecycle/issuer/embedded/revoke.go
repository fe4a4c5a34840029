package embedded

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// reasons are those of RFC 5280 section 5.3.1 that a server's certificate can
// be revoked for.
var reasons = []struct {
	name string
	code int
}{
	{"unspecified", ocsp.Unspecified},
	{"keyCompromise", ocsp.KeyCompromise},
	{"affiliationChanged", ocsp.AffiliationChanged},
	{"superseded", ocsp.Superseded},
	{"cessationOfOperation", ocsp.CessationOfOperation},
	{"privilegeWithdrawn", ocsp.PrivilegeWithdrawn},
}

// unsupportedReasons are the other reasons of the section, and why not.
var unsupportedReasons = map[string]string{
	"cacompromise":    "ca.no-ca-compromise",
	"aacompromise":    "ca.no-attribute-authority",
	"certificatehold": "ca.no-hold",
	"removefromcrl":   "ca.no-hold-to-lift",
}

// Reasons lists the reasons that Revoke takes.
func Reasons() []string {
	var out []string
	for _, r := range reasons {
		out = append(out, r.name)
	}
	return out
}

func reasonCode(name string) (int, error) {
	for _, r := range reasons {
		if strings.EqualFold(r.name, name) {
			return r.code, nil
		}
	}
	if why, ok := unsupportedReasons[strings.ToLower(name)]; ok {
		return 0, permanent("ca.reason-refused", "reason", name, "why", model.Say(why))
	}
	return 0, permanent("ca.no-reason", "reason", name, "reasons", Reasons())
}

func reasonName(code int) string {
	for _, r := range reasons {
		if r.code == code {
			return r.name
		}
	}
	return "unspecified"
}

// Revoke revokes a certificate of this CA; CRL and OCSP say so from then on.
// For one revoked before, nothing changes: the first reason stays.
func (i *Issuer) Revoke(ctx context.Context, leaf *x509.Certificate, reason string) error {
	code, err := reasonCode(reason)
	if err != nil {
		return err
	}
	now := i.now()
	return i.store.Update(ctx, func(tx model.Tx) error {
		rec, err := issued(tx, leaf)
		if err != nil {
			return err
		}
		cell := revokedCell(leaf)
		if done, err := exists(tx, cell); err != nil || done {
			return err
		}
		var count counter
		if err := get(tx, revocationsCell(rec.CA), &count); err != nil && !errors.Is(err, model.ErrNotFound) {
			return err
		}
		count.N++
		if err := put(tx, revocationsCell(rec.CA), &count); err != nil {
			return err
		}
		return put(tx, cell, &revokedRecord{CA: rec.CA, At: now.Unix(), Reason: code, NotAfter: rec.NotAfter, Seq: count.N})
	})
}

// Revoked returns when and why a certificate of this CA was revoked: a zero time
// if it was not. For a certificate of another CA it is an error.
func (i *Issuer) Revoked(ctx context.Context, leaf *x509.Certificate) (at time.Time, reason string, err error) {
	if err := ctx.Err(); err != nil {
		return at, "", err
	}
	err = i.store.View(func(r model.Reader) error {
		if _, err := issued(r, leaf); err != nil {
			return err
		}
		var rec revokedRecord
		switch err := get(r, revokedCell(leaf), &rec); {
		case errors.Is(err, model.ErrNotFound):
			return nil
		case err != nil:
			return err
		}
		at, reason = unix(rec.At), reasonName(rec.Reason)
		return nil
	})
	return at, reason, err
}

// ErrNotIssued is returned, wrapped in a [ports.PermanentError], for a certificate
// that this CA did not issue.
var ErrNotIssued error = model.Fail("ca.not-issued")

// issued reads the record of a certificate and compares it with what was
// given.
func issued(r model.Reader, leaf *x509.Certificate) (rec serialRecord, err error) {
	if leaf == nil || leaf.SerialNumber == nil {
		return rec, &ports.PermanentError{Err: ErrNotIssued}
	}
	err = get(r, serialCell(leaf), &rec)
	fp := sha256.Sum256(leaf.Raw)
	if errors.Is(err, model.ErrNotFound) || err == nil && !bytes.Equal(fp[:], rec.Fingerprint) {
		return rec, &ports.PermanentError{
			Err: model.Fail("ca.not-issued-serial", "serial", bundle.Serial(leaf.SerialNumber)).Wrapping(ErrNotIssued),
		}
	}
	return rec, err
}

func revokedCell(c *x509.Certificate) string { return "revoked/" + bundle.Serial(c.SerialNumber) }

func revocationsCell(ca int) string { return fmt.Sprintf("revocations/%04d", ca) }
