package rules

import (
	"net/mail"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"certquay/model"
)

// maxEmail is the maximum length of an e-mail address in bytes (RFC 5321 section
// 4.5.3.1.3, without the brackets of a path).
const maxEmail = 254

// IsEmail reports whether a text is one e-mail address without a display name
// (RFC 5322, addr-spec) in a deliverable domain: one with a dot, or localhost.
// Addresses with invisible characters or direction marks are rejected.
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

// MaxContactName is the maximum length of a contact's name in characters.
const MaxContactName = 64

// CheckContactName rejects an empty name and one too long for a list.
func CheckContactName(name string) *Invalid {
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return &Invalid{Field: "name", Why: model.Say("contact.needs-name"), Example: Example("Ops")}
	case n > MaxContactName:
		return &Invalid{Field: "name", Why: model.Say("contact.long-name", "most", MaxContactName, "has", n), Example: Example("Ops")}
	}
	return nil
}

// phone matches a written phone number: digits in groups, and an optional
// extension.
var phone = regexp.MustCompile(`^(\+?[0-9 ()./-]+?) ?(?:(?:x|ext\.?) ?[0-9]{1,8})?$`)

// IsPhone reports whether a text is a phone number: 3 to 15 digits (ITU-T E.164)
// and an optional extension.
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

// IsCountry reports whether a text has the form of an ISO 3166-1 country code:
// two capital letters.
func IsCountry(s string) bool { return country.MatchString(s) }

var country = regexp.MustCompile(`^[A-Z]{2}$`)

// CheckPhone rejects an invalid phone number; "" is valid.
func CheckPhone(field, number string) *Invalid {
	if number == "" || IsPhone(number) {
		return nil
	}
	return &Invalid{Field: field, Why: model.Say("invalid.no-phone", "value", number), Example: Example("+49 30 123456")}
}

// CheckEmail rejects an invalid e-mail address; "" is valid.
func CheckEmail(field, address string) *Invalid {
	if address == "" || IsEmail(address) {
		return nil
	}
	return InvalidEmail(field, address)
}

// InvalidEmail is the error of an undeliverable e-mail address.
func InvalidEmail(field, address string) *Invalid {
	return &Invalid{Field: field, Why: model.Say("invalid.no-email", "value", address), Example: Example("ops@example.com")}
}
