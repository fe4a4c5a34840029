package embedded

import (
	"context"
	"crypto/x509"
	"errors"
	"maps"
	"slices"
	"time"

	"certquay/model"
)

// CA is one of the CAs of a store, as people are shown it (spec O8).
type CA struct {
	Number int // roots and issuing CAs are numbered from 1 each
	Cert   *x509.Certificate
	Root   int  // the number of the root that signed it; 0 for a root
	Issues bool // it signs what is issued now
	// Issued and Revoked count the certificates of an issuing CA that it has a
	// record of.
	Issued, Revoked int
	// CRL is when its newest CRL was made and until when that is valid; zero while
	// there is none. See [Issuer.RefreshCRLs].
	CRL, CRLUntil time.Time
}

// Listing is all CAs of a store, the oldest first.
type Listing struct{ Roots, Issuing []CA }

// RefreshCRLs makes the CRLs that are due, as a client that asks for them does. An error
// says why one of them could not be made, as in a sealed store.
func (i *Issuer) RefreshCRLs(ctx context.Context) error {
	as, err := i.known(func(*authorities) bool { return true })
	if err != nil {
		return err
	}
	var errs []error
	for n := range as.roots {
		_, err := i.crl(ctx, rootCA(n))
		errs = append(errs, err)
	}
	for n := range as.issuing {
		_, err := i.crl(ctx, n)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Authorities lists the CAs, also while the store is sealed. It makes none.
func (i *Issuer) Authorities() (l Listing, err error) {
	err = i.store.View(func(r model.Reader) error {
		as, err := readAuthorities(r)
		if err != nil {
			return err
		}
		root, issuing := i.choose(as, i.now())
		issued, err := countIssued(r)
		if err != nil {
			return err
		}
		for _, n := range slices.Sorted(maps.Keys(as.roots)) {
			c := CA{Number: n, Cert: as.roots[n].cert, Issues: n == root}
			if err := c.readCRL(r, rootCA(n)); err != nil {
				return err
			}
			l.Roots = append(l.Roots, c)
		}
		for _, n := range slices.Sorted(maps.Keys(as.issuing)) {
			a := as.issuing[n]
			c := CA{Number: n, Cert: a.cert, Root: as.rootOf(a.cert), Issues: n == issuing, Issued: issued[n]}
			revoked, err := revocations(r, n)
			if err != nil {
				return err
			}
			c.Revoked = int(revoked)
			if err := c.readCRL(r, n); err != nil {
				return err
			}
			l.Issuing = append(l.Issuing, c)
		}
		return nil
	})
	return l, err
}

func (c *CA) readCRL(r model.Reader, number int) error {
	var rec crlRecord
	err := get(r, crlCell(number), &rec)
	if errors.Is(err, model.ErrNotFound) {
		return nil
	}
	c.CRL, c.CRLUntil = unix(rec.ThisUpdate), unix(rec.NextUpdate)
	return err
}

// countIssued counts the certificates of each issuing CA.
func countIssued(r model.Reader) (map[int]int, error) {
	n := map[int]int{}
	for key, err := range r.Keys(model.Scan{Kind: model.KindKV, Prefix: space + "/serial/"}) {
		if err != nil {
			return nil, err
		}
		var rec serialRecord
		if err := get(r, key[len(space)+1:], &rec); err != nil {
			return nil, err
		}
		n[rec.CA]++
	}
	return n, nil
}

// Root is the root that what is issued now leads to, and its number; nil while
// there is none.
func (i *Issuer) Root() (*x509.Certificate, int, error) {
	as, err := i.known(func(*authorities) bool { return true })
	if err != nil {
		return nil, 0, err
	}
	n, _ := i.choose(as, i.now())
	if n == 0 {
		now := i.now()
		n = highest(as.roots, func(c *x509.Certificate) bool { return validAt(c, now) })
	}
	if n == 0 {
		return nil, 0, nil
	}
	return as.roots[n].cert, n, nil
}
