package lifecycle

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// orderKey returns the idempotency key of a job's current order. It stays the
// same across crashes; a new order has a new key.
func orderKey(j *model.Job) string {
	if j.FailedOrders == 0 {
		return string(j.ID)
	}
	return fmt.Sprintf("%s-%d", j.ID, j.FailedOrders)
}

// request returns the certificate request of a job and its issuer. The request's
// CSR function is called only if the issuer needs a PKCS#10 request.
func (w *worker) request(j *model.Job) (ports.Issuer, ports.CertificateRequest, error) {
	var i model.Instance
	var key model.Key
	var replaced model.Chain
	err := w.store.View(func(r model.Reader) error {
		if err := r.Load(string(j.Instance), &i); err != nil {
			return rules.ReadError("instance", j.Instance, err)
		}
		if v := i.Current(); v != nil && j.Kind != model.JobIssue {
			if err := r.Load(model.ChainKey(i.ID, v.Number), &replaced); err != nil {
				return model.Fail("error.read-version", "version", v.Number, "cause", err)
			}
		}
		if j.KeyID != "" {
			if err := r.Load(string(j.KeyID), &key); err != nil {
				return rules.ReadError("key", j.KeyID, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, ports.CertificateRequest{}, err
	}
	is, req, err := w.requestFor(&i, j, w.Now())
	if err != nil {
		return nil, req, err
	}
	if len(replaced.Certificates) > 0 {
		req.Replaces = replaced.Certificates[0]
	}
	if der := j.CSR; len(der) > 0 {
		csr, err := bundle.ParseCSR(der)
		if err != nil {
			return nil, req, &ports.PermanentError{Err: err}
		}
		req.Public = csr.PublicKey
		req.CSR = func() ([]byte, error) { return der, nil }
		return is, req, nil
	}
	if req.Public, err = x509.ParsePKIXPublicKey(key.Public); err != nil {
		return nil, req, model.Fail("key.decode-public", "cause", err)
	}
	secret, names := key.PKCS8, req.Names
	req.CSR = func() ([]byte, error) { return makeCSR(secret, names) }
	return is, req, nil
}

// requestFor returns what a job requests for an instance at a time, without the certificate
// that it replaces and without a key, and the issuer that it asks.
func (w *worker) requestFor(i *model.Instance, j *model.Job, now time.Time) (ports.Issuer, ports.CertificateRequest, error) {
	is, err := w.issuerOf(i, brandOf(i, j))
	if err != nil {
		return nil, ports.CertificateRequest{}, err
	}
	req := ports.CertificateRequest{
		Key: orderKey(j), Instance: i.ID, Level: i.Spec.Level, Names: i.Application.Domains,
		NotAfter: rules.RequestedNotAfter(i, is.Capabilities(now), now, j.AnnualRenewal),
	}
	req.NeededBy, req.Urgent = rules.NeededBy(i, j.Created, j.Cause == journal.CauseScheduled, now)
	if i.Spec.Level != model.DV {
		req.Organization = &i.Application.Company
	}
	return is, req, nil
}

// checkIssued refuses a certificate that does not match its request.
func checkIssued(o ports.Order, req ports.CertificateRequest) (*model.Version, error) {
	if len(o.Chain) == 0 {
		return nil, model.Fail("issue.no-certificate")
	}
	leaf, err := x509.ParseCertificate(o.Chain[0])
	if err != nil {
		return nil, model.Fail("issue.unreadable", "cause", err)
	}
	if k, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !k.Equal(req.Public) {
		return nil, model.Fail("issue.other-key")
	}
	v := bundle.Version(leaf)
	if !sameNames(v.Domains, req.Names) {
		return nil, model.Fail("issue.other-names", "names", v.Domains, "wanted", req.Names)
	}
	return &v, nil
}
