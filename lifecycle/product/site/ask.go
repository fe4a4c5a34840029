package site

import (
	"context"
	"io"
	"strings"

	"certquay/lifecycle/runner"
	"certquay/model"
)

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 16 << 20

// Ask sends a request from a host to an address, the absolute path of a socket or host:port,
// and returns all that comes until the other side closes. ctx bounds the whole of it.
func Ask(ctx context.Context, host runner.Runner, address string, request []byte) (answer []byte, err error) {
	network := "tcp"
	if strings.HasPrefix(address, "/") {
		network = "unix"
	}
	fail := func(err error) error {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return model.Fail("site.not-asked", "address", address, "host", host.Name(), "cause", err)
	}
	c, err := host.Dial(ctx, network, address)
	if err != nil {
		return nil, fail(err)
	}
	defer func() { _ = c.Close() }()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	if _, err = c.Write(request); err == nil {
		answer, err = io.ReadAll(io.LimitReader(c, maxAnswer))
	}
	if err != nil {
		return nil, fail(err)
	}
	return answer, nil
}
