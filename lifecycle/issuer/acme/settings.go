package acme

import (
	"fmt"
	"net/mail"
	"time"

	"certquay/lifecycle/challenge"
	"certquay/model"
	"certquay/model/setting"
)

// Settings are what the configuration says of an issuer of this kind.
type Settings struct {
	Directory      string   `yaml:"directory"`
	Email          string   `yaml:"email"`
	AgreeTerms     bool     `yaml:"agree_terms"`
	EABKeyID       string   `yaml:"eab_kid"`
	EABMACFile     string   `yaml:"eab_mac_file" secret:"true"`
	Profile        string   `yaml:"profile"`
	PreferredChain string   `yaml:"preferred_chain"`
	Public         bool     `yaml:"public"`
	RootsFile      string   `yaml:"roots_file"`
	ChainRootsFile string   `yaml:"chain_roots_file"`
	Challenges     []string `yaml:"challenges"`
	ValidityHours  int      `yaml:"validity_hours"`
	SendNotAfter   bool     `yaml:"send_not_after"`
	IPNames        bool     `yaml:"ip_names"`
}

// DefaultSettings are those without a configuration. Each call makes new ones.
func DefaultSettings() Settings { return Settings{Challenges: []string{string(challenge.HTTP01)}} }

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
	rule((s.EABKeyID == "") == (s.EABMACFile == ""), "eab_mac_file", model.Say("config.acme-eab"), "")
	rule(len(s.Challenges) > 0, "challenges", model.Say("config.acme-challenges"), string(challenge.HTTP01))
	for n, c := range s.Challenges {
		_, err := challenge.ParseRule(c)
		rule(err == nil, fmt.Sprintf("challenges[%d]", n), model.TextOf(err), "dns-01=example.com,NAME")
	}
	hours := model.Say("config.acme-hours", "to", maxHours)
	rule(s.ValidityHours >= 0 && s.ValidityHours <= maxHours, "validity_hours", hours, "2160")
	return wrong
}

// Options are the settings as [New] takes them, without what stands in files, the
// issuer's name and the challenges.
func (s Settings) Options() Options {
	return Options{
		Directory: s.Directory, Email: s.Email, AgreeTerms: s.AgreeTerms, EABKeyID: s.EABKeyID, Profile: s.Profile,
		PreferredChain: s.PreferredChain, Public: s.Public, Validity: time.Duration(s.ValidityHours) * time.Hour,
		SendNotAfter: s.SendNotAfter, IPNames: s.IPNames,
	}
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
