package lifecycle

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"

	"certquay/model"
)

// unrecognizedName is the alert of a server that knows no such name (RFC 6066
// section 3).
const unrecognizedName = tls.AlertError(112)

// dialError says why an endpoint gave no answer and what to do about it, for a
// person who may not know the words of networks; these are its cause. An error
// that it does not know says it itself.
func dialError(err error, address, name string) model.Text {
	host, port, split := net.SplitHostPort(address)
	if split != nil {
		return model.TextOf(err)
	}
	var (
		dns    *net.DNSError
		op     *net.OpError
		record tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return model.Say("dial.no-host", "host", host, "cause", quote(dns))
	case errors.As(err, &dns):
		return model.Say("dial.no-address", "host", host, "cause", quote(dns))
	case errors.As(err, &record):
		return model.Say("dial.no-tls", "port", port, "cause", quote(record))
	case errors.As(err, &op) && op.Op == "remote error" && op.Err.Error() == unrecognizedName.Error():
		return model.Say("dial.no-name", "name", name, "cause", quote(op))
	case errors.As(err, &op) && op.Op == "remote error":
		return model.Say("dial.handshake-refused", "name", name, "cause", quote(op))
	case errors.Is(err, syscall.ECONNREFUSED):
		return model.Say("dial.refused", "port", port, "host", host, "cause", quote(cause(err)))
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return model.Say("dial.no-route", "host", host, "cause", quote(cause(err)))
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &op) && op.Timeout():
		return model.Say("dial.timeout", "host", host, "port", port, "cause", quote(cause(err)))
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return model.Say("dial.hung-up", "port", port, "cause", quote(cause(err)))
	}
	return model.TextOf(err)
}

// quote is an error in its own words.
func quote(err error) model.Text { return model.Quoted("", err.Error()) }

// cause is the error of the network inside another, which repeats the address.
func cause(err error) error {
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return op
	}
	return err
}
