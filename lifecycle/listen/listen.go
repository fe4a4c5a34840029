// Package listen opens ports for addresses that are saved and used again.
package listen

import (
	"context"
	"math/rand/v2"
	"net"
	"strconv"
)

// The ports that [TCP] chooses from: below those that systems give to whoever
// asks for any (Linux from 32768 on, RFC 6335 section 6 from 49152 on).
const (
	firstLasting = 20_000
	manyLasting  = 10_000
)

// TCP listens for TCP on an address. It replaces port 0 by a random port outside
// the range from which systems assign ports, so that the port will probably be
// free at the next start and two stores hardly choose the same.
func TCP(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	if host, port, err := net.SplitHostPort(address); err == nil && port == "0" {
		for range 20 {
			random := firstLasting + rand.IntN(manyLasting) //nolint:gosec // not a secret
			l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(random)))
			if err == nil {
				return l, nil
			}
		}
	}
	return lc.Listen(ctx, "tcp", address)
}
