package app

import (
	"context"
	"crypto/x509"
	"path/filepath"
	"time"

	"certquay/lifecycle/notify"
)

// newNotifier returns the sender of notices as configured. The certificate of a mail
// server may be issued by any of the roots.
func (a *App) newNotifier(roots func() *x509.CertPool) *notify.Notifier {
	s := a.Config.Notify.SMTP
	return notify.New(notify.Options{Log: a.Log, SMTP: notify.SMTP{
		Host: s.Host, Port: s.Port, From: s.From, User: s.User, TLS: s.TLS, Roots: roots,
		PasswordFile: s.PasswordIn(filepath.Dir(a.ConfigFile)),
	}})
}

// noticeFlushTimeout is how long a closing owner waits for notices being sent. Others are sent by
// the next owner.
const noticeFlushTimeout = 2 * time.Second

func (a *App) flush() error {
	ctx, cancel := context.WithTimeout(context.Background(), noticeFlushTimeout)
	defer cancel()
	a.Engine.Flush(ctx)
	return nil
}
