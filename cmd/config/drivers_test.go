package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"certquay/lifecycle/issuer"
	"certquay/lifecycle/product"
	"certquay/model"
	"certquay/model/setting"
)

// toldSettings are those of a driver that has some.
type toldSettings struct {
	Reload    []string `yaml:"reload" doc:"The command that makes the server read its files."`
	Port      int      `yaml:"port" doc:"Where it listens."`
	Asked     bool     `yaml:"asked" doc:"Whether it is asked before it is told."`
	TokenFile string   `yaml:"token_file" doc:"A file whose first line is its token." secret:"true"`
}

// Check is [setting.Checker]'s.
func (s toldSettings) Check() (all []setting.Problem) {
	if s.Port < 1 {
		all = append(all, setting.Problem{Setting: "port", Rule: model.Say("config.port"), Example: "443"})
	}
	return all
}

// told adds a driver with settings to those that are built in until the test ends.
func told(t testing.TB) {
	before := product.Kinds
	product.Kinds = append(slices.Clone(before), product.Kind{Name: "told", About: "What is told much.",
		Settings: func() any { return toldSettings{Reload: []string{"true"}, Port: 443} }})
	t.Cleanup(func() { product.Kinds = before })
}

// A driver's settings stand over its defaults.
func TestSettingsOfDrivers(t *testing.T) {
	told(t)
	for text, want := range map[string]toldSettings{
		"":                                      {Reload: []string{"true"}, Port: 443},
		", settings:":                           {Reload: []string{"true"}, Port: 443},
		", settings: {port: 8443}":              {Reload: []string{"true"}, Port: 8443},
		", settings: {reload: [], asked: true}": {Reload: []string{}, Port: 443, Asked: true},
	} {
		c, err := Parse("x", []byte("products: [{name: a, driver: told, regions: [x]"+text+"}]"))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Products[0].Settings; !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v", text, got)
		}
	}
	c, err := Parse("x", []byte("products: [{name: a, driver: edge, regions: [x], settings: }]"))
	if err != nil || c.Products[0].Settings != nil {
		t.Errorf("%v, %+v", err, c)
	}
}

// What issuers and drivers that are built in can be told stands in what is
// printed, with its meaning, and nothing that is told in the clear is a secret.
func TestRegisteredSettingsAreExplained(t *testing.T) {
	told(t)
	printed := strings.Join(strings.Fields(strings.ReplaceAll(string(Default().Marshal()), "#", " ")), " ")
	explained := func(kind, about string, settings func() any) {
		t.Helper()
		if !strings.Contains(printed, strings.TrimSuffix(about, ".")) || !strings.Contains(printed, kind) {
			t.Errorf("%s: %q is not in\n%s", kind, about, printed)
		}
		if settings == nil {
			return
		}
		for _, s := range setting.Of(settings()) {
			if s.Name == "" || s.Meaning == "" || !strings.Contains(printed, s.Name) || !strings.Contains(printed, s.Meaning) {
				t.Errorf("%s: %+v is not in\n%s", kind, s, printed)
			}
			if s.Secret != secretive(s.Name) || s.Secret && !strings.HasSuffix(s.Name, "_file") {
				t.Errorf("%s: a secret stands in a file: the name of its setting ends in _file and is tagged so: %+v", kind, s)
			}
		}
	}
	for _, k := range issuer.Kinds {
		explained(k.Name, k.About, k.Settings)
	}
	for _, k := range product.Kinds {
		explained(k.Name, k.About, k.Settings)
	}
}

// secretive says whether a name promises a secret.
func secretive(name string) bool {
	for _, s := range []string{"password", "passphrase", "secret", "token", "private"} {
		if strings.Contains(name, s) {
			return true
		}
	}
	return false
}
