package embedded

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"net"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/names"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// Policy identifiers of the CA/Browser Forum (Baseline Requirements section
// 7.1.6.1) and of RFC 5280 section 4.2.1.4.
var (
	policyAny = oid(2, 5, 29, 32, 0)
	policyOf  = map[model.Level]x509.OID{
		model.DV: oid(2, 23, 140, 1, 2, 1),
		model.OV: oid(2, 23, 140, 1, 2, 2),
		model.EV: oid(2, 23, 140, 1, 1),
	}
)

var allAddresses = []*net.IPNet{
	{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)},
	{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)},
}

// maxCommonName is the upper bound of RFC 5280 appendix A.1.
const maxCommonName = 64

func oid(parts ...uint64) x509.OID {
	o, err := x509.OIDFromInts(parts)
	if err != nil {
		panic(err) // cannot happen: the parts are constants
	}
	return o
}

// Finalize signs and keeps the certificate of an order. Only the public key is
// used, no request. For one key there is never more than one certificate:
// signing happens outside the store, and of concurrent callers all get what
// the first one stored; the others' certificates were never given to anybody.
func (i *Issuer) Finalize(ctx context.Context, ref string, r ports.CertificateRequest) (ports.Order, error) {
	cell, ok := orderCell(ref)
	if !ok || ref != refOf(r.Key) || r.Key == "" {
		return ports.Order{}, permanent("ca.other-attempt", "cause", ports.ErrUnknownOrder)
	}
	switch o, err := i.lookup(ctx, ref); {
	case err == nil && o.Status == ports.OrderReady: // proved just now
	case err == nil || !errors.Is(err, ports.ErrUnknownOrder):
		return o, err
	case i.opt.Proof.Method != ProofTrust:
		return o, permanent("ca.no-order")
	}
	n, leaf, err := i.signed(ctx, r)
	if err != nil {
		return ports.Order{}, err
	}
	var rec orderRecord
	if err := i.store.Update(ctx, func(tx model.Tx) error {
		kept, err := keep(tx, cell, n, leaf, func() bool { return false })
		if rec = (orderRecord{Leaf: leaf.Raw, CA: n}); err == nil && !kept {
			rec = orderRecord{}
			err = get(tx, cell, &rec)
		}
		return err
	}); err != nil {
		return ports.Order{}, model.Fail("ca.certificate-not-kept", "cause", err)
	}
	return i.answer(ref, &rec)
}

// Direct signs at once what needs no proof and has no order yet; see [ports.DirectIssuer].
func (i *Issuer) Direct(ctx context.Context, r ports.CertificateRequest, in ports.Store) (
	o ports.Order, keepIn func(model.Tx) (bool, error), err error,
) {
	if in != i.store || i.opt.Proof.Method != ProofTrust || r.Key == "" {
		return o, nil, nil
	}
	ref := refOf(r.Key)
	cell, _ := orderCell(ref)
	isNew := func() bool { return true }
	if !r.New {
		var known bool
		isNew, err = ports.ViewNoting(i.store, func(tx model.Reader) (err error) { known, err = exists(tx, cell); return err })
		if err != nil || known {
			return o, nil, err
		}
	}
	n, leaf, err := i.signed(ctx, r)
	if err == nil {
		o, err = i.answer(ref, &orderRecord{Leaf: leaf.Raw, CA: n})
	}
	return o, func(tx model.Tx) (bool, error) { return keep(tx, cell, n, leaf, isNew) }, err
}

// signed checks a request and signs a certificate, which exists once it is kept. Of the leaf
// only Raw and what the template had is set. n is the number of the issuing CA.
func (i *Issuer) signed(ctx context.Context, r ports.CertificateRequest) (n int, leaf *x509.Certificate, err error) {
	list, err := i.check(r, bundle.CheckRequestKey)
	if err != nil {
		return 0, nil, err
	}
	as, n, err := i.authorities(ctx)
	if err != nil {
		return 0, nil, err
	}
	leaf, err = i.signLeaf(as.issuing[n], n, list, r)
	return n, leaf, err
}

