package config

import (
	"slices"
	"testing"

	"certquay/ui/text"
)

// TestSettingsHaveMeanings lists every setting with its value and what it means.
// finding: U28
func TestSettingsHaveMeanings(t *testing.T) {
	for _, lang := range text.Languages() {
		all := Default().Settings(text.New(lang))
		for _, s := range all {
			if s.Meaning == "" || s.Path == "" {
				t.Errorf("%s: %+v", lang, s)
			}
		}
		for _, path := range []string{"store.seal", "products.CDN.driver", "catalogue.per_year.standard"} {
			if !slices.ContainsFunc(all, func(s Setting) bool { return s.Path == path }) {
				t.Errorf("%s is missing", path)
			}
		}
	}
}
