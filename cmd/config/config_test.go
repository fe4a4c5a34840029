package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle/issuer/acme"
	"certquay/lifecycle/product"
	"certquay/lifecycle/product/edge"
	"certquay/model"
	"certquay/ui/text"
)

// What certquay config prints loads back as the same.
func TestMarshalLoadsBack(t *testing.T) {
	addTestDriver(t)
	full := Default()
	full.Store.Seal = SealPassphrase
	full.Catalogue.ByLevel = map[string]map[string]int64{"ev": {"professional": 120000, "free": 0}, "ov": {}}
	full.Embedded.PermittedDomains = []string{"example.com", "bücher.example", "null.test"}
	full.Support = `"quoted" \ # : 日本 ~ - 'x'`
	full.SSH.AuthorizedKeys = "~/keys and more"
	full.Products = append(full.Products, []Product{
		{Name: "true", Driver: "told", Regions: []string{"1", "0x1F", "no", "1e3"},
			Settings: testSettings{Reload: []string{"nginx", "-s", "reload"}, Port: 8443, Asked: true, TokenFile: "12"}},
		{Name: "-", Driver: edge.Driver, Regions: []string{"2026-01-01"}},
	}...)
	full.Notify.ExpiryDays = []int{}
	full.Backup = Backup{Directory: "~/backups", Every: "6h", Keep: 30, Recipients: []string{ageKey}}
	full.UI = UI{
		Theme: "high-contrast",
		Colours: Colours{
			"good": "#00ff7F",
			"key":  "33",
		},
		Keys:         Keys{"buy": {"B", "f2"}, "palette": {"\\"}, "help": {"\""}},
		ScreenReader: true,
	}
	corporate := acme.NewForm("corporate").(*acme.Form)
	corporate.Directory, corporate.EAB = "https://ca.example.com/directory", acme.EAB{KeyID: "k: 1", KeyFile: "~/mac"}
	corporate.Challenges = []acme.Challenge{
		{Type: "dns-01", Domains: []string{"*.a.example", "b.example"}, DNS: "cf"},
		{Type: "http-01", Root: "/srv"},
	}
	corporate.Fallback, corporate.Resolvers = []string{"letsencrypt", "embedded"}, []string{"127.0.0.1:53"}
	full.Issuers = []Issuer{ // not in the order of their names
		{Name: "letsencrypt", Kind: acme.Kind, Settings: acme.NewForm("letsencrypt")},
		{Name: "corporate", Kind: acme.Kind, Settings: corporate},
	}
	full.DNS = []DNSAccount{
		{Name: "cf", Provider: "cloudflare", SettingsFile: "cf.env"},
		{Name: "aa", Provider: "route53", SettingsFile: "x y"},
	}
	none := Default()
	for n := range none.Products {
		none.Products[n] = Product{Name: none.Products[n].Name, Driver: "none"}
	}
	for name, c := range map[string]*Config{"default": Default(), "full": full, "none": none} {
		text := c.Marshal(english)
		got, err := Parse("x", text)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		if !reflect.DeepEqual(got, c) {
			t.Errorf("%s: got %+v\nwant %+v\n%s", name, got, c, text)
		}
	}
	for _, want := range []string{"# ", "store:\n", "  seal: file\n", "currency: EUR", "products:\n", "reuse_days: 398"} {
		if !strings.Contains(string(Default().Marshal(english)), want) {
			t.Errorf("no %q in\n%s", want, Default().Marshal(english))
		}
	}
}

// design: a file that is absent or empty means the defaults.
func TestDefaults(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"", "\n", "# only a comment\n", "---\n", "null\n", "store:\n",
		"store:\n  # seal: passphrase\n", "products:\n", "{}"} {
		p := filepath.Join(dir, "c.yaml")
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := Load(p); err != nil || !reflect.DeepEqual(c, Default()) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if c, err := Load(filepath.Join(dir, "none")); err != nil || !reflect.DeepEqual(c, Default()) {
		t.Error(err)
	}
	if _, err := Load(dir); err == nil {
		t.Error("a directory was read")
	}
}

