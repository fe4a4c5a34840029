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
	"certquay/model/setting"
	"certquay/ui"
	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
)

// Config is the whole configuration. Amounts are integers in minor units (cents) of the
// currency, and times are whole days where the name says so. [Config.Marshal] writes
// the fields in this order; the message catalogue describes them.
type Config struct {
	Store        Store             `yaml:"store"`
	Catalogue    Catalogue         `yaml:"catalogue"`
	RefundPolicy string            `yaml:"refund_policy"`
	Renew        Renew             `yaml:"renew"`
	Review       Review            `yaml:"review"`
	Embedded     embedded.Settings `yaml:"embedded"`
	Issuers      []Issuer          `yaml:"issuers"` // a map by name, in the order of the file
	DNS          []DNSAccount      `yaml:"dns"`     // a map by name
	Products     []Product         `yaml:"products"`
	Waves        Waves             `yaml:"waves"`
	Looks        Looks             `yaml:"looks"`
	// SecondPerson lists actions that wait until another person approves them (spec G3).
	SecondPerson []string `yaml:"second_person"`
	Notify       Notify   `yaml:"notify"`
	Backup       Backup   `yaml:"backup"`
	SSH          SSH      `yaml:"ssh"`
	Metrics      Metrics  `yaml:"metrics"`
	Support      string   `yaml:"support_contact"`
	UI           UI       `yaml:"ui"`
	Log          Log      `yaml:"log"`
}

// Store configures where the store is kept, and the protection of secrets (spec E1). The
// path may begin with ~/ and is relative to the configuration file.
type Store struct {
	Seal         string `yaml:"seal"`
	Engine       string `yaml:"engine"`
	URL          string `yaml:"url"`
	PasswordFile string `yaml:"password_file"`
	Advertise    string `yaml:"advertise"`
}

// Values of [Store.Engine].
const (
	EngineBadger   = "badger"
	EnginePostgres = "postgres"
	EngineEtcd     = "etcd"
)

// Shared reports whether several machines can share the store, so that it is not kept in
// the data directory.
func (s Store) Shared() bool { return s.Engine != EngineBadger }

// Values of [Store.Seal].
const (
	SealFile       = "file"
	SealPassphrase = "passphrase"
)

// Catalogue contains the prices (spec B1).
type Catalogue struct {
	Currency   string                      `yaml:"currency"`
	PerYear    map[string]int64            `yaml:"per_year"`
	ByLevel    map[string]map[string]int64 `yaml:"per_year_by_level"`
	HostingFee int64                       `yaml:"hosting_fee"`
	Credit     int64                       `yaml:"deployment_credit"`
	// DefaultGrade is the grade of each level that is bought if none is named.
	DefaultGrade map[string]string `yaml:"default_grade"`
}

// Price returns the price of a certificate of a level and grade for one year, in minor
// units (spec B1).
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

// Renew configures manual renewal (spec I6).
type Renew struct {
	CarryDays bool `yaml:"carry_days"`
}

// Review configures reviews (spec A8).
type Review struct {
	ReuseDays int `yaml:"reuse_days"`
	// FourEyes is always or never; "" lets the sole reviewer review their own (spec G3).
	FourEyes string `yaml:"four_eyes"`
}

// Waves configures how a deployment to several resources is divided (spec P6).
type Waves struct {
	First        int `yaml:"first"`
	Batch        int `yaml:"batch"`
	PauseSeconds int `yaml:"pause_seconds"`
}

// Looks configures how often addresses are asked what they present (spec P8).
type Looks struct {
	EveryHours int `yaml:"every_hours"`
}

// Product is one entry under products (spec D1, P1). Paths may begin with ~/ and are
// relative to the configuration file.
type Product struct {
	Name          string   `yaml:"name"`
	Driver        Driver   `yaml:"driver"`
	Regions       []string `yaml:"regions,omitempty"`
	SSH           []string `yaml:"ssh,omitempty"`
	SSHKey        string   `yaml:"ssh_key,omitempty"`
	KnownHosts    string   `yaml:"known_hosts,omitempty"`
	AcceptHostKey []string `yaml:"accept_host_key,omitempty"`
	Sudo          bool     `yaml:"sudo,omitempty"`
	Windows       []string `yaml:"windows,omitempty"`
	// Settings have the driver's own type; nil if it has none.
	Settings any `yaml:"settings,omitempty"`
}

// Issuer is one entry under issuers (spec C1).
type Issuer struct {
	Name string     `yaml:"-"`
	Kind IssuerKind `yaml:"kind"`
	// Settings have the kind's own type; nil if there is no such kind.
	Settings setting.Form `yaml:",inline"`
}

// DNSAccount is one entry under dns (spec C5). A path may begin with ~/ and is relative
// to the configuration file.
type DNSAccount struct {
	Name         string `yaml:"-"`
	Provider     string `yaml:"provider"`
	SettingsFile string `yaml:"settings_file"`
}

