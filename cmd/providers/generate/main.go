// Command generate writes the registries of DNS providers and their catalogue from the
// source of lego, as go.mod has it: which providers there are, and what their settings
// mean.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"certquay/lifecycle/challenge/dns/catalogue"
)

const module = "github.com/go-acme/lego/v5"

// general are the libraries that a provider may use and still need no vendor's SDK.
var general = []string{
	"golang.org/x/", "github.com/miekg/dns", "github.com/cenkalti/backoff/", "github.com/go-jose/go-jose/",
	"github.com/google/go-querystring/", "github.com/hashicorp/go-retryablehttp", "github.com/pquerna/otp/",
	"github.com/google/uuid", "github.com/go-viper/mapstructure/",
}

// chosen are the providers with an SDK that the program itself has. Of the twelve that
// were wanted, linode is left to certquay-dnsall: its SDK alone makes 3 MB of the binary.
var chosen = []string{
	"acmedns", "azuredns", "desec", "huaweicloud", "ovh", "porkbun", "route53", "tencentcloud", "volcengine",
}

// own are the providers that certquay writes itself, with the settings that it knows.
var own = map[string][]string{
	"alidns": {
		"ALICLOUD_ACCESS_KEY", "ALICLOUD_SECRET_KEY", "ALICLOUD_SECURITY_TOKEN", "ALICLOUD_REGION_ID", "ALICLOUD_LINE", "ALICLOUD_TTL",
	},
	"dnsupdate": {
		"DNSUPDATE_NAMESERVER",
		"DNSUPDATE_TSIG_ALGORITHM",
		"DNSUPDATE_TSIG_KEY",
		"DNSUPDATE_TSIG_SECRET",
		"DNSUPDATE_ZONES",
		"DNSUPDATE_TTL",
	},
	"gcloud": {
		"GCE_PROJECT", "GCE_SERVICE_ACCOUNT", "GCE_SERVICE_ACCOUNT_FILE", "GCE_ZONE_ID", "GCE_ALLOW_PRIVATE_ZONE",
		"GCE_IMPERSONATE_SERVICE_ACCOUNT", "GCE_TTL",
	},
}

// left are the providers whose modules cannot be had, and manual, which asks on a
// terminal.
var left = []string{"aliesa", "edgedns", "manual", "oraclecloud"}

// renamed are the providers of lego beside one of our own.
var renamed = map[string]struct{ name, title string }{
	"dnsupdate": {"dnsupdate-gss", "DNS Update with GSS-TSIG (RFC 3645)"},
}

// untold are settings that lego describes only in prose.
var untold = map[string][]catalogue.Setting{
	"exec": {
		{Name: "EXEC_PATH", Help: "Path of the program to run", Required: true},
		{Name: "EXEC_MODE", Optional: true, Help: "RAW: the program gets the domain, the token and the key authorization"},
	},
}

// required are settings of our own providers that they cannot do without.
var required = []string{"ALICLOUD_ACCESS_KEY", "ALICLOUD_SECRET_KEY", "DNSUPDATE_NAMESERVER"}

func main() {
	root, err := output("go", "list", "-m", "-f", "{{.Dir}}", "certquay")
	if err == nil {
		err = write(root)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(root string) error {
	files, err := generate()
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(root, name), content, 0o644); err != nil { //nolint:gosec // source code
			return err
		}
	}
	return nil
}

func output(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).Output() //nolint:noctx // ends by itself
	return strings.TrimSpace(string(out)), err
}

// generate returns the generated files by their path below the root of certquay.
func generate() (map[string][]byte, error) {
	dir, err := output("go", "list", "-m", "-f", "{{.Dir}} {{.Version}}", module)
	if err != nil {
		return nil, err
	}
	dir, version, _ := strings.Cut(dir, " ")
	if dir == "" || version == "" {
		return nil, fmt.Errorf("the source of %s is not there: run go mod download", module)
	}
	l := library{dir: dir}
	c := catalogue.Catalogue{Source: module + " " + version}
	var main, all []string
	entries, err := filepath.Glob(filepath.Join(dir, "providers/dns/*/*.toml"))
	if err != nil {
		return nil, err
	}
	for _, path := range entries {
		name := filepath.Base(filepath.Dir(path))
		if slices.Contains(left, name) || filepath.Base(path) != name+".toml" {
			continue
		}
		p, err := l.provider(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if settings := own[name]; settings != nil {
			c.Providers = append(c.Providers, ownProvider(p, settings))
			r, also := renamed[name]
			if !also {
				continue
			}
			p.Name, p.Title, p.Aliases = r.name, r.title, nil
		}
		light, err := l.light(name)
		if err != nil {
			return nil, err
		}
		if light || slices.Contains(chosen, name) {
			main = append(main, name)
		} else {
			p.Separate = true
			all = append(all, name)
		}
		c.Providers = append(c.Providers, p)
	}
	slices.SortFunc(c.Providers, func(a, b catalogue.Provider) int { return strings.Compare(a.Name, b.Name) })
	return files(c, main, all, dir)
}

// ownProvider reduces what lego says of a provider to what our own does.
func ownProvider(p catalogue.Provider, settings []string) catalogue.Provider {
	var kept []catalogue.Setting
	for _, s := range p.Settings {
		if slices.Contains(settings, s.Name) {
			s.Required = slices.Contains(required, s.Name)
			s.Optional = s.Optional && !s.Required
			kept = append(kept, s)
		}
	}
	p.Settings, p.Sequential, p.AnyValue = kept, false, true
	return p
}

func files(c catalogue.Catalogue, main, all []string, dir string) (map[string][]byte, error) {
	data, err := lines(c)
	if err != nil {
		return nil, err
	}
	license, err := os.ReadFile(filepath.Join(dir, "LICENSE"))
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{
		"lifecycle/challenge/dns/catalogue/providers.json": data,
		"lifecycle/challenge/dns/catalogue/LICENSE.lego":   license,
	}
	for path, r := range map[string]struct {
		pkg   string
		names []string
	}{"cmd/providers/registry.go": {"providers", main}, "cmd/dnsall/registry.go": {"main", all}} {
		if out[path], err = registry(r.pkg, r.names); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// lines is the catalogue in JSON, with a line for each provider.
func lines(c catalogue.Catalogue) ([]byte, error) {
	var data bytes.Buffer
	fmt.Fprintf(&data, "{\"Source\":%q,\"Providers\":[\n", c.Source)
	e := json.NewEncoder(&data)
	e.SetEscapeHTML(false)
	for n, p := range c.Providers {
		if n > 0 {
			data.WriteByte(',')
		}
		if err := e.Encode(p); err != nil {
			return nil, err
		}
	}
	data.WriteString("]}\n")
	return data.Bytes(), nil
}

// registry is the source of a table of providers.
func registry(pkg string, names []string) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "// Code generated by certquay/cmd/providers/generate. DO NOT EDIT.\n\npackage %s\n\nimport (\n", pkg)
	fmt.Fprintf(&b, "\t%q\n", module+"/challenge")
	for _, name := range names {
		fmt.Fprintf(&b, "\t%q\n", module+"/providers/dns/"+name)
	}
	fmt.Fprintf(
		&b,
		")\n\n// registry makes the providers of lego by name.\nvar registry = map[string]func() (challenge.Provider, error){\n",
	)
	for _, name := range names {
		key := name
		if r, ok := renamed[name]; ok {
			key = r.name
		}
		fmt.Fprintf(&b, "\t%q: func() (challenge.Provider, error) { return %s.NewDNSProvider() },\n", key, name)
	}
	fmt.Fprintln(&b, "}")
	return format.Source(b.Bytes())
}
