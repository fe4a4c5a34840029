package embedded

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// authority is a CA. Its key is read when it first has to sign, so that a store
// that is sealed for now still shows its CAs.
type authority struct {
	cell string // where it is kept
	cert *x509.Certificate
	key  atomic.Pointer[crypto.Signer] // kept for issuing CAs; never for roots
}

// authorities are the CAs of a store, roots and issuing ones each numbered from
// 1. The newest that is valid issues; the older ones still sign CRLs and OCSP
// answers for what they issued.
type authorities struct {
	roots   map[int]*authority
	issuing map[int]*authority
	// cross is the key of a root signed by the root before it, by the number of
	// the newer one, for whoever trusts only the older.
	cross map[int]*x509.Certificate
}

func rootCell(n int) string {
	if n == 1 {
		return "ca/root"
	}
	return fmt.Sprintf("ca/root/%04d", n)
}

func crossCell(n int) string   { return fmt.Sprintf("ca/cross/%04d", n) }
func issuingCell(n int) string { return fmt.Sprintf("ca/issuing/%04d", n) }

// readAuthorities reads the certificates of all CAs; there may be none.
func readAuthorities(r model.Reader) (*authorities, error) {
	as := &authorities{roots: map[int]*authority{}, issuing: map[int]*authority{}, cross: map[int]*x509.Certificate{}}
	for key, err := range r.Keys(model.Scan{Kind: model.KindKV, Prefix: space + "/ca/"}) {
		if err != nil {
			return nil, err
		}
		a := &authority{cell: strings.TrimPrefix(key, space+"/")}
		parts := strings.Split(a.cell, "/")
		n := 1
		if len(parts) == 3 {
			if n, err = strconv.Atoi(parts[2]); err != nil {
				return nil, model.Fail("ca.record-damaged", "name", a.cell)
			}
		}
		if a.cert, err = readCertificate(r, a.cell); err != nil {
			return nil, err
		}
		switch parts[1] {
		case "root":
			as.roots[n] = a
		case "cross":
			as.cross[n] = a.cert
		case "issuing":
			as.issuing[n] = a
		}
	}
	return as, nil
}

// readCertificate reads the certificate of a CA, also while the store is sealed:
// the record is then filled but for its secret.
func readCertificate(r model.Reader, cell string) (*x509.Certificate, error) {
	c := &model.KV{Namespace: space, Name: cell}
	if err := r.Get(c); err != nil && (len(c.Data) == 0 || errors.Is(err, model.ErrNotFound)) {
		return nil, err
	}
	cert, err := x509.ParseCertificate(c.Data)
	if err != nil {
		return nil, model.Fail("ca.damaged", "name", cell, "cause", err)
	}
	return cert, nil
}

// readKey reads the key of a CA.
func readKey(r model.Reader, a *authority) (crypto.Signer, error) {
	c := &model.KV{Namespace: space, Name: a.cell}
	if err := r.Get(c); err != nil {
		return nil, model.Fail("ca.key", "name", a.cell, "cause", err)
	}
	key, err := bundle.UnmarshalKey(c.Secret)
	if err != nil {
		return nil, model.Fail("ca.key-unusable", "name", a.cell, "cause", err)
	}
	if !bundle.SamePublic(key.Public(), a.cert.PublicKey) {
		return nil, model.Fail("ca.other-key", "name", a.cell)
	}
	return key, nil
}

// signer is the key of an issuing CA, read once.
func (i *Issuer) signer(a *authority) (crypto.Signer, error) {
	if k := a.key.Load(); k != nil {
		return *k, nil
	}
	key, err := i.rootKey(a)
	if err == nil {
		a.key.Store(&key)
	}
	return key, err
}

// rootKey is the key of a root, which is not kept in memory.
func (i *Issuer) rootKey(a *authority) (key crypto.Signer, err error) {
	err = i.store.View(func(r model.Reader) error {
		key, err = readKey(r, a)
		return err
	})
	return key, err
}

// rootOf is the number of the root whose key signed a certificate; 0 if none.
func (as *authorities) rootOf(c *x509.Certificate) int {
	for n, r := range as.roots {
		if bytes.Equal(c.AuthorityKeyId, r.cert.SubjectKeyId) {
			return n
		}
	}
	return 0
}

