// Package caddy is the driver "caddy": certificate files of Caddy's running configuration,
// which are swapped as pairs and loaded over its admin API.
//
// A target is a host name for which the configuration names files, as a Caddyfile does with
// tls CERT KEY; a file that is for whatever names are in it is a target by its path. Sites
// whose certificates Caddy obtains itself are refused. The configuration is not changed.
//
// Caddy loads certificates only with its whole configuration, for which it opens its ports
// anew beside the old ones (SO_REUSEPORT). A PATCH of /config/apps/tls/certificates alone does
// so too: with version 2.6.2 the listening sockets are others afterwards. On Linux, a
// connection that waits to be accepted at that moment may be reset, unless the sysctl
// net.ipv4.tcp_migrate_req is 1; grace_period is about connections that were accepted, and
// shutdown_delay puts the moment off. Version 2.6 also ends what reverse_proxy streams with
// flush_interval -1.
package caddy

import (
	"context"
	"net"
	"path"
	"strings"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/site"
	"certquay/lifecycle/runner"
	"certquay/model"
	"certquay/model/setting"
)

// Driver is the name of the driver.
const Driver = "caddy"

// Settings are what the configuration says of a product of this driver.
type Settings struct {
	Admin     string `yaml:"admin"`
	Origin    string `yaml:"origin"`
	Address   string `yaml:"address"`
	Directory string `yaml:"directory"`
}

// DefaultSettings are those of a Caddy that was not told otherwise.
func DefaultSettings() Settings { return Settings{Admin: "localhost:2019"} }

// Propose returns the settings for the servers whose admin API is at a usual place of a host,
// nil for the defaults.
func Propose(ctx context.Context, host runner.Runner) (all []map[string]any) {
	for _, socket := range []string{"/run/caddy/admin.socket", "/run/caddy/admin.sock", "/run/caddy.sock"} {
		if site.Exists(ctx, host, socket) {
			all = append(all, map[string]any{"admin": socket})
		}
	}
	return append(all, nil)
}

var _ setting.Checker = Settings{}

// Check implements [setting.Checker].
func (s Settings) Check() (wrong []setting.Problem) {
	if _, _, err := net.SplitHostPort(s.admin()); err != nil && (!path.IsAbs(s.admin()) || path.Clean(s.admin()) != s.admin()) {
		wrong = append(wrong, setting.Problem{Setting: "admin", Rule: model.Say("config.socket"), Example: DefaultSettings().Admin})
	}
	if strings.ContainsAny(s.Origin, " \t\r\n") || strings.HasSuffix(s.Origin, "/") {
		wrong = append(wrong, setting.Problem{Setting: "origin", Rule: model.Say("config.origin"), Example: "localhost:2019"})
	}
	return append(wrong, site.CheckPlaces(s.Address, s.Directory)...)
}

// admin is the address without the network, which Caddy writes before it.
func (s Settings) admin() string {
	for _, network := range []string{"unix/", "tcp/"} {
		if rest, ok := strings.CutPrefix(s.Admin, network); ok {
			return rest
		}
	}
	return s.Admin
}

// New makes a product. Of the options it sets Server, Base and Address.
func New(s Settings, o site.Options) *site.Product {
	o.Server, o.Base, o.Address = server{s}, s.Directory, s.Address
	return site.New(o)
}

type server struct{ s Settings }

func (v server) admin(host runner.Runner) admin { return admin{host, v.s.admin(), v.s.Origin} }

// Sites implements [site.Server].
func (v server) Sites(ctx context.Context, host runner.Runner) ([]site.Site, error) {
	got, err := v.admin(host).configuration(ctx)
	if err != nil {
		return nil, err
	}
	c, err := parse(got.body)
	if err != nil {
		return nil, err
	}
	return c.sites(ctx, host)
}

// Test implements [site.Server]: the API answers. Caddy tests what it loads by itself.
func (v server) Test(ctx context.Context, host runner.Runner, _ site.Site) error {
	_, err := v.admin(host).configuration(ctx)
	return err
}

// Load implements [site.Server].
func (v server) Load(ctx context.Context, host runner.Runner, _ site.Site) error {
	return v.admin(host).reload(ctx)
}

// Commands implements [site.Server].
func (v server) Commands(site.Site) []ports.Change {
	return []ports.Change{{Kind: ports.ChangeCall, Subject: "POST " + configPath + " " + v.s.Admin}}
}
