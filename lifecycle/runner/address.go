package runner

import (
	"net"
	"os/user"
	"strconv"
	"strings"

	"certquay/model"
)

// Address is where a host is reached by SSH.
type Address struct {
	User string
	Host string // a name or an IP address, IPv6 without brackets
	Port int
}

// ParseAddress reads [ssh://][user@]host[:port]. An IPv6 address stands in brackets if a port
// follows. The user is that of the process and the port is 22 if they are left out.
func ParseAddress(s string) (Address, error) {
	rest := strings.TrimSuffix(strings.TrimPrefix(s, "ssh://"), "/")
	a := Address{Port: 22}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		a.User, rest = rest[:at], rest[at+1:]
		if a.User == "" {
			return Address{}, model.Fail("runner.address", "address", s)
		}
	} else if u, err := user.Current(); err == nil {
		a.User = u.Username
	}
	a.Host = rest
	if net.ParseIP(rest) == nil { // else it is an address without port, maybe with colons
		if host, port, err := net.SplitHostPort(rest); err == nil {
			a.Host = host
			if a.Port, err = strconv.Atoi(port); err != nil || a.Port < 1 || a.Port > 65535 {
				return Address{}, model.Fail("runner.address", "address", s)
			}
		} else if inside, opened := strings.CutPrefix(rest, "["); opened {
			if a.Host, opened = strings.CutSuffix(inside, "]"); !opened {
				return Address{}, model.Fail("runner.address", "address", s)
			}
		}
	}
	colons := strings.ContainsRune(a.Host, ':')
	if a.Host == "" || strings.ContainsAny(a.Host, "/[]@ \t\r\n\x00") || strings.HasPrefix(a.Host, "-") ||
		colons && net.ParseIP(zoneless(a.Host)) == nil {
		return Address{}, model.Fail("runner.address", "address", s)
	}
	return a, nil
}

// zoneless is an IPv6 address without its zone (RFC 4007).
func zoneless(host string) string {
	ip, _, _ := strings.Cut(host, "%")
	return ip
}

func (a Address) hostPort() string { return net.JoinHostPort(a.Host, strconv.Itoa(a.Port)) }
