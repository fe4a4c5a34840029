package lifecycle_test

import (
	"regexp"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/text"
)

// inWords is a message as a person reads it in English.
func inWords(t model.Text) string { return text.New("en").Text(t) }

// wayOut is what a refusal says to do instead, on the command line.
func wayOut(f *rules.Refusal) string { return inWords(text.WayOut(f, nil)) }

// gaps are the placeholders in what a refusal says that nothing fills, in any
// language.
func gaps(f *rules.Refusal) (missing []string) {
	for _, t := range []model.Text{f.AsText(), text.WayOut(f, nil)} {
		for _, lang := range text.Languages() {
			for _, hole := range placeholder.FindAllStringSubmatch(text.New(lang).T(t.Code()), -1) {
				_, arg := t.Message().Args[hole[1]]
				_, inside := t.Message().Texts[hole[1]]
				if !arg && !inside {
					missing = append(missing, t.Code()+" "+hole[0])
				}
			}
		}
	}
	return missing
}

var placeholder = regexp.MustCompile(`\{([a-z0-9]+)`)
