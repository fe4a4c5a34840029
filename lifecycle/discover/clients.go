package discover

import (
	"encoding/json"
	"net/url"
	"path"
	"strconv"
	"strings"

	"certquay/model"
	"certquay/model/setting"
)

// command is a command line that a person can type.
func command(argv ...string) string { return setting.JoinCommand(argv) }

// certbot reads certbot's folder: live/NAME with links into archive/NAME, and
// renewal/NAME.conf, which says how NAME is renewed. Without the file it is not.
func (c *catch) certbot(root string) {
	for _, name := range c.tree.folders(path.Join(root, "live")) {
		at := path.Join(root, "live", name)
		f := Finding{Path: path.Join(at, "fullchain.pem"), KeyPath: path.Join(at, "privkey.pem"), Name: name}
		c.tree.pair(&f)
		f.Keeper.Client = Certbot
		conf := path.Join(root, "renewal", name+".conf")
		data, err := c.tree.read(conf)
		if err != nil { // certbot does not renew it
			c.add(f)
			continue
		}
		values, err := assignments(conf, data)
		switch {
		case err != nil && f.Problem == "":
			f.Problem = model.TextOf(err)
		case strings.EqualFold(values["autorenew"], "false"):
		default:
			f.Keeper.By = c.starter(string(Certbot))
			f.Keeper.Off = command("mv", conf, conf+".off")
		}
		f.Keeper.Challenge, f.Keeper.Plugin, f.Keeper.Directory = challengeOf(values), values["authenticator"], values["server"]
		c.add(f)
	}
}

// challengeOf is how certbot proves control, by the name of its plugin or what it prefers.
func challengeOf(values map[string]string) string {
	switch plugin := values["authenticator"]; {
	case strings.HasPrefix(plugin, "dns-"):
		return dns01
	case plugin == "manual":
		return strings.Trim(values["pref_challs"], ", ")
	case plugin == "":
		return ""
	}
	return http01
}

// Challenges (RFC 8555 section 8, RFC 8737).
const (
	http01    = "http-01"
	dns01     = "dns-01"
	tlsALPN01 = "tls-alpn-01"
)

// assignments reads lines of name = value, as in certbot's configuration and shell scripts.
// Lines that are neither these, comments, sections nor list items are an error with the line.
func assignments(file string, data []byte) (map[string]string, error) {
	values := map[string]string{}
	for n, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' || line[0] == '[' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return values, model.Fail("discover.line", "source", file+":"+strconv.Itoa(n+1))
		}
		values[name] = strings.Trim(strings.TrimSpace(value), `"'`)
	}
	return values, nil
}

// acmeSh reads the folder of acme.sh: NAME, or NAME_ecc for another kind of key, with
// NAME.conf, fullchain.cer and NAME.key. It reports whether there was one.
func (c *catch) acmeSh(root string) (found bool) {
	for _, folder := range c.tree.folders(root) {
		name, ecc := strings.CutSuffix(folder, "_ecc")
		at := path.Join(root, folder)
		conf := path.Join(at, name+".conf")
		if !c.tree.hasFile(conf) {
			continue
		}
		data, err := c.tree.read(conf)
		values := map[string]string{}
		if err == nil {
			values, err = assignments(conf, data)
		}
		if values["Le_Domain"] == "" && err == nil {
			continue
		}
		found = true
		f := Finding{Path: path.Join(at, "fullchain.cer"), KeyPath: path.Join(at, name+".key"), Name: name}
		c.tree.pair(&f)
		if err != nil && f.Problem == "" {
			f.Problem = model.TextOf(err)
		}
		webroot := values["Le_Webroot"]
		f.Keeper = Keeper{
			Client:    AcmeSh,
			By:        c.starter(string(AcmeSh)),
			Directory: values["Le_API"],
			Challenge: acmeShChallenge(webroot),
			Plugin:    webroot,
		}
		argv := []string{path.Join(root, "acme.sh"), "--home", root, "--remove", "-d", name}
		if ecc {
			argv = append(argv, "--ecc")
		}
		f.Keeper.Off = command(argv...)
		c.also(&f, values["Le_RealFullChainPath"], values["Le_RealCertPath"])
		c.add(f)
	}
	return found
}

