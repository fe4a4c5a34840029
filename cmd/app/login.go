package app

import (
	"certquay/cmd/sshd"
	"certquay/model"
)

// noteLogin logs a log-in over SSH in the activity (spec G5).
func (a *App) noteLogin(l sshd.Login) {
	detail := model.Say("log.login", "from", l.From, "key", l.Actor.Key)
	if l.Cert != "" {
		detail = model.Say("log.login-certificate", "from", l.From, "key", l.Actor.Key, "id", l.Cert)
	}
	if err := a.Engine.NoteLogin(a.ctx, l.Actor, detail, l.Err, l.Others); err != nil {
		a.Log.Error("a log-in cannot be noted in the activity", "name", l.Actor.Name, "from", l.From, "error", err)
	}
}
