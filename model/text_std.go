package model

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"syscall"
)

// standard returns the message for an error of the standard library, recognized by type
// or value and never by its text. It looks only at the error itself and, where that
// type holds another error, at that one; ok is false for unknown errors.
func standard(err error) (t Text, ok bool) {
	switch e := err.(type) { //nolint:errorlint // this error alone; the caller walks the tree
	case *fs.PathError:
		if e.Path == "" {
			return TextOf(e.Err), true
		}
		return Say("error.path", "path", e.Path, "cause", e.Err), true
	case *os.LinkError:
		return Say("error.link", "old", e.Old, "new", e.New, "cause", e.Err), true
	case *net.OpError:
		return network(e), true
	case *net.DNSError:
		return lookup(e), true
	case *net.AddrError:
		return Say("error.address", "address", e.Addr, "cause", Quoted("", e.Err)), true
	case *url.Error:
		if e.Op == "parse" {
			return Say("error.url", "url", e.URL, "cause", e.Err), true
		}
		return Say("error.request", "url", e.URL, "cause", e.Err), true
	case *exec.Error:
		return Say("error.program", "program", e.Name, "cause", e.Err), true
	case *exec.ExitError:
		if s, is := e.Sys().(syscall.WaitStatus); is && s.Signaled() {
			return Say("error.killed", "signal", s.Signal()), true
		}
		return Say("error.exit", "n", e.ExitCode()), true
	case tls.AlertError:
		return alert(uint8(e)), true
	case tls.RecordHeaderError:
		// The types of records of RFC 8446 section 5.1 are 20 to 24.
		if kind := e.RecordHeader[0]; kind >= 20 && kind <= 24 {
			return Say("error.record", "cause", Quoted("", e.Msg)), true
		}
		return Say("error.no-tls"), true
	case *tls.CertificateVerificationError:
		return Say("error.not-verified", "cause", e.Err), true
	case x509.UnknownAuthorityError:
		if e.Cert == nil || e.Cert.Issuer.String() == "" {
			return Say("error.unknown-authority"), true
		}
		return Say("error.unknown-issuer", "issuer", e.Cert.Issuer.String()), true
	case x509.HostnameError:
		return hostname(e), true
	case x509.CertificateInvalidError:
		return invalid(e)
	case x509.UnhandledCriticalExtension:
		return Say("error.critical-extension"), true
	case x509.InsecureAlgorithmError:
		return Say("error.insecure-signature", "algorithm", x509.SignatureAlgorithm(e)), true
	}
	for _, known := range sentinels {
		//nolint:errorlint // this error alone; the caller walks the tree
		if is, has := err.(interface{ Is(error) bool }); err == known.err || has && is.Is(known.err) {
			return Say(known.code), true
		}
	}
	if late, has := err.(interface{ Timeout() bool }); has && late.Timeout() {
		return Say("error.timeout"), true
	}
	return "", false
}

// sentinels are error values that have a message of their own. If an error matches
// several, the first one counts.
var sentinels = []struct {
	err  error
	code string
}{
	{syscall.ENOTEMPTY, "error.not-empty"},
	{fs.ErrNotExist, "error.notexist"}, {fs.ErrPermission, "error.permission"}, {fs.ErrExist, "error.exist"},
	{context.DeadlineExceeded, "error.timeout"}, {os.ErrDeadlineExceeded, "error.timeout"}, {context.Canceled, "error.canceled"},
	{io.EOF, "error.eof"}, {io.ErrUnexpectedEOF, "error.unexpected-eof"},
	{net.ErrClosed, "error.closed"}, {fs.ErrClosed, "error.closed"},
	{exec.ErrNotFound, "error.no-program"}, {x509.ErrUnsupportedAlgorithm, "error.unsupported-algorithm"},

	{syscall.ECONNREFUSED, "error.connection-refused"}, {syscall.ECONNRESET, "error.reset"}, {syscall.ECONNABORTED, "error.reset"},
	{syscall.EPIPE, "error.broken-pipe"}, {syscall.ETIMEDOUT, "error.connect-timeout"},
	{syscall.EHOSTUNREACH, "error.no-route"}, {syscall.ENETUNREACH, "error.no-network"}, {syscall.ENETDOWN, "error.no-network"},
	{syscall.EADDRINUSE, "error.address-in-use"}, {syscall.EADDRNOTAVAIL, "error.address-unavailable"},

	{syscall.ENOSPC, "error.no-space"}, {syscall.EDQUOT, "error.quota"}, {syscall.EROFS, "error.read-only"},
	{syscall.EISDIR, "error.is-directory"}, {syscall.ENOTDIR, "error.not-directory"}, {syscall.ENAMETOOLONG, "error.name-too-long"},
	{syscall.EMFILE, "error.too-many-files"}, {syscall.ENFILE, "error.too-many-files"}, {syscall.EIO, "error.io"},
	{syscall.EBUSY, "error.busy"}, {syscall.ETXTBSY, "error.file-in-use"}, {syscall.EFBIG, "error.file-too-large"},
	{syscall.ELOOP, "error.links"}, {syscall.EINVAL, "error.invalid-argument"}, {syscall.ENOMEM, "error.no-memory"},
	{syscall.ENXIO, "error.no-device"}, {syscall.ENOEXEC, "error.not-executable"},
}

