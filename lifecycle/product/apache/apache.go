// Package apache is the driver "apache": server names of Apache httpd's virtual hosts,
// whose certificate files are swapped as pairs.
//
// Which virtual hosts there are, and in which files, is what apachectl -t -D DUMP_VHOSTS
// says; the files are read for what they name. Targets are named as those of the driver
// nginx.
package apache

import (
	"context"
	"net"
	"path"
	"slices"
	"strings"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/pairfiles"
	"certquay/lifecycle/product/site"
	"certquay/lifecycle/runner"
	"certquay/model"
	"certquay/model/setting"
)

// Driver is the name of the driver.
const Driver = "apache"

// Settings are what the configuration says of a product of this driver.
type Settings struct {
	Show      []string `yaml:"show" command:"true"`
	Test      []string `yaml:"test" command:"true"`
	Reload    []string `yaml:"reload" command:"true"`
	Address   string   `yaml:"address"`
	Directory string   `yaml:"directory"`
}

// DefaultSettings are those of a packaged Apache.
func DefaultSettings() Settings {
	return Settings{
		Show: Show("apachectl"), Test: []string{"apachectl", "-t"}, Reload: []string{"apachectl", "-k", "graceful"},
	}
}

// Show is the command that prints the overview of a configuration.
func Show(program ...string) []string {
	return append(program, "-t", "-D", "DUMP_VHOSTS", "-D", "DUMP_INCLUDES", "-D", "DUMP_RUN_CFG")
}

// ByConfiguration returns the settings for the server whose main configuration is a file;
// nil if it is none of Apache's.
func ByConfiguration(_ context.Context, _ runner.Runner, file string) map[string]any {
	if base := path.Base(file); base != "apache2.conf" && base != "httpd.conf" {
		return nil
	}
	return started("apachectl", "-f", file)
}

// started are the settings for the server that a program with options is.
func started(program ...string) map[string]any {
	return map[string]any{
		"show": Show(slices.Clone(program)...), "test": append(slices.Clone(program), "-t"),
		"reload": append(slices.Clone(program), "-k", "graceful"),
	}
}

