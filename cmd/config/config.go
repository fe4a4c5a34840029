// Package config is the configuration of an owner: one YAML file, every field
// of which has a default. The file may be absent. An unknown key is an error
// that names its line and column and the key that was probably meant; a wrong
// value is an error that names the field, the rule and an example.
package config

import (
	"maps"
	"slices"
	"strings"

	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/product/edge"
	"certquay/model"
	"certquay/ui"
	"certquay/ui/app"
	"certquay/ui/style"
)

// Config is all that can be configured. Money is in integer minor units (cents)
// of the currency, times are in whole days where the name says so. The order
// and the doc tags are what [Config.Marshal] writes.
type Config struct {
	Store        Store             `yaml:"store" doc:"How the store keeps secrets."`
	Catalogue    Catalogue         `yaml:"catalogue" doc:"What things cost. Amounts are whole minor units of the currency: 10000 is 100.00."`
	RefundPolicy string            `yaml:"refund_policy" doc:"issued-30d: revoked within 30 days of issue, or closed, pays back. paid-7d: both within 7 days of payment. none."`
	Renew        Renew             `yaml:"renew" doc:"Renewal by hand."`
	Review       Review            `yaml:"review" doc:"Review of OV and EV applications at the embedded CA."`
	Embedded     embedded.Settings `yaml:"embedded" doc:"The issuer embedded, with its CRL and OCSP service."`
	Products     []Product         `yaml:"products" doc:"Where certificates are deployed. A list here replaces the default list."`
	Notify       Notify            `yaml:"notify" doc:"Telling people."`
	Backup       Backup            `yaml:"backup" doc:"Backups of the whole store, keys included, made while certquay serve or a dashboard runs."`
	SSH          SSH               `yaml:"ssh" doc:"certquay serve --listen: the dashboard and the verbs over SSH, by public key only."`
	Support      string            `yaml:"support_contact" doc:"Shown where somebody needs help: an address, a number or a URL."`
	UI           UI                `yaml:"ui" doc:"How the dashboard looks and which keys it has, for everybody who uses this store."`
	Log          Log               `yaml:"log" doc:"The log file in the state directory."`
}

// Store is about keeping secrets.
type Store struct {
	Seal string `yaml:"seal" doc:"file: the master key is a file beside this one, nothing to type. passphrase: the store starts sealed."`
}

// Values of [Store.Seal].
const (
	SealFile       = "file"
	SealPassphrase = "passphrase"
)

// Catalogue is what things cost (spec B1).
type Catalogue struct {
	Currency   string                      `yaml:"currency" doc:"ISO 4217 code, three capital letters."`
	PerYear    map[string]int64            `yaml:"per_year" doc:"A certificate for one year, by grade: free, standard, professional."`
	ByLevel    map[string]map[string]int64 `yaml:"per_year_by_level" doc:"Other prices for a level, before those by grade. For example {ev: {professional: 120000}}."`
	HostingFee int64                       `yaml:"hosting_fee" doc:"One year of managed hosting of one certificate."`
	Credit     int64                       `yaml:"deployment_credit" doc:"One automatic deployment to one resource."`
}

// Price is what a certificate of a level and grade costs for one year, in
// minor units (spec B1).
func (c Catalogue) Price(level model.Level, grade model.Grade) int64 {
	if p, ok := c.ByLevel[string(level)][string(grade)]; ok {
		return p
	}
	return c.PerYear[string(grade)]
}

// Names of refund policies (spec B5).
const (
	RefundIssued30d = "issued-30d"
	RefundPaid7d    = "paid-7d"
	RefundNone      = "none"
)

// Renew is about renewal by hand (spec I6).
type Renew struct {
	CarryDays bool `yaml:"carry_days" doc:"Whether the days that are left are added to the new service period."`
}

// Review is about reviewers (spec A8).
type Review struct {
	ReuseDays int `yaml:"reuse_days" doc:"How many days an approval is used again for renewals and reissues of the same names and company."`
}

// Product is one entry under products (spec D1).
type Product struct {
	Name    string   `yaml:"name" doc:"As shown and typed; case does not matter."`
	Driver  Driver   `yaml:"driver" doc:"How certificates are deployed to it."`
	Regions []string `yaml:"regions" doc:"Names of its regions, at least one."`
	// Settings are of the driver's own type; nil when it has none.
	Settings any `yaml:"settings,omitempty" doc:"What its driver is told."`
}

// Notify is about telling people (spec N1).
type Notify struct {
	Default    []string `yaml:"default" doc:"Names of the contacts who are told of what has no contact of its own."`
	ExpiryDays []int    `yaml:"expiry_days" doc:"Days before expiry at which people are told, for validities of 90 days or more."`
	Sandbox    bool     `yaml:"sandbox" doc:"Whether sandboxes send notices too. Otherwise they only record them: they tell of what never happened."`
	SMTP       SMTP     `yaml:"smtp" doc:"The server by which mail is sent."`
}

