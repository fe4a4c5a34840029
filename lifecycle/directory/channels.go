package directory

import (
	"iter"
	"net/url"
	"slices"
	"strings"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Mailto returns the channel of an e-mail address.
func Mailto(address string) string { return "mailto:" + address }

// ErrNoMail is the error of a [ports.Notifier] for an e-mail address if no mail
// server is configured.
var ErrNoMail error = model.Fail("notify.no-mail")

// hostSchemes are the schemes of channels whose host is a server. Other services
// put a key in its place.
var hostSchemes = []string{
	"http", "https", "generic", "ntfy", "gotify", "mattermost", "rocketchat", "matrix", "zulip", "lark", "signal",
}

// RedactURL removes the secret parts of a channel: what is left is the scheme,
// and the host if it is a server. E-mail addresses are left whole.
func RedactURL(channel string) string {
	if strings.HasPrefix(channel, "mailto:") {
		return ports.SanitizeLine(channel)
	}
	u, err := url.Parse(channel)
	if err != nil || u.Scheme == "" {
		return "…"
	}
	scheme := u.Scheme
	base, _, _ := strings.Cut(scheme, "+")
	if slices.Contains(hostSchemes, base) && u.Host != "" {
		return ports.SanitizeLine(scheme + "://" + u.Host)
	}
	return ports.SanitizeLine(scheme + "://…")
}

// ChannelsOf returns the channels of a contact by number: 0 is the e-mail
// address, if mail can be sent.
func (d *Directory) ChannelsOf(c *model.Contact) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		if c.Email != "" && d.notifier.Check(Mailto(c.Email)) == nil && !yield(0, Mailto(c.Email)) {
			return
		}
		for n, shown := range c.Channels {
			if !yield(n+1, shown) {
				return
			}
		}
	}
}

// ChannelURL returns the complete URL of a channel of a contact.
func ChannelURL(r model.Reader, contact model.ID, key string) (string, error) {
	if key == model.ChannelKey(contact, 0) {
		c, err := model.Get[model.Contact](r, string(contact))
		if err == nil && c.Email == "" {
			err = model.ErrNotFound
		}
		return Mailto(c.Email), err
	}
	ch, err := model.Get[model.Channel](r, key)
	return string(ch.URL.Reveal()), err
}

// ErrNoNotifier is the error of sending without a [ports.Notifier].
var ErrNoNotifier = model.Fail("notify.none")

// checkChannels rejects invalid channels.
func (d *Directory) checkChannels(urls []string) error {
	for _, u := range urls {
		if d.notifier == nil {
			return &rules.Invalid{Field: "channel", Why: ErrNoNotifier.Text}
		}
		if wrong := rules.CheckPrintable("channel", u, rules.Example("https://hooks.example.com/certquay")); wrong != nil {
			return wrong
		}
		if strings.HasPrefix(model.NormalizeName(u), "mailto:") {
			return &rules.Invalid{
				Field:   "channel",
				Why:     model.Say("contact.mail-channel"),
				Example: rules.Example("--email ops@example.com"),
			}
		}
		if err := d.notifier.Check(u); err != nil {
			return &rules.Invalid{
				Field: "channel", Why: model.Say("contact.bad-channel", "channel", RedactURL(u), "cause", err),
				Example: rules.OneOf([]string{"https://hooks.example.com/certquay", "slack://hook:A-B-C@webhook"}),
			}
		}
	}
	return nil
}

// saveChannels stores the channels of a new contact, sealed.
func saveChannels(tx model.Tx, c *model.Contact, urls []string) error {
	for n, u := range urls {
		if err := tx.Put(&model.Channel{Contact: c.ID, Number: n + 1, URL: model.NewSecret([]byte(u))}); err != nil {
			return err
		}
	}
	return nil
}

// deleteChannels destroys the channels of a contact.
func deleteChannels(tx model.Tx, c *model.Contact) error {
	for n := range c.Channels {
		if err := tx.Delete(&model.Channel{Contact: c.ID, Number: n + 1}); err != nil {
			return err
		}
	}
	return nil
}
