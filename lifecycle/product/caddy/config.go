package caddy

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"path"
	"slices"
	"strings"

	"certquay/lifecycle/names"
	"certquay/lifecycle/product/pairfiles"
	"certquay/lifecycle/product/site"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// config is of a configuration what matters (https://caddyserver.com/docs/json).
type config struct {
	Apps struct {
		HTTP struct {
			HTTPPort int `json:"http_port"`
			Servers  map[string]httpServer
		}
		TLS struct {
			Certificates map[string]json.RawMessage
		}
	}
	files []loadFile
}

type httpServer struct {
	Listen []string
	Routes []struct {
		Match []struct{ Host []string }
	}
	Policies  []policy `json:"tls_connection_policies"`
	Automatic struct {
		Disable             bool
		DisableCertificates bool `json:"disable_certificates"`
		Skip                []string
		SkipCertificates    []string `json:"skip_certificates"`
	} `json:"automatic_https"`
}

// policy chooses among certificates.
type policy struct {
	Match struct{ SNI []string }
	Tags  struct {
		Any []string `json:"any_tag"`
		All []string `json:"all_tags"`
	} `json:"certificate_selection"`
}

func (p policy) chooses(f loadFile) bool {
	has := func(tag string) bool { return slices.Contains(f.Tags, tag) }
	missing := func(tag string) bool { return !has(tag) }
	return len(p.Tags.Any)+len(p.Tags.All) > 0 && (len(p.Tags.Any) == 0 || slices.ContainsFunc(p.Tags.Any, has)) &&
		!slices.ContainsFunc(p.Tags.All, missing)
}

type loadFile struct {
	Certificate, Key, Format string
	Tags                     []string
}

const (
	loadFiles    = "load_files"
	automate     = "automate"
	certificates = "apps.tls.certificates."
)

func parse(data []byte) (*config, error) {
	c := new(config)
	err := json.Unmarshal(data, c)
	if list := c.Apps.TLS.Certificates[loadFiles]; err == nil && list != nil {
		err = json.Unmarshal(list, &c.files)
	}
	if err != nil {
		return nil, model.Fail("caddy.configuration", "cause", err)
	}
	return c, nil
}

// pair is what a list of files names.
func (f loadFile) pair(source string) site.Pair {
	for _, name := range []string{f.Certificate, f.Key} {
		if strings.Contains(name, "{") {
			return site.Pair{Err: model.Fail("caddy.placeholder", "path", name, "source", source)}
		}
		if !path.IsAbs(name) {
			return site.Pair{Err: model.Fail("caddy.relative", "path", name, "source", source)}
		}
	}
	if f.Format != "" && f.Format != "pem" {
		return site.Pair{Err: model.Fail("caddy.format", "path", f.Certificate, "format", f.Format, "source", source)}
	}
	cert, key := path.Clean(f.Certificate), path.Clean(f.Key)
	if cert == key {
		return site.Pair{Files: []pairfiles.File{{Part: pairfiles.Combined, Path: cert}}}
	}
	return site.Pair{Files: []pairfiles.File{{Part: pairfiles.FullChain, Path: cert}, {Part: pairfiles.Key, Path: key}}}
}

func fileSource(n int) string { return fmt.Sprintf("%s%s[%d]", certificates, loadFiles, n) }

// sites returns those of files that a policy chooses for names, of other files, of what is
// loaded otherwise, and of names that Caddy has certificates for by itself.
func (c *config) sites(ctx context.Context, host runner.Runner) ([]site.Site, error) {
	var blocks []site.Block
	chosen := map[int]bool{}
	for _, name := range slices.Sorted(maps.Keys(c.Apps.HTTP.Servers)) {
		s := c.Apps.HTTP.Servers[name]
		for n, p := range s.Policies {
			b := site.Block{
				Names:     p.Match.SNI,
				Addresses: addresses(s.Listen),
				Source:    fmt.Sprintf("apps.http.servers.%s.tls_connection_policies[%d]", name, n),
			}
			for m, f := range c.files {
				if p.chooses(f) && len(b.Names) > 0 {
					b.Pairs = append(b.Pairs, f.pair(fileSource(m)))
					chosen[m] = true
				}
			}
			if len(b.Pairs) > 0 {
				blocks = append(blocks, b)
			}
		}
	}
	all, err := site.FromBlocks(ctx, host, blocks)
	if err != nil {
		return nil, err
	}
	others := c.others(chosen)
	automatic, err := c.automatic(ctx, host, append(all, others...))
	if err != nil {
		return nil, err
	}
	return slices.Concat(all, others, automatic), nil
}

