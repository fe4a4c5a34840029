package config

import (
	"fmt"
	"strings"
	"testing"
)

// changed lists the changes between the defaults and a file, one a line.
func changed(t *testing.T, file string) string {
	t.Helper()
	then, err := Parse("f.yaml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, c := range Diff(Default(), then) {
		lines = append(lines, fmt.Sprintf("%s: %v -> %v", c.Setting, c.Now, c.Then))
	}
	return strings.Join(lines, "\n")
}

// spec: O6
func TestDifferencesOfConfigurations(t *testing.T) {
	addTestDriver(t)
	for file, want := range map[string]string{
		"":                                 "",
		"notify: {default: []}":            "",
		"notify: {expiry_days: [30]}":      "notify.expiry_days: [30 14 7 3 1] -> [30]",
		"refund_policy: none":              "refund_policy: issued-30d -> none",
		"catalogue: {per_year: {free: 5}}": "catalogue.per_year.free: 0 -> 5",
		"catalogue: {per_year_by_level: {ev: {free: 7}}}": "catalogue.per_year_by_level.ev.free: <nil> -> 7",
		"ui: {keys: {buy: B}}":                            "ui.keys.buy: <nil> -> [B]",
		"log: {level: debug}\nstore: {seal: passphrase}":  "store.seal: file -> passphrase\nlog.level: info -> debug",
		// Another order and one in front are no change of the others.
		"products: [{name: New, driver: edge, regions: [a]}, {name: CDN, driver: edge, regions: [global, b]}, " +
			"{name: WAF, driver: none}]": "" +
			"products.CDN.regions: [global] -> [global b]\n" +
			"products.WAF.driver: edge -> none\n" +
			"products.WAF.regions: [cn-hangzhou ap-southeast-1 eu-central-1 us-west-1] -> []\n" +
			"products.New.driver: <nil> -> edge\nproducts.New.regions: <nil> -> [a]",
	} {
		if got := changed(t, file); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", file, got, want)
		}
	}
	// Another order of a map is no change; settings of one that is new stand with nothing before.
	now, err := Parse("f.yaml", []byte("issuers: {letsencrypt: {kind: acme, email: a@example.com}, zerossl: {kind: acme}}"))
	if err != nil {
		t.Fatal(err)
	}
	then, err := Parse("f.yaml", []byte("issuers: {zerossl: {kind: acme, eab: {kid: k, key_file: f}}, letsencrypt: {kind: acme, "+
		"challenges: [{type: dns-01, domains: [a.example], dns: cf}]}}\ndns: {cf: {provider: cloudflare, settings_file: x}}"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, c := range Diff(now, then) {
		lines = append(lines, c.Setting+": "+shown(c.Now)+" -> "+shown(c.Then))
	}
	if got, want := strings.Join(lines, "\n"), `issuers.letsencrypt.email: "a@example.com" -> ""
issuers.letsencrypt.challenges: [{type: http-01}] -> [{type: dns-01, domains: [a.example], dns: cf}]
issuers.zerossl.eab.kid: "" -> k
issuers.zerossl.eab.key_file: "" -> f
dns.cf.provider: - -> cloudflare
dns.cf.settings_file: - -> x`; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	told := Default()
	told.Products[1].Driver, told.Products[1].Settings = "told", testSettings{Port: 8443}
	got := Diff(Default(), told)
	if len(got) < 3 || got[0].Setting != "products.CDN.driver" || !strings.HasPrefix(got[1].Setting, "products.CDN.settings.") ||
		got[1].Now != nil {
		t.Errorf("settings of another driver: %v", got)
	}
}

// spec: O6
func TestProblemsOfAFile(t *testing.T) {
	_, err := Parse("f.yaml", []byte("refund_polcy: none\nlog: {level: 5}\n"))
	got := Problems(err)
	if len(got) != 2 || got[0].Line != 1 || got[1].Line != 2 || got[1].Column != 14 {
		t.Errorf("%v", got)
	}
	if got := Problems(nil); got != nil {
		t.Errorf("%v", got)
	}
}

// shown is a value of a change; - for none.
func shown(v any) string {
	if v == nil {
		return "-"
	}
	return Value(v)
}
