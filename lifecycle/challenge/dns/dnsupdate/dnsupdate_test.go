package dnsupdate_test

import (
	"testing"

	"certquay/lifecycle/challenge/dns"
	"certquay/lifecycle/challenge/dns/dnsupdate"
	"certquay/model"
)

func TestSettingsAreChecked(t *testing.T) {
	for want, s := range map[string]map[string]string{
		"dns-provider.tsig-half":      {"DNSUPDATE_TSIG_KEY": "k"},
		"dns-provider.tsig-algorithm": {"DNSUPDATE_TSIG_KEY": "k", "DNSUPDATE_TSIG_SECRET": "s", "DNSUPDATE_TSIG_ALGORITHM": "gss-tsig"},
		"dns-provider.number":         {"DNSUPDATE_TTL": "-1"},
		"": {
			"DNSUPDATE_TSIG_KEY": "k", "DNSUPDATE_TSIG_SECRET": "s", "DNSUPDATE_TSIG_ALGORITHM": "HMAC-SHA512.",
		},
	} {
		s["DNSUPDATE_NAMESERVER"] = "::1"
		if _, err := dnsupdate.New(s, nil); model.TextOf(err).Code() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	c, err := dnsupdate.New(map[string]string{"DNSUPDATE_NAMESERVER": "127.0.0.1:1", "DNSUPDATE_ZONES": "example.com, example.net"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"x.example.org.": "dns-provider.zones", "x.example.net.": "challenge.dns.silent"} {
		if err := c.Present(t.Context(), dns.Record{Name: name, Value: "v"}); model.TextOf(err).Code() != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
