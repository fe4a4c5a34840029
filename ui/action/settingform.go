package action

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"certquay/lifecycle/authority"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/model/setting"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
)

// settingForm makes the fields of settings, of an issuer or a product, and reads them.
type settingForm struct {
	c        *app.Context
	defaults any      // the settings with their defaults
	secrets  []string // names of those that are given already
	edits    bool     // what is there already
	label    func(name string) string
	meaning  func(name string) string
	// typed are the values that fields give, by name; secrets and paths are among them.
	typed func(form.Values) map[string]any
	// known puts in what follows from other fields, for a check; nil for nothing.
	known func(form.Values, map[string]any)
}

// typedSettings are the values of settings as they were typed, without those that are not
// shown or empty.
func typedSettings(defaults any, v form.Values) map[string]any {
	values := map[string]any{}
	for _, s := range setting.Of(defaults) {
		if typed := strings.TrimSpace(v[s.Name]); typed != "" {
			values[s.Name] = typed
		}
	}
	return values
}

// field is the field of a setting, whose default is its value now.
func (f *settingForm) field(s setting.Setting) form.Field {
	c, meaning := f.c, f.meaning(s.Name)
	field := form.Field{
		Key: s.Name, Label: f.label(s.Name), Initial: written(s.Default), Placeholder: c.T("optional"),
		Hint: func(form.Values) string { return meaning }, Valid: f.valid(s.Name),
	}
	kept := f.edits && (slices.Contains(f.secrets, s.Name) || s.File && written(s.Default) != "")
	switch args, _ := s.Default.([]string); {
	case s.Command:
		field.Initial = setting.JoinCommand(args)
	case s.Secret && !s.File:
		field.Initial, field.Masked = "", true
	case s.File:
		field.Initial, field.Complete = "", completePaths(c, s.Name, false)
	default:
		if _, is := s.Default.(bool); is {
			field.Kind = form.Select
			field.Options = fixedOptions([]string{"false", "true"}, []string{c.T("authorities.no"), c.T("authorities.yes")})
		}
	}
	if kept {
		field.Placeholder = c.T("issuer.kept", removeValue)
	}
	return field
}

// written is a value of a setting as it is typed.
func written(v any) string {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case []string:
		return strings.Join(v, ", ")
	}
	return fmt.Sprint(v)
}

// valid checks a setting by the rules of its kind, with the other values as they are.
func (f *settingForm) valid(name string) func(string, form.Values) string {
	return func(_ string, v form.Values) string {
		filled, err := f.filled(v)
		if wrong, ok := err.(*setting.Error); ok { //nolint:errorlint // it is not wrapped
			if wrong.Setting == name {
				return f.c.Text.Text(wrong.Rule)
			}
			return ""
		}
		checker, ok := filled.(setting.Checker)
		if !ok {
			return ""
		}
		for _, p := range checker.Check() {
			if at, _, _ := strings.Cut(p.Setting, "["); at == name {
				return f.c.FormatInvalid(&rules.Invalid{Field: name, Why: p.Rule, Example: example(p.Example)})
			}
		}
		return ""
	}
}

func example(s string) model.Text {
	if s == "" {
		return ""
	}
	return rules.Example(s)
}

// filled are the settings that the values give, for a check: complete, and with a word in
// the place of a secret.
func (f *settingForm) filled(v form.Values) (any, error) {
	values := f.typed(v)
	for _, s := range setting.Of(f.defaults) {
		typed := strings.TrimSpace(v[s.Name])
		if !s.Secret {
			continue
		}
		delete(values, s.Name)
		if kept := slices.Contains(f.secrets, s.Name); typed != removeValue && (typed != "" || kept) {
			values[s.Name] = s.Name
		}
	}
	if f.known != nil {
		f.known(v, values)
	}
	return setting.Fill(f.defaults, values)
}

// read returns what the values declare: settings, nil for one that returns to its
// default, and secrets, empty for one to remove. It reads the files that they name.
func (f *settingForm) read(v form.Values) (map[string]any, authority.Secrets, error) {
	values, secrets, files := f.typed(v), authority.Secrets{}, map[string]any{}
	for _, s := range setting.Of(f.defaults) {
		typed, _ := values[s.Name].(string)
		switch {
		case !s.Secret && !s.File || typed == "":
			continue
		case typed == removeValue && s.Secret:
			secrets[s.Name] = model.Secret{}
		case typed == removeValue:
			files[s.Name] = nil
		case s.Secret && !s.File:
			secrets[s.Name] = model.NewSecret([]byte(typed))
		default:
			data, err := f.c.Read(typed)
			switch {
			case err != nil:
				return nil, nil, &rules.Invalid{Field: s.Name, Why: model.Quoted("", f.c.FormatFileError(typed, err))}
			case s.Secret:
				secrets[s.Name] = model.NewSecret(data)
			default:
				files[s.Name] = string(data)
			}
		}
		delete(values, s.Name)
	}
	filled, err := setting.Fill(f.defaults, values)
	if err != nil { // the form has checked it
		return nil, nil, err
	}
	settings := map[string]any{}
	for _, s := range setting.Of(f.defaults) {
		if f.edits && !s.Secret && !s.File {
			settings[s.Name] = nil
		}
	}
	maps.Copy(settings, setting.Changed(f.defaults, filled))
	maps.Copy(settings, files)
	return settings, secrets, nil
}