// path is the certificates above a leaf of an issuing CA, as servers present
// them, and the root they lead to. While the root before that one is valid, the
// newer root signed by the older comes last, so that the chain verifies by
// either.
func (as *authorities) path(n int, now time.Time) (chain [][]byte, root *x509.Certificate) {
	ca := as.issuing[n].cert
	chain = [][]byte{ca.Raw}
	top := as.rootOf(ca)
	for r := top; as.cross[r] != nil && !now.After(as.cross[r].NotAfter); {
		chain = append(chain, as.cross[r].Raw)
		if r = as.rootOf(as.cross[r]); len(chain) > len(as.roots) {
			break // records that lead in a circle
		}
	}
	if r := as.roots[top]; r != nil {
		root = r.cert
	}
	return chain, root
}

// highest returns the highest number of a CA for which a condition holds; 0 if
// there is none.
func highest(cas map[int]*authority, holds func(*x509.Certificate) bool) (n int) {
	for m, a := range cas {
		if m > n && holds(a.cert) {
			n = m
		}
	}
	return n
}

func last(cas map[int]*authority) int {
	return highest(cas, func(*x509.Certificate) bool { return true })
}

// authorities returns the CAs and the number of the one that issues now. It
// creates missing CAs and successors of those that end soon; if that fails an
// older one that is still valid issues, and Prepare returns the error. Concurrent
// callers, in this process or with another Issuer on the same store, get the same
// ones.
func (i *Issuer) authorities(ctx context.Context) (*authorities, int, error) {
	as, n, err := i.renewed(ctx, nil)
	if err != nil && as != nil {
		now := i.now()
		n = highest(as.issuing, func(c *x509.Certificate) bool {
			return slices.Equal(c.PermittedDNSDomains, i.permitted) && validAt(c, now)
		})
		if n > 0 {
			return as, n, nil
		}
	}
	return as, n, err
}

// renewed is [Issuer.authorities] that also returns the error if an older CA can
// issue. With record, which is called in the same transaction, it makes a new
// issuing CA in any case.
func (i *Issuer) renewed(ctx context.Context, record ports.RecordCA) (*authorities, int, error) {
	now := i.now()
	ready := func(as *authorities) int {
		if as == nil || record != nil {
			return 0
		}
		_, n := i.choose(as, now)
		return n
	}
	if as := i.cas.Load(); ready(as) > 0 {
		return as, ready(as), nil
	}
	i.load.Lock()
	defer i.load.Unlock()
	as, err := i.read()
	if err != nil {
		return nil, 0, err
	}
	n := ready(as)
	if n == 0 {
		var made *authorities
		if made, n, err = i.create(ctx, now, record); err != nil {
			return as, 0, err
		}
		as = made
	}
	i.cas.Store(as)
	return as, n, nil
}

func (i *Issuer) read() (as *authorities, err error) {
	err = i.store.View(func(r model.Reader) error {
		as, err = readAuthorities(r)
		return err
	})
	return as, err
}

// known returns the CAs as last read, or reads them again if has returns false.
// It creates none.
func (i *Issuer) known(has func(*authorities) bool) (*authorities, error) {
	if as := i.cas.Load(); as != nil && has(as) {
		return as, nil
	}
	i.load.Lock()
	defer i.load.Unlock()
	as, err := i.read()
	if err != nil {
		return nil, err
	}
	if !has(as) {
		return nil, errNoAuthority
	}
	i.cas.Store(as)
	return as, nil
}

var errNoAuthority error = model.Fail("ca.none")

// issuer returns the CAs with issuing CA number n among them.
func (i *Issuer) issuer(n int) (*authorities, error) {
	return i.known(func(as *authorities) bool { return as.issuing[n] != nil })
}

// sign makes a certificate and reads it back.
func sign(t, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := createCertificate(t, parent, pub, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func createCertificate(t, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) ([]byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, pub, key)
	if err != nil {
		return nil, model.Fail("ca.cannot-sign", "cause", err)
	}
	return der, nil
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
