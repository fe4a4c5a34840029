package config

import (
	"net/netip"
	"strings"

	"certquay/model"
)

// Metrics configures health and metrics of certquay serve (spec O2).
type Metrics struct {
	Listen string `yaml:"listen"`
}

// unixPrefix begins an address that is a unix socket.
const unixPrefix = "unix:"

// Address returns network and address for [net.Listen], for a configuration file in dir;
// an empty network means that nothing is served.
func (m Metrics) Address(dir string) (network, address string) {
	if path, ok := strings.CutPrefix(m.Listen, unixPrefix); ok {
		return "unix", resolvePath(dir, path, "")
	}
	if m.Listen == "" {
		return "", ""
	}
	return "tcp", m.Listen
}

func (m Metrics) check(d *decoder) {
	path, socket := strings.CutPrefix(m.Listen, unixPrefix)
	at, err := netip.ParseAddrPort(m.Listen)
	ok := m.Listen == "" || socket && path != "" || err == nil && at.Addr().IsLoopback()
	d.rule(ok, "metrics.listen", model.Say("config.metrics-listen"), "127.0.0.1:9464")
}
