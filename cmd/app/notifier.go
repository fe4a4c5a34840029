package app

import (
	"context"
	"crypto/x509"
	"path/filepath"
	"time"

	"certquay/lifecycle/notify"
)

// notifier sends notices as the configuration says. A mail server's
// certificate may come from any of the roots.
func (a *App) notifier(roots func() *x509.CertPool) *notify.Notifier {
	s := a.Config.Notify.SMTP
	return notify.New(notify.Options{Log: a.Log, SMTP: notify.SMTP{
		Host: s.Host, Port: s.Port, From: s.From, User: s.User, TLS: s.TLS, Roots: roots,
		PasswordFile: s.PasswordIn(filepath.Dir(a.ConfigFile)),
	}})
}

// flushFor is how long an owner that ends waits for what it is telling. What is
// not delivered by then stays due for the next one.
const flushFor = 2 * time.Second

func (a *App) flush() error {
	ctx, cancel := context.WithTimeout(context.Background(), flushFor)
	defer cancel()
	a.Engine.Flush(ctx)
	return nil
}
