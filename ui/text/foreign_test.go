package text

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"certquay/lifecycle/product"
)

// TestErrorsOfTheLibraryAreTranslated makes errors as they are made, so that a
// library that words them anew is noticed. spec: V5
func TestErrorsOfTheLibraryAreTranslated(t *testing.T) {
	zh := New("zh")
	dir := t.TempDir()
	_, missing := os.Open(filepath.Join(dir, "none"))
	_, notDir := os.ReadFile(filepath.Join(dir, "none", "x"))
	isDir := os.WriteFile(dir, nil, 0o600)

	closed := listen(t)
	address := closed.Addr().String()
	_ = closed.Close()
	_, _, refused := product.Prober{}.Probe(t.Context(), address, "a.example")

	silent := listen(t)
	_, _, late := product.Prober{Timeout: 50 * time.Millisecond}.Probe(t.Context(), silent.Addr().String(), "a.example")

	plain := listen(t)
	go func() {
		if c, err := plain.Accept(); err == nil {
			_, _ = c.Write([]byte("220 mail.example ESMTP\r\n"))
		}
	}()
	_, _, noTLS := product.Prober{}.Probe(t.Context(), plain.Addr().String(), "a.example")

	gone, stop := context.WithCancel(t.Context())
	stop()
	_, _, canceled := product.Prober{}.Probe(gone, address, "a.example")

	leaf := &x509.Certificate{DNSNames: []string{"a.example"}, NotAfter: time.Now()}
	for what, err := range map[string]error{
		"missing": missing, "not a directory": notDir, "a directory": isDir,
		"refused": refused, "late": late, "no TLS": noTLS, "canceled": canceled,
		"no host":  &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "a.invalid", Server: "192.0.2.1:53"}},
		"reset":    &net.OpError{Op: "read", Net: "tcp", Source: silent.Addr(), Addr: plain.Addr(), Err: errors.New("read: connection reset by peer")},
		"alert":    &net.OpError{Op: "local error", Err: tls.AlertError(40)},
		"remote":   &net.OpError{Op: "remote error", Err: tls.AlertError(112)},
		"name":     x509.HostnameError{Certificate: leaf, Host: "b.example"},
		"unknown":  &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}},
		"expired":  x509.CertificateInvalidError{Cert: leaf, Reason: x509.Expired, Detail: "current time 2026-01-02T00:00:00Z is after 2026-01-01T00:00:00Z"},
		"no names": x509.HostnameError{Certificate: &x509.Certificate{}, Host: "b.example"},
	} {
		if err == nil {
			t.Errorf("%s is no error", what)
			continue
		}
		if said := zh.Say(err.Error()); inEnglish.MatchString(said) || said == err.Error() {
			t.Errorf("%s: %q stays %q", what, err, said)
		}
	}
}

// inEnglish are two English words in a row.
var inEnglish = regexp.MustCompile(`[a-z]{2,} [a-z]{2,}`)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}