// acmeShChallenge is how acme.sh proves control, by the first word of Le_Webroot.
func acmeShChallenge(webroot string) string {
	switch {
	case webroot == "":
		return ""
	case strings.HasPrefix(webroot, "dns"):
		return dns01
	case webroot == "alpn":
		return tlsALPN01
	}
	return http01
}

// lego reads the folder of lego: certificates/NAME.json beside NAME.crt and NAME.key.
func (c *catch) lego(root string) {
	at := path.Join(root, "certificates")
	for _, e := range c.tree.dir(at) {
		name, ok := strings.CutSuffix(e.Name, ".json")
		if !ok || !e.Mode.IsRegular() {
			continue
		}
		f := Finding{Path: path.Join(at, name+".crt"), KeyPath: path.Join(at, name+".key"), Name: name}
		c.tree.pair(&f)
		about := struct {
			Domain  string `json:"domain"`
			CertURL string `json:"certUrl"`
		}{}
		meta := path.Join(at, e.Name)
		c.decode(&f, meta, &about)
		f.Keeper = Keeper{
			Client:    Lego,
			By:        c.starter(string(Lego)),
			Directory: origin(about.CertURL),
			Off:       command("mv", meta, meta+".off"),
		}
		c.add(f)
	}
}

// decode reads a file of a client. One that cannot be read is the problem of a finding.
func (c *catch) decode(f *Finding, file string, into any) {
	data, err := c.tree.read(file)
	if err == nil {
		if bad := json.Unmarshal(data, into); bad != nil {
			err = model.Fail("discover.json", "path", file, "cause", model.Quoted("json", bad.Error()))
		}
	}
	if err != nil && f.Problem == "" {
		f.Problem = model.TextOf(err)
	}
}

// origin is the scheme and host of a URL.
func origin(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// caddy reads Caddy's storage: certificates/CA/NAME with NAME.crt, NAME.key and NAME.json.
// Caddy renews by itself what its configuration names.
func (c *catch) caddy(root string) {
	for _, ca := range c.tree.folders(path.Join(root, "certificates")) {
		for _, name := range c.tree.folders(path.Join(root, "certificates", ca)) {
			at := path.Join(root, "certificates", ca, name)
			if !c.tree.hasFile(at, name+".crt") {
				continue
			}
			f := Finding{Path: path.Join(at, name+".crt"), KeyPath: path.Join(at, name+".key"), Name: name}
			c.tree.pair(&f)
			f.Keeper = Keeper{Client: Caddy, By: string(Caddy), Directory: ca}
			c.add(f)
		}
	}
}

// dehydrated reads the folder of dehydrated: certs/NAME with fullchain.pem and privkey.pem,
// and domains.txt, whose first word on a line, or the one after >, is NAME.
func (c *catch) dehydrated(root string) {
	conf := path.Join(root, "config")
	data, err := c.tree.read(conf)
	values := map[string]string{}
	if err == nil { // the file is optional
		values, err = assignments(conf, data)
	} else {
		err = nil
	}
	domains := path.Join(root, "domains.txt")
	list, unread := c.tree.read(domains)
	for _, name := range c.tree.folders(path.Join(root, "certs")) {
		at := path.Join(root, "certs", name)
		f := Finding{Path: path.Join(at, "fullchain.pem"), KeyPath: path.Join(at, "privkey.pem"), Name: name}
		c.tree.pair(&f)
		if err != nil && f.Problem == "" {
			f.Problem = model.TextOf(err)
		}
		f.Keeper = Keeper{
			Client:    Dehydrated,
			By:        c.starter(string(Dehydrated)),
			Challenge: values["CHALLENGETYPE"],
			Directory: values["CA"],
		}
		if line := lineOf(string(list), name); unread == nil && line > 0 {
			f.Keeper.Off = command("sed", "-i", strconv.Itoa(line)+"s/^/# /", domains)
		}
		c.add(f)
	}
}

// lineOf is the line of domains.txt that names a certificate; 0 for none.
func lineOf(list, name string) int {
	for n, line := range strings.Split(list, "\n") {
		words, alias, named := strings.Cut(line, ">")
		if named {
			words = alias
		}
		if first := strings.Fields(words); len(first) > 0 && first[0] == name {
			return n + 1
		}
	}
	return 0
}
