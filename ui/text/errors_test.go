package text

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"certquay/lifecycle/product"
	"certquay/model"
)

// TestErrorsOfTheLibraryHaveCodes makes errors as they are made, so that a
// library that makes them of other types is noticed. spec: V5
func TestErrorsOfTheLibraryHaveCodes(t *testing.T) {
	zh, en := New("zh"), New("en")
	dir := t.TempDir()
	_, missing := os.Open(filepath.Join(dir, "none"))
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, notDir := os.ReadFile(filepath.Join(file, "x"))

	silent, plain := listen(t), listen(t)
	go func() {
		if c, err := plain.Accept(); err == nil {
			_, _ = bufio.NewReader(c).ReadByte()
			_, _ = c.Write([]byte("220 mail.example ESMTP\r\n"))
		}
	}()
	late, noTLS := probe(silent, 50*time.Millisecond), probe(plain, 0)
	_, inUse := net.Listen("tcp", silent.Addr().String())
	closed := listen(t)
	_ = closed.Close()
	refused := probe(closed, 0)
	_, webRefused := http.Get("http://" + closed.Addr().String()) //nolint:bodyclose // there is none
	_, noURL := url.Parse("ht\x7ftp://x")                         //nolint:staticcheck // it is to fail
	_, _, noPort := net.SplitHostPort("a.example")

	stopped := listen(t)
	go func() {
		if c, err := stopped.Accept(); err == nil {
			_ = tls.Server(c, &tls.Config{MinVersion: tls.VersionTLS12}).Handshake()
			_ = c.Close()
		}
	}()
	noCertificate := probe(stopped, 0)
	noName := probeRefusing(t, 112)

	leaf := &x509.Certificate{DNSNames: []string{"a.example"}, NotAfter: time.Unix(0, 0), Issuer: pkix.Name{CommonName: "Some CA"}}
	at := closed.Addr().String()
	for what, c := range map[string]struct {
		err      error
		has      string // what stands in the English
		hasError bool   // the words of the library are in it as well
	}{
		"missing":         {missing, filepath.Join(dir, "none") + ": there is no such file", false},
		"wrapped":         {fmt.Errorf("reading: %w", missing), "there is no such file", false},
		"several":         {errors.Join(missing, io.ErrUnexpectedEOF), "there is no such file; it ends too early", false},
		"not a directory": {notDir, "not a directory", false},
		"a directory":     {os.WriteFile(dir, nil, 0o600), "is a directory", false},
		"not empty":       {os.Remove(dir), "not empty", false},
		"renamed":         {os.Rename(filepath.Join(dir, "none"), file), " to " + file, false},
		"full":            {&os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, "x: no space left on device", false},
		"read-only":       {os.NewSyscallError("open", syscall.EROFS), "read-only file system", false},
		"quota":           {syscall.EDQUOT, "quota", false},
		"denied":          {syscall.EACCES, "permission denied", false},

		"refused":      {refused, "connect to " + at + ": connection refused", false},
		"asking a web": {webRefused, "ask http://" + at + ": connect to " + at + ": connection refused", false},
		"in use":       {inUse, "listen on " + silent.Addr().String() + ": address already in use", false},
		"late":         {late, "no answer in time", false},
		"no TLS":       {noTLS, "does not look like a TLS handshake", false},
		"broken off":   {noCertificate, "the other side broke off TLS: ", false},
		"no such name": {noName, "the other side broke off TLS: unrecognized name", false},
		"no URL":       {noURL, `ht\x7ftp://x is no URL`, true},
		"no port":      {noPort, "address a.example: ", true},
		"no host": {&net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "a.invalid",
			Server: "192.0.2.1:53", IsNotFound: true}}, "lookup a.invalid on 192.0.2.1:53: no such host", false},
		"DNS is silent": {&net.DNSError{Name: "a.invalid", IsTimeout: true}, "lookup a.invalid: no answer in time", false},
		"DNS is broken": {&net.DNSError{Name: "a.invalid", Err: "server misbehaving"}, "lookup a.invalid: ", true},
		"reset": {&net.OpError{Op: "read", Net: "tcp", Source: silent.Addr(), Addr: plain.Addr(),
			Err: os.NewSyscallError("read", syscall.ECONNRESET)}, "read from " + plain.Addr().String() + ": connection reset", false},
		"alert":      {&net.OpError{Op: "local error", Err: tls.AlertError(40)}, "TLS failed: handshake failure", false},
		"an unknown": {&net.OpError{Op: "remote error", Err: tls.AlertError(200)}, "alert 200", false},
		"hung up":    {io.EOF, "the other side closed the connection", false},
		"canceled":   {context.Canceled, "given up", false},
		"no program": {exec.Command("certquay-no-such").Run(), "certquay-no-such: there is no such program", false},
		"failed":     {exec.Command("false").Run(), "exit status 1", false},
		"killed":     {exec.Command("sh", "-c", "kill -9 $$").Run(), "killed", false},

		"name": {x509.HostnameError{Certificate: leaf, Host: "b.example"}, "valid for a.example, not b.example", false},
		"no names": {x509.HostnameError{Certificate: &x509.Certificate{}, Host: "b.example"},
			"not valid for any names, but wanted to match b.example", false},
		"unknown": {&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{Cert: leaf}},
			"does not verify: certificate signed by unknown authority CN=Some CA", false},
		"expired": {x509.CertificateInvalidError{Cert: leaf, Reason: x509.Expired, Detail: "current time 2026-01-02T00:00:00Z is after"},
			"valid from 0001-01-01 00:00:00Z to 1970-01-01 00:00:00Z", false},
		"no CA": {x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}, "not authorized to sign other certificates", false},
	} {
		if c.err == nil {
			t.Errorf("%s is no error", what)
			continue
		}
		m := model.TextOf(c.err)
		if got := en.Text(m); m.Code() == "" || !strings.Contains(got, c.has) {
			t.Errorf("%s: %q is %q, want %q", what, c.err, got, c.has)
		}
		if got := zh.Text(m); inEnglish.MatchString(got) && !c.hasError || got == en.Text(m) {
			t.Errorf("%s: %q is %q in Chinese", what, c.err, got)
		}
	}
	if got := en.Text(model.TextOf(fmt.Errorf("what a library says: %w",
		errors.New("of its own")))); got != "what a library says: of its own" {
		t.Errorf("an error without a code is %q", got)
	}
}

// inEnglish are two English words in a row.
var inEnglish = regexp.MustCompile(`[a-z]{2,} [a-z]{2,}`)

func probe(at net.Listener, timeout time.Duration) error {
	_, _, err := product.Prober{Timeout: timeout}.Probe(context.Background(), at.Addr().String(), "a.example")
	return err
}

// probeRefusing asks a server that answers with an alert.
func probeRefusing(t *testing.T, alert byte) error {
	t.Helper()
	l := listen(t)
	go func() {
		if c, err := l.Accept(); err == nil {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, alert})
		}
	}()
	return probe(l, 0)
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}
