package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/config"
	"certquay/cmd/out"
	"certquay/lifecycle/issuer"
	"certquay/lifecycle/product"
	"certquay/model"
	"certquay/model/setting"
	"certquay/store/engine/builtin"
	"certquay/ui/text"
)

// driversCmd lists the built-in product drivers.
func driversCmd(c *invocation) *cobra.Command {
	return &cobra.Command{
		Use:  "drivers",
		Args: maxOneArg, ValidArgs: product.Names(),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.drivers()
			}
			k, ok := product.Find(args[0])
			if !ok {
				return out.Usage("usage.no-driver", "name", args[0], "drivers", product.Names())
			}
			return c.driver(k)
		},
	}
}

// settingJSON is a setting of a driver.
type settingJSON struct {
	Name    string `json:"name"`
	Meaning string `json:"meaning"`
	Default any    `json:"default"`
	Secret  bool   `json:"secret"`
}

// driverJSON is a driver with its settings.
type driverJSON struct {
	Name     string        `json:"name"`
	About    string        `json:"about"`
	Settings []settingJSON `json:"settings"`
}

func settingsOf(defaults func() any) []setting.Setting {
	if defaults == nil {
		return nil
	}
	return setting.Of(defaults())
}

func asDriver(k product.Kind) driverJSON {
	en := text.New("en")
	d := driverJSON{k.Name, config.Meaning(en, k.Name), []settingJSON{}}
	for _, s := range settingsOf(k.Settings) {
		d.Settings = append(d.Settings, settingJSON{s.Name, config.Meaning(en, k.Name, s.Name), s.Default, s.Secret})
	}
	return d
}

func (c *invocation) drivers() error {
	items := []driverJSON{}
	var rows [][]string
	for _, k := range product.Kinds {
		items = append(items, asDriver(k))
		rows = append(rows, []string{k.Name, config.Meaning(c.Words(), k.Name)})
	}
	if c.JSON {
		return c.PrintJSON(items)
	}
	c.Table(c.Heads("name", "about"), rows)
	return nil
}

func (c *invocation) driver(k product.Kind) error {
	d := asDriver(k)
	if c.JSON {
		return c.PrintJSON(d)
	}
	if len(d.Settings) == 0 {
		c.Say("verb.driver.plain", "name", k.Name)
		return nil
	}
	var rows [][]string
	for _, s := range d.Settings {
		secret := ""
		if s.Secret {
			secret = c.Text("verb.driver.secret")
		}
		rows = append(rows, []string{s.Name, config.Value(s.Default), secret, config.Meaning(c.Words(), k.Name, s.Name)})
	}
	c.Table(c.Heads("setting", "default", "secret", "meaning"), rows)
	return nil
}

func builtInIssuers(words *text.Catalogue) string {
	var b strings.Builder
	for _, k := range issuer.Kinds {
		explainKind(words, &b, "help.kind.issuer", k.Name, settingsOf(k.Settings))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func builtInDrivers(words *text.Catalogue) string {
	var b strings.Builder
	for _, k := range product.Kinds {
		explainKind(words, &b, "help.kind.driver", k.Name, settingsOf(k.Settings))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func builtInEngines(words *text.Catalogue) string {
	var b strings.Builder
	for _, k := range builtin.Kinds {
		explainKind(words, &b, "help.kind.engine", k.Name, nil)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// explainKind writes the description and settings of a kind of issuer or driver, for
// help.
func explainKind(words *text.Catalogue, b *strings.Builder, code, name string, settings []setting.Setting) {
	b.WriteString(words.Text(model.Say(code, "name", name, "about", config.Meaning(words, name))) + "\n")
	for _, s := range settings {
		meaning := config.Meaning(words, name, s.Name)
		if s.Secret {
			meaning = words.Text(model.Say("help.kind.secret", "meaning", meaning))
		}
		fmt.Fprintf(b, "  %s: %s\n      %s\n", s.Name, config.Value(s.Default), meaning)
	}
	if len(settings) == 0 {
		b.WriteString("  " + words.Text(model.Say("help.kind.no-settings")) + "\n")
	}
}
