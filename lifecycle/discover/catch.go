package discover

import (
	"bytes"
	"context"
	"path"
	"reflect"
	"slices"
	"strings"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// catch collects what is found on one host.
type catch struct {
	ctx     context.Context
	tree    *tree
	servers []Server

	found     []Finding
	copies    map[string]int // paths of copies that a client keeps, to the index of the finding
	presented []presented
	starters  map[string]string
	timers    []string
	cronLines []cronLine
	loose     bundle.Pairing
}

func newCatch(ctx context.Context, host runner.Runner, servers []Server) *catch {
	return &catch{ctx: ctx, tree: newTree(ctx, host), servers: servers, copies: map[string]int{}, starters: map[string]string{}}
}

// presented is what a server says that it presents.
type presented struct {
	place    Place
	presence ports.Presence
}

// add collects a finding.
func (c *catch) add(f Finding) {
	f.Host = c.tree.host.Name()
	c.found = append(c.found, f)
}

// also records where a client puts copies of the finding that is added next.
func (c *catch) also(f *Finding, paths ...string) {
	for _, p := range paths {
		if p != "" && p != f.Path {
			c.copies[p] = len(c.found)
		}
	}
}

// broken adds something that cannot be read.
func (c *catch) broken(path, name string, err error) {
	c.add(Finding{Path: path, Name: name, Problem: model.TextOf(err)})
}

// usual reads the usual places of a host, and the servers that run there from others.
func (c *catch) usual() {
	for _, s := range c.servers {
		for _, settings := range s.proposed(c.ctx, c.tree.host) {
			c.survey(s, settings, s.Driver, true)
		}
	}
	c.folders()
}

// folders reads the folders of clients at their usual places.
func (c *catch) folders() {
	roots := []string{"/etc/letsencrypt", "/etc/dehydrated", "/var/lib/dehydrated", "/etc/lego", "/var/lib/caddy/.local/share/caddy"}
	for _, home := range c.homes() {
		roots = append(roots, path.Join(home, ".acme.sh"), path.Join(home, ".lego"), path.Join(home, ".local/share/caddy"))
	}
	for _, root := range roots {
		if in := c.tree.dir(root); len(in) > 0 {
			c.client(root, in)
		}
	}
}

// homes are the home directories of the host.
func (c *catch) homes() []string {
	all := []string{"/root"}
	for _, name := range c.tree.folders("/home") {
		all = append(all, path.Join("/home", name))
	}
	return all
}

// client reads a folder of a client of whatever kind. It reports whether it was one.
func (c *catch) client(root string, in listing) bool {
	switch {
	case in.folder("live") && (in.folder("archive") || in.folder("renewal")):
		c.certbot(root)
	case in.folder("certs") && (in.folder("accounts") || in.file("domains.txt")):
		c.dehydrated(root)
	case in.folder("certificates") && in.folder("accounts"):
		c.lego(root)
	case in.folder("certificates") && (in.file("last_clean.json") || in.folder("acme") || in.folder("locks")):
		c.caddy(root)
	case in.file("account.conf"), in.file("acme.sh"), path.Base(root) == ".acme.sh":
		return c.acmeSh(root)
	default:
		return false
	}
	return true
}

// path reads a file, or a folder with all below it.
func (c *catch) path(root string) {
	info, err := c.tree.host.Stat(c.ctx, root)
	switch {
	case err != nil:
		c.broken(root, path.Base(root), err)
	case info.Mode.IsDir():
		c.tree.walk(root, func(dir string, in listing) bool { return !c.client(dir, in) }, c.file)
	default:
		c.file(root)
	}
}

// file takes a file that was found: the configuration of a server, or a certificate or key.
func (c *catch) file(name string) {
	for _, s := range c.servers {
		if s.ByConfiguration == nil {
			continue
		}
		if settings := s.ByConfiguration(c.ctx, c.tree.host, name); settings != nil {
			c.survey(s, settings, name, false)
			return
		}
	}
	switch strings.ToLower(path.Ext(name)) {
	case ".pem", ".crt", ".cer", ".key", ".der":
	default:
		return
	}
	data, err := c.tree.read(name)
	if err != nil {
		c.broken(name, path.Base(name), err)
		return
	}
	c.loose.Add(bundle.File{Name: name, Data: data})
}

// survey reads what a server presents. One that was only guessed is none if it is not
// installed or does not run. What another server has told of the same line is not added again.
func (c *catch) survey(s Server, settings map[string]any, source string, guessed bool) {
	all, err := s.Survey(c.ctx, c.tree.host, settings)
	if err != nil && (!guessed || !absent(err)) {
		c.broken(source, s.Driver, err)
	}
	for _, p := range all {
		place := Place{Driver: s.Driver, Settings: settings, Target: p.Target, Address: p.Address, Source: p.Source, Managed: p.Managed}
		same := func(o presented) bool {
			return o.place.Driver == place.Driver && o.place.Target == place.Target && o.place.Source == place.Source &&
				place.Source != "" && !reflect.DeepEqual(o.place.Settings, settings)
		}
		if !slices.ContainsFunc(c.presented, same) {
			c.presented = append(c.presented, presented{place, p})
		}
	}
}

// result are the findings of the host: what servers present is joined to the files of the
// clients, and the rest is what nobody is known to renew.
func (c *catch) result() []Finding {
	for _, p := range c.presented {
		c.join(p)
	}
	c.pairs()
	if c.tree.full {
		c.broken("/", "limit", model.Fail("discover.full", "path", "/"))
	}
	return c.found
}

// join adds a place to the finding whose certificate is presented there, or makes one.
func (c *catch) join(p presented) {
	f := Finding{Path: p.presence.CertFile, ChainPath: p.presence.ChainFile, KeyPath: p.presence.KeyFile}
	if f.Path == "" {
		f.Path = p.place.Source
	}
	err := p.presence.Err
	if err == nil && len(p.presence.Chain) == 0 {
		err = model.Fail("discover.no-certificate", "path", f.Path)
	}
	if err == nil {
		err = f.read(p.presence.Chain)
	}
	n := slices.IndexFunc(c.found, func(o Finding) bool { return f.Fingerprint != "" && o.Fingerprint == f.Fingerprint })
	if copied, is := c.copies[f.Path]; n < 0 && is {
		n = copied // its client has renewed it since, and the server not
	}
	if n >= 0 && err == nil {
		c.found[n].Places = append(c.found[n].Places, p.place)
		return
	}
	if f.Name = name(&f); len(p.presence.Names) > 0 && f.Fingerprint == "" {
		f.Name = p.presence.Names[0]
	}
	f.Places = []Place{p.place}
	if err != nil {
		f.Problem = at(p.place.Source, err)
	}
	c.add(f)
}

// at is an error with the line of a configuration.
func at(source string, err error) model.Text {
	if source == "" {
		return model.TextOf(err)
	}
	return model.Say("discover.at", "source", source, "cause", err)
}

// pairs adds the loose certificates that no client and no server has named.
func (c *catch) pairs() {
	found, left := c.loose.Result()
	for n := range found {
		one := &found[n]
		f := Finding{Path: one.Files[0].Name}
		if err := f.read([][]byte{one.Leaf.Raw}); err != nil {
			f.Problem = model.TextOf(err)
		}
		if last := one.Files[len(one.Files)-1]; bytes.Contains(last.Data, []byte("PRIVATE KEY")) {
			f.KeyPath = last.Name
		}
		f.Name = name(&f)
		if !slices.ContainsFunc(c.found, func(o Finding) bool { return o.Fingerprint == f.Fingerprint }) {
			c.add(f)
		}
	}
	for _, l := range left {
		if !l.Skipped {
			c.broken(l.Name, path.Base(l.Name), l.Why)
		}
	}
}
