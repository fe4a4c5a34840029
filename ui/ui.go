// Package ui is the dashboard. Its root hands messages on in the order that
// package app states; pages, dialogs and actions do the rest.
package ui

import (
	"context"
	"sync/atomic"
	"time"

	"charm.land/bubbles/v2/spinner"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"certquay/model"
	"certquay/ui/action"
	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
)

// root is the only tea.Model.
type root struct {
	o             Options
	c             *app.Context
	cancel        context.CancelFunc
	pages         []app.Page
	tab           int
	from          int                 // the tab from which the details in front were opened
	stack         []app.OpenDialogMsg // the top one last
	dialogs       []app.Dialog
	width, height int
	told          app.ToastMsg
	telling       int  // counts what was told, for what follows it
	following     bool // the end of what was told is waited for
	spinner       spinner.Model
	spinning      bool
	shown         atomic.Pointer[status]
	offered       app.Actions // of which the footer tells: those of where the cursor rested last
	offeredTab    int
	fresh         bool      // nothing has changed since they were offered
	holds         int       // commands under way that will open something
	held          []tea.Msg // what was typed meanwhile
	dark          bool
	answered      bool // the terminal has said what its background is
	profile       colorprofile.Profile
	coalesce      time.Duration
	every         time.Duration               // how often times on the screen are refreshed
	glance        time.Duration               // how often the status is looked at meanwhile
	moving        bool                        // the clock of a sandbox is being moved
	later         []func(time.Time) time.Time // how to move it on then
	running       bool                        // a year passes in a minute
}

// New makes the dashboard.
func New(o Options) tea.Model { return newRoot(o) }

func newRoot(o Options) *root {
	if o.Ctx == nil {
		o.Ctx = context.Background()
	}
	ctx, cancel := context.WithCancel(o.Ctx)
	m := &root{
		o:        o,
		cancel:   cancel,
		spinner:  spinner.New(spinner.WithSpinner(turning)),
		dark:     true,
		profile:  colorprofile.TrueColor,
		coalesce: 50 * time.Millisecond,
		every:    10 * time.Second,
		glance:   200 * time.Millisecond,
	}
	m.c = &app.Context{
		Ctx: ctx, Backend: o.Backend, Table: o.Backend.Table(), Text: text.New(o.Lang), Remote: o.Remote,
		Sandbox: o.Sandbox, Store: o.Store, EdgeNote: o.EdgeNote, Support: o.Support, Save: o.Save, Read: o.Read,
		Plain: o.Plain, Keymap: o.Keys, CursorDelay: o.CursorDelay, Now: o.Backend.Now(), Drafts: map[string]map[string]string{},
	}
	m.c.Styles = m.styles()
	for _, t := range tabs {
		m.pages = append(m.pages, t.make(m.c))
	}
	m.look()
	return m
}

// The root's own messages.
type (
	watchedMsg  struct{ feed <-chan model.ChangeSet }
	fedMsg      struct{ model.ChangeSet }
	feedEndMsg  struct{}
	tickedMsg   struct{}
	followedMsg struct { // what has come of something told
		telling int
		told    app.ToastMsg
	}
	preparedMsg struct{ inner tea.Msg } // what an asking action has come to
)

// Init implements tea.Model.
func (m *root) Init() tea.Cmd {
	return tea.Batch(tea.RequestBackgroundColor, m.watch, m.tick(), app.Send(app.FocusMsg{}))
}

func (m *root) page() app.Page { return m.pages[m.tab] }

func (m *root) top() app.Dialog {
	if len(m.dialogs) == 0 {
		return nil
	}
	return m.dialogs[len(m.dialogs)-1]
}

// Update implements tea.Model.
func (m *root) Update(msg tea.Msg) (tea.Model, tea.Cmd) { return m, m.update(msg) }

func (m *root) update(msg tea.Msg) tea.Cmd {
	cmd := m.handle(msg)
	m.offerActions()
	if spin := m.spin(); spin != nil {
		return tea.Batch(cmd, spin)
	}
	return cmd
}

