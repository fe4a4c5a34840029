package embedded

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// Lives of the CAs in years, and how long before its end each has a successor
// (spec O8). An issuing CA has one sooner, in time for certificates of full
// length, where those are shorter than that.
const (
	rootYears    = 20
	issuingYears = 10
	renewYears   = 5
)

// clockTolerance is how far the clock may be before the start of a CA for the CA
// to be used all the same, since clocks are corrected by that much.
const clockTolerance = 24 * time.Hour

// validAt reports whether a CA may be used at a time.
func validAt(c *x509.Certificate, now time.Time) bool {
	return !now.Before(c.NotBefore.Add(-clockTolerance)) && !now.After(c.NotAfter)
}

// choose returns the numbers of the root and of the issuing CA under it that
// sign now; 0 for one that is to be made. Of those that are valid the newest
// counts by its number and not by its dates: a clock that was far ahead for a
// while leaves CAs behind that nobody knows.
func (i *Issuer) choose(as *authorities, now time.Time) (root, issuing int) {
	root = highest(as.roots, func(c *x509.Certificate) bool {
		return validAt(c, now) && !model.AddYears(now, renewYears).After(c.NotAfter)
	})
	if root == 0 {
		return 0, 0
	}
	top := as.roots[root].cert
	need := now.Add(i.opt.MaxValidity)
	if most := model.AddYears(now, renewYears); need.After(most) {
		need = most
	}
	return root, highest(as.issuing, func(c *x509.Certificate) bool {
		return as.rootOf(c) == root && slices.Equal(c.PermittedDNSDomains, i.permitted) && validAt(c, now) &&
			(!need.After(c.NotAfter) || !c.NotAfter.Before(top.NotAfter))
	})
}

// create makes a root if none will do, signed by the one before it too, and a new
// issuing CA. Keys are made before the transaction, which takes them only if no
// other was quicker. With record, which is called in it, an issuing CA is made even
// if there is a good one.
func (i *Issuer) create(ctx context.Context, now time.Time, record ports.RecordCA) (as *authorities, n int, err error) {
	freshRoot, err := i.freshRoot(now)
	if err != nil {
		return nil, 0, err
	}
	issuingKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, 0, err
	}
	base := i.baseURL()
	err = i.store.Update(ctx, func(tx model.Tx) error {
		var err error
		if as, err = readAuthorities(tx); err != nil {
			return err
		}
		root, there := i.choose(as, now)
		if n = there; n > 0 && record == nil {
			return nil
		}
		var key crypto.Signer
		if root == 0 {
			root, key = last(as.roots)+1, freshRoot.key
			if err := i.keepRoot(tx, as, root, freshRoot, now, base); err != nil {
				return err
			}
		} else if key, err = readKey(tx, as.roots[root]); err != nil {
			return err
		}
		n = last(as.issuing) + 1
		cert, err := i.signIssuing(as.roots[root].cert, root, key, issuingKey.Public(), n, now, base)
		if err != nil {
			return err
		}
		as.issuing[n] = &authority{cell: issuingCell(n), cert: cert}
		err = errors.Join(putCA(tx, issuingCell(n), cert, issuingKey), firstCRL(tx, n, cert, issuingKey, now))
		if err != nil || record == nil {
			return err
		}
		return record(tx, cert)
	})
	return as, n, err
}

// keyed is a certificate with its key, not kept yet.
type keyed struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// keepRoot keeps a new root and, if an older one is valid, its key signed by
// that.
func (i *Issuer) keepRoot(tx model.Tx, as *authorities, n int, fresh *keyed, now time.Time, base string) error {
	if old := highest(as.roots, func(c *x509.Certificate) bool { return validAt(c, now) }); old > 0 {
		key, err := readKey(tx, as.roots[old])
		if err != nil {
			return err
		}
		by := as.roots[old].cert
		t := rootTemplate(fresh.cert.Subject, fresh.cert.SubjectKeyId, now)
		if t.NotAfter.After(by.NotAfter) {
			t.NotAfter = by.NotAfter
		}
		t.Policies = []x509.OID{policyAny}
		locate(t, base, old)
		cross, err := sign(t, by, fresh.key.Public(), key)
		if err != nil {
			return err
		}
		as.cross[n] = cross
		if err := tx.Put(&model.KV{Namespace: space, Name: crossCell(n), Data: cross.Raw}); err != nil {
			return err
		}
	}
	as.roots[n] = &authority{cell: rootCell(n), cert: fresh.cert}
	return errors.Join(putCA(tx, rootCell(n), fresh.cert, fresh.key), firstCRL(tx, rootCA(n), fresh.cert, fresh.key, now))
}

func putCA(tx model.Tx, cell string, cert *x509.Certificate, key crypto.Signer) error {
	secret, err := bundle.MarshalKey(key)
	if err != nil {
		return err
	}
	return tx.Put(&model.KV{Namespace: space, Name: cell, Data: cert.Raw, Secret: secret})
}

// rootTemplate is a root, or its key to be signed by another.
func rootTemplate(name pkix.Name, id []byte, now time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: newSerial(), Subject: name,
		NotBefore: now, NotAfter: lastSecond(now, rootYears),
		BasicConstraintsValid: true, IsCA: true,
		KeyUsage:     x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		SubjectKeyId: id, SignatureAlgorithm: x509.ECDSAWithSHA384,
	}
}

func (i *Issuer) freshRoot(now time.Time) (*keyed, error) {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return nil, err
	}
	id := keyID(key.Public())
	// The end of the key identifier distinguishes the roots of several stores.
	t := rootTemplate(subject("certquay root CA "+hex.EncodeToString(id[:4])), id, now)
	cert, err := sign(t, t, key.Public(), key)
	return &keyed{cert, key}, err
}

func (i *Issuer) signIssuing(
	root *x509.Certificate, rootNumber int, key crypto.Signer,
	pub crypto.PublicKey, n int, now time.Time, base string,
) (*x509.Certificate, error) {
	id := keyID(pub)
	end := lastSecond(now, issuingYears)
	if end.After(root.NotAfter) {
		end = root.NotAfter
	}
	t := &x509.Certificate{
		SerialNumber: newSerial(),
		Subject:      subject(fmt.Sprintf("certquay issuing CA %d %s", n, hex.EncodeToString(id[:4]))),
		NotBefore:    now, NotAfter: end,
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		// It signs OCSP answers by itself, hence digitalSignature (RFC 6960
		// section 2.6).
		KeyUsage:     x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		SubjectKeyId: id, SignatureAlgorithm: x509.ECDSAWithSHA384,
		Policies: []x509.OID{policyAny},
	}
	if len(i.permitted) > 0 {
		// Without an exclusion addresses would stay unconstrained (RFC 5280
		// section 4.2.1.10).
		t.PermittedDNSDomainsCritical, t.PermittedDNSDomains = true, i.permitted
		t.ExcludedIPRanges = allAddresses
	}
	locate(t, base, rootNumber)
	return sign(t, root, pub, key)
}

// locate says where the CRL and the certificate of the root that signs are.
func locate(t *x509.Certificate, base string, root int) {
	if base != "" {
		t.CRLDistributionPoints = []string{base + rootCRLPath(root)}
		t.IssuingCertificateURL = []string{base + rootCertPath(root)}
	}
}

func subject(name string) pkix.Name {
	return pkix.Name{Organization: []string{"certquay"}, CommonName: name}
}

// lastSecond is the end of a validity of some years that begins at t; the end
// itself is included.
func lastSecond(t time.Time, years int) time.Time {
	return model.AddYears(t, years).Add(-time.Second)
}
