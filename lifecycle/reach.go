package lifecycle

import (
	"fmt"
	"net/mail"
	"regexp"
)

// IsEmail says whether a text is one e-mail address without a name (RFC 5322,
// addr-spec).
func IsEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s
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

// checkPhone refuses what nobody could call; none at all is right where it is
// not needed.
func checkPhone(field, number string) *Invalid {
	if number == "" || IsPhone(number) {
		return nil
	}
	return &Invalid{Field: field, Why: fmt.Sprintf("%q is not a phone number", number), Example: "+49 30 123456"}
}

// checkEmail refuses what nobody could write to; none at all is right where it
// is not needed.
func checkEmail(field, address string) *Invalid {
	if address == "" || IsEmail(address) {
		return nil
	}
	return &Invalid{Field: field, Why: fmt.Sprintf("%q is not an e-mail address", address), Example: "ops@example.com"}
}