func (m *root) handle(msg tea.Msg) tea.Cmd {
	m.c.Now = m.c.Backend.Now()
	m.look()
	if m.settle(msg) {
		return nil
	}
	msg = action.Handle(m.c, msg)
	switch v := msg.(type) {
	case nil:
		return nil
	case tea.WindowSizeMsg:
		m.resize(v.Width, v.Height)
		return m.page().Update(app.ResizedMsg{})
	case tea.BackgroundColorMsg:
		m.dark, m.answered = v.IsDark(), true
		m.restyle()
		return m.broadcast(msg)
	// The feed.
	case watchedMsg:
		return m.listen(v.feed)
	case fedMsg:
		return m.page().Update(app.ChangedMsg{ChangeSet: v.ChangeSet})
	case feedEndMsg:
		if m.c.Ctx.Err() != nil {
			return nil
		}
		return tea.Tick(time.Second, func(time.Time) tea.Msg { return m.watch() })
	case tickedMsg:
		return m.tick()
	case clockMovedMsg:
		return m.clockMoved(v)
	case clockStepMsg:
		return m.clockStep()
	case spinner.TickMsg:
		return m.spun(v)
	// What pages and actions ask for.
	case preparedMsg:
		return m.release(v.inner)
	case app.OpenDialogMsg:
		return m.open(v)
	case app.ToastMsg:
		return m.tell(v)
	case followedMsg:
		if v.telling != m.telling {
			return nil
		}
		m.following = false
		if v.told.Text != "" {
			return m.tell(v.told)
		}
		return nil
	case app.OfferUndoMsg:
		v.Undo.Until = m.c.Now.Add(app.UndoPeriod)
		m.c.Undo = &v.Undo
		return m.handle(v.Then)
	case app.PressKeyMsg:
		if k, ok := app.ParseKey(v.Key); ok {
			return m.press(k)
		}
		return nil
	case app.CopyMsg:
		return tea.Batch(m.tell(app.ToastMsg{Text: m.c.T("copied", v.What, v.Text), Tone: style.Good}), tea.SetClipboard(v.Text))
	case app.ShowInstanceMsg:
		var told tea.Cmd
		if v.Toast.Text != "" {
			told = m.tell(v.Toast)
		}
		from := m.from
		if m.tab != 0 {
			from = m.tab
		}
		first := m.choose(0)
		m.from = from
		return tea.Batch(told, first, m.page().Update(v))
	case app.ShowWatchesMsg:
		first := m.choose(deploymentsTab)
		return tea.Batch(first, m.page().Update(v))
	case app.BackMsg:
		if m.from == 0 {
			return nil
		}
		return m.choose(m.from)
	case app.FocusMsg:
		return m.page().Update(v)
	// What a person does.
	case tea.KeyPressMsg, tea.PasteMsg, tea.MouseClickMsg, tea.MouseWheelMsg:
		return m.input(msg)
	}
	return m.broadcast(msg)
}

// broadcast hands a message to everybody: pages and dialogs have messages of
// their own that the root does not know.
func (m *root) broadcast(msg tea.Msg) tea.Cmd {
	var cmds []tea.Cmd
	for _, d := range m.dialogs {
		cmd, _ := d.Update(msg)
		cmds = append(cmds, cmd)
	}
	for _, p := range m.pages {
		cmds = append(cmds, p.Update(msg))
	}
	return tea.Batch(cmds...)
}

// input hands on what a person does: to the top dialog, else to the page while
// it captures typing, else to the action with that key.
func (m *root) input(msg tea.Msg) tea.Cmd {
	key, isKey := msg.(tea.KeyPressMsg)
	if m.holds > 0 && (isKey || isPaste(msg)) {
		if s := key.String(); isKey && (s == "ctrl+c" || s == "esc") {
			m.holds, m.held = 0, nil // a person who waits too long gets the keys back
			return nil
		}
		m.held = append(m.held, msg)
		return nil
	}
	c, isClick := msg.(tea.MouseClickMsg)
	if isKey || isClick { // it may lead to another screen
		m.tell(app.ToastMsg{})
	}
	if isClick {
		return m.click(c)
	}
	if m.top() != nil {
		return m.toDialog(msg)
	}
	if w, ok := msg.(tea.MouseWheelMsg); ok {
		return m.page().Update(w)
	}
	if m.page().Capturing() {
		return m.page().Update(msg)
	}
	if !isKey {
		return nil // pasted text is never taken for keys
	}
	as := m.offered
	if !m.fresh {
		as = m.actions()
	}
	m.fresh = false
	if a, ok := as.Find(key); ok {
		return m.run(a)
	}
	return m.tell(app.ToastMsg{Text: m.c.T("key.nothing", key.String()), Tone: style.Muted})
}

// toDialog hands a message to the top dialog, and closes it once that is done.
func (m *root) toDialog(msg tea.Msg) tea.Cmd {
	cmd, outcome := m.top().Update(msg)
	if outcome.Done {
		return tea.Batch(cmd, m.close(outcome.Value))
	}
	return cmd
}

func isPaste(msg tea.Msg) bool { _, ok := msg.(tea.PasteMsg); return ok }

// open puts a dialog on top.
func (m *root) open(o app.OpenDialogMsg) tea.Cmd {
	d := o.Make()
	m.sizeDialog(d)
	m.stack, m.dialogs = append(m.stack, o), append(m.dialogs, d)
	if i, ok := d.(interface{ Init() tea.Cmd }); ok {
		return i.Init()
	}
	return nil
}

// close takes the top dialog away and goes on with its value.
func (m *root) close(value any) tea.Cmd {
	n := len(m.stack) - 1
	then := m.stack[n].Then
	m.stack, m.dialogs = m.stack[:n], m.dialogs[:n]
	if then == nil {
		return nil
	}
	return m.hold(then(value))
}

// choose brings a tab to the front.
func (m *root) choose(tab int) tea.Cmd {
	var left tea.Cmd
	if tab = (tab + len(m.pages)) % len(m.pages); tab != m.tab {
		left = m.page().Update(app.BlurMsg{})
	}
	m.tab, m.from = tab, 0
	return tea.Batch(left, m.page().Update(app.FocusMsg{}))
}

func (m *root) quit() tea.Cmd {
	m.cancel()
	return tea.Quit
}
