package challenge

import (
	"context"
	"net"
	"strings"

	"certquay/model"
)

// maxToken bounds a token, in bytes; those of known CAs have 43.
const maxToken = 128

// CheckToken returns an error for a token that is not what RFC 8555 section 8.1 allows:
// the base64url alphabet, so that it is a safe part of a path.
func CheckToken(token string) error {
	odd := strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
	if token == "" || len(token) > maxToken || odd != "" {
		return model.Fail("challenge.token")
	}
	return nil
}

// DialFunc opens a connection to host:port, as [net.Dialer.DialContext] does.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)
