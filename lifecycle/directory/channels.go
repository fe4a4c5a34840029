package directory

import (
	"errors"
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"

	"certquay/lifecycle/journal"
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
			if !yield(c.ChannelNumber(n), shown) {
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

// addChannels stores channels of a contact, sealed, and adds their redacted forms to it.
// They take the numbers after its highest one.
func addChannels(tx model.Tx, c *model.Contact, urls []string) error {
	for _, u := range urls {
		next := 1
		for n := range c.Channels {
			next = max(next, c.ChannelNumber(n)+1)
		}
		if c.Numbers != nil || next != len(c.Channels)+1 {
			c.Numbers = append(numbers(c), next)
		}
		c.Channels = append(slices.Clip(c.Channels), RedactURL(u))
		if err := tx.Put(&model.Channel{Contact: c.ID, Number: next, URL: model.NewSecret([]byte(u))}); err != nil {
			return err
		}
	}
	return nil
}

// numbers returns a copy of the numbers of the channels of a contact.
func numbers(c *model.Contact) []int {
	all := make([]int, len(c.Channels))
	for n := range all {
		all[n] = c.ChannelNumber(n)
	}
	return all
}

// removeChannels destroys the channels of a contact at some positions, counted from 1.
// Notices for them end at their next attempt, which those that are set aside get now.
func (d *Directory) removeChannels(tx model.Tx, c *model.Contact, positions []int) error {
	if len(positions) == 0 {
		return nil
	}
	left, kept := []string(nil), []int{}
	for n, shown := range c.Channels {
		number := c.ChannelNumber(n)
		if !slices.Contains(positions, n+1) {
			left, kept = append(left, shown), append(kept, number)
			continue
		}
		gone := &model.Channel{Contact: c.ID, Number: number}
		if err := errors.Join(d.endAside(tx, gone.RecordKey()), tx.Delete(gone)); err != nil {
			return err
		}
	}
	c.Channels, c.Numbers = left, kept
	return nil
}

// endAside ends the notices of a channel that are set aside, and the task about them.
func (d *Directory) endAside(tx model.Tx, channel string) error {
	err := EachQueued(tx, channel, model.Never, func(n *model.Notice) error {
		n.Done, n.Outcome = d.journal.Now(), model.NoticeGone
		return tx.Put(n)
	})
	if err != nil {
		return err
	}
	of := model.Scan{Index: "pending", To: "\x00"} // tasks of no instance
	return journal.EndTasks(tx, of, d.journal.Now(), func(t *model.Task) string {
		if t.Channel != channel {
			return ""
		}
		return "seen"
	})
}

// EachQueued visits the notices of a channel whose next attempt is at a time or later,
// [model.Never] for those that are set aside. The function may write them.
func EachQueued(tx model.Tx, channel string, from time.Time, do func(*model.Notice) error) error {
	var all []model.Notice
	queued := model.Scan{Index: "queue", Prefix: channel + " ", From: channel + " " + model.TimeKey(from)}
	for n, err := range model.All[model.Notice](tx, queued) {
		if err != nil {
			return err
		}
		all = append(all, n)
	}
	for n := range all {
		if err := do(&all[n]); err != nil {
			return err
		}
	}
	return nil
}
