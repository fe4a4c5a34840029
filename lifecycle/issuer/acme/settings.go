package acme

import (
	"fmt"
	"net/mail"
	"path"
	"strings"
	"time"

	"certquay/lifecycle/budget"
	"certquay/lifecycle/challenge"
	"certquay/lifecycle/runner"
	"certquay/model"
	"certquay/model/setting"
)

// Settings are the settings of an issuer of this kind. Those with the tag in are written
// otherwise in the configuration, see [Form].
type Settings struct {
	Directory      string   `yaml:"directory"`
	Email          string   `yaml:"email"`
	AgreeTerms     bool     `yaml:"agree_terms"`
	EABKeyID       string   `yaml:"eab_kid" in:"eab.kid"`
	EABKeyFile     string   `yaml:"eab_key_file" secret:"true" in:"eab.key_file"`
	Profile        string   `yaml:"profile"`
	PreferredChain string   `yaml:"preferred_chain"`
	Public         bool     `yaml:"public"`
	CAFile         string   `yaml:"ca_file" file:"true"`
	ChainRootsFile string   `yaml:"chain_roots_file" file:"true"`
	Challenges     []string `yaml:"challenges" in:"challenges"`
	ValidityHours  int      `yaml:"validity_hours"`
	SendNotAfter   bool     `yaml:"send_not_after"`
	IPNames        bool     `yaml:"ip_names"`
	HTTPListen     string   `yaml:"http_listen" in:"challenges"`
	HTTPRoot       string   `yaml:"http_root" in:"challenges"`
	HTTPHost       string   `yaml:"http_host" in:"challenges"` // [user@]host[:port] of HTTPRoot; "" for this machine
	SSHKeyFile     string   `yaml:"ssh_key_file" secret:"true" file:"true"`
	KnownHosts     string   `yaml:"known_hosts" file:"true"`
	AcceptHostKey  []string `yaml:"accept_host_key"`
	TLSListen      string   `yaml:"tls_listen" in:"challenges"`
	HTTPPort       int      `yaml:"http_port"`
	TLSPort        int      `yaml:"tls_port"`
	Resolvers      []string `yaml:"resolvers"`
	Limits         []string `yaml:"limits"`
	PersistUntil   string   `yaml:"persist_until"`
	Preflight      bool     `yaml:"preflight"`
	// Fallback are the brands that are asked next for purchases that name none themselves.
	Fallback []string `yaml:"fallback"`
}

// DefaultSettings are those without a configuration. Each call makes new ones.
func DefaultSettings() Settings {
	return Settings{
		Challenges: []string{
			string(challenge.HTTP01),
		},
		HTTPListen: ":80",
		TLSListen:  ":443",
		HTTPPort:   80,
		TLSPort:    443,
		Resolvers:  []string{},
		Limits:     []string{},

		AcceptHostKey: []string{},
		Preflight:     true,
		Fallback:      []string{},
	}
}

// maxHours is the longest validity that can be configured: ten years.
const maxHours = 3650 * 24

