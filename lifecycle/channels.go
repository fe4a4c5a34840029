package lifecycle

import (
	"context"
	"errors"
	"iter"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// sendTimeout bounds one attempt to deliver a notice, in real time.
const sendTimeout = 30 * time.Second

// mailto makes the channel of an e-mail address.
func mailto(address string) string { return "mailto:" + address }

// ErrNoMail is what a [ports.Notifier] says of an e-mail address when no mail server
// is configured.
var ErrNoMail error = model.Fail("notify.no-mail")

// hosted are the schemes of channels whose host is a server. In those of other
// services a key stands in its place.
var hosted = []string{
	"http", "https", "generic", "ntfy", "gotify", "mattermost", "rocketchat", "matrix", "zulip", "lark", "signal",
}

// ShownChannel is a channel without what is secret in it: scheme, and host
// where that is one. An e-mail address is shown whole.
func ShownChannel(channel string) string {
	if strings.HasPrefix(channel, "mailto:") {
		return ports.OneLine(channel)
	}
	u, err := url.Parse(channel)
	if err != nil || u.Scheme == "" {
		return "…"
	}
	scheme := u.Scheme
	base, _, _ := strings.Cut(scheme, "+")
	if slices.Contains(hosted, base) && u.Host != "" {
		return ports.OneLine(scheme + "://" + u.Host)
	}
	return ports.OneLine(scheme + "://…")
}

// mayTell refuses who may not say where certquay connects to.
func (e *Engine) mayTell(actor model.Actor, a rules.Action) error {
	if f := e.table.May(actor, a); f != nil {
		return f
	}
	return nil
}

// channels are the channels by which a contact is told, by number: 0 is the
// e-mail address, if mail can be sent at all.
func (e *Engine) channels(c *model.Contact) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		if c.Email != "" && e.notifier.Check(mailto(c.Email)) == nil && !yield(0, mailto(c.Email)) {
			return
		}
		for n, shown := range c.Channels {
			if !yield(n+1, shown) {
				return
			}
		}
	}
}

// channelURL is the whole of a channel of a contact.
func channelURL(r model.Reader, contact model.ID, key string) (string, error) {
	if key == model.ChannelKey(contact, 0) {
		c, err := model.Get[model.Contact](r, string(contact))
		if err == nil && c.Email == "" {
			err = model.ErrNotFound
		}
		return mailto(c.Email), err
	}
	ch, err := model.Get[model.Channel](r, key)
	return string(ch.URL.Reveal()), err
}

// ChannelTest is what became of a message to one channel of a contact.
type ChannelTest struct {
	Channel string // as shown
	Err     error  // nil: it was taken
	Unused  bool   // an e-mail address, and no mail server is configured
}

// errWithheld is why a test in a sandbox proves nothing.
var errWithheld = model.Fail("notify.withheld")

// errNoNotifier is why nothing can be sent by an engine without a [ports.Notifier].
var errNoNotifier = model.Fail("notify.none")

// TestContact sends a message to each channel of a contact now, all at once,
// and tells which took it (spec N2).
func (e *Engine) TestContact(ctx context.Context, actor model.Actor, name string) ([]ChannelTest, error) {
	if err := e.mayTell(actor, "contact"); err != nil {
		return nil, err
	}
	c, err := e.Contact(name)
	if err != nil {
		return nil, err
	}
	if e.notifier == nil {
		return nil, errNoNotifier
	}
	var tests []ChannelTest
	if err := e.notifier.Check(mailto(c.Email)); c.Email != "" && err != nil {
		tests = append(tests, ChannelTest{Channel: mailto(c.Email), Err: err, Unused: errors.Is(err, ErrNoMail) && len(c.Channels) > 0})
	}
	keys := make([]string, len(tests))
	for number, shown := range e.channels(&c) {
		tests, keys = append(tests, ChannelTest{Channel: shown}), append(keys, model.ChannelKey(c.ID, number))
	}
	m := ports.Message{
		ID: e.newID(), Kind: model.NoticeTest, At: e.Now(), Name: c.Name,
		Subject: ports.OneLine(e.say(model.Say("notice.test-subject", "name", c.Name))),
		Text:    ports.OneLine(e.say(model.Say("notice.test-text", "name", c.Name))) + "\n",
	}
	var wg sync.WaitGroup
	for n := range tests {
		if keys[n] == "" {
			continue
		}
		wg.Go(func() { tests[n].Err = e.sendTest(ctx, c.ID, keys[n], m) })
	}
	wg.Wait()
	err = e.update(ctx, func(tx model.Tx) error {
		ev := e.event(actor, "contact", nil)
		ev.Name, ev.Detail = c.Name, model.Say("log.tested")
		for _, t := range tests {
			if t.Err != nil && !t.Unused {
				ev.Result, ev.Reason = ResultFailed, model.Say("log.channel-failed", "channel", t.Channel, "cause", said("receiver", t.Err))
			}
		}
		return tx.Append(ev)
	})
	return tests, err
}

func (e *Engine) sendTest(ctx context.Context, contact model.ID, key string, m ports.Message) error {
	if e.policy.Notify.Withhold {
		return errWithheld
	}
	var to string
	err := e.store.View(func(r model.Reader) (err error) {
		to, err = channelURL(r, contact, key)
		return err
	})
	if err != nil {
		return rules.CannotRead("channel", key, err)
	}
	sctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	return e.notifier.Send(sctx, to, m)
}

// checkChannels refuses channels to which nothing could be sent.
func (e *Engine) checkChannels(urls []string) error {
	for _, u := range urls {
		if e.notifier == nil {
			return &rules.Invalid{Field: "channel", Why: errNoNotifier.Text}
		}
		if wrong := rules.CheckTyped("channel", u, rules.Example("https://hooks.example.com/certquay")); wrong != nil {
			return wrong
		}
		if strings.HasPrefix(model.NormalizeName(u), "mailto:") {
			return &rules.Invalid{
				Field:   "channel",
				Why:     model.Say("contact.mail-channel"),
				Example: rules.Example("--email ops@example.com"),
			}
		}
		if err := e.notifier.Check(u); err != nil {
			return &rules.Invalid{
				Field: "channel", Why: model.Say("contact.bad-channel", "channel", ShownChannel(u), "cause", err),
				Example: rules.OneOf([]string{"https://hooks.example.com/certquay", "slack://hook:A-B-C@webhook"}),
			}
		}
	}
	return nil
}

// putChannels seals the channels of a new contact.
func putChannels(tx model.Tx, c *model.Contact, urls []string) error {
	for n, u := range urls {
		if err := tx.Put(&model.Channel{Contact: c.ID, Number: n + 1, URL: model.NewSecret([]byte(u))}); err != nil {
			return err
		}
	}
	return nil
}

// dropChannels forgets the channels of a contact.
func dropChannels(tx model.Tx, c *model.Contact) error {
	for n := range c.Channels {
		if err := tx.Delete(&model.Channel{Contact: c.ID, Number: n + 1}); err != nil {
			return err
		}
	}
	return nil
}
