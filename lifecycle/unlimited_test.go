package lifecycle_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/model"
)

// A certificate without an end has the last second of year 9999 (RFC 5280 section
// 4.1.2.5).
//
// spec: I3, T3
// finding: R-M9
func TestACertificateWithoutEndIsImported(t *testing.T) {
	end := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	for name, begins := range map[string]time.Time{"young": epoch, "old": time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC)} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			key, err := bundle.GenerateKey(model.ECDSAP256)
			w.check(err)
			c := &x509.Certificate{
				SerialNumber: big.NewInt(1),
				Subject:      pkix.Name{CommonName: "device"},
				DNSNames:     []string{"device.example.com"},
				NotBefore:    begins,
				NotAfter:     end,
			}
			der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
			w.check(err)
			res, err := w.engine.By(operator).Upload(
				w.ctx(),
				lifecycle.UploadRequest{Files: []bundle.File{{Data: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}}},
			)
			w.check(err)
			i := w.get(res.Instance.ID)
			v := i.Current()
			if !v.NotAfter.Equal(end) || !i.ServiceEnd.Equal(end) || v.Validity() <= 0 || v.Window().Before(end.AddDate(0, 0, -31)) ||
				v.Window().After(end) {
				t.Errorf("ends %s, service %s, window %s, valid for %s", v.NotAfter, i.ServiceEnd, v.Window(), v.Validity())
			}
			if got := i.Status(w.clock.Now()); got != string(model.Uploaded) {
				t.Errorf("it is %s", got)
			}
		})
	}
}
