package setting_test

import (
	"errors"
	"fmt"
	"testing"

	"certquay/model/setting"
)

type sample struct {
	Text string   `yaml:"text"`
	On   bool     `yaml:"on"`
	N    int      `yaml:"n"`
	List []string `yaml:"list"`
}

func TestValuesAreFilledInOfTheirTypes(t *testing.T) {
	defaults := sample{Text: "a", N: 3}
	for _, c := range []struct {
		values map[string]any
		want   string // of the settings; "" if a value is refused
	}{
		{nil, "{a false 3 []}"},
		{map[string]any{"text": "b", "on": true, "n": 4, "list": []string{"x"}}, "{b true 4 [x]}"},
		{map[string]any{"on": "true", "n": "4", "list": " x, y,"}, "{a true 4 [x y]}"},
		{map[string]any{"n": float64(5), "list": []any{"x"}}, "{a false 5 [x]}"}, // as JSON decodes them
		{map[string]any{"n": 5.5}, ""},
		{map[string]any{"n": "five"}, ""},
		{map[string]any{"on": "perhaps"}, ""},
		{map[string]any{"on": 1}, ""},
		{map[string]any{"text": 1}, ""},
		{map[string]any{"list": []any{1}}, ""},
		{map[string]any{"list": 1}, ""},
		{map[string]any{"other": "x"}, ""},
	} {
		got, err := setting.Fill(defaults, c.values)
		var wrong *setting.Error
		if c.want == "" && !errors.As(err, &wrong) || c.want != "" && (err != nil || fmt.Sprint(got) != c.want) {
			t.Errorf("%v gives %v, %v, want %s", c.values, got, err, c.want)
		}
	}
}

func TestWhatIsChangedFillsInTheSame(t *testing.T) {
	defaults := sample{Text: "a", N: 3}
	changed := sample{Text: "a", On: true, N: 7, List: []string{"x", "y"}}
	values := setting.Changed(defaults, changed)
	if len(values) != 3 {
		t.Errorf("changed are %v", values)
	}
	if got, err := setting.Fill(defaults, values); err != nil || fmt.Sprint(got) != fmt.Sprint(changed) {
		t.Errorf("%v, %v", got, err)
	}
}
