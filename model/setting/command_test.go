package setting_test

import (
	"slices"
	"testing"

	"certquay/model/setting"
)

// spec: P1
func TestACommandIsSplitAsAShellQuotesIt(t *testing.T) {
	for line, want := range map[string][]string{
		"":                                nil,
		"  ":                              nil,
		"nginx -s reload":                 {"nginx", "-s", "reload"},
		` "a b"  'c d' e\ f `:             {"a b", "c d", "e f"},
		`sh -c 'systemctl reload "x y"'`:  {"sh", "-c", `systemctl reload "x y"`},
		`"a\"b\\c\d" '' ""`:               {`a"b\c\d`, "", ""},
		`$HOME * ~ ; rm -rf / && $(date)`: {"$HOME", "*", "~", ";", "rm", "-rf", "/", "&&", "$(date)"},
		`a"b c"d'e f'`:                    {"ab cde f"},
	} {
		got, wrong := setting.SplitCommand(line)
		if wrong != "" || !slices.Equal(got, want) {
			t.Errorf("%s gives %q %s, want %q", line, got, wrong, want)
		}
		again, wrong := setting.SplitCommand(setting.JoinCommand(got))
		if wrong != "" || !slices.Equal(again, got) {
			t.Errorf("%q is written as %s and read as %q", got, setting.JoinCommand(got), again)
		}
	}
	for _, line := range []string{`'a`, `"a`, `a\`, `"a\"`} {
		if got, wrong := setting.SplitCommand(line); wrong == "" {
			t.Errorf("%s gives %q", line, got)
		}
	}
}

type place struct {
	Regions []string `yaml:"regions"`
}

type driver struct {
	Conf   string   `yaml:"conf"`
	Reload []string `yaml:"reload" command:"true"`
}

func (d driver) Check() []setting.Problem {
	if d.Conf == "" {
		return []setting.Problem{{Setting: "conf"}}
	}
	return nil
}

func TestSettingsOfAGroupAreGivenAsOne(t *testing.T) {
	defaults := setting.Group{place{[]string{"global"}}, driver{Reload: []string{"x"}}}
	if names := setting.Names(setting.Of(defaults)); !slices.Equal(names, []string{"regions", "conf", "reload"}) {
		t.Errorf("%q", names)
	}
	if got := setting.Of(defaults); got[0].Command || !got[2].Command {
		t.Errorf("%+v", got)
	}
	filled, err := setting.Fill(defaults, map[string]any{"conf": "/etc/x", "reload": "sh -c 'a, b'"})
	if err != nil {
		t.Fatal(err)
	}
	if got := filled.(setting.Group)[1].(driver).Reload; !slices.Equal(got, []string{"sh", "-c", "a, b"}) {
		t.Errorf("%q", got)
	}
	changed := setting.Changed(defaults, filled)
	if len(changed) != 2 || changed["conf"] != "/etc/x" {
		t.Errorf("%v", changed)
	}
	if got := defaults.Check(); len(got) != 1 || len(filled.(setting.Checker).Check()) != 0 {
		t.Errorf("%v", got)
	}
	if _, err := setting.Fill(defaults, map[string]any{"other": "x"}); err == nil {
		t.Error("an unknown setting is taken")
	}
	if _, err := setting.Fill(defaults, map[string]any{"reload": "'x"}); err == nil {
		t.Error("an open quote is taken")
	}
}
