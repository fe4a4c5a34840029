// Package listen takes ports for addresses that are kept.
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

// TCP listens for TCP on an address. In place of port 0 it takes one that will
// probably be free the next time as well, for an address that is kept: no
// connection of another program is given it, and as it is a random one, two
// stores hardly choose the same.
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