// Notify configures notices (spec N1).
type Notify struct {
	Default    []string `yaml:"default"`
	ExpiryDays []int    `yaml:"expiry_days"`
	Sandbox    bool     `yaml:"sandbox"`
	SMTP       SMTP     `yaml:"smtp"`
}

// SMTP configures the mail server.
type SMTP struct {
	Host         string `yaml:"host"`
	Port         int    `yaml:"port"`
	From         string `yaml:"from"`
	User         string `yaml:"user"`
	PasswordFile string `yaml:"password_file"`
	TLS          string `yaml:"tls"`
}

// Backup configures scheduled backups (spec O1).
type Backup struct {
	Directory      string   `yaml:"directory"`
	Every          string   `yaml:"every"`
	Keep           int      `yaml:"keep"`
	Recipients     []string `yaml:"recipients"`
	PassphraseFile string   `yaml:"passphrase_file"`
}

// SSH configures certquay serve --listen (spec V9). Paths may begin with ~/ and are
// relative to the configuration file.
type SSH struct {
	AuthorizedKeys string `yaml:"authorized_keys"`
	HostKey        string `yaml:"host_key"`
	// UserCAFile holds the keys of CAs whose user certificates log in (spec G1).
	UserCAFile string `yaml:"user_ca_file"`
}

// UI configures the dashboard (spec V3, V4, V5).
type UI struct {
	Theme        string  `yaml:"theme"`
	Colours      Colours `yaml:"colours"`
	Keys         Keys    `yaml:"keys"`
	ScreenReader bool    `yaml:"screen_reader"`
}

// Colours maps semantic names to colours.
type Colours map[string]Colour

// Colour is "#rrggbb", or "0" to "255".
type Colour string

// Doc implements documented by listing the names of colours.
func (Colours) Doc(words *text.Catalogue) string {
	return words.Text(model.Say("config.file-colours", "names", style.TokenNames()))
}

// Keys maps names of actions to keys.
type Keys map[string]KeyList

// KeyList is a list of keys. In the file a single key may be written without a list.
type KeyList []string

// Doc implements documented by listing the actions with their default keys.
func (Keys) Doc(words *text.Catalogue) string {
	known := ui.DefaultKeys()
	var all []string
	for _, id := range slices.Sorted(maps.Keys(known)) {
		keys := strings.Join(known[id], " ")
		if keys == "" {
			keys = words.Text(model.Say("config.file-no-key"))
		}
		all = append(all, id+" ("+keys+")")
	}
	return words.Text(model.Say("config.file-keys", "keys", all))
}

// Style returns the theme of the dashboard.
func (u UI) Style() style.Theme {
	t := style.Theme{Name: u.Theme, Colours: map[string]string{}}
	for name, c := range u.Colours {
		t.Colours[name] = string(c)
	}
	return t
}

// Keymap returns the keys of the dashboard.
func (u UI) Keymap() app.Keymap {
	m := app.Keymap{}
	for id, ks := range u.Keys {
		m[id] = ks
	}
	return m
}

// Log configures the log file.
type Log struct {
	Level string `yaml:"level"`
}

// Default returns the configuration without a file. Each call returns a new value.
func Default() *Config {
	global := []string{"global"}
	four := []string{"cn-hangzhou", "ap-southeast-1", "eu-central-1", "us-west-1"}
	return &Config{
		Store: Store{Seal: SealFile, Engine: EngineBadger},
		Catalogue: Catalogue{
			Currency: "EUR",
			PerYear: map[string]int64{
				string(model.Free): 0, string(model.Standard): 10000, string(model.Professional): 50000,
			},
			ByLevel: map[string]map[string]int64{}, HostingFee: 2000, Credit: 500,
			DefaultGrade: map[string]string{
				string(model.DV): string(model.Free), string(model.OV): string(model.Standard), string(model.EV): string(model.Standard),
			},
		},
		RefundPolicy: RefundIssued30d,
		Review:       Review{ReuseDays: 398},
		Embedded:     embedded.DefaultSettings(),
		Issuers:      []Issuer{},
		DNS:          []DNSAccount{},
		Products: []Product{
			{Name: "SLB", Driver: edge.Driver, Regions: four},
			{Name: "CDN", Driver: edge.Driver, Regions: global},
			{Name: "SCDN", Driver: edge.Driver, Regions: global},
			{Name: "DCDN", Driver: edge.Driver, Regions: global},
			{Name: "WAF", Driver: edge.Driver, Regions: four},
		},
		Waves:        Waves{First: 1, Batch: 10},
		Looks:        Looks{EveryHours: 24},
		SecondPerson: []string{},
		Notify:       Notify{Default: []string{}, ExpiryDays: []int{30, 14, 7, 3, 1}, SMTP: SMTP{Port: 587, TLS: "starttls"}},
		Backup:       Backup{Every: "1d", Keep: 7, Recipients: []string{}},
		UI:           UI{Theme: style.Auto, Colours: Colours{}, Keys: Keys{}},
		Log:          Log{Level: "info"},
	}
}
