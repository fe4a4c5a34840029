package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"certquay/lifecycle/issuer"
	"certquay/lifecycle/product"
	"certquay/model"
	"certquay/model/setting"
	words "certquay/ui/text"
)

// testSettings are those of a driver that has some.
type testSettings struct {
	Reload    []string `yaml:"reload"`
	Port      int      `yaml:"port"`
	Asked     bool     `yaml:"asked"`
	TokenFile string   `yaml:"token_file" secret:"true"`
}

// Check is [setting.Checker]'s.
func (s testSettings) Check() (all []setting.Problem) {
	if s.Port < 1 {
		all = append(all, setting.Problem{Setting: "port", Rule: model.Say("config.port"), Example: "443"})
	}
	return all
}

// addTestDriver adds a driver with settings to the registry until the test ends.
func addTestDriver(t testing.TB) {
	before := product.Kinds
	product.Kinds = append(slices.Clone(before), product.Kind{Name: "told",
		Settings: func() any { return testSettings{Reload: []string{"true"}, Port: 443} }},
		product.Kind{Name: "hosted", OnHosts: true})
	t.Cleanup(func() { product.Kinds = before })
}

// A driver's settings stand over its defaults.
func TestSettingsOfDrivers(t *testing.T) {
	addTestDriver(t)
	for text, want := range map[string]testSettings{
		"":                                      {Reload: []string{"true"}, Port: 443},
		", settings:":                           {Reload: []string{"true"}, Port: 443},
		", settings: {port: 8443}":              {Reload: []string{"true"}, Port: 8443},
		", settings: {reload: [], asked: true}": {Reload: []string{}, Port: 443, Asked: true},
	} {
		c, err := Parse("x", []byte("products: [{name: a, driver: told, regions: [x]"+text+"}]"))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Products[5].Settings; !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v", text, got)
		}
	}
	c, err := Parse("x", []byte("products: [{name: a, driver: edge, regions: [x], settings: }]"))
	if err != nil || c.Products[5].Settings != nil {
		t.Errorf("%v, %+v", err, c)
	}
}

// spec: P1
func TestProductsJoinTheDefaults(t *testing.T) {
	addTestDriver(t)
	c, err := Parse("x", []byte(`products:
- {name: Web, driver: hosted, ssh: [deploy@web1.example.com, "deploy@[::1]:2222"], sudo: true, known_hosts: hosts}
- {name: cdn, driver: told, settings: {port: 8443}}
- {name: SLB, driver: none}
- {name: Edge, driver: edge}
- {name: SCDN, driver: edge, regions: [global]}
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range c.Declarations() {
		got = append(got, fmt.Sprint(d.Name, " ", d.Kind, " ", d.Default, " ", d.Settings))
	}
	want := []string{
		"SLB none false map[]",
		"CDN told false map[port:8443]",
		"SCDN edge true map[]",
		"DCDN edge true map[]",
		"WAF edge true map[regions:[cn-hangzhou ap-southeast-1 eu-central-1 us-west-1]]",
		"Web hosted false map[known_hosts:hosts ssh:[deploy@web1.example.com deploy@[::1]:2222] sudo:true]",
		"Edge edge false map[]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	again, err := Parse("x", c.Marshal(english))
	if err != nil || !reflect.DeepEqual(again, c) {
		t.Errorf("%v\n%s", err, c.Marshal(english))
	}
	k, _ := product.Find("hosted")
	filled, err := k.Fill(c.Declarations()[5].Settings)
	if err != nil || !slices.Equal(filled.Regions, []string{"web1.example.com", "::1"}) || !filled.Sudo {
		t.Errorf("%+v, %v", filled, err)
	}
}

// english are the words of what is printed.
var english = words.New("en")

// What issuers and drivers that are built in can be told stands in what is
// printed, with its meaning, and nothing that is told in the clear is a secret.
func TestRegisteredSettingsAreExplained(t *testing.T) {
	addTestDriver(t)
	plain := func(s string) string { return strings.Join(strings.Fields(strings.ReplaceAll(s, "#", " ")), " ") }
	printed := plain(string(Default().Marshal(english)))
	issuerSettings(english, func(path, about string) {
		if strings.HasSuffix(about, ": ") || !strings.Contains(printed, plain(about)) {
			t.Errorf("%s: %q is not in\n%s", path, about, printed)
		}
	})
	explained := func(kind string, settings func() any) {
		t.Helper()
		if !strings.Contains(printed, kind) || !strings.Contains(printed, Meaning(english, kind)) {
			t.Errorf("%s: %q is not in\n%s", kind, Meaning(english, kind), printed)
		}
		if settings == nil {
			return
		}
		for _, s := range setting.Of(settings()) {
			meaning := Meaning(english, kind, s.Name)
			if s.Name == "" || meaning == "" && kind != "told" ||
				s.In == "" && (!strings.Contains(printed, s.Name) || !strings.Contains(printed, plain(meaning))) {
				t.Errorf("%s: %+v is not in\n%s", kind, s, printed)
			}
			if s.Secret != secretive(s.Name) || s.Secret && !strings.HasSuffix(s.Name, "_file") {
				t.Errorf("%s: a secret stands in a file: the name of its setting ends in _file and is tagged so: %+v", kind, s)
			}
		}
	}
	for _, k := range issuer.Kinds {
		explained(k.Name, k.Settings)
	}
	for _, k := range product.Kinds {
		explained(k.Name, k.Settings)
	}
}

// Every field has a meaning in each language, no meaning is of a field that there
// is not, and what is printed has them all and is read back in each language.
// spec: V5
func TestEveryFieldHasAMeaning(t *testing.T) {
	for _, lang := range words.Languages() {
		w, left := words.New(lang), map[string]bool{}
		for _, key := range w.Keys() {
			if path, ok := strings.CutPrefix(key, "setting."); ok {
				left[path] = true
			}
		}
		text := Default().Marshal(w)
		printed := strings.Join(strings.Fields(strings.ReplaceAll(string(text), "#", "")), "")
		var fields func(t reflect.Type, at string)
		fields = func(of reflect.Type, at string) {
			for of.Kind() == reflect.Slice {
				of = of.Elem()
			}
			if of.Kind() != reflect.Struct {
				return
			}
			for i := range of.NumField() {
				if name := keyOf(of.Field(i)); name == "-" || name == "" { // a key of a map, and what its kind says
					continue
				}
				path := join(at, keyOf(of.Field(i)))
				meaning := (&writer{words: w}).meaning(path)
				if meaning == "" || !strings.Contains(printed, strings.Join(strings.Fields(strings.ReplaceAll(meaning, "#", "")), "")) {
					t.Errorf("%s: what %s means is not in\n%s", lang, path, text)
				}
				delete(left, path)
				fields(of.Field(i).Type, path)
			}
		}
		fields(reflect.TypeFor[Config](), "")
		issuerSettings(w, func(path, _ string) { delete(left, "issuers."+path) })
		for path := range left {
			t.Errorf("%s: there is no field %s", lang, path)
		}
		if got, err := Parse("x", text); err != nil || !reflect.DeepEqual(got, Default()) {
			t.Errorf("%s: %v\n%s", lang, err, text)
		}
	}
}

// secretive says whether a name promises a secret.
func secretive(name string) bool {
	for _, s := range []string{"password", "passphrase", "secret", "token", "private", "eab_key", "ssh_key"} {
		if strings.Contains(name, s) {
			return true
		}
	}
	return false
}
