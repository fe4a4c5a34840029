package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"certquay/cmd/session"
	"certquay/lifecycle/authority"
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

// issuerSettings describes the settings of the kinds of issuers as the file has them, each
// with its path.
func issuerSettings(words *text.Catalogue, each func(path, about string)) {
	for _, name := range DeclaredKinds() {
		k, _ := issuer.Find(name)
		var settings func(v reflect.Value, at string)
		settings = func(v reflect.Value, at string) {
			for _, f := range fieldsOf(v) {
				path, v := join(at, f.name), f.value
				if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct {
					v = reflect.Zero(v.Type().Elem())
				}
				if v.Kind() == reflect.Struct {
					settings(v, path)
					continue
				}
				each(path, words.Text(model.Say("config.file-setting",
					"driver", name, "setting", path, "value", flow(v), "meaning", meaningOf(words, name, path))))
			}
		}
		settings(inside(reflect.ValueOf(k.Form(""))), "")
	}
}

// meaningOf returns the description of a setting of a kind of issuer by its path. Where
// there is a setting eab_kid, eab.kid is the same.
func meaningOf(words *text.Catalogue, kind, path string) string {
	return cmp.Or(Meaning(words, kind, strings.ReplaceAll(path, ".", "_")), words.Lookup("setting.issuers."+path, ""))
}

// driverSettings describes the settings of the drivers of products.
func driverSettings(words *text.Catalogue) string {
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
	for _, k := range product.Kinds {
		add(k.Name, k.Settings)
	}
	return strings.Join(all, " ")
}

// prepare gives an issuer the settings of the kind that a node says, with their defaults.
func (is *Issuer) prepare(n ast.Node) {
	m, ok := n.(ast.MapNode)
	if !ok {
		return
	}
	for it := m.MapRange(); it.Next(); {
		if key, _ := textOf(it.Key()); key != "kind" {
			continue
		}
		kind, _ := textOf(it.Value())
		if k, ok := issuer.Find(kind); ok && k.Form != nil {
			is.Settings = k.Form(is.Name)
		}
	}
}

// settings decodes the settings of products, whose types depend on the driver. An unknown
// driver is reported by check.
func (d *decoder) settings(c *Config) {
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
	brands := []string{embedded.Brand}
	for _, is := range c.Issuers {
		brands = append(brands, is.Name)
	}
	for _, is := range c.Issuers {
		at := d.entry("issuers", is.Name, "letsencrypt")
		d.rule(is.Name != embedded.Brand, at, model.Say("config.built-in-issuer"), nil)
		if is.Settings == nil {
			kinds := DeclaredKinds()
			problem := model.Say("config.no-kind", "kind", session.Escape(string(is.Kind), 60))
			if is.Kind == "" {
				problem = model.Say("config.needs-kind")
			}
			d.rule(false, at+".kind", problem, kinds[0])
			continue
		}
		d.checkSettings(is.Settings, at)
		d.checkFallback(is, at+"."+authority.Fallback, brands)
	}
	for _, a := range c.DNS {
		at := d.entry("dns", a.Name, "cloudflare")
		d.rule(isWord(a.Provider), at+".provider", model.Say("config.word"), "cloudflare")
		d.rule(a.SettingsFile != "", at+".settings_file", model.Say("config.credentials"), "cloudflare.env")
	}
}

// checkFallback checks the issuers that are asked after one; brands are those that there
// are.
func (d *decoder) checkFallback(is Issuer, at string, brands []string) {
	for _, s := range setting.Of(is.Settings.Flat()) {
		if s.Name != authority.Fallback {
			continue
		}
		list := s.Default.([]string)
		for n, brand := range list {
			field := fmt.Sprintf("%s[%d]", at, n)
			d.rule(brand != is.Name && !slices.Contains(list[:n], brand), field, model.Say("config.fallback-twice"), nil)
			if !slices.Contains(brands, brand) {
				d.fail(d.at[field], field, model.Say("config.fallback-unknown"), similar(brand, brands))
			}
		}
	}
}

// entry checks the name of an entry of a map, and returns where it stands.
func (d *decoder) entry(of, name, example string) (at string) {
	at = join(of, session.Escape(name, 60))
	d.rule(isWord(name) && name == model.NormalizeName(name), at, model.Say("config.lower-word"), example)
	return at
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
