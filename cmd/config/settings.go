package config

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"certquay/ui/text"
)

// Setting is one setting of a configuration, with its meaning in words.
type Setting struct {
	Path    string // such as notify.days or products.CDN.regions
	Value   string
	Meaning string
}

// namedLists are the lists whose entries are known by their names.
var namedLists = []string{"issuers", "dns", "products"}

// Settings returns all settings in the order of the file.
func (c *Config) Settings(words *text.Catalogue) []Setting {
	var d differ
	d.compare("", reflect.ValueOf(c).Elem(), reflect.Value{})
	w := &writer{words: words}
	all := make([]Setting, len(d.changes))
	for n, s := range d.changes {
		path := s.Setting
		if parts := strings.Split(path, "."); len(parts) > 2 && slices.Contains(namedLists, parts[0]) {
			path = parts[0] + "." + strings.Join(parts[2:], ".") // described without the name
		}
		all[n] = Setting{s.Setting, Value(s.Now), w.meaning(path)}
		if of, rest, _ := strings.Cut(path, "."); of == "issuers" && all[n].Meaning == "" {
			for _, kind := range DeclaredKinds() {
				all[n].Meaning = cmp.Or(all[n].Meaning, meaningOf(words, kind, rest))
			}
		}
		for all[n].Meaning == "" && strings.Contains(path, ".") { // an entry of a map
			path = path[:strings.LastIndexByte(path, '.')]
			all[n].Meaning = w.meaning(path)
		}
	}
	return all
}
