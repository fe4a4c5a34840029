// Package catalogue lists the DNS providers by name, with their settings and what these
// mean, without any of their code (spec C5). The data and its texts are those of lego
// (github.com/go-acme/lego, MIT; see LICENSE.lego).
package catalogue

import (
	_ "embed" // the data
	"encoding/json"
	"slices"
	"strings"
	"sync"
)

//go:embed providers.json
var data []byte

// Catalogue is the data file.
type Catalogue struct {
	Source    string // module and version that it was made from
	Providers []Provider
}

// Provider is where TXT records can be written.
type Provider struct {
	Name    string   // as in lego, such as "cloudflare"
	Aliases []string `json:",omitempty"`
	Title   string   // such as "Cloudflare"
	URL     string   `json:",omitempty"`
	// Settings are what it has to be told.
	Settings []Setting `json:",omitempty"`
	// Sequential: it may be able to show one record at a time only.
	Sequential bool `json:",omitempty"`
	// AnyValue: it can write records of dns-persist-01 too.
	AnyValue bool `json:",omitempty"`
	// Separate: its code is in the program certquay-dnsall, which has to be on PATH.
	Separate bool `json:",omitempty"`
}

// Setting is a setting of a provider: the name of the environment variable by which lego
// knows it.
type Setting struct {
	Name string
	Help string `json:",omitempty"` // in English
	// Required: the provider cannot do without it. Of those that are neither Required
	// nor Optional some have to be given; Help says which.
	Required bool `json:",omitempty"`
	Optional bool `json:",omitempty"`
	Secret   bool `json:",omitempty"` // typed without being shown
}

// parsed is the catalogue, read once.
var parsed = sync.OnceValue(func() Catalogue {
	var c Catalogue
	if err := json.Unmarshal(data, &c); err != nil {
		panic(err) // the file is embedded and tested
	}
	return c
})

// All returns all providers by name. The caller must not change them.
func All() []Provider { return parsed().Providers }

// Find returns the provider of a name or alias; case does not matter.
func Find(name string) (p Provider, ok bool) {
	name = strings.ToLower(strings.TrimSpace(name))
	for _, p := range All() {
		if p.Name == name || slices.Contains(p.Aliases, name) {
			return p, true
		}
	}
	return Provider{}, false
}
