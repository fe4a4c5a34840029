package app

import (
	"strings"
	"testing"

	"certquay/lifecycle/names"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/text"
)

// TestExamplesOfNamesSaySo says of an example that it is one, in each language.
// spec: A2 V5
func TestExamplesOfNamesSaySo(t *testing.T) {
	_, err := names.Check(model.Multi, []string{"a.example.com"}, false)
	for lang, want := range map[string]string{"en": "for example example.com and www.example.com",
		"zh": "例如 example.com 与 www.example.com"} {
		c := &Context{Text: text.New(lang)}
		if got := c.FormatError(err); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %q", lang, got)
		}
		if got := c.FormatInvalid(&rules.Invalid{Field: "domains", Why: model.Quoted("", "x"),
			Example: model.Say("names.two")}); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %q", lang, got)
		}
	}
}
