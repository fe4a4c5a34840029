package embedded

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"certquay/lifecycle/names"
	"certquay/model"
	"certquay/model/setting"
)

// Settings are what the configuration says of the embedded CA.
type Settings struct {
	MaxValidityDays  int      `yaml:"max_validity_days"`
	PermittedDomains []string `yaml:"permitted_domains"`
	Listen           string   `yaml:"listen"`
	Proof            string   `yaml:"proof"`
	Resolver         string   `yaml:"resolver"`
	HTTPPort         int      `yaml:"http_port"`
	BaseURL          string   `yaml:"base_url"`
}

// DefaultSettings are those without a configuration. Each call makes new ones.
func DefaultSettings() Settings {
	return Settings{
		MaxValidityDays: int(DefaultMaxValidity / (24 * time.Hour)), PermittedDomains: []string{},
		Listen: "127.0.0.1:0", Proof: ProofTrust, HTTPPort: 80,
	}
}

// Options are the settings as [New] takes them. The CA offers every level, and
// OV and EV wait for a reviewer (spec A8). Listen is for who serves [Issuer.Handler].
func (s Settings) Options() Options {
	o := Options{
		MaxValidity: time.Duration(s.MaxValidityDays) * 24 * time.Hour, PermittedDomains: s.PermittedDomains,
		Levels: model.Levels, Reviewed: []model.Level{model.OV, model.EV},
		Proof: Proof{Method: s.Proof, Resolver: s.Resolver, HTTPPort: s.HTTPPort},
	}
	if base := strings.TrimSuffix(s.BaseURL, "/"); base != "" {
		o.BaseURL = func() string { return base }
	}
	return o
}

// maxDays is the longest validity that can be configured: ten years.
const maxDays = 3650

// Check implements [setting.Checker].
func (s Settings) Check() (wrong []setting.Problem) {
	rule := func(ok bool, name string, rule model.Text, example string) {
		if !ok {
			wrong = append(wrong, setting.Problem{Setting: name, Rule: rule, Example: example})
		}
	}
	days := model.Say("config.days", "from", 1, "to", maxDays)
	rule(s.MaxValidityDays >= 1 && s.MaxValidityDays <= maxDays, "max_validity_days", days, "398")
	for i, d := range s.PermittedDomains {
		n, err := names.Parse(d)
		bare := err == nil && !n.Wildcard && !n.IP.IsValid()
		rule(bare, fmt.Sprintf("permitted_domains[%d]", i), model.Say("config.domain"), "example.com")
	}
	rule(address(s.Listen), "listen", model.Say("config.listen"), `"127.0.0.1:0"`)
	proofs := []string{ProofTrust, ProofDNS, ProofHTTP}
	rule(slices.Contains(proofs, s.Proof), "proof", model.Say("config.one-of", "words", proofs), ProofTrust)
	rule(s.Resolver == "" || address(s.Resolver), "resolver", model.Say("config.host-port"), `"127.0.0.1:53"`)
	rule(s.HTTPPort > 0 && s.HTTPPort < 1<<16, "http_port", model.Say("config.port"), "80")
	plain := s.BaseURL == "" || plainURL(s.BaseURL)
	rule(plain, "base_url", model.Say("config.http"), `"http://crl.example.com"`)
	return wrong
}

func address(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return false
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return false
	}
	_, err = netip.ParseAddr(host)
	return err == nil || host == "localhost"
}

func plainURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" &&
		u.RawQuery == "" && u.Fragment == "" && u.User == nil
}
