package acme

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"maps"
	"slices"

	"github.com/go-acme/lego/v5/acme"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/names"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// maxChain is the most certificates that a chain may have.
const maxChain = 10

// download fetches the chain of a valid order, the preferred one of the alternates, and
// accepts it if it is what was ordered (spec C9).
func (i *Issuer) download(ctx context.Context, c *client, rec *orderRecord, url string) (ports.Order, error) {
	if rec.Certificate != url {
		rec.Certificate = url
		if err := i.save(ctx, rec); err != nil {
			return ports.Order{}, err
		}
	}
	raw, _, err := try(ctx, i, whatDownload, func(ctx context.Context) (*acme.RawCertificate, error) {
		return c.Certificates.Get(ctx, url, true)
	})
	if err != nil {
		return ports.Order{}, err
	}
	chain, err := parseChain(raw.Cert)
	if err != nil {
		return ports.Order{}, err
	}
	if i.opt.PreferredChain != "" && !i.preferred(chain) {
		if chain, err = i.alternate(ctx, c, rec, chain); err != nil {
			return ports.Order{}, err
		}
	}
	if err := i.check(chain, rec); err != nil {
		return i.fail(ctx, rec, model.Say("acme.wrong-certificate", "host", i.host(), "cause", err))
	}
	if last := chain[len(chain)-1]; len(chain) > 1 && isRoot(last) {
		rec.Root = last.Raw
		chain = chain[:len(chain)-1]
	}
	rec.Chain = nil
	for _, cert := range chain {
		rec.Chain = append(rec.Chain, cert.Raw)
	}
	rec.Step = stepIssued
	return i.answer(rec), i.save(ctx, rec)
}

// alternate returns the preferred one of the other chains that the CA offers, or the
// chain that is there if none is, or if the CA refuses to give them: a certificate with
// another chain is better than none.
func (i *Issuer) alternate(ctx context.Context, c *client, rec *orderRecord, chain []*x509.Certificate) ([]*x509.Certificate, error) {
	all, _, err := try(ctx, i, whatDownload, func(ctx context.Context) (map[string]*acme.RawCertificate, error) {
		return c.Certificates.GetAll(ctx, rec.Certificate, true)
	})
	var answer *answerError
	if errors.As(err, &answer) && answer.refused() && answer.After == 0 {
		return chain, nil
	}
	if err != nil {
		return nil, err
	}
	for _, u := range slices.Sorted(maps.Keys(all)) {
		if other, err := parseChain(all[u].Cert); err == nil && i.preferred(other) && i.check(other, rec) == nil {
			return other, nil
		}
	}
	return chain, nil
}

func (i *Issuer) preferred(chain []*x509.Certificate) bool {
	return i.opt.PreferredChain != "" && chain[len(chain)-1].Issuer.CommonName == i.opt.PreferredChain
}

func isRoot(c *x509.Certificate) bool {
	return bytes.Equal(c.RawSubject, c.RawIssuer) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// parseChain parses application/pem-certificate-chain (RFC 8555 section 9.1).
func parseChain(data []byte) (chain []*x509.Certificate, err error) {
	for {
		var b *pem.Block
		if b, data = pem.Decode(data); b == nil {
			break
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil || b.Type != "CERTIFICATE" || len(chain) == maxChain {
			return nil, model.Fail("acme.unreadable-chain", "cause", err)
		}
		chain = append(chain, c)
	}
	if len(chain) == 0 || len(bytes.TrimSpace(data)) > 0 {
		return nil, model.Fail("acme.no-chain")
	}
	return chain, nil
}

// check returns why a chain is not what was ordered: key, names, dates, each
// certificate signed by the next, up to an issuer.
func (i *Issuer) check(chain []*x509.Certificate, rec *orderRecord) error {
	leaf := chain[0]
	key, err := rec.public()
	if err != nil {
		return err
	}
	if !bundle.SamePublic(leaf.PublicKey, key) {
		return model.Fail("issue.other-key")
	}
	if got := bundle.Names(leaf); !sameNames(got, rec.Names) {
		return model.Fail("issue.other-names", "names", got, "wanted", rec.Names)
	}
	if leaf.IsCA {
		return model.Fail("acme.leaf-is-ca")
	}
	if len(chain) == 1 {
		return model.Fail("acme.chain-short")
	}
	now := i.now()
	for n, c := range chain {
		// CAs date certificates back, and clocks differ.
		if now.Before(c.NotBefore.Add(-clockSkew)) || !now.Before(c.NotAfter) {
			return model.Fail("acme.chain-dates", "n", n+1, "from", c.NotBefore, "to", c.NotAfter)
		}
		if n > 0 {
			if err := chain[n-1].CheckSignatureFrom(c); err != nil {
				return model.Fail("acme.chain-order", "n", n, "next", n+1, "cause", err)
			}
		}
	}
	return i.checkRoots(chain)
}

func (i *Issuer) checkRoots(chain []*x509.Certificate) error {
	if i.opt.ChainRoots == nil {
		return nil
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: i.opt.ChainRoots, Intermediates: between, CurrentTime: i.now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return model.Fail("acme.chain-root", "cause", err)
	}
	return nil
}

// sameNames compares sets of names.
func sameNames(a, b []string) bool {
	set := func(list []string) []string {
		var all []string
		for _, s := range list {
			if n, err := names.Parse(s); err == nil {
				s = n.ASCII
			}
			all = append(all, s)
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	return slices.Equal(set(a), set(b))
}

// whyInvalid says why an order is invalid: in the words of its authorizations, which
// tell more than the order. Names that were not validated are taken from the budget.
func (i *Issuer) whyInvalid(ctx context.Context, c *client, rec *orderRecord, o acme.ExtendedOrder) (why model.Text, err error) {
	for _, u := range o.Authorizations {
		az, _, err := try(ctx, i, whatLook, func(ctx context.Context) (acme.Authorization, error) {
			return c.Authorizations.Get(ctx, u)
		})
		if isGone(err) {
			continue
		}
		if err != nil {
			return "", err
		}
		rec.authorization(u).Done = true
		if az.Status == acme.StatusInvalid {
			if err := i.budgetOf(c.account).Failed(ctx, az.Identifier.Value); err != nil {
				return "", err
			}
		}
		for _, ch := range az.Challenges {
			if ch.Error != nil {
				why = model.Texts(
					why,
					model.Say("acme.not-validated", "name", az.Identifier.Value, "type", ch.Type, "cause", textOf(ch.Error)),
				)
			}
		}
	}
	if problem := o.Error; why == "" && problem != nil {
		why = textOf(problem)
	}
	return cmp.Or(why, model.Say("acme.invalid", "host", i.host())), nil
}
