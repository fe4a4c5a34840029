package cmd

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"certquay/cmd/out"
	"certquay/lifecycle/authority"
	"certquay/model"
	"certquay/model/setting"
)

// settingSource are settings with their defaults, and what their meanings are called
// before their names.
type settingSource struct {
	meaning  string
	defaults any
	driver   string // of whose help they are; "" where all have them
}

// settingNames are the names of the settings of sources.
func settingNames(sources []settingSource) (all []string) {
	for _, source := range sources {
		all = append(all, setting.Names(setting.Of(source.defaults))...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// settingFlags are a flag for each setting of what can be declared. A flag is named as the
// setting, with minus signs, that of a list without a final s. The value of a secret is read
// from a file, since arguments are visible to other users of the machine.
type settingFlags struct {
	values map[string]*string // by flag
	lists  map[string]*[]string
	flags  map[string]*bool
	set    []string // NAME=VALUE
}

func flagOf(s setting.Setting) string {
	name := strings.ReplaceAll(s.Name, "_", "-")
	if _, list := s.Default.([]string); list && !s.Command {
		name = strings.TrimSuffix(name, "s")
	}
	return name
}

func (f *settingFlags) bind(to *pflag.FlagSet, sources []settingSource) {
	f.values, f.lists, f.flags = map[string]*string{}, map[string]*[]string{}, map[string]*bool{}
	for _, source := range sources {
		for _, s := range setting.Of(source.defaults) {
			flag := flagOf(s)
			if g := to.Lookup(flag); g != nil {
				shareFlag(g, source, s)
				continue
			}
			switch d := s.Default.(type) {
			case bool:
				f.flags[flag] = to.Bool(flag, d, "")
			case int:
				f.values[flag] = to.String(flag, strconv.Itoa(d), "")
			case []string:
				if s.Command {
					f.values[flag] = to.String(flag, setting.JoinCommand(d), "")
				} else {
					f.lists[flag] = to.StringArray(flag, d, "")
				}
			default:
				f.values[flag] = to.String(flag, s.Default.(string), "")
			}
			to.Lookup(flag).Annotations = map[string][]string{meaningCode: {source.meaning + s.Name}, driversOf: {source.driver}}
		}
	}
}

// shareFlag has the help of a flag tell of one more source, whose setting has the same name.
// Where their defaults differ it tells none.
func shareFlag(g *pflag.Flag, source settingSource, s setting.Setting) {
	if g.Annotations[driversOf] == nil { // a flag of the verb itself
		return
	}
	g.Annotations[meaningCode] = append(g.Annotations[meaningCode], source.meaning+s.Name)
	g.Annotations[driversOf] = append(g.Annotations[driversOf], source.driver)
	d := s.Default
	if argv, ok := d.([]string); ok && s.Command {
		d = setting.JoinCommand(argv)
	}
	if text, ok := d.(string); ok && text != g.DefValue {
		g.DefValue = ""
	}
}

// bindSet adds --set, which gives a setting by its name.
func (f *settingFlags) bindSet(to *pflag.FlagSet) { to.StringArrayVar(&f.set, "set", nil, "") }

// given returns the value of a setting by its flag; nil if it was not given.
func (f *settingFlags) given(from *pflag.FlagSet, s setting.Setting) any {
	flag := flagOf(s)
	switch {
	case !from.Changed(flag):
		return nil
	case f.lists[flag] != nil:
		return *f.lists[flag]
	case f.flags[flag] != nil:
		return *f.flags[flag]
	}
	return *f.values[flag]
}

// typed returns what was typed for settings, by name.
func (f *settingFlags) typed(from *pflag.FlagSet, all []setting.Setting) (map[string]any, error) {
	typed := map[string]any{}
	for _, s := range all {
		if v := f.given(from, s); v != nil {
			typed[s.Name] = v
		}
	}
	for _, pair := range f.set {
		name, value, ok := strings.Cut(pair, "=")
		name = strings.ReplaceAll(strings.TrimSpace(name), "-", "_")
		if !ok {
			return nil, out.Usage("usage.set", "given", pair)
		}
		if !slices.Contains(setting.Names(all), name) {
			return nil, &setting.Error{Setting: name, Rule: model.Say("value.unknown", "names", setting.Names(all))}
		}
		typed[name] = value
	}
	return typed, nil
}

// read returns the settings and secrets with some defaults that were given. A flag of other
// settings that was given is an error.
func (f *settingFlags) read(
	ctx context.Context, c *invocation, from *pflag.FlagSet, defaults any,
) (map[string]any, authority.Secrets, error) {
	all := setting.Of(defaults)
	settings, err := f.typed(from, all)
	if err != nil {
		return nil, nil, err
	}
	if err := f.refuseOthers(from, all); err != nil {
		return nil, nil, err
	}
	secrets := authority.Secrets{}
	for _, s := range all {
		path, ok := settings[s.Name].(string)
		switch {
		case ok && s.Secret:
			data, err := c.secret(ctx, path)
			if err != nil {
				return nil, nil, err
			}
			delete(settings, s.Name)
			secrets[s.Name] = data
		case ok && s.File:
			data, err := c.read(ctx, path)
			if err != nil {
				return nil, nil, err
			}
			settings[s.Name] = string(data)
		}
	}
	filled, err := setting.Fill(defaults, settings)
	if err != nil {
		return nil, nil, err
	}
	changed := setting.Changed(defaults, filled)
	for name := range settings { // a default that is given stands for itself
		if _, ok := changed[name]; !ok {
			changed[name] = nil
		}
	}
	return changed, secrets, nil
}

// refuseOthers refuses flags of settings that are not among those that count here.
func (f *settingFlags) refuseOthers(from *pflag.FlagSet, all []setting.Setting) (err error) {
	from.Visit(func(g *pflag.Flag) {
		own := g.Annotations[meaningCode] == nil || slices.ContainsFunc(all, func(s setting.Setting) bool { return flagOf(s) == g.Name })
		if !own && err == nil {
			err = &setting.Error{Setting: g.Name, Rule: model.Say("value.unknown", "names", setting.Names(all))}
		}
	})
	return err
}

// unsetOne marks a setting or secret as one that returns to its default.
func unsetOne(defaults any, name string, settings map[string]any, secrets authority.Secrets) error {
	all := setting.Of(defaults)
	n := slices.IndexFunc(all, func(s setting.Setting) bool { return s.Name == name })
	switch {
	case n < 0:
		return &setting.Error{Setting: name, Rule: model.Say("value.unknown", "names", setting.Names(all))}
	case all[n].Secret:
		secrets[name] = model.Secret{}
	default:
		settings[name] = nil
	}
	return nil
}

// secret reads the content of a file with a secret, without the line end; "-" asks for
// it on a terminal.
func (c *invocation) secret(ctx context.Context, path string) (model.Secret, error) {
	if path == "-" && c.Interactive {
		line, err := c.AskSecret(ctx, c.Text("verb.ask.secret"))
		return model.NewSecret([]byte(strings.TrimSpace(line))), err
	}
	data, err := c.read(ctx, path)
	if err != nil {
		return model.Secret{}, err
	}
	return model.NewSecret([]byte(strings.TrimSpace(string(data)))), nil
}
