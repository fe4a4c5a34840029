// Package nginx is the driver "nginx": server names of nginx's configuration, whose
// certificate files are swapped as pairs.
//
// The configuration is read as nginx -T prints it, with every file that it includes. A
// target is a server name; where the name is served with other files at another port, the
// name with the port; where a server has an RSA and an ECDSA certificate, the name followed
// by /rsa or /ecdsa.
package nginx

import (
	"context"
	"net"
	"strconv"
	"strings"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/pairfiles"
	"certquay/lifecycle/product/site"
	"certquay/lifecycle/runner"
	"certquay/model"
	"certquay/model/setting"
)

// Driver is the name of the driver.
const Driver = "nginx"

// Settings are what the configuration says of a product of this driver.
type Settings struct {
	Show      []string `yaml:"show" command:"true"`
	Test      []string `yaml:"test" command:"true"`
	Reload    []string `yaml:"reload" command:"true"`
	Address   string   `yaml:"address"`
	Directory string   `yaml:"directory"`
}

// DefaultSettings are those of a packaged nginx.
func DefaultSettings() Settings {
	return Settings{
		Show: []string{"nginx", "-T"}, Test: []string{"nginx", "-t"}, Reload: []string{"nginx", "-s", "reload"},
	}
}

var _ setting.Checker = Settings{}

// Check implements [setting.Checker].
func (s Settings) Check() (wrong []setting.Problem) {
	d := DefaultSettings()
	wrong = append(wrong, site.CheckCommand("show", s.Show, d.Show)...)
	wrong = append(wrong, site.CheckCommand("test", s.Test, d.Test)...)
	wrong = append(wrong, site.CheckCommand("reload", s.Reload, d.Reload)...)
	return append(wrong, site.CheckPlaces(s.Address, s.Directory)...)
}

// New makes a product. Of the options it sets Server, Base and Address.
func New(s Settings, o site.Options) *site.Product {
	o.Server, o.Base, o.Address = server{s}, s.Directory, s.Address
	return site.New(o)
}

type server struct{ s Settings }

// maxDump is how long a configuration may be, in bytes.
const maxDump = 16 << 20

// Sites implements [site.Server].
func (v server) Sites(ctx context.Context, host runner.Runner) ([]site.Site, error) {
	out, err := host.Run(ctx, runner.Command{Argv: v.s.Show, Limit: maxDump})
	if err != nil {
		return nil, err
	}
	d, err := parseDump(string(out.Stdout))
	if err != nil {
		return nil, err
	}
	all, err := d.parse(d.main, 0)
	if err != nil {
		return nil, err
	}
	var blocks []site.Block
	for _, context := range all {
		if context.name != "http" && context.name != "stream" && context.name != "mail" {
			continue
		}
		for _, b := range context.block {
			if b.name == "server" {
				blocks = append(blocks, block(context, b, d.main)...)
			}
		}
	}
	return site.FromBlocks(ctx, host, blocks)
}

// block is what a server block says; none if it does not speak TLS.
func block(context, b directive, main string) []site.Block {
	out := site.Block{Source: b.file + ":" + strconv.Itoa(b.line)}
	values := func(name string) (all []directive) {
		for _, from := range [][]directive{b.block, context.block} {
			for _, x := range from {
				if x.name == name && len(x.args) > 0 {
					all = append(all, x)
				}
			}
			if len(all) > 0 {
				return all
			}
		}
		return nil
	}
	on := values("ssl")
	for _, x := range b.block {
		switch x.name {
		case "listen":
			if a := listenAddress(x.args); a != "" && (contains(x.args, "ssl") || len(on) > 0 && on[0].args[0] == "on") {
				out.Addresses = append(out.Addresses, a)
			}
		case "server_name":
			out.Names = append(out.Names, names(x.args)...)
		}
	}
	certs, keys := values("ssl_certificate"), values("ssl_certificate_key")
	if len(out.Addresses) == 0 || len(certs) == 0 {
		return nil
	}
	for n, c := range certs {
		pair := site.Pair{}
		if n >= len(keys) {
			pair.Err = model.Fail("nginx.no-key", "path", c.args[0], "source", out.Source)
		} else {
			pair = files(c.args[0], keys[n].args[0], main, out.Source)
		}
		out.Pairs = append(out.Pairs, pair)
	}
	return []site.Block{out}
}

func files(cert, key, main, source string) site.Pair {
	for _, name := range []string{cert, key} {
		if strings.Contains(name, "$") {
			return site.Pair{Err: model.Fail("nginx.variable", "path", name, "source", source)}
		}
		for _, scheme := range []string{"data:", "engine:", "store:"} {
			if strings.HasPrefix(name, scheme) {
				return site.Pair{Err: model.Fail("nginx.no-file", "path", name, "source", source)}
			}
		}
	}
	cert, key = absolute(cert, main), absolute(key, main)
	if cert == key {
		return site.Pair{Files: []pairfiles.File{{Part: pairfiles.Combined, Path: cert}}}
	}
	return site.Pair{Files: []pairfiles.File{{Part: pairfiles.FullChain, Path: cert}, {Part: pairfiles.Key, Path: key}}}
}

// listenAddress is the host:port of a listen directive; "" if no TCP port is listened on.
func listenAddress(args []string) string {
	a := args[0]
	if strings.HasPrefix(a, "unix:") || contains(args, "quic") || contains(args, "udp") {
		return ""
	}
	if _, err := strconv.Atoi(a); err == nil {
		return "0.0.0.0:" + a
	}
	host, port, err := net.SplitHostPort(a)
	if err != nil {
		host, port = strings.Trim(a, "[]"), "80"
	}
	if host == "*" {
		host = "0.0.0.0"
	}
	return net.JoinHostPort(host, port)
}

func contains(args []string, word string) bool {
	for _, a := range args[1:] {
		if a == word {
			return true
		}
	}
	return false
}

// names are the host names of server_name for which a certificate can be: patterns and
// variables are none.
func names(args []string) (all []string) {
	for _, n := range args {
		switch {
		case n == "" || n == "_" || strings.HasPrefix(n, "~") || strings.ContainsAny(n, "$") || strings.HasSuffix(n, ".*"):
		case strings.HasPrefix(n, "."):
			all = append(all, n[1:], "*"+n)
		default:
			all = append(all, n)
		}
	}
	return all
}

// Test implements [site.Server].
func (v server) Test(ctx context.Context, host runner.Runner, _ site.Site) error {
	return site.Run(ctx, host, v.s.Test)
}

// Load implements [site.Server].
func (v server) Load(ctx context.Context, host runner.Runner, _ site.Site) error {
	return site.Run(ctx, host, v.s.Reload)
}

// Commands implements [site.Server].
func (v server) Commands(site.Site) []ports.Change { return site.Commands(v.s.Test, v.s.Reload) }
