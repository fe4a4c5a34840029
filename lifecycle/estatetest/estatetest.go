// Package estatetest makes what operators have, for tests of discovering and adopting: the
// folders of clients, and servers that present what is in them.
package estatetest

import (
	"fmt"
	"os"
	"path"
	"strings"
	"testing"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/discover"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/producttest"
)

// The folders of an estate: what is on this machine, and what is on one by SSH.
const (
	Here  = "here"
	There = "there"
)

// Drivers of the servers, as they are named where products are declared.
const (
	nginx   = "nginx"
	apache  = "apache"
	haproxy = "haproxy"
)

// table is what is on how many hosts: who keeps the certificate, and who presents it.
var table = []struct {
	hosts  int
	where  string
	client discover.Client // "" for a person
	server string          // driver; "" for none
}{
	{5, Here, discover.Certbot, nginx},
	{3, There, discover.Certbot, nginx},
	{2, Here, discover.Certbot, apache},
	{1, There, discover.Certbot, apache},
	{2, Here, discover.Certbot, ""},
	{3, Here, discover.AcmeSh, nginx},
	{1, There, discover.AcmeSh, apache},
	{3, There, discover.Lego, nginx},
	{2, Here, discover.Dehydrated, nginx},
	{1, There, discover.Dehydrated, ""},
	{2, Here, discover.Caddy, ""},
	{2, Here, "", haproxy},
	{1, There, "", haproxy},
	{2, There, "", nginx},
}

// Host is a host name of the estate, with a configuration of its own.
type Host struct {
	Name   string
	Where  string
	Client discover.Client
	Server string // driver; "" for none
	Port   int    // at which it presents the certificate; 0 without a server
}

// Estate are the hosts of the table, and what cannot be read.
type Estate struct {
	*producttest.Estate
	All    []Host
	Broken []string // paths
	pair   func(name string) ports.KeyPair
}

// New makes an estate and starts its servers, which end with the test. pair makes the
// certificates.
func New(t testing.TB, pair func(name string) ports.KeyPair) *Estate {
	t.Helper()
	e := &Estate{Estate: producttest.NewEstate(t), pair: pair}
	for _, row := range table {
		for range row.hosts {
			h := Host{
				Name: fmt.Sprintf("host%02d.example.com", len(e.All)), Where: row.where, Client: row.client, Server: row.server,
			}
			cert, key := e.keep(t, &h)
			if h.Server != "" {
				h.Port = producttest.FreePort(t)
				e.Port = h.Port
				e.serve(t, &h, cert, key)
			}
			e.All = append(e.All, h)
		}
	}
	e.breaks(t)
	return e
}

// State describes all that is on the hosts, without what servers write while they run.
func (e *Estate) State(t testing.TB) string {
	t.Helper()
	return producttest.Tree(t, e.Dir, "temp", "run", "log")
}

// Presented counts the hosts with a server.
func (e *Estate) Presented() (n int) {
	for _, h := range e.All {
		if h.Server != "" {
			n++
		}
	}
	return n
}

func (e *Estate) dir(h *Host) string {
	return h.Where + "/" + strings.TrimSuffix(h.Name, ".example.com")
}

// file writes a file below the estate.
func (e *Estate) file(t testing.TB, name, text string, mode os.FileMode) {
	t.Helper()
	e.Mkdir(t, path.Dir(name))
	e.Write(t, e.Path(name), text, mode)
}

func (e *Estate) link(t testing.TB, target, name string) {
	t.Helper()
	e.Mkdir(t, path.Dir(name))
	if err := os.Symlink(target, e.Path(name)); err != nil {
		t.Fatal(err)
	}
}

