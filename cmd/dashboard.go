package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"certquay/cmd/config"
	"certquay/cmd/out"
	"certquay/cmd/program"
	"certquay/cmd/session"
	"certquay/cmd/sshd"
	"certquay/lifecycle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/product/edge"
	"certquay/model"
	"certquay/ui"
	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
)

// cursorDelay is how long the cursor must rest before the row under it is loaded:
// longer than the key repeat interval.
const cursorDelay = 100 * time.Millisecond

// firstNotes are what a newcomer should know about this store and how it is configured.
func (c *invocation) firstNotes(sealedBy string) []string {
	t := text.New(c.Lang).T
	var notes []string
	if _, ours := c.engine().Issuers()[embedded.Brand]; ours {
		notes = append(notes, t("empty.note.ca"))
	}
	if sealedBy == config.SealFile {
		notes = append(notes, t("empty.note.key"))
	}
	return append(notes, t("empty.note.prices"))
}

// draftTimeout bounds the saving of drafts when a dashboard ends.
const draftTimeout = 5 * time.Second

// dashboard runs the dashboard in the session's terminal.
func dashboard(ctx context.Context, c *invocation) error {
	a := c.app
	by, _ := a.Protection()
	o := ui.Options{
		Backend:     c.engine(),
		Actor:       c.Actor,
		Ctx:         ctx,
		Lang:        c.Lang,
		Version:     Version,
		Sealed:      by,
		Locked:      func() bool { _, sealed := a.Protection(); return sealed },
		Connected:   a.People,
		Others:      func() []ui.Other { return c.others(ctx) },
		Look:        func(page string, at model.ID) { a.Sessions.Look(ctx, page, at) },
		Jobs:        c.engine().Working,
		Unserved:    a.Unserved,
		Remote:      c.Kind.Elsewhere(),
		Store:       a.Dir,
		Sandbox:     a.Sandbox,
		Demo:        a.Demo,
		Support:     a.Config.Support,
		Read:        func(path string) ([]byte, error) { return c.readFile(ctx, path) },
		Plain:       c.Plain || a.Config.UI.ScreenReader,
		Theme:       a.Config.UI.Style(),
		Keys:        a.Config.UI.Keymap(),
		CursorDelay: cursorDelay,
		Verb:        c.verb,
	}
	o.Place, o.Moved = c.place(), c.keepPlace
	person := c.Actor.Name
	o.Layouts = a.Layouts.Of(person)
	o.SaveLayout = func(list string, l app.ListLayout) error { return a.Layouts.Save(person, list, l) }
	if a.Shared() {
		o.Ownership = c.ownership
	}
	if !c.Kind.Elsewhere() {
		o.Save = c.saveFile
		o.IsDir, o.Exists, o.CompletePath, o.FindUploads = c.IsDir, c.Exists, c.CompletePath, c.findUploads
		o.Export = c.export
		o.SettingsFile = a.Paths.ConfigFile()
		o.Settings = func() []ui.Setting { return settings(a.Config, text.New(o.Lang)) }
	}
	edged := func(p lifecycle.ProductInfo) bool { return p.Driver == edge.Driver }
	if !a.Serve && !a.Demo && slices.ContainsFunc(c.engine().Products(), edged) {
		o.EdgeNote = text.New(o.Lang).T("edge.note")
	}
	o.Notes = c.firstNotes(by)
	filter := func(_ tea.Model, msg tea.Msg) tea.Msg { // converts external messages to the dashboard's
		if _, ok := msg.(program.PasteCutMsg); ok {
			return app.ToastMsg{Text: text.New(o.Lang).T("paste.cut"), Tone: style.Warn}
		}
		return msg
	}
	done := a.Sessions.Dashboard(ctx)
	defer done()
	m := ui.New(o)
	err := a.RunProgram(ctx, c.Session, m, filter)
	if exit := new(*out.ExitError); !errors.As(err, exit) || (*exit).Code != out.ExitFailed { // it has not panicked
		saveDrafts(ctx, m)
	}
	if err != nil {
		return err
	}
	if c.Kind == session.Local && !a.Demo && a.Temporary() { // otherwise another process takes over
		if _, n, err := c.engine().Resources(lifecycle.ResourceFilter{Limit: 1}); err == nil && n > 0 {
			c.Note("verb.rest")
			c.Note("verb.rest.serve")
		}
	}
	return nil
}

// place is where a dashboard of this person stood that ended with its owner; nil for none.
func (c *invocation) place() *ui.Place {
	at := c.Place.Get()
	if at == nil {
		return nil
	}
	p := &ui.Place{}
	if err := json.Unmarshal(at, p); err != nil {
		c.app.Log.Warn("the place in a dashboard is not understood", "error", err)
		return nil
	}
	return p
}

// keepPlace keeps where the dashboard stands for the one of the next owner.
func (c *invocation) keepPlace(p ui.Place) {
	if at, err := json.Marshal(p); err == nil {
		c.Place.Set(at)
	}
}

// others are the dashboards of other sessions.
func (c *invocation) others(ctx context.Context) (all []ui.Other) {
	own := sshd.Current(ctx)
	for _, s := range c.app.Sessions.Dashboards() {
		if s.ID != own {
			all = append(all, ui.Other{Name: s.Name, Looking: s.Looking})
		}
	}
	return all
}

// verb is [app.Context].Verb: a verb as the person of this session types it, without a
// terminal on which it could ask.
func (c *invocation) verb(ctx context.Context, width int, args ...string) (said string, ok bool) {
	var b bytes.Buffer
	code := c.app.Answer(ctx, c.app, c.Piped(&b, width), args)
	return b.String(), code == out.ExitOK
}

// settings are the settings of a configuration as the palette shows them.
func settings(cfg *config.Config, words *text.Catalogue) []ui.Setting {
	all := cfg.Settings(words)
	shown := make([]ui.Setting, len(all))
	for n, s := range all {
		shown[n] = ui.Setting(s)
	}
	return shown
}

// saveDrafts saves what was typed into an application when the dashboard has ended, as it
// does when its terminal is closed.
func saveDrafts(ctx context.Context, m tea.Model) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), draftTimeout)
	defer cancel()
	if err := ui.SaveDrafts(ctx, m); err != nil {
		slog.Warn("the draft in an open form could not be saved", "error", err)
	}
}