// others are the sites of certificates that are for whatever names are in them.
func (c *config) others(chosen map[int]bool) (all []site.Site) {
	var listened []string
	for _, name := range slices.Sorted(maps.Keys(c.Apps.HTTP.Servers)) {
		if s := c.Apps.HTTP.Servers[name]; c.speaksTLS(s) {
			listened = append(listened, addresses(s.Listen)...)
		}
	}
	for n, f := range c.files {
		pair := f.pair(fileSource(n))
		s := site.Site{
			Target: path.Clean(
				f.Certificate,
			),
			ByCertificate: true,
			Addresses:     listened,
			Files:         pair.Files,
			Err:           pair.Err,
			Source:        fileSource(n),
		}
		if !chosen[n] && !slices.ContainsFunc(all, func(o site.Site) bool { return o.Target == s.Target }) {
			all = append(all, s)
		}
	}
	for _, loader := range slices.Sorted(maps.Keys(c.Apps.TLS.Certificates)) {
		if loader != loadFiles && loader != automate {
			source := certificates + loader
			all = append(all, site.Site{Target: loader, Source: source, Err: model.Fail("caddy.loader", "source", source)})
		}
	}
	return all
}

// automatic are the names that are served with certificates of Caddy's own.
func (c *config) automatic(ctx context.Context, host runner.Runner, files []site.Site) (all []site.Site, err error) {
	var covered []string // by files that are for whatever names are in them
	read := false
	for _, name := range slices.Sorted(maps.Keys(c.Apps.HTTP.Servers)) {
		s := c.Apps.HTTP.Servers[name]
		if !c.speaksTLS(s) || s.Automatic.Disable || s.Automatic.DisableCertificates {
			continue
		}
		for _, h := range s.hosts() {
			known := func(o site.Site) bool { return slices.Contains(o.Names, h) }
			if slices.ContainsFunc(files, known) || slices.ContainsFunc(all, known) ||
				slices.Contains(s.Automatic.Skip, h) || slices.Contains(s.Automatic.SkipCertificates, h) {
				continue
			}
			if !read {
				if covered, err = namesIn(ctx, host, files); err != nil {
					return nil, err
				}
				read = true
			}
			if names.Covers(covered, h) || slices.Contains(covered, h) {
				continue
			}
			all = append(all, site.Site{
				Target: h, Names: []string{h}, Addresses: addresses(s.Listen), Source: "apps.http.servers." + name,
				Err: model.Fail("caddy.automatic", "name", h),
			})
		}
	}
	return all, nil
}

// hosts are the names that the routes of a server match.
func (s httpServer) hosts() (all []string) {
	for _, r := range s.Routes {
		for _, m := range r.Match {
			for _, h := range m.Host {
				if h = strings.ToLower(h); h != "" && !strings.Contains(h, "{") && !slices.Contains(all, h) {
					all = append(all, h)
				}
			}
		}
	}
	return all
}

// namesIn are the names in certificates that are for whatever names are in them.
func namesIn(ctx context.Context, host runner.Runner, files []site.Site) (all []string, err error) {
	for _, s := range files {
		if !s.ByCertificate || s.Err != nil {
			continue
		}
		st, err := (&pairfiles.Set{Host: host, Files: s.Files}).State(ctx)
		if err != nil {
			return nil, err
		}
		if len(st.Chain) == 0 {
			continue
		}
		leaf, err := x509.ParseCertificate(st.Chain[0])
		if err != nil {
			continue // Caddy does not present it either
		}
		all = append(all, leaf.DNSNames...)
	}
	return all, nil
}

// speaksTLS reports whether a server does: it has a policy, or Caddy gives it one, since it
// serves names on other ports than that of HTTP.
func (c *config) speaksTLS(s httpServer) bool {
	if len(s.Policies) > 0 {
		return true
	}
	plain := fmt.Sprint(cmp.Or(c.Apps.HTTP.HTTPPort, 80))
	return !s.Automatic.Disable && len(s.hosts()) > 0 && slices.ContainsFunc(addresses(s.Listen), func(a string) bool {
		_, port, _ := net.SplitHostPort(a)
		return port != plain
	})
}

// addresses are the TCP addresses that a server listens on; of a range of ports the first.
func addresses(listen []string) (all []string) {
	for _, a := range listen {
		if network, rest, ok := strings.Cut(a, "/"); ok {
			if !strings.HasPrefix(network, "tcp") {
				continue
			}
			a = rest
		}
		host, port, err := net.SplitHostPort(a)
		if err != nil || strings.Contains(a, "{") {
			continue
		}
		port, _, _ = strings.Cut(port, "-")
		all = append(all, net.JoinHostPort(host, port))
	}
	return all
}
