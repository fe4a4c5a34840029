package acme

import (
	"fmt"
	"slices"
	"strings"

	"certquay/lifecycle/challenge"
	"certquay/model"
	"certquay/model/setting"
)

// Form is how the configuration writes [Settings]: each challenge with the place where it
// is answered, and the external account by itself.
type Form struct {
	Settings   `yaml:",inline"`
	EAB        EAB         `yaml:"eab"`
	Challenges []Challenge `yaml:"challenges"`
}

// EAB is an external account (RFC 8555 section 7.3.4).
type EAB struct {
	KeyID   string `yaml:"kid"`
	KeyFile string `yaml:"key_file" secret:"true"`
}

// Challenge is a way to show control of some names (spec C4).
type Challenge struct {
	Type    string   `yaml:"type"`
	Domains []string `yaml:"domains,omitempty"` // patterns as in [challenge.Rule]; none means every name
	DNS     string   `yaml:"dns,omitempty"`     // name of an account at a DNS provider
	Listen  string   `yaml:"listen,omitempty"`  // "" for the port that the CA asks
	Root    string   `yaml:"root,omitempty"`    // in place of Listen, for http-01
	Host    string   `yaml:"host,omitempty"`    // [user@]host[:port] of Root; "" for this machine
}

// NewForm returns the defaults of an issuer of a name. Each call makes a new one.
func NewForm(name string) setting.Form {
	f := &Form{Settings: DefaultSettings(), Challenges: []Challenge{{Type: string(challenge.HTTP01)}}}
	if _, known := FindDirectory(name); known {
		f.Directory = name
	}
	return f
}

// rules are the rules of a challenge, one for each of its patterns.
func (c Challenge) rules() (all []challenge.Rule) {
	r := challenge.Rule{Type: challenge.Type(c.Type), DNS: c.DNS}
	for _, pattern := range c.Domains {
		r.Pattern = strings.ToLower(pattern)
		all = append(all, r)
	}
	if len(all) == 0 {
		return []challenge.Rule{r}
	}
	return all
}

// Flat implements [setting.Form].
func (f *Form) Flat() any {
	s := f.Settings
	s.EABKeyID, s.EABKeyFile, s.Challenges = f.EAB.KeyID, f.EAB.KeyFile, nil
	for _, c := range f.Challenges {
		for _, r := range c.rules() {
			s.Challenges = append(s.Challenges, r.String())
		}
		switch {
		case c.Root != "":
			s.HTTPRoot, s.HTTPHost = c.Root, c.Host
		case c.Listen == "":
		case c.Type == string(challenge.HTTP01):
			s.HTTPListen = c.Listen
		case c.Type == string(challenge.TLSALPN01):
			s.TLSListen = c.Listen
		}
	}
	return s
}

// Check implements [setting.Checker].
func (f *Form) Check() (wrong []setting.Problem) {
	for n, c := range f.Challenges {
		wrong = append(wrong, c.check(fmt.Sprintf("challenges[%d]", n), f.Challenges[:n])...)
	}
	if len(wrong) > 0 { // the flat settings would name them again
		return wrong
	}
	for _, p := range f.Flat().(Settings).Check() {
		all := setting.Of(f.Settings)
		if n := slices.IndexFunc(all, func(s setting.Setting) bool { return s.Name == p.Setting }); n >= 0 && all[n].In != "" {
			p.Setting = all[n].In
		}
		wrong = append(wrong, p)
	}
	return wrong
}

// check checks one challenge; before are those above it.
func (c Challenge) check(at string, before []Challenge) (wrong []setting.Problem) {
	rule := func(ok bool, name string, rule model.Text, example string) {
		if !ok {
			wrong = append(wrong, setting.Problem{Setting: at + "." + name, Rule: rule, Example: example})
		}
	}
	typ := challenge.Type(c.Type)
	if err := (challenge.Rule{Type: typ}).Check(); err != nil {
		rule(false, "type", model.TextOf(err), "")
		return wrong
	}
	err := challenge.Rule{Type: typ, DNS: c.DNS}.Check()
	rule(err == nil, "dns", model.TextOf(err), "")
	for n, pattern := range c.Domains {
		err := challenge.Rule{Type: typ, Pattern: strings.ToLower(pattern)}.Check()
		rule(err == nil && pattern != "", fmt.Sprintf("domains[%d]", n), model.TextOf(err), "*.example.com")
	}
	listens := typ == challenge.HTTP01 || typ == challenge.TLSALPN01
	rule(c.Listen == "" || listens, "listen", model.Say("config.acme-listen", "type", c.Type), "")
	rule(c.Root == "" || typ == challenge.HTTP01, "root", model.Say("config.acme-root", "type", c.Type), "")
	rule(c.Root == "" || c.Listen == "", "root", model.Say("config.acme-one-place"), "")
	rule(c.Host == "" || c.Root != "", "host", model.Say("config.acme-host"), "")
	for _, b := range before {
		same := b.Type != c.Type || b.Listen+b.Root == "" || c.Listen+c.Root == ""
		rule(same, "type", model.Say("config.acme-place-twice", "type", c.Type), "")
	}
	return wrong
}
