package demo

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/model"
)

// foreignCerts are uploaded certificates of another CA.
var foreignCerts = []struct {
	name     string
	from, to int // validity: days before and after the present
	key      bool
	hosted   bool
	on       string
}{
	{name: "legacy.example.com", from: 345, to: 20, key: true, on: "SLB/eu-central-1"},
	{name: "erp.example.com", from: 200, to: 165, key: true, hosted: true, on: "SLB/eu-central-1"},
	{name: "printer.example.com", from: 700, to: 30, key: true},
	{name: "partner-api.example.org", from: 100, to: 265},
}

// uploads uploads the certificates of another CA.
func (w *World) uploads(ctx context.Context) error {
	ca, err := newForeignCA(w.Engine.Now())
	if err != nil {
		return err
	}
	for n, u := range foreignCerts {
		chain, key, err := ca.sign(int64(n+2), u.name, w.now.AddDate(0, 0, -u.from), w.now.AddDate(0, 0, u.to))
		if err != nil {
			return err
		}
		files := []bundle.File{{Name: u.name + ".pem", Data: chain}}
		if u.key {
			files = append(files, bundle.File{Name: u.name + ".key", Data: key})
		}
		up, err := w.Engine.By(w.actor).Upload(ctx, lifecycle.UploadRequest{Files: files})
		if err != nil {
			return err
		}
		id := up.Instance.ID
		if u.hosted {
			spec := model.Specification{Level: model.DV, Type: model.Single, Brand: embedded.Brand, Grade: model.Standard}
			if err := w.Engine.By(w.actor).Host(ctx, id, lifecycle.HostRequest{Contact: w.ops, Spec: spec}); err != nil {
				return err
			}
		}
		if u.on != "" {
			if err := w.deploy(ctx, &story{names: u.name, resources: []string{u.on}, auto: u.hosted}, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// foreignCA is a CA that is unknown to certquay.
type foreignCA struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func newForeignCA(now time.Time) (*foreignCA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{"Example Trust"}, CommonName: "Example Trust CA 3"},
		NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &foreignCA{cert, key}, err
}

// sign returns a certificate chain and its key, both in PEM.
func (o *foreignCA) sign(serial int64, name string, from, to time.Time) (chain, key []byte, err error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, t, o.cert, k.Public(), o.key)
	if err != nil {
		return nil, nil, fmt.Errorf("sign %s: %w", name, err)
	}
	pk, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range [][]byte{der, o.cert.Raw} {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c})...)
	}
	return chain, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pk}), nil
}
