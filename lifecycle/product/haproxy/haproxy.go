// Package haproxy is the driver "haproxy": the certificate files of HAProxy's configuration,
// which are swapped as pairs and given to the running process over its stats socket.
//
// A target is named after its file, since HAProxy chooses among files by the names in the
// certificates. Where a crt-list has server name filters, a certificate has to cover them.
package haproxy

import (
	"context"
	"net"
	"path"
	"slices"
	"strings"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/site"
	"certquay/lifecycle/runner"
	"certquay/model"
	"certquay/model/setting"
)

// Driver is the name of the driver.
const Driver = "haproxy"

// Settings are what the configuration says of a product of this driver.
type Settings struct {
	Configuration []string `yaml:"configuration"`
	Socket        string   `yaml:"socket"`
	Test          []string `yaml:"test" command:"true"`
	Reload        []string `yaml:"reload" command:"true"`
	Address       string   `yaml:"address"`
	Directory     string   `yaml:"directory"`
}

// DefaultSettings are those of a packaged HAProxy.
func DefaultSettings() Settings {
	const file = "/etc/haproxy/haproxy.cfg"
	return Settings{
		Configuration: []string{file}, Socket: "/run/haproxy/admin.sock",
		Test: []string{"haproxy", "-c", "-f", file}, Reload: []string{"systemctl", "reload", "haproxy"},
	}
}

// ByConfiguration returns the settings for the server whose main configuration is a file;
// nil if it is none of HAProxy's.
func ByConfiguration(ctx context.Context, host runner.Runner, file string) map[string]any {
	if path.Base(file) != "haproxy.cfg" {
		return nil
	}
	return started(ctx, host, "haproxy", file)
}

// started are the settings for the server that a program with configurations is. The socket is
// the first that they say to be for administrators; without one, HAProxy is reloaded.
func started(ctx context.Context, host runner.Runner, program string, files ...string) map[string]any {
	test := []string{program, "-c"}
	for _, f := range files {
		test = append(test, "-f", f)
	}
	s := map[string]any{"configuration": files, "test": test, "socket": ""}
	for _, f := range files {
		if socket := adminSocket(ctx, host, f); socket != "" {
			s["socket"] = socket
			break
		}
	}
	return s
}

// Propose returns the settings for the servers that run on a host, and for the one at the usual
// place.
func Propose(ctx context.Context, host runner.Runner) (all []map[string]any) {
	seen := map[string]bool{}
	for _, argv := range site.Running(ctx, host, "haproxy", "") {
		files := site.Arguments(argv, "-f")
		if key := strings.Join(files, "\n"); len(files) > 0 && !seen[key] { // its workers have the same
			seen[key] = true
			all = append(all, started(ctx, host, argv[0], files...))
		}
	}
	return append(all, started(ctx, host, "haproxy", DefaultSettings().Configuration...))
}

// adminSocket returns the socket for administrators that a configuration names; "" for none, or
// if it cannot be read, which reading the sites says.
func adminSocket(ctx context.Context, host runner.Runner, file string) string {
	data, err := host.ReadFile(ctx, file, maxFile)
	if err != nil {
		return ""
	}
	lines, _ := parse(file, string(data), "")
	for _, l := range lines {
		w := l.words
		if l.section == "global" && len(w) > 2 && w[0] == "stats" && w[1] == "socket" && administers(w[3:]) {
			if socket := statsSocket(w[2]); socket != "" {
				return socket
			}
		}
	}
	return ""
}

// administers reports whether the options of a stats socket let certificates be changed.
func administers(options []string) bool {
	n := slices.Index(options, "level")
	return n >= 0 && n+1 < len(options) && options[n+1] == "admin"
}

// statsSocket is the address of a socket as the settings have it; "" for one that is not
// known.
func statsSocket(address string) string {
	address = strings.TrimPrefix(address, "unix@")
	if path.IsAbs(address) {
		return path.Clean(address)
	}
	if all := addresses(address); len(all) > 0 {
		return all[0]
	}
	return ""
}

var _ setting.Checker = Settings{}

// Check implements [setting.Checker].
func (s Settings) Check() (wrong []setting.Problem) {
	d := DefaultSettings()
	bad := func(name, code, example string) {
		wrong = append(wrong, setting.Problem{Setting: name, Rule: model.Say(code), Example: example})
	}
	absolute := func(p string) bool { return path.IsAbs(p) && path.Clean(p) == p }
	if len(s.Configuration) == 0 || slices.ContainsFunc(s.Configuration, func(p string) bool { return !absolute(p) }) {
		bad("configuration", "config.absolute-path", d.Configuration[0])
	}
	if _, _, err := net.SplitHostPort(s.Socket); s.Socket != "" && err != nil && !absolute(s.Socket) {
		bad("socket", "config.socket", d.Socket)
	}
	wrong = append(wrong, site.CheckCommand("test", s.Test, d.Test)...)
	if s.Socket == "" {
		wrong = append(wrong, site.CheckCommand("reload", s.Reload, d.Reload)...)
	}
	return append(wrong, site.CheckPlaces(s.Address, s.Directory)...)
}

// New makes a product. Of the options it sets Server, Base, Address and Again: HAProxy 2.6 loses
// a signal to reload that comes while it is starting its next worker.
func New(s Settings, o site.Options) *site.Product {
	o.Server, o.Base, o.Address, o.Again = server{s}, s.Directory, s.Address, true
	return site.New(o)
}

type server struct{ s Settings }

// Sites implements [site.Server].
func (v server) Sites(ctx context.Context, host runner.Runner) ([]site.Site, error) {
	r := &reader{ctx: ctx, host: host, listed: map[string][]runner.FileInfo{}, sites: map[string]*site.Site{}}
	lines, err := r.configuration(v.s.Configuration)
	if err != nil {
		return nil, err
	}
	r.globals(lines)
	for _, b := range binds(lines) {
		if err := r.bind(b); err != nil {
			return nil, err
		}
	}
	all := make([]site.Site, len(r.order))
	for n, name := range r.order {
		all[n] = *r.sites[name]
	}
	return all, nil
}

// Test implements [site.Server]: the configuration is good, and the process that is to load
// the files answers.
func (v server) Test(ctx context.Context, host runner.Runner, _ site.Site) error {
	err := site.Run(ctx, host, v.s.Test)
	if err == nil && v.s.Socket != "" {
		_, _, err = v.runtime(host).certificates(ctx)
	}
	return err
}

// Load implements [site.Server]. A file that the process does not have needs a reload.
func (v server) Load(ctx context.Context, host runner.Runner, s site.Site) error {
	if v.s.Socket == "" {
		return site.Run(ctx, host, v.s.Reload)
	}
	known, err := v.runtime(host).load(ctx, s)
	if err != nil || known {
		return err
	}
	if len(v.s.Reload) == 0 {
		return model.Fail("haproxy.not-loaded", "path", s.Target, "socket", v.s.Socket)
	}
	return site.Run(ctx, host, v.s.Reload)
}

func (v server) runtime(host runner.Runner) runtime { return runtime{host, v.s.Socket} }

// Commands implements [site.Server].
func (v server) Commands(s site.Site) []ports.Change {
	if v.s.Socket == "" {
		return site.Commands(v.s.Test, v.s.Reload)
	}
	changes := site.Commands(v.s.Test)
	for _, command := range []string{setCert, commitCert} {
		changes = append(changes, ports.Change{Kind: ports.ChangeCall, Subject: command + s.Target})
	}
	return changes
}