// network returns the message for a failed network operation, with the remote address,
// or with the local one if the operation concerns only that.
func network(e *net.OpError) Text {
	switch v := reflect.ValueOf(e.Err); {
	// Package tls does not export the type of its alerts.
	case v.Kind() == reflect.Uint8 && e.Op == "remote error":
		return Say("error.tls-remote", "cause", alert(uint8(v.Uint())))
	case v.Kind() == reflect.Uint8 && e.Op == "local error":
		return Say("error.tls-local", "cause", alert(uint8(v.Uint())))
	case e.Addr == nil:
		return TextOf(e.Err)
	}
	code := map[string]string{"dial": "error.dial", "listen": "error.listen", "read": "error.net-read", "write": "error.net-write"}[e.Op]
	if code == "" {
		code = "error.connection"
	}
	return Say(code, "address", e.Addr, "cause", e.Err)
}

// lookup returns the message for a failed DNS query.
func lookup(e *net.DNSError) Text {
	cause := Quoted("", e.Err)
	switch {
	case e.IsNotFound:
		cause = Say("error.no-host")
	case e.IsTimeout:
		cause = Say("error.timeout")
	case e.UnwrapErr != nil:
		cause = TextOf(e.UnwrapErr)
	}
	if e.Server == "" {
		return Say("error.lookup", "name", e.Name, "cause", cause)
	}
	return Say("error.lookup-server", "name", e.Name, "server", e.Server, "cause", cause)
}

// maxNamed is how many names of a certificate a message lists.
const maxNamed = 10

// hostname returns the message for a certificate that does not cover the requested
// name, with the names it covers.
func hostname(e x509.HostnameError) Text {
	var has []string
	if c := e.Certificate; c != nil {
		has = c.DNSNames
		if net.ParseIP(e.Host) != nil {
			has = nil
			for _, ip := range c.IPAddresses {
				has = append(has, ip.String())
			}
		}
	}
	if len(has) == 0 {
		return Say("error.hostname-none", "host", e.Host)
	}
	if len(has) > maxNamed {
		has = append(has[:maxNamed:maxNamed], "…")
	}
	return Say("error.hostname", "names", strings.Join(has, ", "), "host", e.Host)
}

// invalid returns the message for a certificate that is not valid. The library
// describes the problem in a sentence, so the dates of an expired certificate are taken
// from the certificate.
func invalid(e x509.CertificateInvalidError) (t Text, ok bool) {
	if e.Reason == x509.Expired && e.Cert != nil {
		return Say("error.dates", "from", e.Cert.NotBefore, "to", e.Cert.NotAfter), true
	}
	code, ok := map[x509.InvalidReason]string{
		x509.NotAuthorizedToSign:           "error.not-a-ca",
		x509.Expired:                       "error.expired",
		x509.CANotAuthorizedForThisName:    "error.name-constraint",
		x509.TooManyIntermediates:          "error.path-length",
		x509.IncompatibleUsage:             "error.key-usage",
		x509.NameMismatch:                  "error.issuer-name",
		x509.UnconstrainedName:             "error.name-constraint",
		x509.CANotAuthorizedForExtKeyUsage: "error.ca-key-usage",
	}[e.Reason]
	return Say(code), ok
}

// alerts are the TLS alerts of RFC 8446 section 6 and of earlier versions.
var alerts = map[uint8]string{
	10: "error.alert.unexpected-message", 20: "error.alert.bad-mac", 21: "error.alert.decryption-failed", 22: "error.alert.record-overflow",
	40: "error.alert.handshake-failure", 42: "error.alert.bad-certificate", 43: "error.alert.unsupported-certificate",
	44: "error.alert.revoked", 45: "error.alert.expired", 46: "error.alert.unknown-certificate", 47: "error.alert.illegal-parameter",
	48: "error.alert.unknown-ca", 49: "error.alert.access-denied", 50: "error.alert.decode-error", 51: "error.alert.decrypt-error",
	70: "error.alert.protocol-version", 71: "error.alert.insufficient-security", 80: "error.alert.internal-error",
	86: "error.alert.inappropriate-fallback", 90: "error.alert.user-canceled", 109: "error.alert.missing-extension",
	110: "error.alert.unsupported-extension", 112: "error.alert.unrecognized-name", 113: "error.alert.bad-status",
	115: "error.alert.unknown-identity", 116: "error.alert.certificate-required", 120: "error.alert.no-protocol",
}

func alert(n uint8) Text {
	if code, ok := alerts[n]; ok {
		return Say(code)
	}
	return Say("error.alert", "n", n)
}
