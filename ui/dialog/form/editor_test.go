package form

import (
	"fmt"
	"strings"
	"testing"
)

// TestOnlyCertificatesAreShown draws as dots whatever may be of a private key,
// rune for rune, wherever it begins and however it is labelled.
func TestOnlyCertificatesAreShown(t *testing.T) {
	const begin, certificate = "-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
	const privateKey = "-----BEGIN RSA PRIVATE KEY-----\n%s\n-----END RSA PRIVATE KEY-----\n%[1]s"
	const inside = begin + "\n-----BEGIN PRIVATE KEY-----\n%s\n-----END CERTIFICATE-----"
	for given, want := range map[string]string{
		certificate: certificate,
		"-----BEGIN CERTIFICATE REQUEST-----\nMIIB": "-----BEGIN CERTIFICATE REQUEST-----\nMIIB",
		"SECRET\n证书":                                        "••••••\n••",
		fmt.Sprintf(privateKey, "SECRET"):                   fmt.Sprintf(privateKey, "••••••"),
		certificate + "\nSECRET":                            certificate + "\n••••••",
		begin + "\nMIIB-----BEGIN PRIVATE KEY-----\nSECRET": begin + "\n" + strings.Repeat("•", 31) + "\n••••••",
		fmt.Sprintf(inside, "SECRET"):                       fmt.Sprintf(inside, "••••••"),
		begin + "SECRET-----":                               strings.Repeat("•", 38),
		begin + "\nMIIB\n----BEGIN PRIVATE KEY----\nSECRET": begin + "\nMIIB\n" + strings.Repeat("•", 25) + "\n••••••",
	} {
		if got := maskSecrets(given); got != want {
			t.Errorf("%q is drawn as %q, want %q", given, got, want)
		}
	}
}
