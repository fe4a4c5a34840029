package rules

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"certquay/model"
)

// Limits of what people note about an instance, in characters and tags.
const (
	MaxTag  = 40
	MaxTags = 30
	MaxNote = 500
)

// CheckTag rejects what is no tag: letters and digits, and . _ / @ = - after the first.
func CheckTag(tag string) *Invalid {
	wrong := utf8.RuneCountInString(tag) > MaxTag || tag == ""
	for n, r := range tag {
		wrong = wrong || !unicode.In(r, unicode.L, unicode.N, unicode.M) && (n == 0 || !strings.ContainsRune("._/@=-", r))
	}
	if wrong {
		return &Invalid{Field: "tag", Why: model.Say("invalid.tag-name", "tag", tag, "max", MaxTag), Example: Example("prod")}
	}
	return nil
}

// CheckTags rejects too many tags.
func CheckTags(tags []string) *Invalid {
	if len(tags) > MaxTags {
		return &Invalid{Field: "tag", Why: model.Say("invalid.tags", "max", MaxTags)}
	}
	return nil
}

// CheckNote rejects a note that is too long or no printable line.
func CheckNote(note string) *Invalid {
	if utf8.RuneCountInString(note) > MaxNote {
		return &Invalid{Field: "note", Why: model.Say("invalid.note", "max", MaxNote)}
	}
	return CheckPrintable("note", note, Example("PCI"))
}