// keep stores a certificate by order and by serial, unless the order has one already or
// is cancelled. isNew reports whether it is known that there is no such order.
func keep(tx model.Tx, cell string, ca int, leaf *x509.Certificate, isNew func() bool) (bool, error) {
	if isNew() {
		tx.Fresh(&model.KV{Namespace: space, Name: cell})
	} else {
		var rec orderRecord
		err := get(tx, cell, &rec)
		if err != nil && !errors.Is(err, model.ErrNotFound) || err == nil && !rec.open() {
			return false, err
		}
	}
	serial := serialCell(leaf)
	if taken, err := exists(tx, serial); err != nil || taken {
		if err == nil {
			err = model.Fail("ca.serial-taken")
		}
		return false, err
	}
	fp := sha256.Sum256(leaf.Raw)
	return true, errors.Join(
		put(tx, cell, &orderRecord{Leaf: leaf.Raw, CA: ca}),
		put(tx, serial, &serialRecord{CA: ca, Fingerprint: fp[:], NotAfter: leaf.NotAfter.Unix()}),
	)
}

func serialCell(c *x509.Certificate) string { return "serial/" + bundle.Serial(c.SerialNumber) }

// signLeaf makes a certificate by the profile of RFC 5280 section 4.
func (i *Issuer) signLeaf(ca *authority, n int, list []names.Name, r ports.CertificateRequest) (*x509.Certificate, error) {
	key, err := i.signer(ca)
	if err != nil {
		return nil, err
	}
	now := i.now()
	end, err := i.notAfter(now, r.NotAfter, ca.cert.NotAfter)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: newSerial(),
		NotBefore:    now, NotAfter: end,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		SubjectKeyId:          keyID(r.Public),
		Policies:              []x509.OID{policyOf[r.Level]},
	}
	if _, ok := r.Public.(*rsa.PublicKey); ok {
		t.KeyUsage |= x509.KeyUsageKeyEncipherment // RFC 4492: ECDSA keys do not encipher
	}
	for _, name := range list {
		if name.IP.IsValid() {
			t.IPAddresses = append(t.IPAddresses, name.IP.AsSlice())
		} else {
			t.DNSNames = append(t.DNSNames, name.ASCII)
		}
	}
	// Without a common name the subject is empty, and crypto/x509 marks the
	// alternative names critical (RFC 5280 section 4.2.1.6).
	cn := list[0].ASCII
	if len(cn) > maxCommonName {
		cn = ""
	}
	if t.Subject, err = leafSubject(r, cn); err != nil {
		return nil, err
	}
	if base := i.baseURL(); base != "" {
		t.CRLDistributionPoints = []string{base + issuingCRLPath(n)}
		t.OCSPServer = []string{base + ocspPath}
		t.IssuingCertificateURL = []string{base + issuingCertPath(n)}
	}
	der, err := createCertificate(t, ca.cert, r.Public, key)
	t.Raw = der
	return t, err
}

// notAfter is the earliest of what was asked for, the longest validity (whose
// last second is included, spec T2) and the CA's own end.
func (i *Issuer) notAfter(now, asked, caEnd time.Time) (time.Time, error) {
	end := now.Add(i.opt.MaxValidity).Add(-time.Second).Truncate(time.Second)
	if asked = asked.UTC().Truncate(time.Second); !asked.IsZero() && asked.Before(end) {
		end = asked
	}
	if caEnd.Before(end) {
		end = caEnd
	}
	if end.Before(now) {
		return end, permanent("ca.ends-early", "at", end)
	}
	return end, nil
}

// subjectPublicKey cuts the bits of the key out of a SubjectPublicKeyInfo.
func subjectPublicKey(der []byte) ([]byte, error) {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	_, err := asn1.Unmarshal(der, &info)
	return info.Key.Bytes, err
}

// Roots returns a pool of the CA's roots only; empty before they exist.
func (i *Issuer) Roots() (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	return pool, i.AddRoots(pool)
}

// AddRoots adds the CA's roots to a pool. It creates none.
func (i *Issuer) AddRoots(pool *x509.CertPool) error {
	as, err := i.known(func(*authorities) bool { return true })
	if err != nil {
		return err
	}
	for _, r := range as.roots {
		pool.AddCert(r.cert)
	}
	return nil
}

// Prepare creates the CA's keys, so that the first certificate does not wait for
// them, and replaces root and issuing CA in time before they end. Call it
// regularly; while it fails, CAs that are still valid issue.
func (i *Issuer) Prepare(ctx context.Context) error {
	_, _, err := i.renewed(ctx, nil)
	return err
}

// Rotate makes a new issuing CA that issues from now on, and returns its
// certificate. The one before it still signs CRLs and OCSP answers for what it
// issued. When record fails, nothing is made.
func (i *Issuer) Rotate(ctx context.Context, record ports.RecordCA) (*x509.Certificate, error) {
	as, n, err := i.renewed(ctx, record)
	if err != nil {
		return nil, err
	}
	return as.issuing[n].cert, nil
}
