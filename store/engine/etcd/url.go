package etcd

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"certquay/model"
	"certquay/store/engine"
)

// Options of [Open].
type Options struct {
	// URL is etcd://USER@HOST1:PORT,HOST2:PORT/PREFIX, without a password. USER may be
	// missing, PORT is 2379 and PREFIX certquay if they are. Its parameters are cacert,
	// cert and key, absolute paths of PEM files; tls=off for a cluster without TLS on
	// other machines; and max-request-bytes, if the servers have another than by default.
	URL string
	// PasswordFile is a file of mode 0600 whose first line is the password of USER.
	PasswordFile string
	Create       bool         // makes a database below a prefix without any keys
	Logger       *slog.Logger // nil for none
}

// Scheme begins the URL of a database.
const Scheme = "etcd://"

const (
	defaultPort   = "2379"
	defaultPrefix = "certquay"
)

// The servers' --max-request-bytes, in bytes: by default, and as the URL may say.
const (
	defaultRequest = 1536 << 10
	leastRequest   = 256 << 10
	mostRequest    = 64 << 20
)

// target is what a URL says.
type target struct {
	name     string // in messages
	user     string
	password string
	hosts    []string // with ports
	prefix   string   // of all keys, ends with a slash
	tls      *tls.Config
	request  int // most bytes of a request
}

// endpoint returns the URL of a path at a host; "" is what the client wants.
func (t *target) endpoint(host, path string) string {
	if t.tls == nil {
		return "http://" + host + path
	}
	return "https://" + host + path
}

// targetOf checks the options.
func targetOf(o Options) (*target, error) {
	rest, ok := strings.CutPrefix(o.URL, Scheme)
	if !ok {
		return nil, model.Fail("etcd.no-url") // the URL may contain a password
	}
	// Package url does not know lists of hosts.
	end := len(rest)
	if n := strings.IndexAny(rest, "/?#"); n >= 0 {
		end = n
	}
	at := strings.LastIndex(rest[:end], "@") + 1
	u, err := url.Parse(Scheme + rest[:at] + "hosts" + rest[end:])
	if err != nil {
		return nil, model.Fail("etcd.no-url")
	}
	t := &target{user: u.User.Username(), request: defaultRequest}
	shown := url.URL{Scheme: u.Scheme, Path: u.Path}
	if t.user != "" {
		shown.User = url.User(t.user)
	}
	shown.Host = "HOSTS"
	t.name = strings.Replace(shown.String(), shown.Host, rest[at:end], 1)
	if _, set := u.User.Password(); set || u.Query().Has("password") {
		return nil, model.Fail("etcd.password-in-url", "url", t.name)
	}
	if err := t.setHosts(rest[at:end]); err != nil {
		return nil, err
	}
	if err := t.setPrefix(u.Path); err != nil {
		return nil, err
	}
	if err := t.setParameters(u); err != nil {
		return nil, err
	}
	switch {
	case o.PasswordFile != "" && t.user == "":
		return nil, model.Fail("etcd.password-of-nobody", "url", t.name)
	case o.PasswordFile != "":
		t.password, err = engine.ReadPassword(o.PasswordFile)
	}
	return t, err
}

func (t *target) setHosts(list string) error {
	for host := range strings.SplitSeq(list, ",") {
		name, port, err := net.SplitHostPort(host)
		if err != nil { // without a port
			name, port = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), defaultPort
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || name == "" || strings.Contains(name, ":") && net.ParseIP(name) == nil {
			return model.Fail("etcd.host", "url", t.name, "host", host)
		}
		t.hosts = append(t.hosts, net.JoinHostPort(name, port))
	}
	return nil
}

// longestPrefix is the most bytes of a prefix: each key of the database begins with it.
const longestPrefix = 64

func (t *target) setPrefix(path string) error {
	t.prefix = strings.Trim(path, "/")
	if t.prefix == "" {
		t.prefix = defaultPrefix
	}
	if len(t.prefix) > longestPrefix {
		return model.Fail("etcd.prefix", "url", t.name, "most", longestPrefix)
	}
	t.prefix += "/"
	return nil
}

func (t *target) setParameters(u *url.URL) error {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return model.Fail("etcd.url", "url", t.name, "cause", err)
	}
	for name := range query {
		if !slices.Contains([]string{"tls", "cacert", "cert", "key", "max-request-bytes"}, name) {
			return model.Fail("etcd.parameter", "url", t.name, "name", name)
		}
	}
	if s := query.Get("max-request-bytes"); query.Has("max-request-bytes") {
		n, err := strconv.Atoi(s)
		if err != nil || n < leastRequest || n > mostRequest {
			return model.Fail("etcd.request", "url", t.name, "least", leastRequest, "most", mostRequest)
		}
		t.request = n
	}
	return t.setTLS(query)
}

// setTLS makes the configuration of TLS, which is used wherever it is not said to be off,
// except that clusters on this machine need files to be named.
func (t *target) setTLS(query url.Values) error {
	files := query.Has("cacert") || query.Has("cert") || query.Has("key")
	switch say := query.Get("tls"); {
	case say != "" && say != "on" && say != "off", say == "off" && files:
		return model.Fail("etcd.tls", "url", t.name)
	case query.Has("cert") != query.Has("key"):
		return model.Fail("etcd.pair", "url", t.name)
	case say == "off", say == "" && !files && !slices.ContainsFunc(t.hosts, remote):
		return nil
	}
	for _, name := range []string{"cacert", "cert", "key"} {
		if query.Has(name) && !filepath.IsAbs(query.Get(name)) {
			return model.Fail("etcd.relative", "url", t.name, "name", name)
		}
	}
	t.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	if file := query.Get("cacert"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return model.Fail("etcd.file", "file", file, "cause", err)
		}
		t.tls.RootCAs = x509.NewCertPool()
		if !t.tls.RootCAs.AppendCertsFromPEM(pem) {
			return model.Fail("etcd.no-certificates", "file", file)
		}
	}
	if file, key := query.Get("cert"), query.Get("key"); file != "" {
		pair, err := tls.LoadX509KeyPair(file, key)
		if err != nil {
			return model.Fail("etcd.file", "file", file, "cause", err)
		}
		t.tls.Certificates = []tls.Certificate{pair}
	}
	return nil
}

// remote reports whether a host is not this machine.
func remote(host string) bool {
	name, _, _ := net.SplitHostPort(host) // made by JoinHostPort
	ip := net.ParseIP(name)
	return name != "localhost" && (ip == nil || !ip.IsLoopback())
}
