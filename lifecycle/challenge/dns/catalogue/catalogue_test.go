package catalogue_test

import (
	"regexp"
	"testing"

	"certquay/lifecycle/challenge/dns/catalogue"
	"certquay/model"
)

// spec: C5
func TestTheCatalogueIsWhole(t *testing.T) {
	variable := regexp.MustCompile(`^[A-Z][A-Z0-9_]+$`)
	here := 0
	for _, p := range catalogue.All() {
		if p.Name == "" || p.Title == "" || len(p.Settings) == 0 {
			t.Errorf("%+v", p)
		}
		if !p.Separate {
			here++
		}
		names := map[string]bool{}
		for _, s := range p.Settings {
			if !variable.MatchString(s.Name) || names[s.Name] || s.Required && s.Optional {
				t.Errorf("%s: %+v", p.Name, s)
			}
			names[s.Name] = true
		}
	}
	if here < 164 {
		t.Errorf("only %d providers are in the program itself", here)
	}
	for _, name := range []string{
		"alidns", "route53", "gcloud", "azuredns", "tencentcloud", "huaweicloud", "volcengine", "ovh", "porkbun", "acmedns",
		"dnsupdate", "desec", "cloudflare", " Cloudflare", "rfc2136", "acme-dns",
	} {
		if p, ok := catalogue.Find(name); !ok || p.Separate {
			t.Errorf("%s is missing", name)
		}
	}
	if p, ok := catalogue.Find("linode"); !ok || !p.Separate {
		t.Error("linode")
	}
	if _, ok := catalogue.Find("manual"); ok {
		t.Error("manual asks on a terminal")
	}
	d, _ := catalogue.Find("digitalocean")
	if s := d.Settings[0]; s.Name != "DO_AUTH_TOKEN" || !s.Required || !s.Secret || s.Help == "" {
		t.Errorf("%+v", s)
	}
}

func TestSettingsAreRead(t *testing.T) {
	all, err := catalogue.ParseSettings([]byte("# a comment\n\nexport A_KEY = \"x y\"\r\nB='='\nC=a=b#c\nD=\nE=\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"A_KEY": "x y", "B": "=", "C": "a=b#c", "D": "", "E": `"`} {
		if got := string(all[name].Reveal()); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	for text, want := range map[string]string{
		"A": "dns-provider.line", "=x": "dns-provider.line", "A B=x": "dns-provider.line", "A=1\nA=2": "dns-provider.twice",
	} {
		if _, err := catalogue.ParseSettings([]byte(text)); model.TextOf(err).Code() != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}
