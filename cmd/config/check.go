package config

import (
	"fmt"
	"maps"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"certquay/cmd/session"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui"
)

// maxDays is the maximum of every setting in days: ten years.
const maxDays = 3650

// rule records an error unless ok: the field and the rule that its value violates. The
// example, if any, is a value or a message.
func (d *decoder) rule(ok bool, field string, rule model.Text, example any) {
	if ok {
		return
	}
	var hint model.Text
	if example != nil {
		hint = model.Say("config.example", "example", example)
	}
	n := d.at[field]
	for at := field; n == nil && at != ""; n = d.at[at] { // what is not there is missing in what is around it
		at = at[:max(strings.LastIndexAny(at, ".["), 0)]
	}
	d.fail(n, field, rule, hint)
}

func (d *decoder) oneOf(value, field string, allowed ...string) {
	d.rule(slices.Contains(allowed, value), field, model.Say("config.one-of", "words", allowed), allowed[0])
}

func (c *Config) check(d *decoder) {
	d.oneOf(c.Store.Seal, "store.seal", SealFile, SealPassphrase)
	c.Store.check(d)
	c.Catalogue.check(d)
	d.oneOf(c.RefundPolicy, "refund_policy", RefundIssued30d, RefundPaid7d, RefundNone)
	d.days(c.Review.ReuseDays, "review.reuse_days", 0, "398")
	d.oneOf(c.Review.FourEyes, "review.four_eyes", "", string(rules.FourEyesAlways), string(rules.FourEyesNever))
	for i, a := range c.SecondPerson {
		d.oneOf(a, fmt.Sprintf("second_person[%d]", i), toStrings(rules.SecondPersonActions)...)
	}
	d.checkSettings(c.Embedded, "embedded")
	c.checkIssuers(d)
	c.checkProducts(d)
	c.Waves.check(d)
	d.within(c.Looks.EveryHours, "looks.every_hours", 1, mostLookHours, "6")
	for i, n := range c.Notify.ExpiryDays {
		d.days(n, fmt.Sprintf("notify.expiry_days[%d]", i), 1, "30")
	}
	c.Notify.SMTP.check(d)
	c.Backup.check(d)
	c.Metrics.check(d)
	d.rule(len(c.Support) <= 200, "support_contact", model.Say("config.longer", "most", 200), nil)
	c.UI.check(d)
	d.oneOf(c.Log.Level, "log.level", "info", "debug", "warn", "error")
}

func (s Store) check(d *decoder) {
	d.oneOf(s.Engine, "store.engine", EngineBadger, EnginePostgres, EngineEtcd)
	d.rule(s.Shared() == (s.URL != ""), "store.url", model.Say("config.store-url"), nil)
	d.rule(s.Shared() || s.PasswordFile == "", "store.password_file", model.Say("config.store-url"), nil)
	if s.Advertise != "" {
		d.rule(s.Shared() && reachable(s.Advertise), "store.advertise", model.Say("config.advertise"), "quay1.example.com:2222")
	}
	if s.URL == "" {
		return
	}
	kind, rest, _ := strings.Cut(s.URL, "://")
	if s.Engine == EngineEtcd { // the hosts are a list, which package url does not know
		user, _, _ := strings.Cut(rest, "@")
		example := "etcd://etcd1.example.com:2379,etcd2.example.com:2379/certquay"
		d.rule(kind == EngineEtcd, "store.url", model.Say("config.etcd-url"), example)
		d.rule(!strings.Contains(rest, "@") || !strings.Contains(user, ":"), "store.url", model.Say("config.url-password"), nil)
		return
	}
	u, err := url.Parse(s.URL)
	isURL := err == nil && slices.Contains([]string{"postgres", "postgresql"}, u.Scheme)
	d.rule(isURL, "store.url", model.Say("config.postgres-url"), "postgres://certquay@db.example.com/certquay")
	if isURL {
		_, set := u.User.Password()
		d.rule(!set && !u.Query().Has("password") && !u.Query().Has("sslpassword"), "store.url", model.Say("config.url-password"), nil)
	}
}

