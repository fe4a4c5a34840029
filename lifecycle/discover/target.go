package discover

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"certquay/lifecycle/runner"
	"certquay/model"
)

// Target is what one discovery reads: a machine or an address.
type Target struct {
	SSH     string   // [user@]host[:port]; "" for this machine
	Paths   []string // absolute; none for the usual places
	Address string   // host:port that is asked by a handshake; then the others are empty
}

const scheme = "ssh://"

// ParseTargets reads the arguments of a discovery: ssh://[user@]host[:port] is a host, what
// has a slash otherwise is a path of this machine, and host:port an address. All paths are
// one target; without arguments the usual places of this machine are.
func ParseTargets(args []string) (all []Target, err error) {
	var paths []string
	for _, a := range args {
		switch rest, isHost := strings.CutPrefix(a, scheme); {
		case isHost:
			if _, err := runner.ParseAddress(rest); err != nil {
				return nil, err
			}
			all = append(all, Target{SSH: strings.TrimSuffix(rest, "/")})
		case strings.ContainsRune(a, '/'):
			p, err := filepath.Abs(a)
			if err != nil {
				return nil, model.Fail("discover.path", "path", a, "cause", err)
			}
			paths = append(paths, p)
		default:
			host, port, err := net.SplitHostPort(a)
			if n, bad := strconv.Atoi(port); err != nil || host == "" || bad != nil || n < 1 || n > 65535 {
				return nil, model.Fail("discover.argument", "argument", a)
			}
			all = append(all, Target{Address: a})
		}
	}
	if len(paths) > 0 || len(all) == 0 {
		all = append([]Target{{Paths: paths}}, all...)
	}
	return all, nil
}

// serverName is the name to send in a handshake with an address; "" for an IP address.
func serverName(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil || net.ParseIP(host) != nil {
		return ""
	}
	return host
}
