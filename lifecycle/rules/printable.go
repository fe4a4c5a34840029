package rules

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"certquay/model"
)

// CheckPrintable rejects a single-line text that contains an invisible character
// and names it: control and format characters, line ends, direction marks. Others
// read the text within their lines. The two joiners (U+200C, U+200D) are
// accepted, since some scripts need them in names.
func CheckPrintable(field, text string, like model.Text) *Invalid {
	for n, r := range text {
		if r == utf8.RuneError && !utf8.FullRuneInString(text[n:]) || r == utf8.RuneError && text[n] != 0xef {
			return &Invalid{Field: field, Why: model.Say("invalid.no-text", "byte", n+1), Example: like}
		}
		if r != '\u200c' && r != '\u200d' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs) {
			return &Invalid{Field: field, Why: model.Say("invalid.unseen", "character", fmt.Sprintf("%U", r)), Example: like}
		}
	}
	return nil
}

// CheckCompany applies [CheckPrintable] to all fields of an organization.
func CheckCompany(field string, o *model.Organization) *Invalid {
	for _, text := range []string{o.Name, o.Type, o.OrganizationID, o.Country, o.Province, o.City, o.Address, o.Zip} {
		if wrong := CheckPrintable(field, text, Example("Example GmbH")); wrong != nil {
			return wrong
		}
	}
	return nil
}
