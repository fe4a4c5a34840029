package lifecycle

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
)

// unrecognizedName is the alert of a server that knows no such name (RFC 6066
// section 3).
const unrecognizedName = tls.AlertError(112)

// silence says in a sentence why an endpoint gave no answer and what to do
// about it, for a person who may not know the words of networks; these follow
// in brackets. An error that it does not know says it itself.
func silence(err error, address, name string) string {
	host, port, split := net.SplitHostPort(address)
	if split != nil {
		return err.Error()
	}
	var (
		dns    *net.DNSError
		op     *net.OpError
		record tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Sprintf("there is no host %s; check how it is written (%s)", host, dns)
	case errors.As(err, &dns):
		return fmt.Sprintf("the address of %s could not be found out; check the DNS of this machine (%s)", host, dns)
	case errors.As(err, &record):
		return fmt.Sprintf("what listens on port %s does not speak TLS; check the port (%s)", port, record)
	case errors.As(err, &op) && op.Op == "remote error" && op.Err.Error() == unrecognizedName.Error():
		return fmt.Sprintf("the server has nothing for the name %s; give the name that it serves as the server name (%s)", name, op)
	case errors.As(err, &op) && op.Op == "remote error":
		return fmt.Sprintf("the server broke the handshake for %s off; it may want another server name, or a certificate of the client (%s)", name, op)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("nothing listens on port %s of %s; check the port, and that the server runs (%s)", port, host, cause(err))
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return fmt.Sprintf("there is no way from here to %s; check the address and the network (%s)", host, cause(err))
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &op) && op.Timeout():
		return fmt.Sprintf("%s did not answer on port %s in time; check address, port and firewalls (%s)", host, port, cause(err))
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Sprintf("the server hung up before the handshake was done; check that port %s speaks TLS (%s)", port, cause(err))
	}
	return err.Error()
}

// cause is the error of the network inside another, which repeats the address.
func cause(err error) error {
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return op
	}
	return err
}
