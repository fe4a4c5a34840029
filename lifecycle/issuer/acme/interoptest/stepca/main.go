// Stepca is a baseline of the benchmarks: it has step-ca, in this process, sign certificates
// for keys that it makes, and keep them in step-ca's database. Its arguments are a number of
// certificates and of goroutines; it prints how many there were a second.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/smallstep/certificates/authority"
	"github.com/smallstep/certificates/authority/config"
	"github.com/smallstep/certificates/authority/provisioner"
	_ "github.com/smallstep/certificates/cas/softcas" // signs
	"github.com/smallstep/certificates/db"
)

func main() {
	log.SetFlags(0)
	n, goroutines, err := arguments()
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "stepca-")
	if err != nil {
		log.Fatal(err)
	}
	rate, err := measure(dir, n, goroutines)
	if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%g\n", rate)
}

func arguments() (n, goroutines int, err error) {
	if len(os.Args) != 3 {
		return 0, 0, errors.New("usage: stepca CERTIFICATES GOROUTINES")
	}
	n, err = strconv.Atoi(os.Args[1])
	if err == nil {
		goroutines, err = strconv.Atoi(os.Args[2])
	}
	return n, goroutines, err
}

func measure(dir string, n, goroutines int) (rate float64, err error) {
	root, rootKey, err := makeCA("root", nil, nil)
	if err != nil {
		return 0, err
	}
	issuing, issuingKey, err := makeCA("issuing", root, rootKey)
	if err != nil {
		return 0, err
	}
	step, err := authority.NewEmbedded(
		authority.WithConfig(&config.Config{
			DB: &db.Config{Type: "badgerv2", DataSource: filepath.Join(dir, "db")}, DNSNames: []string{"127.0.0.1"},
			AuthorityConfig: &config.AuthConfig{},
		}),
		authority.WithX509RootCerts(root), authority.WithX509Signer(issuing, issuingKey), authority.WithQuietInit(),
	)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, step.Shutdown()) }()
	var wg sync.WaitGroup
	failures := make([]error, goroutines)
	begun := time.Now()
	for g := range goroutines {
		wg.Go(func() {
			for k := g; k < n && failures[g] == nil; k += goroutines {
				failures[g] = issue(step, fmt.Sprintf("n%d.example.com", k))
			}
		})
	}
	wg.Wait()
	return float64(n) / time.Since(begun).Seconds(), errors.Join(failures...)
}

func issue(step *authority.Authority, name string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
	}, key)
	if err != nil {
		return err
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return err
	}
	validity := provisioner.NewTimeDuration(time.Now().AddDate(0, 0, 90))
	_, err = step.SignWithContext(context.Background(), csr, provisioner.SignOptions{NotAfter: validity})
	return err
}

func makeCA(name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if parent == nil {
		parent, parentKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), parentKey)
	if err != nil {
		return nil, nil, err
	}
	c, err = x509.ParseCertificate(der)
	return c, key, err
}
