package discover

import (
	"net"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"certquay/lifecycle/runner"
	"certquay/model"
)

// Target is what one discovery reads: a machine or an address.
type Target struct {
	SSH     string   // [user@]host[:port]; "" for this machine
	Usual   bool     // its usual places are read
	Paths   []string // absolute, that are read as well
	Address string   // host:port that is asked by a handshake; then the others are empty
}

const scheme = "ssh://"

// ParseTargets reads the arguments of a discovery: ssh://[user@]host[:port][/path] is a host,
// or a path of it, what has a slash otherwise is a path of this machine, and host:port an
// address. The paths of one machine are one target; without arguments the usual places of
// this machine are.
func ParseTargets(args []string) (all []Target, err error) {
	usual := map[string]bool{} // machines that were named without a path
	for _, a := range args {
		t := Target{}
		switch rest, isHost := strings.CutPrefix(a, scheme); {
		case isHost:
			host, below, _ := strings.Cut(rest, "/")
			if _, err := runner.ParseAddress(host); err != nil {
				return nil, err
			}
			if t.SSH = host; below != "" {
				t.Paths = []string{path.Join("/", below)}
			}
			usual[host] = usual[host] || below == ""
		case strings.ContainsRune(a, '/'):
			p, err := filepath.Abs(a)
			if err != nil {
				return nil, model.Fail("discover.path", "path", a, "cause", err)
			}
			t.Paths = []string{p}
		default:
			host, port, err := net.SplitHostPort(a)
			if n, bad := strconv.Atoi(port); err != nil || host == "" || bad != nil || n < 1 || n > 65535 {
				return nil, model.Fail("discover.argument", "argument", a)
			}
			t.Address = a
		}
		n := slices.IndexFunc(all, func(o Target) bool { return t.Address == "" && o.Address == "" && o.SSH == t.SSH })
		if n < 0 {
			all = append(all, t)
		} else {
			all[n].Paths = append(all[n].Paths, t.Paths...)
		}
	}
	for n := range all {
		all[n].Usual = usual[all[n].SSH] && all[n].Address == "" && all[n].SSH != ""
	}
	if len(all) == 0 {
		all = []Target{{Usual: true}}
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
