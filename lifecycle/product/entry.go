package product

import (
	"strconv"
	"strings"

	"certquay/lifecycle/authority"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/runner"
	"certquay/lifecycle/window"
	"certquay/model"
	"certquay/model/setting"
)

// Place are the settings that say where the products of a driver without hosts are.
type Place struct {
	Regions []string `yaml:"regions"` // the default first
}

// HostSettings say where the servers of a driver that works on hosts are. Each host is a
// region by its name.
type HostSettings struct {
	SSH           []string `yaml:"ssh"` // [user@]host[:port]; none for this machine
	SSHKey        string   `yaml:"ssh_key" secret:"true" file:"true"`
	KnownHosts    string   `yaml:"known_hosts"`
	AcceptHostKey []string `yaml:"accept_host_key"` // SHA256:...
	Sudo          bool     `yaml:"sudo"`
}

// defaultPlace has the region of what is everywhere.
func defaultPlace() Place { return Place{Regions: []string{"global"}} }

// maxWord is the length of the name of a region, in bytes.
const maxWord = 40

// Check implements [setting.Checker].
func (p Place) Check() (all []setting.Problem) {
	seen := map[string]bool{}
	if len(p.Regions) == 0 {
		all = append(all, setting.Problem{Setting: "regions", Rule: model.Say("config.region"), Example: "[global]"})
	}
	for n, r := range p.Regions {
		at := "regions[" + strconv.Itoa(n) + "]"
		word := r != "" && len(r) <= maxWord && strings.Trim(r, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == ""
		if !word {
			all = append(all, setting.Problem{Setting: at, Rule: model.Say("config.word"), Example: "eu-central-1"})
		}
		if seen[model.NormalizeName(r)] {
			all = append(all, setting.Problem{Setting: at, Rule: model.Say("config.region-twice")})
		}
		seen[model.NormalizeName(r)] = true
	}
	return all
}

// Check implements [setting.Checker].
func (h HostSettings) Check() (all []setting.Problem) {
	seen := map[string]bool{}
	for n, target := range h.SSH {
		at := "ssh[" + strconv.Itoa(n) + "]"
		a, err := runner.ParseAddress(target)
		if err != nil {
			all = append(all, setting.Problem{Setting: at, Rule: model.Say("product.ssh"), Example: "deploy@web1.example.com"})
		}
		if seen[a.Host] {
			all = append(all, setting.Problem{Setting: at, Rule: model.Say("product.host-twice")})
		}
		seen[a.Host] = err == nil
	}
	for n, key := range h.AcceptHostKey {
		if !strings.HasPrefix(key, "SHA256:") {
			all = append(all, setting.Problem{
				Setting: "accept_host_key[" + strconv.Itoa(n) + "]", Rule: model.Say("product.fingerprint"), Example: "SHA256:...",
			})
		}
	}
	if len(h.SSH) == 0 && (h.SSHKey != "" || h.KnownHosts != "" || len(h.AcceptHostKey) > 0) {
		all = append(all, setting.Problem{Setting: "ssh", Rule: model.Say("product.ssh-needed"), Example: "deploy@web1.example.com"})
	}
	return all
}

// Names are the regions that the hosts are.
func (h HostSettings) Names() []string {
	if len(h.SSH) == 0 {
		return []string{runner.Local{}.Name()}
	}
	names := make([]string, len(h.SSH))
	for n, target := range h.SSH {
		if a, err := runner.ParseAddress(target); err == nil { // else Check says so
			names[n] = a.Host
		}
	}
	return names
}

// Place are the settings of the place of a product of the kind with their defaults: a
// [Place] or [HostSettings], or none if the driver's own settings say it.
func (k Kind) Place() any {
	switch {
	case k.OnHosts:
		return HostSettings{}
	case k.Regions != nil:
		return struct{}{}
	}
	return defaultPlace()
}

// Schedule says when products of any driver are deployed to without asking a person (spec
// P7).
type Schedule struct {
	Windows []string `yaml:"windows"` // see package window; none for at any time
}

// Check implements [setting.Checker].
func (s Schedule) Check() (all []setting.Problem) {
	for n, w := range s.Windows {
		if _, err := window.Parse(w); err != nil {
			at := authority.Windows + "[" + strconv.Itoa(n) + "]"
			all = append(all, setting.Problem{Setting: at, Rule: model.TextOf(err), Example: window.Example})
		}
	}
	return all
}

// Entry are all settings of a product of the kind, of its place first, with their defaults.
func (k Kind) Entry() any {
	if k.Settings == nil {
		return setting.Group{k.Place(), Schedule{}}
	}
	return setting.Group{k.Place(), Schedule{}, k.Settings()}
}

// Filled are the settings of a product, complete.
type Filled struct {
	Place
	HostSettings
	Schedule
	Driver any // nil if the driver has none
}

// Fill puts values by name over the defaults and checks them. The error is a
// [*setting.Error].
func (k Kind) Fill(values map[string]any) (f Filled, err error) {
	filled, err := setting.Fill(k.Entry(), values)
	if err != nil {
		return f, err
	}
	g := filled.(setting.Group)
	for _, p := range g.Check() {
		return f, &setting.Error{Setting: p.Setting, Rule: p.Rule, Example: p.Example}
	}
	switch place := g[0].(type) {
	case HostSettings:
		f.HostSettings, f.Regions = place, place.Names()
	case Place:
		f.Place = place
	}
	f.Schedule = g[1].(Schedule)
	if len(g) > 2 {
		f.Driver = g[2]
	}
	if k.Regions != nil {
		f.Regions = k.Regions(f.Driver)
	}
	return f, nil
}

// Declared are the kinds of products that can be declared.
func Declared() []ports.ProductKind {
	all := make([]ports.ProductKind, len(Kinds))
	for n, k := range Kinds {
		all[n] = ports.ProductKind{Name: k.Name, Settings: k.Entry, Proposes: k.Propose != nil}
	}
	return all
}
