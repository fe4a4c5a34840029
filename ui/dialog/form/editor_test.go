package form

import (
	"strings"
	"testing"
)

// TestOnlyCertificatesAreShown draws as dots whatever may be of a private key,
// rune for rune, wherever it begins and however it is labelled.
func TestOnlyCertificatesAreShown(t *testing.T) {
	const certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
	for given, want := range map[string]string{
		certificate: certificate,
		"-----BEGIN CERTIFICATE REQUEST-----\nMIIB": "-----BEGIN CERTIFICATE REQUEST-----\nMIIB",
		"SECRET\n证书": "••••••\n••",
		"-----BEGIN RSA PRIVATE KEY-----\nSECRET\n-----END RSA PRIVATE KEY-----\nSECRET": "-----BEGIN RSA PRIVATE KEY-----\n••••••\n-----END RSA PRIVATE KEY-----\n••••••",
		certificate + "\nSECRET": certificate + "\n••••••",
		"-----BEGIN CERTIFICATE-----\nMIIB-----BEGIN PRIVATE KEY-----\nSECRET":                        "-----BEGIN CERTIFICATE-----\n" + strings.Repeat("•", 31) + "\n••••••",
		"-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nSECRET\n-----END CERTIFICATE-----": "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n••••••\n-----END CERTIFICATE-----",
		"-----BEGIN CERTIFICATE-----SECRET-----":                                                      strings.Repeat("•", 38),
		"-----BEGIN CERTIFICATE-----\nMIIB\n----BEGIN PRIVATE KEY----\nSECRET":                        "-----BEGIN CERTIFICATE-----\nMIIB\n" + strings.Repeat("•", 25) + "\n••••••",
	} {
		if got := maskSecrets(given); got != want {
			t.Errorf("%q is drawn as %q, want %q", given, got, want)
		}
	}
}
