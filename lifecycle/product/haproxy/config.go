package haproxy

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"

	"certquay/lifecycle/product/pairfiles"
	"certquay/lifecycle/product/site"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// maxFile is how long a file may be that is read, in bytes.
const maxFile = 1 << 20

// line is a line of a configuration.
type line struct {
	section string
	words   []string
	source  string // as file:line
}

// reader reads the configuration of a host.
type reader struct {
	ctx    context.Context
	host   runner.Runner
	listed map[string][]runner.FileInfo // directories

	base         string // crt-base
	replacingExt bool   // ssl-load-extra-del-ext

	sites map[string]*site.Site // by the path of their first file
	order []string
}

// configuration reads files, and those directories' files that HAProxy reads.
func (r *reader) configuration(paths []string) (all []line, err error) {
	section := ""
	for _, p := range paths {
		files := []string{p}
		info, err := r.host.Stat(r.ctx, p)
		if err != nil {
			return nil, err
		}
		if info.Mode.IsDir() {
			entries, err := r.list(p)
			if err != nil {
				return nil, err
			}
			files = nil
			for _, e := range entries {
				if strings.HasSuffix(e.Name, ".cfg") && !strings.HasPrefix(e.Name, ".") {
					files = append(files, path.Join(p, e.Name))
				}
			}
		}
		for _, f := range files {
			data, err := r.host.ReadFile(r.ctx, f, maxFile)
			if err != nil {
				return nil, err
			}
			var more []line
			more, section = parse(f, string(data), section)
			all = append(all, more...)
		}
	}
	return all, nil
}

// list returns the entries of a directory, by name.
func (r *reader) list(dir string) ([]runner.FileInfo, error) {
	if all, ok := r.listed[dir]; ok {
		return all, nil
	}
	all, err := r.host.ReadDir(r.ctx, dir)
	if err == nil {
		r.listed[dir] = all
	}
	return all, err
}

// sections are the keywords that begin one (HAProxy configuration manual, section 2).
var sections = []string{
	"global", "defaults", "frontend", "backend", "listen", "peers", "mailers", "resolvers", "userlist", "cache", "program",
	"http-errors", "ring", "log-forward", "fcgi-app", "crt-store", "traces", "acme", "log-profile",
}

// parse splits a file into lines. A section goes on in the next file.
func parse(file, text, section string) (all []line, last string) {
	n := 0
	for l := range strings.Lines(text) {
		n++
		w := words(l)
		if len(w) == 0 {
			continue
		}
		if slices.Contains(sections, w[0]) {
			section = w[0]
		}
		all = append(all, line{section, w, file + ":" + strconv.Itoa(n)})
	}
	return all, section
}

// words splits a line as HAProxy does (configuration manual, section 2.2). Variables stay as
// they are.
func words(l string) (all []string) {
	var word strings.Builder
	inside, quote := false, byte(0)
	for n := 0; n < len(l); n++ {
		c := l[n]
		switch {
		case c == '\\' && quote != '\'' && n+1 < len(l) && l[n+1] != '\n':
			n++
			inside = true
			word.WriteByte(l[n])
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, inside = c, true
		case quote == 0 && (c == '#' || c == '\n' || c == '\r'):
			n = len(l)
		case quote == 0 && (c == ' ' || c == '\t'):
			if inside {
				all = append(all, word.String())
			}
			word.Reset()
			inside = false
		default:
			inside = true
			word.WriteByte(c)
		}
	}
	if inside {
		all = append(all, word.String())
	}
	return all
}

func (r *reader) globals(lines []line) {
	for _, l := range lines {
		switch {
		case l.section != "global":
		case l.words[0] == "crt-base" && len(l.words) > 1:
			r.base = l.words[1]
		case l.words[0] == "ssl-load-extra-del-ext":
			r.replacingExt = true
		}
	}
}

// bind is where HAProxy listens with TLS.
type bind struct {
	addresses   []string
	crts, lists []string
	source      string
}

func binds(lines []line) (all []bind) {
	for _, l := range lines {
		if l.section != "frontend" && l.section != "listen" || l.words[0] != "bind" || len(l.words) < 2 ||
			!slices.Contains(l.words[2:], "ssl") {
			continue
		}
		b := bind{source: l.source}
		if !slices.Contains(l.words[2:], "accept-proxy") { // others cannot ask there
			b.addresses = addresses(l.words[1])
		}
		for n, w := range l.words[:len(l.words)-1] {
			switch w {
			case "crt":
				b.crts = append(b.crts, l.words[n+1])
			case "crt-list":
				b.lists = append(b.lists, l.words[n+1])
			}
		}
		all = append(all, b)
	}
	return all
}

// addresses are the TCP addresses of a bind line; of a range of ports the first.
func addresses(list string) (all []string) {
	for a := range strings.SplitSeq(list, ",") {
		anyHost := "0.0.0.0"
		if family, rest, ok := strings.Cut(a, "@"); ok {
			switch family {
			case "ipv6", "tcp6":
				anyHost = "::"
			case "ipv4", "tcp", "tcp4":
			default: // sockets and QUIC
				continue
			}
			a = rest
		}
		n := strings.LastIndexByte(a, ':')
		if n < 0 || strings.ContainsAny(a, "/$") {
			continue
		}
		host, ports := strings.Trim(a[:n], "[]"), a[n+1:]
		if host == "" || host == "*" {
			host = anyHost
		}
		port, _, _ := strings.Cut(ports, "-")
		if _, err := strconv.ParseUint(port, 10, 16); err == nil {
			all = append(all, net.JoinHostPort(host, port))
		}
	}
	return all
}

