// Package files is the driver "files": any server whose certificate is in files at known
// paths, with commands that test and reload it.
package files

import (
	"context"
	"fmt"
	"slices"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/pairfiles"
	"certquay/lifecycle/product/site"
	"certquay/lifecycle/runner"
	"certquay/model"
	"certquay/model/setting"
)

// Driver is the name of the driver.
const Driver = "files"

// Settings are what the configuration says of a product of this driver. Which of the files
// are named is the layout.
type Settings struct {
	FullChain    string   `yaml:"fullchain"`
	Certificate  string   `yaml:"certificate"`
	Chain        string   `yaml:"chain"`
	Key          string   `yaml:"key"`
	Combined     string   `yaml:"combined"`
	PKCS12       string   `yaml:"pkcs12"`
	JKS          string   `yaml:"jks"`
	PasswordFile string   `yaml:"password_file" secret:"true"`
	Names        []string `yaml:"names"`
	Test         []string `yaml:"test" command:"true"`
	Reload       []string `yaml:"reload" command:"true"`
	Address      string   `yaml:"address"`
	Directory    string   `yaml:"directory"`
}

// DefaultSettings are those without a configuration. Each call makes new ones.
func DefaultSettings() Settings {
	return Settings{Names: []string{}, Test: []string{}, Reload: []string{}}
}

// PasswordSetting is the setting whose content New takes.
const PasswordSetting = "password_file"

// named is a setting that names a file of a pair.
type named struct {
	setting string
	file    pairfiles.File
}

// all are the files that are named. The certificates come first: they say what is there.
func (s Settings) all() (out []named) {
	for _, n := range []named{
		{"fullchain", pairfiles.File{Part: pairfiles.FullChain, Path: s.FullChain}},
		{"certificate", pairfiles.File{Part: pairfiles.Leaf, Path: s.Certificate}},
		{"chain", pairfiles.File{Part: pairfiles.Chain, Path: s.Chain}},
		{"combined", pairfiles.File{Part: pairfiles.Combined, Path: s.Combined}},
		{"pkcs12", pairfiles.File{Part: pairfiles.PKCS12, Path: s.PKCS12}},
		{"jks", pairfiles.File{Part: pairfiles.JKS, Path: s.JKS}},
		{"key", pairfiles.File{Part: pairfiles.Key, Path: s.Key}},
	} {
		if n.file.Path != "" {
			out = append(out, n)
		}
	}
	return out
}

var _ setting.Checker = Settings{}

// Check implements [setting.Checker].
func (s Settings) Check() (wrong []setting.Problem) {
	rule := func(ok bool, name, code, example string) {
		if !ok {
			wrong = append(wrong, setting.Problem{Setting: name, Rule: model.Say(code), Example: example})
		}
	}
	taken := []string{}
	for _, n := range s.all() {
		wrong = append(wrong, site.CheckPath(n.setting, n.file.Path)...)
		rule(!slices.Contains(taken, n.file.Path), n.setting, "config.files-twice", "")
		taken = append(taken, n.file.Path)
	}
	certificate, store := s.FullChain != "" || s.Certificate != "", s.PKCS12 != "" || s.JKS != ""
	rule(certificate || store || s.Combined != "", "fullchain", "config.files-none", "/etc/ssl/example/fullchain.pem")
	rule(!certificate || s.Key != "", "key", "config.files-key", "/etc/ssl/example/privkey.pem")
	rule(store == (s.PasswordFile != ""), PasswordSetting, "config.files-password", "")
	for n, name := range s.Names {
		rule(name != "", fmt.Sprintf("names[%d]", n), "config.files-name", "www.example.com")
	}
	return append(wrong, site.CheckPlaces(s.Address, s.Directory)...)
}

// New makes a product. Of the options it sets Server, Base and Address.
func New(s Settings, o site.Options) *site.Product {
	o.Server, o.Base, o.Address = server{s}, s.Directory, s.Address
	return site.New(o)
}

type server struct{ s Settings }

// Sites returns the one that the settings name: by its first name, or its first file.
func (v server) Sites(context.Context, runner.Runner) ([]site.Site, error) {
	one := site.Site{Names: v.s.Names}
	for _, n := range v.s.all() {
		one.Files = append(one.Files, n.file)
	}
	one.Target = one.Files[0].Path
	if len(one.Names) > 0 {
		one.Target = one.Names[0]
	}
	return []site.Site{one}, nil
}

// Test implements [site.Server].
func (v server) Test(ctx context.Context, host runner.Runner, _ site.Site) error {
	return v.run(ctx, host, v.s.Test)
}

// Load implements [site.Server]. A server that watches its files needs no command.
func (v server) Load(ctx context.Context, host runner.Runner, _ site.Site) error {
	return v.run(ctx, host, v.s.Reload)
}

func (server) run(ctx context.Context, host runner.Runner, argv []string) error {
	if len(argv) == 0 {
		return nil
	}
	return site.Run(ctx, host, argv)
}

// Commands implements [site.Server].
func (v server) Commands(site.Site) []ports.Change { return site.Commands(v.s.Test, v.s.Reload) }
