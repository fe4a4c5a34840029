package embedded

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/model"
)

// Lives of the CAs in years.
const (
	rootYears    = 20
	issuingYears = 10
)

// authority is a CA with its key.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// authorities are the CAs of a store. Issuing CAs are numbered from 1; the
// newest issues, the older ones still sign CRLs and OCSP answers for what they
// issued. The root's key is read only when it has to sign.
type authorities struct {
	root    authority // key nil
	issuing map[int]*authority
	newest  int
}

func issuingCell(n int) string { return fmt.Sprintf("ca/issuing/%04d", n) }

const rootCell = "ca/root"

// readAuthorities reads all CAs; without a root it returns nil.
func readAuthorities(r model.Reader) (*authorities, error) {
	root, err := readCA(r, rootCell, false)
	if errors.Is(err, model.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	as := &authorities{root: *root, issuing: map[int]*authority{}}
	for key, err := range r.Keys(model.Scan{Kind: model.KindCell, Prefix: space + "/ca/issuing/"}) {
		if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(key, space+"/")
		n, err := strconv.Atoi(strings.TrimPrefix(name, "ca/issuing/"))
		if err != nil {
			return nil, fmt.Errorf("record %q of the embedded CA has no number", name)
		}
		if as.issuing[n], err = readCA(r, name, true); err != nil {
			return nil, err
		}
		as.newest = max(as.newest, n)
	}
	return as, nil
}

func readCA(r model.Reader, name string, withKey bool) (*authority, error) {
	c := &model.Cell{Space: space, Name: name}
	if err := r.Get(c); err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(c.Data)
	if err != nil {
		return nil, fmt.Errorf("the certificate %s of the embedded CA is damaged: %w", name, err)
	}
	a := &authority{cert: cert}
	if withKey {
		if a.key, err = bundle.UnmarshalKey(c.Secret); err != nil {
			return nil, fmt.Errorf("the key %s of the embedded CA cannot be used (is the store locked?): %w", name, err)
		}
		if !bundle.SamePublic(a.key.Public(), cert.PublicKey) {
			return nil, fmt.Errorf("the key %s of the embedded CA does not belong to its certificate", name)
		}
	}
	return a, nil
}

// usable says whether the newest issuing CA may sign what is asked now: its
// name constraints are those configured, and a certificate of full length fits
// into its life, or a new CA would not live longer.
func (i *Issuer) usable(as *authorities, now time.Time) bool {
	if as == nil || as.newest == 0 {
		return false
	}
	c := as.issuing[as.newest].cert
	// That it is not valid yet is no reason: a clock set back makes it so, and
	// a new one under the same root would be no better.
	if !slices.Equal(c.PermittedDNSDomains, i.permitted) {
		return false
	}
	return !now.Add(i.opt.MaxValidity).After(c.NotAfter) || !c.NotAfter.Before(as.root.cert.NotAfter)
}

// authorities returns the CAs with one that can issue now, making what is
// missing. Concurrent callers, in this process or another Issuer on the same
// store, end up with the same ones.
func (i *Issuer) authorities(ctx context.Context) (*authorities, error) {
	now := i.now()
	if as := i.cas.Load(); i.usable(as, now) {
		return as, nil
	}
	i.load.Lock()
	defer i.load.Unlock()
	if as := i.cas.Load(); i.usable(as, now) {
		return as, nil
	}
	as, err := i.read()
	if err != nil {
		return nil, err
	}
	if !i.usable(as, now) {
		if as, err = i.create(ctx, now); err != nil {
			return nil, err
		}
	}
	i.cas.Store(as)
	return as, nil
}

func (i *Issuer) read() (as *authorities, err error) {
	err = i.store.View(func(r model.Reader) error {
		as, err = readAuthorities(r)
		return err
	})
	return as, err
}

// known returns the CAs with at least issuing CA number n in them, without
// making any.
func (i *Issuer) known(n int) (*authorities, error) {
	if as := i.cas.Load(); as != nil && as.issuing[n] != nil {
		return as, nil
	}
	i.load.Lock()
	defer i.load.Unlock()
	as, err := i.read()
	if err != nil {
		return nil, err
	}
	if as == nil || n > 0 && as.issuing[n] == nil {
		return nil, fmt.Errorf("the embedded CA has no issuing CA number %d", n)
	}
	i.cas.Store(as)
	return as, nil
}

// create makes a root if there is none and a new issuing CA. Keys are made
// before the transaction, which takes them only if no other was quicker.
func (i *Issuer) create(ctx context.Context, now time.Time) (as *authorities, err error) {
	fresh, err := i.freshRoot(now)
	if err != nil {
		return nil, err
	}
	issuingKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	issuingSecret, err := bundle.MarshalKey(issuingKey)
	if err != nil {
		return nil, err
	}
	base := i.baseURL()
	err = i.store.Update(ctx, func(tx model.Tx) error {
		var err error
		if as, err = readAuthorities(tx); err != nil {
			return err
		}
		if i.usable(as, now) {
			return nil
		}
		root := fresh
		if as == nil {
			as = &authorities{root: authority{cert: fresh.cert}, issuing: map[int]*authority{}}
			secret, err := bundle.MarshalKey(fresh.key)
			if err != nil {
				return err
			}
			if err := tx.Put(&model.Cell{Space: space, Name: rootCell, Data: fresh.cert.Raw, Secret: secret}); err != nil {
				return err
			}
		} else if root, err = readCA(tx, rootCell, true); err != nil {
			return err
		}
		if !now.Before(root.cert.NotAfter) {
			return final("the root of the embedded CA expired on %s", root.cert.NotAfter.Format(time.RFC3339))
		}
		n := as.newest + 1
		cert, err := i.signIssuing(root, issuingKey.Public(), n, now, base)
		if err != nil {
			return err
		}
		as.issuing[n], as.newest = &authority{cert: cert, key: issuingKey}, n
		return tx.Put(&model.Cell{Space: space, Name: issuingCell(n), Data: cert.Raw, Secret: issuingSecret})
	})
	return as, err
}

func (i *Issuer) freshRoot(now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return nil, err
	}
	id := keyID(key.Public())
	t := &x509.Certificate{
		SerialNumber: newSerial(),
		// The end of the key identifier tells roots of several stores apart.
		Subject:   subject("certquay root CA " + hex.EncodeToString(id[:4])),
		NotBefore: now, NotAfter: lastSecond(now, rootYears),
		BasicConstraintsValid: true, IsCA: true,
		KeyUsage:     x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		SubjectKeyId: id, SignatureAlgorithm: x509.ECDSAWithSHA384,
	}
	cert, err := sign(t, t, key.Public(), key)
	return &authority{cert: cert, key: key}, err
}

