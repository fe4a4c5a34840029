package outbox

import (
	"context"
	"errors"
	"sync"
	"time"

	"certquay/lifecycle/directory"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// sendTimeout bounds one attempt to deliver a notice, in real time.
const sendTimeout = 30 * time.Second

// ChannelTest is the result of a test message to one channel of a contact.
type ChannelTest struct {
	Channel string // with its secrets removed
	Err     error  // nil: it was accepted
	Unused  bool   // an e-mail address, and no mail server is configured
}

// errDryRun is the result of a test in a sandbox, which sends nothing.
var errDryRun = model.Fail("notify.withheld")

// TestContact sends a message to all channels of a contact at once and returns
// the result of each (spec N2).
func (o *Outbox) TestContact(ctx context.Context, actor model.Actor, name string) ([]ChannelTest, error) {
	c, err := o.directory.Contact(name)
	if err != nil {
		return nil, err
	}
	if o.notifier == nil {
		return nil, directory.ErrNoNotifier
	}
	var tests []ChannelTest
	if err := o.notifier.Check(directory.Mailto(c.Email)); c.Email != "" && err != nil {
		tests = append(
			tests,
			ChannelTest{Channel: directory.Mailto(c.Email), Err: err, Unused: errors.Is(err, directory.ErrNoMail) && len(c.Channels) > 0},
		)
	}
	keys := make([]string, len(tests))
	for number, shown := range o.directory.ChannelsOf(&c) {
		tests, keys = append(tests, ChannelTest{Channel: shown}), append(keys, model.ChannelKey(c.ID, number))
	}
	m := ports.Message{
		ID: o.journal.NewID(), Kind: model.NoticeTest, At: o.journal.Now(), Name: c.Name,
		Subject: ports.SanitizeLine(o.say(model.Say("notice.test-subject", "name", c.Name))),
		Text:    ports.SanitizeLine(o.say(model.Say("notice.test-text", "name", c.Name))) + "\n",
	}
	var wg sync.WaitGroup
	for n := range tests {
		if keys[n] == "" {
			continue
		}
		wg.Go(func() { tests[n].Err = o.sendTest(ctx, c.ID, keys[n], m) })
	}
	wg.Wait()
	err = o.journal.Update(ctx, func(tx model.Tx) error {
		ev := o.journal.Event(actor, "contact", nil)
		ev.Name, ev.Detail = c.Name, model.Say("log.tested")
		for _, t := range tests {
			if t.Err != nil && !t.Unused {
				ev.Result, ev.Reason = journal.ResultFailed, model.Say(
					"log.channel-failed", "channel", t.Channel, "cause", model.TextOf(t.Err).By("receiver"),
				)
			}
		}
		return tx.Append(ev)
	})
	return tests, err
}

func (o *Outbox) sendTest(ctx context.Context, contact model.ID, key string, m ports.Message) error {
	if o.policy.DryRun {
		return errDryRun
	}
	var to string
	err := o.journal.Store.View(func(r model.Reader) (err error) {
		to, err = directory.ChannelURL(r, contact, key)
		return err
	})
	if err != nil {
		return rules.ReadError("channel", key, err)
	}
	sctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	return o.notifier.Send(sctx, to, m)
}
