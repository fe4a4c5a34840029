package acme

import (
	"maps"
	"net/url"
	"slices"
	"time"

	"certquay/lifecycle/ports"
)

// Directory is a certificate authority that is known by a short name.
type Directory struct {
	Name  string
	Title string // as it calls itself
	URL   string
	// Public says that browsers trust its certificates (spec I8, C11).
	Public bool
	// ExternalAccount says that it asks for external account binding.
	ExternalAccount bool
	// Validity is how long its certificates are valid unless a profile says
	// otherwise.
	Validity time.Duration
	// Profiles are the validities of its profiles that differ.
	Profiles map[string]time.Duration
	// IPNames are the profiles with which it issues for IP addresses.
	IPNames []string
}

const day = 24 * time.Hour

// Directories are the known authorities, with the addresses that their
// documentation names:
//
//   - https://letsencrypt.org/docs/profiles/ and /docs/staging-environment/
//   - https://zerossl.com/documentation/acme/
//   - https://cloud.google.com/certificate-manager/docs/public-ca-tutorial
//   - https://community.buypass.com/t/63d4ay
//   - https://www.ssl.com/guide/ssl-tls-certificate-issuance-and-revocation-with-acme/
var Directories = []Directory{
	{
		Name: "letsencrypt", Title: "Let's Encrypt", URL: "https://acme-v02.api.letsencrypt.org/directory",
		Public: true, Validity: 90 * day,
		Profiles: letsencryptProfiles, IPNames: []string{"shortlived"},
	},
	{
		Name: "letsencrypt-staging", Title: "Let's Encrypt Staging", URL: "https://acme-staging-v02.api.letsencrypt.org/directory",
		Validity: 90 * day,
		Profiles: letsencryptProfiles, IPNames: []string{"shortlived"},
	},
	{Name: "zerossl", Title: "ZeroSSL", URL: "https://acme.zerossl.com/v2/DV90", Public: true, ExternalAccount: true, Validity: 90 * day},
	{
		Name: "google", Title: "Google Trust Services", URL: "https://dv.acme-v02.api.pki.goog/directory",
		Public: true, ExternalAccount: true, Validity: 90 * day,
	},
	{
		Name: "google-staging", Title: "Google Trust Services Staging", URL: "https://dv.acme-v02.test-api.pki.goog/directory",
		ExternalAccount: true, Validity: 90 * day,
	},
	{Name: "buypass", Title: "Buypass", URL: "https://api.buypass.com/acme/directory", Public: true, Validity: 180 * day},
	{Name: "sslcom", Title: "SSL.com", URL: "https://acme.ssl.com/sslcom-dv-rsa", Public: true, ExternalAccount: true, Validity: 90 * day},
}

var letsencryptProfiles = map[string]time.Duration{"shortlived": 160 * time.Hour, "tlsserver": 45 * day}

// FindDirectory returns the known authority of a short name or URL.
func FindDirectory(nameOrURL string) (Directory, bool) {
	n := slices.IndexFunc(Directories, func(d Directory) bool { return d.Name == nameOrURL || d.URL == nameOrURL })
	if n < 0 {
		return Directory{}, false
	}
	return Directories[n], true
}

// Known lists [Directories] for those who declare one.
func Known() []ports.KnownIssuer {
	all := make([]ports.KnownIssuer, len(Directories))
	for n, d := range Directories {
		all[n] = ports.KnownIssuer{
			Name: d.Name, Title: d.Title, URL: d.URL, Public: d.Public, ExternalAccount: d.ExternalAccount, Validity: d.Validity,
			Profiles: slices.Sorted(maps.Keys(d.Profiles)),
		}
	}
	return all
}

// DirectoryNames lists the short names of [Directories].
func DirectoryNames() []string {
	all := make([]string, len(Directories))
	for n, d := range Directories {
		all[n] = d.Name
	}
	return all
}

// directoryURL returns the URL of a setting, "" if it is neither a short name nor an
// https URL.
func directoryURL(s string) string {
	if d, known := FindDirectory(s); known {
		return d.URL
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return ""
	}
	return s
}
