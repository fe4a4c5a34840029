package rules

import (
	"net/mail"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"certquay/model"
)

// maxEmail is how many bytes an e-mail address has at most (RFC 5321 section
// 4.5.3.1.3, without the brackets of a path).
const maxEmail = 254

// IsEmail says whether a text is one e-mail address without a name (RFC 5322,
// addr-spec), in a domain that mail can reach: one with a dot, or localhost.
// One with characters that are not seen, or that turn what is seen around, is
// none.
func IsEmail(s string) bool {
	unseen := func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar
	}
	if len(s) > maxEmail || strings.ContainsFunc(s, unseen) {
		return false
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Name != "" || a.Address != s {
		return false
	}
	domain := s[strings.LastIndexByte(s, '@')+1:]
	return strings.Contains(domain, ".") || strings.EqualFold(domain, "localhost")
}

// MaxContactName is how many characters the name of a contact has at most.
const MaxContactName = 64

// CheckContactName refuses a name that says nothing, or that no list has room
// for.
func CheckContactName(name string) *Invalid {
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return &Invalid{Field: "name", Why: model.Say("contact.needs-name"), Example: Example("Ops")}
	case n > MaxContactName:
		return &Invalid{Field: "name", Why: model.Say("contact.long-name", "most", MaxContactName, "has", n), Example: Example("Ops")}
	}
	return nil
}

// phone is what people write: a number, whose digits may be set apart, and an
// extension.
var phone = regexp.MustCompile(`^(\+?[0-9 ()./-]+?) ?(?:(?:x|ext\.?) ?[0-9]{1,8})?$`)

// IsPhone says whether a text can be dialled: 3 to 15 digits, as ITU-T E.164 has
// at most, and an extension if there is one.
func IsPhone(s string) bool {
	parts := phone.FindStringSubmatch(s)
	if parts == nil {
		return false
	}
	digits := 0
	for _, r := range parts[1] {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	return digits >= 3 && digits <= 15
}

// IsCountry says whether a text is shaped like a country code of ISO 3166-1: two
// capital letters.
func IsCountry(s string) bool { return country.MatchString(s) }

var country = regexp.MustCompile(`^[A-Z]{2}$`)

// CheckPhone refuses what nobody could call; none at all is right where it is
// not needed.
func CheckPhone(field, number string) *Invalid {
	if number == "" || IsPhone(number) {
		return nil
	}
	return &Invalid{Field: field, Why: model.Say("invalid.no-phone", "value", number), Example: Example("+49 30 123456")}
}

// CheckEmail refuses what nobody could write to; none at all is right where it
// is not needed.
func CheckEmail(field, address string) *Invalid {
	if address == "" || IsEmail(address) {
		return nil
	}
	return InvalidEmail(field, address)
}

// InvalidEmail says that an address is not one that mail can reach.
func InvalidEmail(field, address string) *Invalid {
	return &Invalid{Field: field, Why: model.Say("invalid.no-email", "value", address), Example: Example("ops@example.com")}
}
