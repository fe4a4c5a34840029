package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/config"
	"certquay/lifecycle/issuer"
	"certquay/lifecycle/product"
	"certquay/model/setting"
	"certquay/store/engine/builtin"
)

// driversCmd lists the product drivers that are built in.
func driversCmd(c *call) *cobra.Command {
	return &cobra.Command{
		Use: "drivers [NAME]", Short: "List the drivers that are built in, or the settings of one",
		Long: "List the drivers that are built in, or the settings of one: what stands under\n" +
			"products in the configuration.\n\n" + builtInDrivers(),
		Args: cobra.MaximumNArgs(1), ValidArgs: product.Names(),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.drivers()
			}
			k, ok := product.Find(args[0])
			if !ok {
				problem := fmt.Sprintf("there is no driver %q; built in are %s", args[0], strings.Join(product.Names(), ", "))
				return &usageError{problem, "certquay product drivers"}
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
	d := driverJSON{k.Name, k.About, []settingJSON{}}
	for _, s := range settingsOf(k.Settings) {
		d.Settings = append(d.Settings, settingJSON(s))
	}
	return d
}

func (c *call) drivers() error {
	out := []driverJSON{}
	var rows [][]string
	for _, k := range product.Kinds {
		out = append(out, asDriver(k))
		rows = append(rows, []string{k.Name, k.About})
	}
	if c.g.json {
		return c.printJSON(out)
	}
	c.table([]string{"NAME", "ABOUT"}, rows)
	return nil
}

func (c *call) driver(k product.Kind) error {
	d := asDriver(k)
	if c.g.json {
		return c.printJSON(d)
	}
	if len(d.Settings) == 0 {
		c.say("%s has no settings", k.Name)
		return nil
	}
	var rows [][]string
	for _, s := range d.Settings {
		secret := ""
		if s.Secret {
			secret = "yes"
		}
		rows = append(rows, []string{s.Name, config.Value(s.Default), secret, s.Meaning})
	}
	c.table([]string{"SETTING", "DEFAULT", "SECRET", "MEANING"}, rows)
	return nil
}

func builtInIssuers() string {
	var b strings.Builder
	for _, k := range issuer.Kinds {
		explainKind(&b, "issuer", k.Name, k.About, settingsOf(k.Settings))
	}
	return b.String()
}

func builtInDrivers() string {
	var b strings.Builder
	for _, k := range product.Kinds {
		explainKind(&b, "product driver", k.Name, k.About, settingsOf(k.Settings))
	}
	return b.String()
}

func builtInEngines() string {
	var b strings.Builder
	for _, k := range builtin.Kinds {
		explainKind(&b, "store engine", k.Name, k.About, nil)
	}
	return b.String()
}

// issuerNames completes a flag that takes the name of an issuer.
func issuerNames(cmd *cobra.Command, flag string) {
	complete := cobra.FixedCompletions(issuer.Names(), cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err) // the verb has no such flag
	}
}

// explainKind writes what one kind is and which settings it has, for help.
func explainKind(b *strings.Builder, what, name, about string, settings []setting.Setting) {
	fmt.Fprintf(b, "%s %s: %s\n", what, name, about)
	for _, s := range settings {
		note := ""
		if s.Secret {
			note = " The file holds a secret."
		}
		fmt.Fprintf(b, "  %s: %s\n", s.Name, config.Value(s.Default))
		fmt.Fprintf(b, "      %s%s\n", s.Meaning, note)
	}
	if len(settings) == 0 {
		b.WriteString("  no settings\n")
	}
}