// SMTP is the server by which mail is sent.
type SMTP struct {
	Host         string `yaml:"host" doc:"Its name; empty: no mail is sent."`
	Port         int    `yaml:"port" doc:"587 as a rule, 465 with tls."`
	From         string `yaml:"from" doc:"The address mail comes from."`
	User         string `yaml:"user" doc:"Who logs in; empty: nobody."`
	PasswordFile string `yaml:"password_file" doc:"File of mode 0600 whose first line is the password. It may begin with ~/ and is relative to this file."`
	TLS          string `yaml:"tls" doc:"starttls (required), tls (from the first byte) or none."`
}

// Backup is about scheduled backups (spec O1).
type Backup struct {
	Directory      string   `yaml:"directory" doc:"Where they are put; empty: none are made. It may begin with ~/ and is relative to this file. Put it on another disk."`
	Every          string   `yaml:"every" doc:"How often, in hours or days: 6h, 1d."`
	Keep           int      `yaml:"keep" doc:"How many are kept; the oldest go first."`
	Recipients     []string `yaml:"recipients" doc:"Public keys of age (age1...), whose owners alone can read them. age-keygen makes such keys; keep the private one elsewhere."`
	PassphraseFile string   `yaml:"passphrase_file" doc:"In place of recipients: a file of mode 0600 whose first line is the passphrase."`
}

// SSH is about certquay serve --listen (spec V9). Paths may begin with ~/ and
// are relative to the file they stand in.
type SSH struct {
	AuthorizedKeys string `yaml:"authorized_keys" doc:"File of public keys, one a line, as of sshd; empty: authorized_keys beside this file."`
	HostKey        string `yaml:"host_key" doc:"File of the server's private key; empty: ssh_host_key beside this file, made when absent."`
}

// UI is about the dashboard (spec V3, V4, V5).
type UI struct {
	Theme        string  `yaml:"theme" doc:"auto: as the terminal's background; dark, light, high-contrast, mono."`
	Colours      Colours `yaml:"colours" doc:"Other colours than the theme's, each \"#rrggbb\" or a number from 0 to 255; for example {good: \"#00aa00\", accent: 33}."`
	Keys         Keys    `yaml:"keys" doc:"Other keys for actions: a key, or a list of keys; for example {buy: B, details: [enter, e]}. What ends or takes away asks on any key."`
	ScreenReader bool    `yaml:"screen_reader" doc:"Lines of text with words in place of boxes, pictures and glyphs, as --plain does for one session."`
}

// Colours are colours by what they mean.
type Colours map[string]Colour

// Colour is "#rrggbb", or "0" to "255".
type Colour string

// Doc tells what can be given a colour.
func (Colours) Doc() string {
	return "What can be given a colour: " + strings.Join(style.TokenNames(), ", ") + "."
}

// Keys are the keys of actions by the names of the actions.
type Keys map[string]KeyList

// KeyList is one or more keys; one may stand without a list.
type KeyList []string

// Doc tells what can be given keys, and what they are without.
func (Keys) Doc() string {
	known := ui.DefaultKeys()
	var all []string
	for _, id := range slices.Sorted(maps.Keys(known)) {
		keys := strings.Join(known[id], " ")
		if keys == "" {
			keys = "none"
		}
		all = append(all, id+" ("+keys+")")
	}
	return "Actions and the keys they have otherwise: " + strings.Join(all, ", ") + "."
}

// Style is the theme as the dashboard takes it.
func (u UI) Style() style.Theme {
	t := style.Theme{Name: u.Theme, Colours: map[string]string{}}
	for name, c := range u.Colours {
		t.Colours[name] = string(c)
	}
	return t
}

// Keymap is the keys as the dashboard takes them.
func (u UI) Keymap() app.Keymap {
	m := app.Keymap{}
	for id, ks := range u.Keys {
		m[id] = ks
	}
	return m
}

// Log is about the log file.
type Log struct {
	Level string `yaml:"level" doc:"debug, info, warn or error."`
}

// Default is the configuration without a file. Each call makes a new one.
func Default() *Config {
	global := []string{"global"}
	four := []string{"cn-hangzhou", "ap-southeast-1", "eu-central-1", "us-west-1"}
	return &Config{
		Store: Store{Seal: SealFile},
		Catalogue: Catalogue{
			Currency: "EUR",
			PerYear: map[string]int64{
				string(model.Free): 0, string(model.Standard): 10000, string(model.Professional): 50000,
			},
			ByLevel: map[string]map[string]int64{}, HostingFee: 2000, Credit: 500,
		},
		RefundPolicy: RefundIssued30d,
		Review:       Review{ReuseDays: 398},
		Embedded:     embedded.DefaultSettings(),
		Products: []Product{
			{Name: "SLB", Driver: edge.Driver, Regions: four},
			{Name: "CDN", Driver: edge.Driver, Regions: global},
			{Name: "SCDN", Driver: edge.Driver, Regions: global},
			{Name: "DCDN", Driver: edge.Driver, Regions: global},
			{Name: "WAF", Driver: edge.Driver, Regions: four},
		},
		Notify: Notify{Default: []string{}, ExpiryDays: []int{30, 14, 7, 3, 1}, SMTP: SMTP{Port: 587, TLS: "starttls"}},
		Backup: Backup{Every: "1d", Keep: 7, Recipients: []string{}},
		UI:     UI{Theme: style.Auto, Colours: Colours{}, Keys: Keys{}},
		Log:    Log{Level: "info"},
	}
}
