package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"certquay/cmd/session"
	"certquay/lifecycle/issuer"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/product"
	"certquay/model"
	"certquay/model/setting"
	"certquay/ui/text"
)

// Driver is the name of a product driver.
type Driver string

// Doc implements documented by listing the drivers that are built in.
func (Driver) Doc(words *text.Catalogue) string {
	var all []string
	for _, k := range product.Kinds {
		all = append(all, words.Text(model.Say("config.file-driver", "name", k.Name, "about", Meaning(words, k.Name))))
	}
	return strings.Join(all, " ")
}

// IssuerKind is the name of a kind of issuer.
type IssuerKind string

// Doc implements documented by listing the kinds that can be declared.
func (IssuerKind) Doc(words *text.Catalogue) string {
	var all []string
	for _, k := range DeclaredKinds() {
		all = append(all, words.Text(model.Say("config.file-driver", "name", k, "about", Meaning(words, k))))
	}
	return strings.Join(all, " ")
}

// Meaning returns the description of a built-in component by its name, or of one of its
// settings by both names.
func Meaning(words *text.Catalogue, names ...string) string {
	return words.Lookup("built-in."+strings.Join(names, "."), "")
}

// kindSettings describes the settings of the kinds of a list in the configuration.
func kindSettings(words *text.Catalogue, at string) string {
	var all []string
	add := func(name string, defaults func() any) {
		if defaults == nil {
			all = append(all, words.Text(model.Say("config.file-no-settings", "driver", name)))
			return
		}
		for _, s := range setting.Of(defaults()) {
			all = append(all, words.Text(model.Say("config.file-setting",
				"driver", name, "setting", s.Name, "value", Value(s.Default), "meaning", Meaning(words, name, s.Name))))
		}
	}
	if at == "issuers" {
		for _, name := range DeclaredKinds() {
			k, _ := issuer.Find(name)
			add(name, k.Settings)
		}
		return strings.Join(all, " ")
	}
	for _, k := range product.Kinds {
		add(k.Name, k.Settings)
	}
	return strings.Join(all, " ")
}

// settings decodes the settings of issuers and products, whose types depend on the kind.
// An unknown kind is reported by check.
func (d *decoder) settings(c *Config) {
	for i := range c.Issuers {
		is := &c.Issuers[i]
		if k, ok := issuer.Find(string(is.Kind)); ok {
			is.Settings = d.settingsOf(fmt.Sprintf("issuers[%d].settings", i), k.Name, k.Settings)
		}
	}
	for i := range c.Products {
		p := &c.Products[i]
		if k, ok := product.Find(string(p.Driver)); ok {
			p.Settings = d.settingsOf(fmt.Sprintf("products[%d].settings", i), k.Name, k.Settings)
			if place, is := k.Place().(product.Place); is && len(p.Regions) == 0 && d.at[fmt.Sprintf("products[%d].regions", i)] == nil {
				p.Regions = place.Regions
			}
		}
	}
}

// settingsOf decodes the settings at a path; nil for a kind that has none.
func (d *decoder) settingsOf(path, kind string, defaults func() any) any {
	n, given := d.at[path]
	if _, null := n.(*ast.NullNode); null {
		given = false
	}
	if defaults == nil {
		if given {
			d.fail(n, path, model.Say("config.settings", "driver", kind), model.Say("config.leave-out"))
		}
		return nil
	}
	v := reflect.New(reflect.TypeOf(defaults())).Elem()
	v.Set(reflect.ValueOf(defaults()))
	if given {
		d.value(n, v, path)
	}
	return v.Interface()
}

// checkIssuers checks issuers and accounts at DNS providers.
func (c *Config) checkIssuers(d *decoder) {
	seen := map[string]bool{embedded.Brand: true}
	for i, is := range c.Issuers {
		at := fmt.Sprintf("issuers[%d]", i)
		d.uniqueName(is.Name, at, seen, "letsencrypt")
		kinds := DeclaredKinds()
		if !slices.Contains(kinds, string(is.Kind)) {
			problem := model.Say("config.no-kind", "kind", session.Escape(string(is.Kind), 60))
			d.fail(d.at[at+".kind"], at+".kind", problem, model.Say("config.kinds", "kinds", kinds))
		}
		d.checkSettings(is.Settings, at+".settings")
	}
	seen = map[string]bool{}
	for i, a := range c.DNS {
		at := fmt.Sprintf("dns[%d]", i)
		d.uniqueName(a.Name, at, seen, "cloudflare")
		d.rule(isWord(a.Provider), at+".provider", model.Say("config.word"), "cloudflare")
		d.rule(a.SettingsFile != "", at+".settings_file", model.Say("config.credentials"), "cloudflare.env")
	}
}

// uniqueName checks the name of an entry of a list.
func (d *decoder) uniqueName(name, at string, seen map[string]bool, example string) {
	d.rule(isWord(name) && name == model.NormalizeName(name), at+".name", model.Say("config.lower-word"), example)
	d.rule(!seen[name], at+".name", model.Say("config.name-twice"), nil)
	seen[name] = true
}

// DeclaredKinds are the kinds of issuers that can be declared: all but the embedded CA,
// of which there is one.
func DeclaredKinds() (names []string) {
	for _, k := range issuer.Declared() {
		names = append(names, k.Name)
	}
	return names
}

// checkSettings runs the validation of a component's settings.
func (d *decoder) checkSettings(settings any, at string) {
	if c, ok := settings.(setting.Checker); ok {
		for _, p := range c.Check() {
			var example any
			if p.Example != "" {
				example = p.Example
			}
			d.rule(false, join(at, p.Setting), p.Rule, example)
		}
	}
}
