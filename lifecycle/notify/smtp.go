package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"os"
	"strings"
	"syscall"

	"github.com/wneessen/go-mail"

	"certquay/lifecycle/directory"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// Ways to use TLS with a mail server.
const (
	STARTTLS = "starttls" // required (RFC 3207)
	TLS      = "tls"      // from the first byte (RFC 8314)
	NoTLS    = "none"
)

// SMTP is the server by which mail is sent. Without a host none is.
type SMTP struct {
	Host string
	Port int
	From string
	User string // "" to send without logging in
	// PasswordFile is read for each message, so that a changed password takes
	// effect at once. Its permissions must exclude other users.
	PasswordFile string
	TLS          string                // one of the ways above
	Roots        func() *x509.CertPool // asked for at each message; nil for the system's
}

func (s *SMTP) password() (string, error) {
	f, err := os.OpenFile(s.PasswordFile, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe must not block
	if err != nil {
		return "", model.Fail("notify.password", "cause", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return "", model.Fail("notify.password", "cause", err)
	}
	if !info.Mode().IsRegular() {
		return "", model.Fail("notify.password", "cause", model.Say("notify.not-regular", "file", s.PasswordFile))
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", model.Fail("notify.password-exposed", "mode", info.Mode().Perm(), "file", s.PasswordFile)
	}
	buf := make([]byte, 1024)
	n, err := f.Read(buf)
	if err != nil {
		return "", model.Fail("notify.password", "cause", err)
	}
	line, _, _ := strings.Cut(string(buf[:n]), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}

func (s *SMTP) client() (*mail.Client, error) {
	t := &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12}
	if s.Roots != nil {
		t.RootCAs = s.Roots()
	}
	opts := []mail.Option{
		mail.WithPort(s.Port), mail.WithTimeout(chatTimeout), mail.WithTLSConfig(t),
	}
	switch s.TLS {
	case TLS:
		opts = append(opts, mail.WithSSL())
	case NoTLS:
		opts = append(opts, mail.WithTLSPolicy(mail.NoTLS))
	default:
		opts = append(opts, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if s.User != "" {
		password, err := s.password()
		if err != nil {
			return nil, err
		}
		opts = append(opts, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.User), mail.WithPassword(password))
	}
	return mail.NewClient(s.Host, opts...)
}

// literal is a subject that mail programs show as it is: where a name looks like
// an encoded word, which they would decode, all is encoded (RFC 2047).
func literal(subject string) string {
	if !strings.Contains(subject, "=?") {
		return subject
	}
	var words []string
	for rest := []rune(subject); len(rest) > 0; { // a word has at most 75 characters, and whole letters
		n := min(len(rest), 11)
		words, rest = append(words, "=?utf-8?b?"+base64.StdEncoding.EncodeToString([]byte(string(rest[:n])))+"?="), rest[n:]
	}
	return strings.Join(words, " ")
}

// send delivers one mail. Its Message-ID stays the same when it is repeated.
func (s *SMTP) send(ctx context.Context, to string, m ports.Message) error {
	if s.Host == "" {
		return directory.ErrNoMail
	}
	msg := mail.NewMsg()
	if err := msg.From(s.From); err != nil {
		return model.Fail("notify.from", "cause", err)
	}
	if err := msg.To(to); err != nil {
		return err
	}
	msg.Subject(literal(ports.SanitizeLine(m.Subject)))
	msg.SetDateWithValue(m.At)
	msg.SetMessageIDWithValue(string(m.ID) + "@certquay")
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	c, err := s.client()
	if err != nil {
		return err
	}
	if err := c.DialWithContext(ctx); err != nil {
		return err
	}
	err = c.Send(msg)
	_ = c.Close() // what the server says after it took the mail changes nothing
	if msg.IsDelivered() {
		return nil
	}
	return err
}
