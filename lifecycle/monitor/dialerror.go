package monitor

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"

	"certquay/model"
)

// DialError says why an endpoint gave no answer and what to do about it, for a
// person who may not know the words of networks; these are its cause. An error
// that it does not know says it itself.
func DialError(err error, address, name string) model.Text {
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
		return model.Say("dial.no-host", "host", host, "cause", model.TextOf(dns))
	case errors.As(err, &dns):
		return model.Say("dial.no-address", "host", host, "cause", model.TextOf(dns))
	case errors.As(err, &record):
		return model.Say("dial.no-tls", "port", port, "cause", model.TextOf(record))
	case errors.As(err, &op) && op.Op == "remote error":
		said := model.TextOf(op)
		if said.Message().Texts["cause"].Code() == "error.alert.unrecognized-name" {
			return model.Say("dial.no-name", "name", name, "cause", said)
		}
		return model.Say("dial.handshake-refused", "name", name, "cause", said)
	case errors.Is(err, syscall.ECONNREFUSED):
		return model.Say("dial.refused", "port", port, "host", host, "cause", model.TextOf(innermost(err)))
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return model.Say("dial.no-route", "host", host, "cause", model.TextOf(innermost(err)))
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &op) && op.Timeout():
		return model.Say("dial.timeout", "host", host, "port", port, "cause", model.TextOf(innermost(err)))
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return model.Say("dial.hung-up", "port", port, "cause", model.TextOf(innermost(err)))
	}
	return model.TextOf(err)
}

// innermost unwraps the network's error from those that repeat the address.
func innermost(err error) error {
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return op
	}
	return err
}