func (i *Issuer) signIssuing(root *authority, pub crypto.PublicKey, n int, now time.Time, base string) (*x509.Certificate, error) {
	id := keyID(pub)
	end := lastSecond(now, issuingYears)
	if end.After(root.cert.NotAfter) {
		end = root.cert.NotAfter
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
	if base != "" {
		t.CRLDistributionPoints = []string{base + rootCRLPath}
		t.IssuingCertificateURL = []string{base + rootCertPath}
	}
	return sign(t, root.cert, pub, root.key)
}

func subject(name string) pkix.Name {
	return pkix.Name{Organization: []string{"certquay"}, CommonName: name}
}

// lastSecond is the end of a validity of some years that begins at t; the end
// itself is included.
func lastSecond(t time.Time, years int) time.Time {
	return model.AddYears(t, years).Add(-time.Second)
}

// sign makes a certificate and reads it back.
func sign(t, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, pub, key)
	if err != nil {
		return nil, fmt.Errorf("the embedded CA cannot sign: %w", err)
	}
	return x509.ParseCertificate(der)
}

// newSerial is random, positive and always of 16 bytes: 126 random bits, where
// RFC 5280 section 4.1.2.2 wants at most 20 bytes and the Baseline Requirements
// section 7.1 at least 64 random bits.
func newSerial() *big.Int {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b)
}

// keyID is the subject key identifier by method 1 of RFC 7093 section 2.
func keyID(pub crypto.PublicKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil
	}
	info, err := subjectPublicKey(der)
	if err != nil {
		return nil
	}
	h := sha256.Sum256(info)
	return h[:20]
}