// Check implements [setting.Checker].
func (s Settings) Check() (wrong []setting.Problem) {
	rule := func(ok bool, name string, rule model.Text, example string) {
		if !ok {
			wrong = append(wrong, setting.Problem{Setting: name, Rule: rule, Example: example})
		}
	}
	rule(directoryURL(s.Directory) != "", "directory", model.Say("config.acme-directory", "known", DirectoryNames()), "letsencrypt")
	_, err := mail.ParseAddress(s.Email)
	rule(s.Email == "" || err == nil, "email", model.Say("config.email"), "ops@example.com")
	rule((s.EABKeyID == "") == (s.EABKeyFile == ""), "eab_key_file", model.Say("config.acme-eab"), "")
	rule(len(s.Challenges) > 0, "challenges", model.Say("config.acme-challenges"), string(challenge.HTTP01))
	for n, c := range s.Challenges {
		_, err := challenge.ParseRule(c)
		rule(err == nil, fmt.Sprintf("challenges[%d]", n), model.TextOf(err), "dns-01=example.com,NAME")
	}
	wrong = append(wrong, s.checkHost()...)
	hours := model.Say("config.acme-hours", "to", maxHours)
	rule(s.ValidityHours >= 0 && s.ValidityHours <= maxHours, "validity_hours", hours, "2160")
	_, err = s.persistUntil()
	rule(err == nil, "persist_until", model.Say("config.date"), "2027-12-31")
	port := model.Say("config.port")
	rule(s.HTTPPort > 0 && s.HTTPPort < 1<<16, "http_port", port, "80")
	rule(s.TLSPort > 0 && s.TLSPort < 1<<16, "tls_port", port, "443")
	for n, l := range s.Limits {
		_, wrong := budget.Parse(l)
		rule(wrong == "", fmt.Sprintf("limits[%d]", n), wrong, "new-orders=300/3h")
	}
	return wrong
}

// checkHost checks where the web root is.
func (s Settings) checkHost() (wrong []setting.Problem) {
	if s.HTTPHost == "" {
		if s.SSHKeyFile != "" || s.KnownHosts != "" || len(s.AcceptHostKey) > 0 {
			wrong = append(wrong, setting.Problem{Setting: "http_host", Rule: model.Say("product.ssh-needed"), Example: exampleHost})
		}
		return wrong
	}
	if _, err := runner.ParseAddress(s.HTTPHost); err != nil {
		wrong = append(wrong, setting.Problem{Setting: "http_host", Rule: model.Say("product.ssh"), Example: exampleHost})
	}
	if !path.IsAbs(s.HTTPRoot) {
		wrong = append(wrong, setting.Problem{Setting: "http_root", Rule: model.Say("config.acme-root-there"), Example: "/var/www/html"})
	}
	for n, key := range s.AcceptHostKey {
		if !strings.HasPrefix(key, "SHA256:") {
			at := fmt.Sprintf("accept_host_key[%d]", n)
			wrong = append(wrong, setting.Problem{Setting: at, Rule: model.Say("product.fingerprint"), Example: "SHA256:..."})
		}
	}
	return wrong
}

const exampleHost = "deploy@web1.example.com"

// RateLimits are the limits of the settings, or else those that the CA has published, and
// whether they leave out orders that replace a certificate.
func (s Settings) RateLimits() (all []budget.Limit, replacesFree bool) {
	for _, l := range s.Limits {
		if parsed, wrong := budget.Parse(l); wrong == "" {
			all = append(all, parsed)
		}
	}
	d, _ := FindDirectory(s.Directory)
	if published, known := budget.Known[d.Name]; known {
		if len(all) == 0 {
			all = published.Limits
		}
		return all, published.ReplacesFree
	}
	return all, false
}

// Options are the settings as [New] takes them, without what stands in files, the
// issuer's name and the challenges.
func (s Settings) Options() Options {
	until, _ := s.persistUntil() // checked before
	return Options{
		Directory: s.Directory, Email: s.Email, AgreeTerms: s.AgreeTerms, EABKeyID: s.EABKeyID, Profile: s.Profile,
		PreferredChain: s.PreferredChain, Public: s.Public, Validity: time.Duration(s.ValidityHours) * time.Hour,
		SendNotAfter: s.SendNotAfter, IPNames: s.IPNames, PersistUntil: until, Preflight: s.Preflight,
	}
}

// persistUntil is the end of the day that records of dns-persist-01 hold to; zero for
// none.
func (s Settings) persistUntil() (time.Time, error) {
	if s.PersistUntil == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, s.PersistUntil)
	return t.Add(day - time.Second), err
}

// Rules are the parsed challenges of the settings.
func (s Settings) Rules() (all []challenge.Rule, err error) {
	for _, c := range s.Challenges {
		r, err := challenge.ParseRule(c)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}