// bind adds the files of a bind line.
func (r *reader) bind(b bind) error {
	for _, name := range b.crts {
		if err := r.add(b, name, nil, b.source, true); err != nil {
			return err
		}
	}
	for _, name := range b.lists {
		if err := r.crtList(b, name); err != nil {
			return err
		}
	}
	return nil
}

// crtList adds the files of a list (HAProxy configuration manual, section 5.1, crt-list).
func (r *reader) crtList(b bind, name string) error {
	if wrong := named(name, b.source); wrong != nil {
		r.site(name, b, nil, b.source).Err = wrong
		return nil
	}
	data, err := r.host.ReadFile(r.ctx, name, maxFile)
	if err != nil {
		return err
	}
	n := 0
	for l := range strings.Lines(string(data)) {
		n++
		l = strings.TrimSpace(l)
		if l == "" || l[0] == '#' {
			continue
		}
		crt, rest, _ := strings.Cut(strings.ReplaceAll(l, "\t", " "), " ")
		if _, after, ok := strings.Cut(rest, "]"); ok && strings.HasPrefix(strings.TrimSpace(rest), "[") {
			rest = after
		}
		var filters []string
		for _, f := range strings.Fields(rest) {
			if f != "*" && f[0] != '!' {
				filters = append(filters, strings.ToLower(f))
			}
		}
		if err := r.add(b, crt, filters, name+":"+strconv.Itoa(n), false); err != nil {
			return err
		}
	}
	return nil
}

// named says why a path cannot be followed.
func named(name, source string) error {
	switch {
	case strings.Contains(name, "$"):
		return model.Fail("haproxy.variable", "path", name, "source", source)
	case strings.HasPrefix(name, "@"):
		return model.Fail("haproxy.crt-store", "path", name, "source", source)
	case !path.IsAbs(name):
		return model.Fail("haproxy.relative", "path", name, "source", source)
	}
	return nil
}

// add adds what a name of a certificate leads to: a file, the files of several kinds of key,
// or, if that is allowed, those of a directory.
func (r *reader) add(b bind, name string, filters []string, source string, directory bool) error {
	if !path.IsAbs(name) && r.base != "" && !strings.HasPrefix(name, "@") && !strings.Contains(name, "$") {
		name = r.base + "/" + name
	}
	if wrong := named(name, source); wrong != nil {
		r.site(name, b, filters, source).Err = wrong
		return nil //nolint:nilerr // it is the site's
	}
	name = path.Clean(name)
	info, err := r.entry(name)
	switch {
	case err != nil:
		return err
	case info == nil:
		return r.bundle(b, name, filters, source)
	case directory && info.Mode.IsDir():
		return r.directory(b, name, source)
	}
	return r.file(b, name, filters, source)
}

// bundle adds the files with an RSA, an ECDSA and a DSA certificate that a name stands for.
func (r *reader) bundle(b bind, name string, filters []string, source string) error {
	found := false
	for _, kind := range []string{".rsa", ".ecdsa", ".dsa"} {
		there, err := r.entry(name + kind)
		if err == nil && there != nil {
			found = true
			err = r.file(b, name+kind, filters, source)
		}
		if err != nil {
			return err
		}
	}
	if !found {
		return r.file(b, name, filters, source)
	}
	return nil
}

// directory adds the files of a directory that HAProxy loads.
func (r *reader) directory(b bind, dir, source string) error {
	entries, err := r.list(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch path.Ext(e.Name) {
		case ".issuer", ".ocsp", ".sctl", ".key":
			continue
		}
		if strings.HasPrefix(e.Name, ".") {
			continue
		}
		name := path.Join(dir, e.Name)
		info, err := r.entry(name)
		if err == nil && info != nil && info.Mode.IsRegular() {
			err = r.file(b, name, nil, source)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entry describes what a path leads to; nil if that is not there. Its directory is read once
// for all entries.
func (r *reader) entry(name string) (*runner.FileInfo, error) {
	entries, err := r.list(path.Dir(name))
	n := slices.IndexFunc(entries, func(e runner.FileInfo) bool { return e.Name == path.Base(name) })
	if errors.Is(err, fs.ErrNotExist) || err == nil && n < 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if entries[n].Mode&fs.ModeSymlink == 0 {
		return &entries[n], nil
	}
	info, err := r.host.Stat(r.ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return &info, err
}

// file adds a file. Its key may be in a file beside it.
func (r *reader) file(b bind, name string, filters []string, source string) error {
	s := r.site(name, b, filters, source)
	if s.Files != nil {
		return nil
	}
	key := name + ".key"
	if rest, ok := strings.CutSuffix(name, ".crt"); ok && r.replacingExt {
		key = rest + ".key"
	}
	beside, err := r.entry(key)
	if err != nil {
		return err
	}
	s.Files = []pairfiles.File{{Part: pairfiles.Combined, Path: name}}
	if beside != nil {
		s.Files = []pairfiles.File{{Part: pairfiles.FullChain, Path: name}, {Part: pairfiles.Key, Path: key}}
	}
	return nil
}

// site returns the site of a file, with what one more line says of it.
func (r *reader) site(name string, b bind, filters []string, source string) *site.Site {
	s := r.sites[name]
	if s == nil {
		s = &site.Site{Target: name, ByCertificate: true, Source: source}
		r.sites[name] = s
		r.order = append(r.order, name)
	}
	for _, a := range b.addresses {
		if !slices.Contains(s.Addresses, a) {
			s.Addresses = append(s.Addresses, a)
		}
	}
	for _, f := range filters {
		if !slices.Contains(s.Names, f) {
			s.Names = append(s.Names, f)
		}
	}
	return s
}
