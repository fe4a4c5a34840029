package kittest

import (
	"context"
	"encoding/pem"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/discover"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// host is this machine as a world has it: files in memory, of which every folder is there.
type host struct {
	runner.Runner // what discovery does not call
	files         map[string][]byte
}

func (host) Name() string { return runner.Local{}.Name() }

func (host) Close() error { return nil }

func (h host) Stat(_ context.Context, name string) (runner.FileInfo, error) {
	data, is := h.files[name]
	switch {
	case is:
		return runner.FileInfo{Name: path.Base(name), Size: int64(len(data)), Mode: 0o600}, nil
	case name == "/" || h.holds(name):
		return runner.FileInfo{Name: path.Base(name), Mode: fs.ModeDir | 0o700}, nil
	}
	return runner.FileInfo{}, fs.ErrNotExist
}

func (h host) holds(folder string) bool {
	for name := range h.files {
		if strings.HasPrefix(name, folder+"/") {
			return true
		}
	}
	return false
}

func (h host) ReadFile(_ context.Context, name string, _ int64) ([]byte, error) {
	data, is := h.files[name]
	if !is {
		return nil, fs.ErrNotExist
	}
	return data, nil
}

func (h host) ReadDir(ctx context.Context, folder string) (all []runner.FileInfo, err error) {
	for name := range h.files {
		rest, in := strings.CutPrefix(name, folder+"/")
		first, _, _ := strings.Cut(rest, "/")
		if in && !slices.ContainsFunc(all, func(o runner.FileInfo) bool { return o.Name == first }) {
			info, err := h.Stat(ctx, path.Join(folder, first))
			if err != nil {
				return nil, err
			}
			all = append(all, info)
		}
	}
	if len(all) == 0 {
		return nil, fs.ErrNotExist
	}
	slices.SortFunc(all, func(a, b runner.FileInfo) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// AtWork is the configuration with which the server of the driver "server" runs on this
// machine, BrokenConf one that cannot be parsed, and BadHost a host that cannot be reached.
const (
	AtWork     = "/srv/web/server.conf"
	BrokenConf = "/etc/broken.conf"
	BadHost    = "gone.example.com"
)

// Found returns a world in which another client keeps a certificate on this machine.
func Found() *World {
	w := New()
	w.certbot = true
	return w
}

// presented is what the server of this machine presents, and the files of its pairs.
func presented(now time.Time) (all []ports.Presence, files map[string][]byte) {
	files = map[string][]byte{}
	at := func(source, folder string, ago, days int, names ...string) {
		c := certificates.of(Version(now, 1, ago, days, names...).Fingerprint)
		p := ports.Presence{
			Target: ports.Target{Region: runner.Local{}.Name(), Name: names[0]}, Names: names, Address: names[0] + ":443",
			CertFile: path.Join(folder, "fullchain.pem"), KeyFile: path.Join(folder, "privkey.pem"), Source: source, Chain: c.chain[:1],
		}
		files[p.CertFile] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.chain[0]})
		files[p.KeyFile] = keyPEM(c)
		all = append(all, p)
	}
	at(AtWork+":12", "/etc/letsencrypt/live/shop.example.com", 29, 90, "shop.example.com", "www.example.com")
	at(AtWork+":31", "/srv/web/tls/api.example.net", 81, 90, "api.example.net")
	all = append(all, ports.Presence{
		Target:   ports.Target{Region: runner.Local{}.Name(), Name: "old.example.org"},
		Names:    []string{"old.example.org"},
		Source:   AtWork + ":44",
		CertFile: "/srv/web/tls/old.pem",
		Err:      model.Fail("discover.no-certificate", "path", "/srv/web/tls/old.pem"),
	})
	return all, files
}

// certbotFiles are what certbot needs to renew one of the certificates.
func certbotFiles(files map[string][]byte) {
	files["/etc/letsencrypt/renewal/shop.example.com.conf"] = []byte("[renewalparams]\nauthenticator = webroot\n")
	files["/etc/letsencrypt/archive/README"] = []byte("\n")
	files["/etc/systemd/system/certbot.timer"] = []byte("\n")
}

// withDiscovery gives this machine a server of the driver "server" with three sites, one of
// which is broken, and the folder of another client.
func (w *World) withDiscovery(b *lifecycletest.World) {
	all, files := presented(w.Clock)
	if w.certbot {
		certbotFiles(files)
	}
	b.Options.Discover = &discover.Scanner{
		Open: func(address string, _ discover.Reach) (runner.Runner, error) {
			if strings.Contains(address, BadHost) {
				return nil, &model.Error{Text: model.Quoted(address, "no route to host")}
			}
			return host{files: files}, nil
		},
		Look: func(context.Context, string, string) ([]ports.Seen, error) {
			return nil, errors.New("connection refused")
		},
		Servers: []discover.Server{{
			Driver:  "server",
			Propose: func(context.Context, runner.Runner) []map[string]any { return []map[string]any{{"conf": AtWork}, nil} },
			Survey: func(_ context.Context, _ runner.Runner, settings map[string]any) ([]ports.Presence, error) {
				switch settings["conf"] {
				case AtWork, nil:
					return all, nil
				case BrokenConf:
					return nil, &model.Error{Text: model.Quoted("local", "unexpected } in "+BrokenConf+":3")}
				}
				return nil, fs.ErrNotExist
			},
		}},
	}
}

// serve has a product of the driver "server" present what is there.
func (w *World) serve(p *lifecycletest.Product) {
	all, _ := presented(w.Clock)
	for _, at := range all {
		if at.Err == nil && slices.Contains(p.RegionNames, at.Target.Region) {
			p.Put(at.Target, ports.KeyPair{Chain: at.Chain, Fingerprint: bundle.Fingerprint(at.Chain[0])})
		}
	}
}