// reachable reports whether an address names a host and a port to which others can connect.
func reachable(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return false
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// maxPause is the longest pause between two waves, in seconds.
const maxPause = 7 * 24 * 60 * 60

func (w Waves) check(d *decoder) {
	d.within(w.First, "waves.first", 1, 10000, "1")
	d.within(w.Batch, "waves.batch", 0, 10000, "10")
	d.within(w.PauseSeconds, "waves.pause_seconds", 0, maxPause, "60")
}

// mostLookHours is the longest pause between two looks at an address: a week.
const mostLookHours = 7 * 24

func (d *decoder) within(n int, field string, from, to int, example string) {
	d.rule(n >= from && n <= to, field, model.Say("config.range", "from", from, "to", to), example)
}

func (u UI) check(d *decoder) {
	wrong := u.Style().Check()
	for _, name := range slices.Sorted(maps.Keys(wrong)) {
		field := "ui.theme"
		if name != "" {
			field = join("ui.colours", session.Escape(name, 60))
		}
		d.rule(false, field, wrong[name], nil)
	}
	clashes := ui.CheckKeys(u.Keymap())
	for _, id := range slices.Sorted(maps.Keys(clashes)) {
		d.rule(false, join("ui.keys", session.Escape(id, 60)), clashes[id], nil)
	}
}

func (d *decoder) days(n int, field string, least int, example string) {
	d.rule(n >= least && n <= maxDays, field, model.Say("config.days", "from", least, "to", maxDays), example)
}

func (s SMTP) check(d *decoder) {
	d.oneOf(s.TLS, "notify.smtp.tls", "starttls", "tls", "none")
	d.rule(s.Port > 0 && s.Port < 1<<16, "notify.smtp.port", model.Say("config.port"), "587")
	d.rule((s.User == "") == (s.PasswordFile == ""), "notify.smtp.user", model.Say("config.both"), "user: certquay")
	if s.Host == "" {
		return
	}
	_, ip := netip.ParseAddr(s.Host)
	d.rule(ip == nil || isDomain(s.Host), "notify.smtp.host", model.Say("config.host"), "mail.example.com")
	a, err := mail.ParseAddress(s.From)
	d.rule(err == nil && strings.Contains(a.Address, "@"), "notify.smtp.from", model.Say("config.email"), "certquay@example.com")
}

// maxPrice prevents overflow in the price of a hundred certificates.
const maxPrice = 1_000_000_000_000

func (c Catalogue) check(d *decoder) {
	capital := func(r rune) bool { return r < 'A' || r > 'Z' }
	d.rule(len(c.Currency) == 3 && !strings.ContainsFunc(c.Currency, capital), "catalogue.currency", model.Say("config.currency"), "EUR")
	price := func(n int64, field string) {
		d.rule(n >= 0 && n <= maxPrice, field, model.Say("config.price"), model.Say("config.price.example"))
	}
	grades := func(prices map[string]int64, field string) {
		for grade, n := range prices {
			at := join(field, grade)
			d.rule(slices.Contains(model.Grades, model.Grade(grade)), at, model.Say("config.grade", "words", toStrings(model.Grades)), nil)
			price(n, at)
		}
	}
	grades(c.PerYear, "catalogue.per_year")
	for level, prices := range c.ByLevel {
		at := join("catalogue.per_year_by_level", level)
		d.rule(slices.Contains(model.Levels, model.Level(level)), at, model.Say("config.level", "words", toStrings(model.Levels)), nil)
		grades(prices, at)
	}
	for level, grade := range c.DefaultGrade {
		at := join("catalogue.default_grade", level)
		d.rule(slices.Contains(model.Levels, model.Level(level)), at, model.Say("config.level", "words", toStrings(model.Levels)), nil)
		d.rule(slices.Contains(model.Grades, model.Grade(grade)), at, model.Say("config.grade", "words", toStrings(model.Grades)), nil)
	}
	price(c.HostingFee, "catalogue.hosting_fee")
	price(c.Credit, "catalogue.deployment_credit")
}

func toStrings[T ~string](words []T) []string {
	all := make([]string, len(words))
	for n, w := range words {
		all[n] = string(w)
	}
	return all
}

func isWord(s string) bool {
	return s != "" && len(s) <= 40 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(".-_", r)
	})
}

func isDomain(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for _, l := range strings.Split(s, ".") {
		if !isWord(l) || strings.Contains(l, "_") || strings.HasPrefix(l, "-") || strings.HasSuffix(l, "-") {
			return false
		}
	}
	return true
}
