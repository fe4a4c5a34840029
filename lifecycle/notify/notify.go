// Package notify delivers messages: by e-mail over SMTP, to webhooks over HTTP, and
// to chats and push services by the URLs of shoutrrr.
package notify

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"certquay/lifecycle/directory"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// chatTimeout bounds a chat's answer if the service has no timeout of its own.
const chatTimeout = 30 * time.Second

// maxInFlight bounds how many chats, and how many mails, may be under way at
// once: a mail server that hangs cannot be left at once.
const maxInFlight = 32

// Options are the settings of a [Notifier].
type Options struct {
	SMTP SMTP
	HTTP *http.Client // for webhooks; nil for one of its own
	Log  *slog.Logger // for the stacks of panics; nil for none
}

// Notifier sends messages. It is safe for concurrent use.
type Notifier struct {
	smtp SMTP
	http *http.Client
	log  *slog.Logger
	// Semaphores of the mails and chats being sent.
	mails, chats chan struct{}
}

var _ ports.Notifier = (*Notifier)(nil)

// New returns a notifier.
func New(o Options) *Notifier {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{
			Timeout: chatTimeout,
			// A redirected notice would count as delivered.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return &Notifier{
		smtp: o.SMTP, http: o.HTTP, log: o.Log,
		mails: make(chan struct{}, maxInFlight), chats: make(chan struct{}, maxInFlight),
	}
}

// transportOf returns how a channel is reached: mailto, http or chat.
func transportOf(channel string) (kind string, u *url.URL, err error) {
	u, err = url.Parse(channel)
	if err != nil {
		return "", nil, model.Fail("notify.no-url") // the error would quote it
	}
	switch u.Scheme {
	case "":
		return "", nil, model.Fail("notify.no-scheme")
	case "mailto":
		return "mailto", u, nil
	case "http", "https":
		return "http", u, nil
	}
	return "chat", u, nil
}

// Check returns why a channel is invalid, without connecting to it.
func (n *Notifier) Check(channel string) (err error) {
	kind, u, err := transportOf(channel)
	if err != nil {
		return err
	}
	switch kind {
	case "mailto":
		if n.smtp.Host == "" {
			return directory.ErrNoMail
		}
		if _, err := mail.ParseAddress(strings.TrimPrefix(channel, "mailto:")); err != nil {
			return model.Fail("notify.no-address")
		}
		return nil
	case "http":
		if u.Hostname() == "" {
			return model.Fail("notify.no-host")
		}
		return nil
	}
	if u.Scheme == "matrix" { // to make its service is to log in
		if u.Hostname() == "" || u.User == nil {
			return model.Fail("notify.no-host-or-user")
		}
		return nil
	}
	defer func() {
		if v := recover(); v != nil {
			err = ports.Recovered(n.log, "shoutrrr", v)
		}
	}()
	_, err = service(u)
	return Scrub(err, channel)
}

// Send delivers a message and returns once the other side has accepted it or ctx
// ends.
func (n *Notifier) Send(ctx context.Context, channel string, m ports.Message) error {
	kind, _, err := transportOf(channel)
	if err != nil {
		return err
	}
	switch kind {
	case "mailto":
		err = n.isolate(ctx, n.mails, func() error { return n.smtp.send(ctx, strings.TrimPrefix(channel, "mailto:"), m) })
	case "http":
		err = n.post(ctx, channel, m)
	default:
		err = n.isolate(ctx, n.chats, func() error { return n.chat(ctx, channel, m) })
	}
	return Scrub(err, channel)
}

// isolate runs a call that may ignore its context, such as to a mail server that
// stops answering. A call that does not return when ctx ends is abandoned; the
// number of such calls is limited. A panic is an error of that one message.
func (n *Notifier) isolate(ctx context.Context, under chan struct{}, send func() error) error {
	select {
	case under <- struct{}{}:
	case <-ctx.Done():
		return model.Fail("notify.too-many")
	}
	result := make(chan error, 1)
	go func() {
		defer func() { <-under }()
		defer func() {
			if v := recover(); v != nil {
				result <- ports.Recovered(n.log, "notify", v)
			}
		}()
		result <- send()
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return model.Fail("notify.silent", "cause", ctx.Err())
	}
}

var anyURL = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"'<>]+`)

// Scrub removes the secrets of a channel from an error: URLs are reduced to their
// public parts, and other parts of the channel are removed wherever they occur.
func Scrub(err error, channel string) error {
	if err == nil {
		return nil
	}
	return &scrubbed{scrubText(model.TextOf(err), channel), err}
}

// scrubText is [Scrub] for a message.
func scrubText(t model.Text, channel string) model.Text {
	return t.Map(func(s string) string { return ports.SanitizeLine(scrub(s, channel)) })
}

// scrub is [Scrub] for a text, whose lines it keeps.
func scrub(text, channel string) string {
	text = anyURL.ReplaceAllStringFunc(text, directory.RedactURL)
	if u, perr := url.Parse(channel); perr == nil && u.Scheme != "mailto" {
		between := func(r rune) bool { return strings.ContainsRune("/&=?,;", r) }
		parts := strings.FieldsFunc(u.Path+"/"+u.RawQuery+"/"+u.RawPath+"/"+u.Fragment, between)
		for _, vs := range u.Query() {
			parts = append(parts, vs...)
		}
		if u.User != nil {
			password, _ := u.User.Password()
			parts = append(parts, u.User.Username(), password)
		}
		if !strings.HasSuffix(directory.RedactURL(channel), u.Host) {
			parts = append(parts, u.Host)
		}
		slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) })
		for _, p := range parts {
			if len(p) >= 4 {
				text = strings.ReplaceAll(text, p, "…")
			}
		}
	}
	return text
}

// scrubbed is an error whose text holds nothing secret; what it was can only be
// asked of it. Of its kinds only a fault of the program can be had, whose text
// holds nothing secret either.
type scrubbed struct {
	text model.Text
	err  error
}

func (s *scrubbed) Error() string        { return s.text.String() }
func (s *scrubbed) AsText() model.Text   { return s.text }
func (s *scrubbed) Is(target error) bool { return errors.Is(s.err, target) }

func (s *scrubbed) As(target any) bool {
	f, ok := target.(**ports.Fault)
	return ok && errors.As(s.err, f)
}
