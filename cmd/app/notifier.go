package app

import (
	"context"
	"crypto/x509"
	"path/filepath"
	"time"

	"certquay/lifecycle/notify"
)

// notifier returns the sender of notices as configured. The certificate of a mail
// server may be issued by any of the roots.
func (a *App) notifier(roots func() *x509.CertPool) *notify.Notifier {
	s := a.Config.Notify.SMTP
	return notify.New(notify.Options{Log: a.Log, SMTP: notify.SMTP{
		Host: s.Host, Port: s.Port, From: s.From, User: s.User, TLS: s.TLS, Roots: roots,
		PasswordFile: s.PasswordIn(filepath.Dir(a.ConfigFile)),
	}})
}

// flushFor is how long a closing owner waits for notices being sent. Others are sent by
// the next owner.
const flushFor = 2 * time.Second

func (a *App) flush() error {
	ctx, cancel := context.WithTimeout(context.Background(), flushFor)
	defer cancel()
	a.Engine.Flush(ctx)
	return nil
}