// Propose returns the settings for the servers that run on a host, and for those at usual
// places, nil for the defaults.
func Propose(ctx context.Context, host runner.Runner) (all []map[string]any) {
	seen := map[string]bool{}
	for _, name := range []string{"apache2", "httpd"} {
		for _, argv := range site.Running(ctx, host, name, "") {
			program := []string{argv[0]}
			for _, o := range []string{"-d", "-f"} {
				if v := site.Argument(argv, o); v != "" {
					program = append(program, o, v)
				}
			}
			if key := strings.Join(program, " "); len(program) > 1 && !seen[key] { // its workers have the same
				seen[key] = true
				all = append(all, started(program...))
			}
		}
	}
	if file := "/usr/local/apache2/conf/httpd.conf"; site.Exists(ctx, host, file) {
		all = append(all, ByConfiguration(ctx, host, file))
	}
	return append(all, nil)
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

// Sites implements [site.Server].
func (v server) Sites(ctx context.Context, host runner.Runner) ([]site.Site, error) {
	out, err := host.Run(ctx, runner.Command{Argv: v.s.Show, Limit: maxFile})
	if err != nil {
		return nil, err
	}
	o, err := parseOverview(string(out.Stdout))
	if err != nil {
		return nil, err
	}
	r := &reader{overview: o, ctx: ctx, host: host, files: map[string][]directive{}}
	var global []directive
	for _, f := range o.included {
		more, _, err := r.section(f, 0, "", 0)
		if err != nil {
			return nil, err
		}
		global = append(global, more...)
	}
	var blocks []site.Block
	for _, f := range o.included {
		for _, line := range o.hosts[f] {
			inside, args, err := r.section(f, number(line), "virtualhost", 0)
			if err != nil {
				return nil, err
			}
			if b := r.block(inside, global, args, source(f, line)); b != nil {
				blocks = append(blocks, *b)
			}
		}
	}
	return site.FromBlocks(ctx, host, blocks)
}

// block is what a virtual host says; nil if it does not speak TLS or names no files.
func (r *reader) block(inside, global []directive, addresses []string, source string) *site.Block {
	values := func(name string) []directive {
		for _, from := range [][]directive{inside, global} {
			var all []directive
			for _, d := range from {
				if d.name == name && len(d.args) > 0 {
					all = append(all, d)
				}
			}
			if len(all) > 0 {
				return all
			}
		}
		return nil
	}
	engine := values("sslengine")
	if len(engine) == 0 || strings.EqualFold(engine[len(engine)-1].args[0], "off") {
		return nil
	}
	b := &site.Block{Addresses: listens(addresses, values("listen")), Source: source}
	for _, d := range inside {
		if d.name == "servername" || d.name == "serveralias" {
			for _, n := range d.args {
				b.Names = append(b.Names, hostName(n)...)
			}
		}
	}
	certs, keys, chains := values("sslcertificatefile"), values("sslcertificatekeyfile"), values("sslcertificatechainfile")
	for n, c := range certs {
		b.Pairs = append(b.Pairs, r.pair(n, c, keys, chains, source))
	}
	if len(b.Pairs) == 0 {
		return nil
	}
	return b
}

// pair is the n-th certificate of a virtual host. Without a key of its own the certificate's
// file holds the key.
func (r *reader) pair(n int, cert directive, keys, chains []directive, source string) site.Pair {
	files := []pairfiles.File{{Part: pairfiles.FullChain, Path: cert.args[0]}}
	if len(chains) > 0 {
		files[0].Part = pairfiles.Leaf
		files = append(files, pairfiles.File{Part: pairfiles.Chain, Path: chains[0].args[0]})
	}
	switch {
	case n < len(keys) && keys[n].args[0] != cert.args[0]:
		files = append(files, pairfiles.File{Part: pairfiles.Key, Path: keys[n].args[0]})
	case len(chains) > 0:
		return site.Pair{Err: model.Fail("apache.no-key", "path", cert.args[0], "source", source)}
	default:
		files[0].Part = pairfiles.Combined
	}
	for n, f := range files {
		if strings.Contains(f.Path, "${") {
			return site.Pair{Err: model.Fail("apache.variable", "path", f.Path, "source", source)}
		}
		if strings.Contains(f.Path, ":") { // pkcs11: and others of OpenSSL
			return site.Pair{Err: model.Fail("nginx.no-file", "path", f.Path, "source", source)}
		}
		files[n].Path = r.absolute(f.Path)
	}
	return site.Pair{Files: files}
}

// hostName is the host of a ServerName, which may have a scheme and a port. A pattern other
// than a wildcard for one label is none.
func hostName(name string) []string {
	if _, after, ok := strings.Cut(name, "://"); ok {
		name = after
	}
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	if rest := strings.TrimPrefix(name, "*."); name == "" || strings.ContainsAny(rest, "*?") {
		return nil
	}
	return []string{name}
}

// listens are the addresses of a virtual host, where they are all those of the server with
// the same port.
func listens(addresses []string, listen []directive) (all []string) {
	add := func(a string) {
		if !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	for _, a := range addresses {
		host, port, err := net.SplitHostPort(a)
		if err != nil {
			host, port = strings.Trim(a, "[]"), "*"
		}
		if host != "*" && host != "_default_" && port != "*" {
			add(a)
			continue
		}
		for _, l := range listen {
			at, p, err := net.SplitHostPort(l.args[0])
			if err != nil {
				at, p = "0.0.0.0", l.args[0]
			}
			if port != "*" && port != p {
				continue
			}
			if host != "*" && host != "_default_" {
				at = host
			}
			add(net.JoinHostPort(at, p))
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
