package embedded

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"certquay/model"
)

// crlLife is how long a CRL is valid. A new one is made after half of it, or at
// the first request after a revocation.
const crlLife = 7 * 24 * time.Hour

// rootCA is the number under which the CRL of a root goes: 0 for the first root,
// -1 for the second and so on, apart from those of issuing CAs.
func rootCA(root int) int { return 1 - root }

func crlCell(ca int) string {
	switch {
	case ca > 0:
		return fmt.Sprintf("crl/%04d", ca)
	case ca == rootCA(1):
		return "crl/root"
	}
	return fmt.Sprintf("crl/root/%04d", 1-ca)
}

// byNumber returns the CA whose CRL has a number; nil if there is none.
func (as *authorities) byNumber(ca int) *authority {
	if ca > 0 {
		return as.issuing[ca]
	}
	return as.roots[1-ca]
}

// crl returns the CRL of a CA, making a new one when it is due. CRL numbers
// rise by one (RFC 5280 section 5.2.3), also over restarts and when several
// processes come after one another.
func (i *Issuer) crl(ctx context.Context, ca int) (*crlRecord, error) {
	i.crlMu.Lock()
	defer i.crlMu.Unlock()
	as, err := i.known(func(as *authorities) bool { return as.byNumber(ca) != nil })
	if err != nil {
		return nil, err
	}
	for range 5 {
		now := i.now()
		var old crlRecord
		var entries []x509.RevocationListEntry
		var seq uint64
		due := false
		err := i.store.View(func(r model.Reader) error {
			var err error
			if err = get(r, crlCell(ca), &old); err != nil && !errors.Is(err, model.ErrNotFound) {
				return err
			}
			if seq, err = revocations(r, ca); err != nil {
				return err
			}
			due = old.Number == 0 || old.Seq != seq || !now.Before(unix(old.ThisUpdate).Add(crlLife/2))
			if due {
				entries, err = listed(r, ca, &old)
			}
			return err
		})
		if err != nil || !due {
			return &old, err
		}
		next, err := i.signCRL(as, ca, &crlRecord{
			Number: old.Number + 1, Seq: seq, ThisUpdate: now.Unix(), NextUpdate: now.Add(crlLife).Unix(),
		}, entries)
		if err != nil && old.Number > 0 && now.Before(unix(old.NextUpdate)) {
			return &old, nil // the key cannot be had, as in a sealed store: what is valid goes on
		}
		if err != nil {
			return nil, err
		}
		// Whatever was revoked meanwhile is seen by the next request: a CRL is
		// as of its thisUpdate. Only the number must not be given twice.
		kept := false
		err = i.store.Update(ctx, func(tx model.Tx) error {
			kept = false
			var there crlRecord
			if err := get(tx, crlCell(ca), &there); err != nil && !errors.Is(err, model.ErrNotFound) {
				return err
			}
			if there.Number != old.Number {
				return nil
			}
			kept = true
			return put(tx, crlCell(ca), next)
		})
		if err != nil && old.Number > 0 && now.Before(unix(old.NextUpdate)) {
			return &old, nil // nothing can be written, as on a full disk: what is valid goes on
		}
		if err != nil {
			return nil, err
		}
		if kept {
			return next, nil
		}
	}
	return nil, model.Fail("ca.crl-changes")
}

func revocations(r model.Reader, ca int) (uint64, error) {
	var c counter
	err := get(r, revocationsCell(ca), &c)
	if errors.Is(err, model.ErrNotFound) {
		return 0, nil
	}
	return c.N, err
}

// listed reads the entries of a CA's CRL. One is dropped after its certificate
// has expired and a CRL made after that has still shown it (RFC 5280 section
// 3.3).
func listed(r model.Reader, ca int, old *crlRecord) ([]x509.RevocationListEntry, error) {
	var out []x509.RevocationListEntry
	for key, err := range r.Keys(model.Scan{Kind: model.KindKV, Prefix: space + "/revoked/"}) {
		if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(key, space+"/")
		var rec revokedRecord
		if err := get(r, name, &rec); err != nil {
			return nil, err
		}
		if rec.CA != ca || rec.Seq <= old.Seq && rec.NotAfter < old.ThisUpdate {
			continue
		}
		serial, ok := new(big.Int).SetString(strings.TrimPrefix(name, "revoked/"), 16)
		if !ok {
			return nil, model.Fail("ca.record-damaged", "name", name)
		}
		out = append(out, x509.RevocationListEntry{SerialNumber: serial, RevocationTime: unix(rec.At), ReasonCode: rec.Reason})
	}
	return out, nil
}

func (i *Issuer) signCRL(as *authorities, ca int, rec *crlRecord, entries []x509.RevocationListEntry) (*crlRecord, error) {
	by, read := as.byNumber(ca), i.signer
	if ca <= 0 {
		read = i.rootKey
	}
	key, err := read(by)
	if err != nil {
		return nil, err
	}
	return rec, rec.sign(by.cert, key, entries)
}

// firstCRL stores the first CRL of a new CA in the CA's transaction: when a
// client first requests it, the store may be sealed or read-only.
func firstCRL(tx model.Tx, ca int, cert *x509.Certificate, key crypto.Signer, now time.Time) error {
	rec := &crlRecord{Number: 1, ThisUpdate: now.Unix(), NextUpdate: now.Add(crlLife).Unix()}
	if err := rec.sign(cert, key, nil); err != nil {
		return err
	}
	return put(tx, crlCell(ca), rec)
}

func (rec *crlRecord) sign(by *x509.Certificate, key crypto.Signer, entries []x509.RevocationListEntry) error {
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		RevokedCertificateEntries: entries, Number: new(big.Int).SetUint64(rec.Number),
		ThisUpdate: unix(rec.ThisUpdate), NextUpdate: unix(rec.NextUpdate),
	}, by, key)
	if err != nil {
		return model.Fail("ca.cannot-sign-crl", "cause", err)
	}
	rec.DER = der
	return nil
}
