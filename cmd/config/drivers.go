package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"certquay/cmd/session"
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

// Meaning returns the description of a built-in component by its name, or of one of its
// settings by both names.
func Meaning(words *text.Catalogue, names ...string) string {
	return words.Lookup("built-in."+strings.Join(names, "."), "")
}

// driverSettings describes the settings of each driver.
func driverSettings(words *text.Catalogue) string {
	var all []string
	for _, k := range product.Kinds {
		if k.Settings == nil {
			all = append(all, words.Text(model.Say("config.file-no-settings", "driver", k.Name)))
			continue
		}
		for _, s := range setting.Of(k.Settings()) {
			all = append(all, words.Text(model.Say("config.file-setting",
				"driver", k.Name, "setting", s.Name, "value", Value(s.Default), "meaning", Meaning(words, k.Name, s.Name))))
		}
	}
	return strings.Join(all, " ")
}

// settings decodes the settings of products, whose types depend on the driver. An
// unknown driver is reported by check.
func (d *decoder) settings(products []Product) {
	for i := range products {
		p, path := &products[i], fmt.Sprintf("products[%d].settings", i)
		n, given := d.at[path]
		if _, null := n.(*ast.NullNode); null {
			given = false
		}
		k, ok := product.Find(string(p.Driver))
		switch {
		case !ok:
		case k.Settings != nil:
			v := reflect.New(reflect.TypeOf(k.Settings())).Elem()
			v.Set(reflect.ValueOf(k.Settings()))
			if given {
				d.value(n, v, path)
			}
			p.Settings = v.Interface()
		case given:
			d.fail(n, path, model.Say("config.settings", "driver", k.Name), model.Say("config.leave-out"))
		}
	}
}

// checkDriver checks the driver of a product and its settings.
func (p Product) checkDriver(d *decoder, at string) {
	d.rule(p.Driver != "", at+".driver", model.Say("config.driver", "drivers", product.Names()), product.Names()[0])
	if _, ok := product.Find(string(p.Driver)); !ok && p.Driver != "" {
		problem := model.Say("config.not-built-in", "driver", session.Escape(string(p.Driver), 60))
		d.fail(d.at[at+".driver"], at+".driver", problem, model.Say("config.built-in", "drivers", product.Names()))
	}
	d.checkSettings(p.Settings, at+".settings")
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