// spec: B1, D1, A8, I8. Values override the defaults, one by one.
func TestValues(t *testing.T) {
	c, err := Parse("x", []byte(`
catalogue:
  currency: CNY
  per_year: {standard: 9900}
  per_year_by_level:
    ev: {professional: 120000}
renew: {carry_days: true}
support_contact: |
  help@example.com
products:
- name: web
  driver: edge
  regions: [local]
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct {
		level model.Level
		grade model.Grade
		want  int64
	}{
		{model.DV, model.Free, 0}, {model.DV, model.Standard, 9900}, {model.OV, model.Professional, 50000}, {model.EV, model.Professional,
			120000},
	} {
		if got := c.Catalogue.Price(p.level, p.grade); got != p.want {
			t.Errorf("%v: %d", p, got)
		}
	}
	if !c.Renew.CarryDays || c.Support != "help@example.com" || len(c.Products) != 6 || c.Review.ReuseDays != 398 {
		t.Errorf("%+v", c)
	}
}

const ageKey = "age1stvyln0vdky82mmzgcglelves086zfkwrngdzlffhwxlm2avxgcqv0kx6z"

// How often backups are made is said in hours or days.
// spec: O1
func TestInterval(t *testing.T) {
	for text, want := range map[string]time.Duration{"1h": time.Hour, "36h": 36 * time.Hour, "1d": 24 * time.Hour, "30d": 720 * time.Hour} {
		c, err := Parse("x", []byte("backup: {directory: b, every: "+text+", keep: 2, recipients: ["+ageKey+"]}"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Backup.Interval(); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
		if dir := c.Backup.DirectoryIn("/etc/cq"); dir != "/etc/cq/b" {
			t.Errorf("the directory is %s", dir)
		}
	}
}

// design: an unknown key is an error with its line; wrong values name field,
// rule and an example.
func TestErrors(t *testing.T) {
	addTestDriver(t)
	drivers := strings.Join(product.Names(), ", ")
	for _, c := range []struct{ text, want string }{
		{"stor:\n  seal: file\n", "f.yaml:1:1: stor is not known; did you mean store?"},
		{"store:\n  seel: file\n", "f.yaml:2:3: store.seel is not known; did you mean seal?"},
		{"theme: high-contrast\n", "f.yaml:1:1: theme is not known; did you mean ui.theme?"},
		{"ssh:\n  zzz: 1\n", "f.yaml:2:3: ssh.zzz is not known; known here: authorized_keys, host_key"},
		{"ui: {theme: pink}\n", "f.yaml:1:13: ui.theme is no theme; there are auto, dark, light, high-contrast, mono"},
		{"ui:\n  colours:\n    god: 3\n",
			"f.yaml:3:10: ui.colours.god is nothing that has a colour; there are accent, bad, brand-text, ended"},
		{"ui:\n  colours:\n    good: green\n", "f.yaml:3:11: ui.colours.good is no colour; write \"#rrggbb\" or a number from 0 to 255"},
		{"ui: {colours: {good: 256}}\n", "ui.colours.good is no colour"},
		{"ui: {colours: {good: 1.5}}\n", "ui.colours.good needs text"},
		{"ui:\n  keys:\n    byu: B\n", "f.yaml:3:10: ui.keys.byu is no action; there are accept, apply, assign, authorities"},
		{"ui:\n  keys:\n    buy: [B, ctrl+c]\n", "ui.keys.buy has ctrl+c, which is reserved"},
		{"ui:\n  keys:\n    help: f1\n    buy: d\n", "f.yaml:4:10: ui.keys.buy has d, which is the key of deploy on the page Overview"},
		{"ui: {keys: {buy: {a: b}}}\n", "ui.keys.buy needs text"},
		{"ui: {keys: {buy: []}}\n", "ui.keys.buy has no key; leave it out to keep b"},
		{"products:\n- name: a\n  drivr: edge\n", "f.yaml:3:3: products[0].drivr is not known; did you mean driver?"},
		{"store:\n  seal: plain\n", "f.yaml:2:9: store.seal must be one of file, passphrase; for example file"},
		{"review:\n  reuse_days: soon\n", "f.yaml:2:15: review.reuse_days needs a whole number; for example 398"},
		{"review: {reuse_days: 1.5}\n", "needs a whole number"},
		{"review: {reuse_days: -1}\n", "review.reuse_days must be 0 to 3650 days; for example 398"},
		{"review: 398\n", "f.yaml:1:9: review needs fields, not a single value"},
		{"renew: {carry_days: yes please}\n", "renew.carry_days needs true or false"},
		{"support_contact: 12345\n", `support_contact needs text; put it in quotes: "..."`},
		{"catalogue: {currency: euro}\n", "catalogue.currency must be three capital letters; for example EUR"},
		{"catalogue: {per_year: {gold: 1}}\n", "catalogue.per_year.gold is no grade"},
		{"catalogue: {per_year_by_level: {xv: {free: -1}}}\n", "is no level"},
		{"products:\n- {name: a, driver: edge, regions: []}\n", "products[0].regions must name at least one region"},
		{"products:\n- {name: a, driver: edge, ssh: [x@y]}\n", "products[0].ssh is given, and the driver edge works on no hosts"},
		{"products:\n- {name: a, driver: kubernetes, regions: [x]}\n",
			"products[0].regions are not given here: the driver kubernetes takes them from its settings"},
		{"products:\n- {name: a, driver: none}\n",
			"f.yaml:2:10: products[0].name is no default product, so there is nothing to take away; for example SLB"},
		{"products:\n- {name: cdn, driver: none, regions: [x]}\n", "products[0].driver none takes a default away and takes no other field"},
		{"products:\n- name: a\n  driver: hosted\n  regions: [x]\n", "f.yaml:4:12: products[0].regions are not given here: each host"},
		{"products:\n- name: a\n  driver: hosted\n  ssh: [a@b, 'w 1']\n",
			"f.yaml:4:14: products[0].ssh[1] must be a host as user@host or user@host:port; for example deploy@web1.example.com"},
		{"products:\n- name: a\n  driver: hosted\n  ssh: [a@b, a@b]\n", "products[0].ssh[1] is named twice; each host is a region"},
		{"products:\n- name: a\n  driver: hosted\n  ssh_key: x\n", "products[0].ssh is needed: without a host"},
		{"products:\n- {name: a, driver: edge, regions: [x]}\n- {name: A, driver: edge, regions: [x]}\n",
			"products[1].name is the name of another product"},
		{"products:\n- name: a\n  regions: [x]\n  driver: iis\n",
			"f.yaml:4:11: products[0].driver is iis, which is not built into this version of certquay; drivers that are: " + drivers},
		{"products:\n- name: a\n  regions: [x]\n",
			"f.yaml:2:7: products[0].driver must name one of the drivers " + drivers + "; for example edge"},
		{"products:\n- {name: a, driver: edge, regions: [x]}\n- name: b\n  driver: edge\n  regions: [x]\n  settings:\n    key: 1\n",
			"f.yaml:7:8: products[1].settings are given, and the driver edge has none; leave them out"},
		{"products:\n- name: a\n  driver: edge\n  regions: [x]\n  remove_superseded: true\n",
			"f.yaml:5:3: products[0].remove_superseded is not known; known here: name, driver, regions, ssh, ssh_key, " +
				"known_hosts, accept_host_key, sudo, windows, settings"},
		{"products:\n- name: a\n  driver: edge\n  regions: [x]\n  resources: [a.example]\n",
			"f.yaml:5:3: products[0].resources is not known"},
		{"products:\n- name: a\n  settings:\n    relaod: x\n  driver: told\n  regions: [x]\n",
			"f.yaml:4:5: products[0].settings.relaod is not known; did you mean reload?"},
		{"products:\n- name: a\n  settings:\n    port: x\n  driver: told\n  regions: [x]\n",
			"f.yaml:4:11: products[0].settings.port needs a whole number"},
		{"products:\n- name: a\n  settings:\n    port: 0\n  driver: told\n  regions: [x]\n",
			"f.yaml:4:11: products[0].settings.port must be a port; for example 443"},
		{"products:\n- name: a\n  settings: [x]\n  driver: told\n  regions: [x]\n", "f.yaml:3:13: products[0].settings needs fields"},
		{"backup:\n  directory: b\n", "f.yaml:2:14: backup.directory needs recipients or a passphrase_file"},
		{"backup: {directory: b, recipients: [" + ageKey + "], passphrase_file: p}\n",
			"f.yaml:1:119: backup.passphrase_file and recipients exclude each other"},
		{"backup:\n  recipients:\n  - " + ageKey + "\n  - ssh-ed25519 AAAA\n",
			"f.yaml:4:5: backup.recipients[1] must be a public key of age"},
		{"backup: {every: 90m}\n", "f.yaml:1:17: backup.every must be hours or days"},
		{"backup: {every: 0h}\n", "backup.every must be"},
		{"backup: {every: 99999d}\n", "backup.every must be"},
		{"backup: {every: 24}\n", "backup.every needs text"},
		{"backup: {keep: 0}\n", "f.yaml:1:16: backup.keep must be 1 to 10000"},
		{"backup: {evry: 1d}\n", "did you mean every?"},
		{"embedded: {listen: 127.0.0.1}\n", "embedded.listen must be host:port"},
		{"embedded: {base_url: ftp://x}\n", "embedded.base_url must be"},
		{"embedded: {permitted_domains: ['*.x']}\n", "must be a domain without a star"},
		{"embedded:\n  permitted_domains:\n  - example.com\n  - 10.0.0.1\n",
			"f.yaml:4:5: embedded.permitted_domains[1] must be a domain without a star; for example example.com"},
		{"embedded:\n  proof: letter\n", "f.yaml:2:10: embedded.proof must be one of trust, dns, http; for example trust"},
		{"embedded:\n  max_validity_days: 0\n", "f.yaml:2:22: embedded.max_validity_days must be 1 to 3650 days; for example 398"},
		{"issuers:\n- name: a\n", "f.yaml:2:1: issuers needs fields, not a single value"},
		{"issuers:\n  letsencrypt:\n", "f.yaml:2:3: issuers.letsencrypt.kind must say how the issuer is reached; for example acme"},
		{"issuers:\n  a: {directory: x}\n", "f.yaml:2:3: issuers.a.kind must say how the issuer is reached"},
		{"issuers:\n  a: {kind: acne, directory: x}\n",
			"f.yaml:2:13: issuers.a.kind is acne, which is no kind of issuer; for example acme"},
		{"issuers:\n  embedded: {kind: acme}\n", "f.yaml:2:3: issuers.embedded is the name of the embedded CA"},
		{"issuers:\n  A b: {kind: acme, directory: letsencrypt}\n", "f.yaml:2:3: issuers.A b must be 1 to 40 lower-case"},
		{"issuers:\n  a: {kind: acme}\n", "f.yaml:2:3: issuers.a.directory must be an https address"},
		{"issuers:\n  letsencrypt: {kind: acme}\n  letsencrypt: {kind: acme}\n", "f.yaml:3:3"},
		{"issuers:\n  letsencrypt:\n    kind: acme\n    eab_kid: x\n", "f.yaml:4:5: issuers.letsencrypt.eab_kid is not known"},
		{"issuers:\n  letsencrypt:\n    kind: acme\n    eab: {key_fil: x}\n",
			"f.yaml:4:11: issuers.letsencrypt.eab.key_fil is not known; did you mean key_file?"},
		{"issuers:\n  letsencrypt:\n    kind: acme\n    key_file: x\n",
			"f.yaml:4:5: issuers.letsencrypt.key_file is not known; did you mean eab.key_file?"},
		{"issuers:\n  letsencrypt:\n    kind: acme\n    eab:\n      kid: x\n",
			"f.yaml:5:10: issuers.letsencrypt.eab.key_file must be given together"},
		{le("{type: http-1}"), "f.yaml:5:14: issuers.letsencrypt.challenges[0].type \"http-1\" is no challenge; there are http-01"},
		{le("{type: http-01, dns: cf}"), "f.yaml:5:28: issuers.letsencrypt.challenges[0].dns http-01 changes no DNS records"},
		{le("{type: dns-01, domains: [a.example, 'a b']}"),
			"f.yaml:5:43: issuers.letsencrypt.challenges[0].domains[1] \"a b\" is no pattern"},
		{le("{type: dns-01, listen: ':80'}"), "f.yaml:5:30: issuers.letsencrypt.challenges[0].listen is for http-01 and tls-alpn-01"},
		{le("{type: tls-alpn-01, root: /srv}"), "f.yaml:5:33: issuers.letsencrypt.challenges[0].root is for http-01"},
		{le("{type: http-01, root: /srv, listen: ':80'}"),
			"f.yaml:5:29: issuers.letsencrypt.challenges[0].root and listen exclude each other"},
		{le("{type: http-01, root: /srv}\n    - {type: http-01, listen: ':80', domains: [a.example]}"),
			"f.yaml:6:14: issuers.letsencrypt.challenges[1].type has a place of its own above; an issuer answers http-01 at one place"},
		{"issuers:\n  letsencrypt: {kind: acme, challenges: []}\n",
			"f.yaml:2:41: issuers.letsencrypt.challenges must name at least one challenge"},
		{"issuers:\n  letsencrypt: {kind: acme, fallback: [letsencrypt]}\n",
			"f.yaml:2:40: issuers.letsencrypt.fallback[0] is the issuer itself"},
		{"issuers:\n  letsencrypt: {kind: acme, fallback: [embeddd]}\n",
			"f.yaml:2:40: issuers.letsencrypt.fallback[0] is no issuer that is declared here; did you mean embedded?"},
		{"dns:\n  cf: {provider: cloudflare}\n", "f.yaml:2:3: dns.cf.settings_file must name a file"},
		{"dns:\n  cf: {provder: cloudflare}\n", "f.yaml:2:8: dns.cf.provder is not known; did you mean provider?"},
		{"store: {seal: file}\nstore: {seal: file}\n", "f.yaml:2:1"},
		{"a: &x {b: *x}\n", "is not known"},
		{"store: &s {seal: file}\n", "uses an anchor"},
		{"<<: {a: b}\n", "f.yaml:1:1"},
		{"store: !!str x\n", "has a tag"},
		{"store:\n\tseal: file\n", "is not YAML"},
		{"[", "is not YAML"},
		{"- a\n", "needs fields"},
		{"store: {seal: file}\n---\nstore: {seal: file}\n", "begins a second document"},
		{"support_contact: \"a\\u001bb\"\n", "cannot be seen"},
		{strings.Repeat("#", maxFile+1), "larger than 64 KB"},
	} {
		_, err := Parse("f.yaml", []byte(c.text))
		if said := text.New("en").Text(model.TextOf(err)); err == nil || !strings.Contains(said, c.want) {
			t.Errorf("%.60q:\n got %s\nwant %s", c.text, said, c.want)
		}
	}
	_, err := Parse("f.yaml", []byte("a: 1\nb: 2\nstore: {seal: 3}\n"))
	if len(text.New("en").Lines(model.TextOf(err))) < 3 {
		t.Errorf("not all at once: %v", err)
	}
}

// The configurations that the README shows can be used.
func TestConfigurationsOfTheReadmeAreRight(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(readme), "```yaml\n")[1:]
	if len(blocks) < 2 {
		t.Fatalf("%d configurations", len(blocks))
	}
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		block = strings.ReplaceAll(block, "age1...", ageKey)
		if _, err := Parse("README", []byte(block)); err != nil {
			t.Errorf("%v\n%s", err, block)
		}
	}
}

// le is a file with an issuer that has challenges.
func le(challenges string) string {
	return "issuers:\n  letsencrypt:\n    kind: acme\n    challenges:\n    - " + challenges + "\n"
}

// The flags of issuer add and the configuration say the same settings.
func TestFormsOfIssuersAreTheirSettings(t *testing.T) {
	c, err := Parse("x", []byte(`
issuers:
  letsencrypt: {kind: acme, email: a@example.com, agree_terms: true}
  corporate:
    kind: acme
    directory: https://ca.example.com/directory
    eab: {kid: K, key_file: mac.txt}
    challenges:
    - {type: dns-01, domains: ["*.A.example", b.example], dns: cf}
    - {type: http-01, listen: ":8080"}
    - {type: tls-alpn-01, listen: ":8443"}
    - {type: manual, domains: [c.example]}
    resolvers: ["127.0.0.1:53"]
    fallback: [letsencrypt]
`))
	if err != nil {
		t.Fatal(err)
	}
	want := acme.DefaultSettings()
	want.Directory, want.Email, want.AgreeTerms = "letsencrypt", "a@example.com", true
	if got := c.Issuers[0].Settings.Flat(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	want = acme.DefaultSettings()
	want.Directory, want.EABKeyID, want.EABKeyFile = "https://ca.example.com/directory", "K", "mac.txt"
	want.Challenges = []string{"dns-01=*.a.example,cf", "dns-01=b.example,cf", "http-01", "tls-alpn-01", "manual=c.example"}
	want.HTTPListen, want.TLSListen = ":8080", ":8443"
	want.Resolvers, want.Fallback = []string{"127.0.0.1:53"}, []string{"letsencrypt"}
	if got := c.Issuers[1].Settings.Flat(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Default().Marshal(english))
	f.Add([]byte("store: {seal: passphrase}\n"))
	f.Add([]byte("products:\n- {name: a, driver: edge, regions: [x], settings: {a: [b], c: 1, d: true}}\n"))
	f.Add([]byte("issuers: {a: {kind: acme, directory: letsencrypt, eab: {kid: a, key_file: b}, challenges: [{type: http-01}]}, b: }\n"))
	f.Add([]byte("a: &x [*x, *x]\n<<: *x\n"))
	f.Add([]byte("support_contact: >-\n  a\n  b\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("f.yaml", text)
		if err != nil {
			return
		}
		again, err := Parse("f.yaml", c.Marshal(english))
		if err != nil || !reflect.DeepEqual(c, again) {
			t.Errorf("%q: %v\n%s", text, err, c.Marshal(english))
		}
	})
}

func TestPaths(t *testing.T) {
	t.Setenv("HOME", "/home/a")
	t.Setenv("XDG_DATA_HOME", "/d")
	t.Setenv("XDG_CONFIG_HOME", "/c")
	t.Setenv("XDG_STATE_HOME", "")
	p := DefaultPaths()
	if p.Data != "/d/certquay" || p.ConfigFile() != "/c/certquay/config.yaml" || p.MasterKey() != "/c/certquay/master.key" ||
		p.Log() != "/home/a/.local/state/certquay/certquay.log" {
		t.Errorf("%+v", p)
	}
	for in, want := range map[string]string{"": "/c/authorized_keys", "x": "/c/x", "/x": "/x", "~/x": "/home/a/x"} {
		if got := (SSH{AuthorizedKeys: in}).AuthorizedKeysIn("/c"); got != want {
			t.Errorf("%q: %s", in, got)
		}
	}
	if got := (SSH{}).HostKeyIn("/c"); got != "/c/ssh_host_key" {
		t.Error(got)
	}
}

// Deep nesting is an error, not the end of the process.
func TestDeepNesting(t *testing.T) {
	for _, c := range []string{"[", "{a: ", "- ", "- - ? ", "[\n", "&a ", "!a "} {
		if _, err := Parse("f.yaml", []byte(strings.Repeat(c, maxFile/len(c)))); err == nil {
			t.Errorf("%q was taken", c)
		}
	}
	for _, c := range []string{"a: b\n", "- a\n", "# x\n", "a\n", "? a\n", "'a", "| \n", "\"", "]"} { // many, but flat
		_, _ = Parse("f.yaml", []byte(strings.Repeat(c, maxFile/len(c))))
	}
}
