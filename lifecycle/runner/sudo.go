package runner

import (
	"context"
	"net"
)

// localSudo is this machine with the rights that sudo gives.
type localSudo struct{ posix }

var _ Runner = (*localSudo)(nil)

// NewLocalSudo returns this machine with the rights of root, which sudo has to give without a
// password: commands run as "sudo -n", and files are handled by such commands. Dial has the
// rights of certquay itself.
func NewLocalSudo() Runner {
	l := &localSudo{posix{name: localName, sudo: true}}
	l.execute = func(_, running context.Context, c process) (int, error) {
		program, err := lookPath(c.argv[0])
		if err != nil {
			return 0, err
		}
		return execLocal(running, program, c.argv, c.stdin, c.stdout, c.stderr)
	}
	return l
}

func (*localSudo) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return Local{}.Dial(ctx, network, address)
}

func (*localSudo) Close() error { return nil }