// keep writes the certificate of a host as its client does, and returns the files that a
// server names.
func (e *Estate) keep(t testing.TB, h *Host) (cert, key string) {
	t.Helper()
	p := e.pair(h.Name)
	chain, leaf, secret := string(
		bundle.CertificatePEM(p.Chain...),
	), string(
		bundle.CertificatePEM(p.Chain[0]),
	), string(
		bundle.KeyPEM(p.Key),
	)
	write := func(cert, key string) (string, string) {
		e.file(t, cert, chain, 0o644)
		e.file(t, key, secret, 0o600)
		return e.Path(cert), e.Path(key)
	}
	dir := e.dir(h)
	switch h.Client {
	case discover.Certbot:
		return e.certbot(t, dir+"/letsencrypt", h.Name, map[string]string{
			"cert": leaf, "chain": string(bundle.CertificatePEM(p.Chain[1:]...)), "fullchain": chain, "privkey": secret,
		})
	case discover.AcmeSh:
		at := dir + "/acme/" + h.Name + "_ecc/"
		e.file(t, dir+"/acme/account.conf", "", 0o600)
		e.file(t, at+h.Name+".conf", "Le_Domain='"+h.Name+"'\nLe_Webroot='/var/www'\n", 0o600)
		return write(at+"fullchain.cer", at+h.Name+".key")
	case discover.Lego:
		at := dir + "/lego/certificates/" + h.Name
		e.file(t, dir+"/lego/accounts/ca.example/ops@example.com/account.json", "{}", 0o600)
		e.file(t, at+".json", `{"domain":"`+h.Name+`","certUrl":"https://ca.example/cert/1"}`, 0o600)
		return write(at+".crt", at+".key")
	case discover.Dehydrated:
		at := dir + "/dehydrated/"
		e.file(t, at+"config", "CA=\"https://ca.example/dir\"\nCHALLENGETYPE=\"http-01\"\n", 0o644)
		e.file(t, at+"domains.txt", h.Name+"\n", 0o644)
		at += "certs/" + h.Name + "/"
		write(at+"fullchain-1735689600.pem", at+"privkey-1735689600.pem")
		e.link(t, "fullchain-1735689600.pem", at+"fullchain.pem")
		e.link(t, "privkey-1735689600.pem", at+"privkey.pem")
		return e.Path(at + "fullchain.pem"), e.Path(at + "privkey.pem")
	case discover.Caddy:
		at := dir + "/caddy/certificates/ca.example-dir/" + h.Name + "/" + h.Name
		e.file(t, dir+"/caddy/locks/.keep", "", 0o600)
		e.file(t, at+".json", "{}", 0o600)
		return write(at+".crt", at+".key")
	}
	if h.Server == haproxy {
		at := dir + "/tls/" + h.Name + ".pem"
		e.file(t, at, chain+secret, 0o640)
		return e.Path(at), e.Path(at)
	}
	return write(dir+"/tls/"+h.Name+".crt", dir+"/tls/"+h.Name+".key")
}

// certbot writes a folder of certbot with its links from live into archive.
func (e *Estate) certbot(t testing.TB, root, name string, parts map[string]string) (cert, key string) {
	t.Helper()
	e.file(t, root+"/live/README", "This directory contains your keys and certificates.\n", 0o644)
	e.file(t, root+"/renewal/"+name+".conf",
		"version = 2.1\n[renewalparams]\nauthenticator = webroot\nserver = https://ca.example/dir\n", 0o644)
	for part, text := range parts {
		mode := os.FileMode(0o644)
		if part == "privkey" {
			mode = 0o600
		}
		e.file(t, root+"/archive/"+name+"/"+part+"1.pem", text, mode)
		e.link(t, "../../archive/"+name+"/"+part+"1.pem", root+"/live/"+name+"/"+part+".pem")
	}
	live := e.Path(root + "/live/" + name)
	return live + "/fullchain.pem", live + "/privkey.pem"
}

// breaks adds a configuration and a certificate that cannot be read.
func (e *Estate) breaks(t testing.TB) {
	t.Helper()
	e.file(t, There+"/broken/nginx.conf", "events {}\nhttp {\n  lisen 1;\n}\n", 0o644)
	e.file(t, Here+"/broken/old.pem", "-----BEGIN CERTIFICATE-----\n", 0o644)
	e.Broken = []string{e.Path(Here + "/broken/old.pem"), e.Path(There + "/broken/nginx.conf")}
}
