// Package ui is the dashboard. Its root passes messages on in the order that package
// app defines; pages, dialogs and actions do the rest.
package ui

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"charm.land/bubbles/v2/progress"
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
	opts            Options
	ctx             *app.Context
	cancel          context.CancelFunc
	pages           []app.Page
	tab             int
	returnTab       int // the tab to return to from the details
	tasks           *action.TaskList
	stack           []app.OpenDialogMsg // the top one last
	dialogs         []app.Dialog
	width, height   int
	toast           app.ToastMsg
	toastSeq        int  // number of the toast, so that the end of older work is ignored
	awaiting        bool // the toast waits for the end of its work
	spinner         spinner.Model
	progress        progress.Model // of the work that the toast announces
	done            app.Progress   // how far it is
	later           tea.Msg        // what came of it, until no dialog is open
	toastBegan      time.Time      // when the toast was set, in the time of this machine
	stopWaiting     func()         // ends the waiting for the work of the toast; nil without
	spinning        bool
	header          atomic.Pointer[headerState]
	footerActions   app.Actions // those of where the cursor rested last
	footerTab       int
	fresh           bool // footerActions are those of the current state
	last            move // what the last message did, if that was a key that moves about
	drawnTop        drawnTop
	drawnFooter     drawnFooter
	openings        int       // running commands that will open something
	queued          []tea.Msg // input received meanwhile
	dark            bool
	backgroundKnown bool // the terminal has reported its background
	profile         colorprofile.Profile
	coalesce        time.Duration
	refreshEvery    time.Duration               // interval between redraws of relative times
	headerPoll      time.Duration               // interval between reads of the header state
	clockMoving     bool                        // a sandbox's clock is being moved
	moveFrom        time.Time                   // where its movement began
	moveTo          time.Time                   // and where it ends
	queuedMoves     []func(time.Time) time.Time // moves to make after that
	yearRunning     bool                        // a year passes in a minute
	told            shown                       // what was told of this dashboard last
	stood           Place                       // where it was told to stand last
}

// New makes the dashboard.
func New(o Options) tea.Model { return newRoot(o) }

// SaveDrafts saves what was typed into forms that are open when the dashboard ends,
// because its terminal was closed, for instance. Only forms of applications keep drafts
// (spec A6). It is called after the program has ended, with a context that has not.
func SaveDrafts(ctx context.Context, m tea.Model) error {
	r, ok := m.(*root)
	if !ok {
		return nil
	}
	var failed error
	for _, d := range r.dialogs {
		if f, ok := d.(interface {
			Autosave() func(context.Context) error
		}); ok {
			if save := f.Autosave(); save != nil {
				failed = errors.Join(failed, save(ctx))
			}
		}
	}
	return failed
}

func newRoot(o Options) *root {
	if o.Ctx == nil {
		o.Ctx = context.Background()
	}
	ctx, cancel := context.WithCancel(o.Ctx)
	m := &root{
		opts:         o,
		cancel:       cancel,
		spinner:      spinner.New(spinner.WithSpinner(spinnerFrames)),
		progress:     app.NewProgress(),
		dark:         true,
		profile:      colorprofile.TrueColor,
		coalesce:     50 * time.Millisecond,
		refreshEvery: 10 * time.Second,
		headerPoll:   200 * time.Millisecond,
	}
	m.ctx = &app.Context{
		Ctx: ctx, Backend: o.Backend, Table: o.Backend.Table(), Text: text.New(o.Lang), Remote: o.Remote,
		Sandbox: o.Sandbox, Store: o.Store, EdgeNote: o.EdgeNote, Notes: o.Notes, Support: o.Support,
		Save: o.Save, Read: o.Read, Verb: o.Verb,
		IsDir: o.IsDir, Exists: o.Exists, Export: o.Export, CompletePath: o.CompletePath, FindUploads: o.FindUploads,
		Layouts: o.Layouts, SaveLayout: o.SaveLayout,
		Plain: o.Plain, Keymap: o.Keys, CursorDelay: o.CursorDelay, Now: o.Backend.Now(), Drafts: map[string]map[string]string{},
	}
	m.ctx.Styles = m.styles()
	m.tasks = action.NewTaskList(m.ctx)
	for _, t := range tabs {
		m.pages = append(m.pages, t.make(m.ctx))
	}
	if o.Place != nil {
		m.goBack(*o.Place)
	}
	m.refreshHeader()
	return m
}

// The root's own messages.
type (
	feedOpenedMsg  struct{ feed <-chan model.ChangeSet }
	feedChangedMsg struct{ model.ChangeSet }
	feedClosedMsg  struct{}
	tickMsg        struct{}
	jobEndedMsg    struct { // the work announced by a toast has ended
		seq   int
		toast app.ToastMsg
	}
	openReadyMsg struct{ inner tea.Msg } // the result of an action that opens something
)

// Init implements tea.Model.
func (m *root) Init() tea.Cmd {
	var back tea.Cmd
	if m.opts.Place != nil {
		back = m.backToast()
	}
	return tea.Batch(tea.RequestBackgroundColor, m.openFeed, m.tick(), app.Send(app.FocusMsg{}), back)
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
	was := m.ctx.Away
	cmd := m.handle(msg)
	if m.ctx.Away.IsZero() && !was.IsZero() { // what could not be read is read now
		cmd = tea.Batch(cmd, m.changed(model.ChangeSet{Resync: true}))
	}
	if then := m.later; then != nil && m.top() == nil && !m.page().Capturing() {
		m.later = nil
		cmd = tea.Batch(cmd, m.handle(then))
	}
	m.offerActions()
	m.keepDrawn()
	m.tellLook()
	m.tellPlace()
	if spin := m.startSpinner(); spin != nil {
		return tea.Batch(cmd, spin)
	}
	return cmd
}

func (m *root) handle(msg tea.Msg) tea.Cmd {
	if _, isKey := msg.(tea.KeyPressMsg); !isKey {
		m.last = move{}
	}
	m.ctx.Now = m.ctx.Backend.Now()
	m.refreshHeader()
	if m.applyTerminal(msg) {
		return nil
	}
	msg = action.Handle(m.ctx, msg)
	switch v := msg.(type) {
	case nil:
		return nil
	case tea.WindowSizeMsg:
		m.resize(v.Width, v.Height)
		return m.page().Update(app.ResizedMsg{})
	case tea.BackgroundColorMsg:
		m.dark, m.backgroundKnown = v.IsDark(), true
		m.restyle()
		return m.broadcast(msg)
	// The feed.
	case feedOpenedMsg:
		return m.listen(v.feed)
	case feedChangedMsg:
		return m.changed(v.ChangeSet)
	case feedClosedMsg:
		if m.ctx.Ctx.Err() != nil {
			return nil
		}
		return tea.Tick(time.Second, func(time.Time) tea.Msg { return m.openFeed() })
	case tickMsg:
		return m.ticked()
	case clockMovedMsg:
		return m.clockMoved(v)
	case stepYearMsg:
		return m.stepRunningYear()
	case spinner.TickMsg:
		return m.advanceSpinner(v)
	// What pages and actions ask for.
	case openReadyMsg:
		return m.flushInput(v.inner)
	case app.ReadMsg:
		return m.handle(v.Take())
	case app.OpenDialogMsg:
		return m.open(v)
	case app.ToastMsg:
		return m.setToast(v)
	case jobEndedMsg:
		if v.seq != m.toastSeq {
			return nil
		}
		m.awaiting = false
		if v.toast.Then != nil {
			m.later = v.toast.Then
			return m.setToast(app.ToastMsg{})
		}
		if v.toast.Text != "" {
			return m.setToast(v.toast)
		}
		return nil
	case app.ForgetUndoMsg:
		if u := m.ctx.Undo; u != nil && !u.ViewOnly {
			m.ctx.Undo = nil
		}
		return m.handle(v.Then)
	case app.OfferUndoMsg:
		v.Undo.Until, v.Undo.Ends = m.ctx.Now.Add(app.UndoPeriod), m.ctx.Now.Add(app.UndoLife)
		m.ctx.Undo = &v.Undo
		return m.handle(v.Then)
	case app.PressKeyMsg:
		if k, ok := app.ParseKey(v.Key); ok {
			return m.press(k)
		}
		return nil
	case app.CopyMsg:
		// What is pasted into a shell is obeyed there, so that it is made safe as what is drawn.
		lines := strings.Split(v.Text, "\n")
		for n := range lines {
			lines[n] = text.Clean(lines[n])
		}
		return tea.Batch(
			m.setToast(app.ToastMsg{Text: m.ctx.T("copied", v.What, lines[0]), Tone: style.Good}),
			tea.SetClipboard(strings.Join(lines, "\n")),
		)
	case app.ShowInstanceMsg:
		var toast tea.Cmd
		if v.Toast.Text != "" {
			toast = m.setToast(v.Toast)
		}
		from := m.returnTab
		if m.tab != 0 {
			from = m.tab
		}
		first := m.selectTab(0)
		m.returnTab = from
		return tea.Batch(toast, first, m.page().Update(v))
	case app.StepInstanceMsg:
		return m.step(v)
	case app.ShowKeysMsg:
		return m.openKeys(v.Instance)
	case app.ShowViewMsg:
		var toast tea.Cmd
		if v.Toast.Text != "" {
			toast = m.setToast(v.Toast)
		}
		return tea.Batch(toast, m.selectTab(0), m.pages[0].Update(v))
	case app.FilterMsg:
		first := m.selectTab(0)
		return tea.Batch(first, m.page().Update(v))
	case app.ShowWatchesMsg, app.ShowProductMsg:
		first := m.selectTab(deploymentsTab)
		return tea.Batch(first, m.page().Update(v))
	case app.BackMsg:
		if m.returnTab == 0 {
			return nil
		}
		return m.selectTab(m.returnTab)
	case app.FocusMsg:
		return m.page().Update(v)
	// What a person does.
	case tea.KeyPressMsg, tea.PasteMsg, tea.MouseClickMsg, tea.MouseWheelMsg:
		return m.input(msg)
	}
	return m.broadcast(msg)
}

// changed tells the page, and a dialog that shows what is in the store, that the store
// has changed.
func (m *root) changed(set model.ChangeSet) tea.Cmd {
	cmds := []tea.Cmd{m.page().Update(app.ChangedMsg{ChangeSet: set})}
	for _, d := range m.dialogs {
		if live, ok := d.(interface{ Changed() tea.Cmd }); ok {
			cmds = append(cmds, live.Changed())
		}
	}
	return tea.Batch(cmds...)
}

// ticked waits for the next tick, and tells dialogs that show what changes with time.
func (m *root) ticked() tea.Cmd {
	cmds := []tea.Cmd{m.tick()}
	for _, d := range m.dialogs {
		if live, ok := d.(interface{ Ticked() tea.Cmd }); ok {
			cmds = append(cmds, live.Ticked())
		}
	}
	return tea.Batch(cmds...)
}

// broadcast passes a message to every page and dialog: they have messages of their own
// that the root does not know.
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

// input dispatches keys, pasted text and mouse events: to the top dialog, else to the
// page while it captures typing, else to the action with that key.
func (m *root) input(msg tea.Msg) tea.Cmd {
	last := m.last
	m.last = move{}
	key, isKey := msg.(tea.KeyPressMsg)
	if m.openings > 0 && (isKey || isPaste(msg)) {
		if isKey && stopsWaiting(key) {
			m.openings, m.queued = 0, nil // stop waiting and drop the queue
			return nil
		}
		m.queued = append(m.queued, msg)
		return nil
	}
	c, isClick := msg.(tea.MouseClickMsg)
	switch {
	case m.showsProgress() && isKey && stopsWaiting(key) && m.top() == nil && !m.page().Capturing():
		return m.setToast(app.ToastMsg{Text: m.ctx.T("progress.stopped"), Tone: style.Muted})
	case m.showsProgress():
	case isKey || isClick: // the toast belongs to the screen before
		m.setToast(app.ToastMsg{})
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
		return nil // pasted text never triggers actions
	}
	if a, ok := m.actionOf(key, last); ok {
		return m.run(a)
	}
	if m.showsProgress() {
		return nil
	}
	return m.setToast(app.ToastMsg{Text: m.ctx.T("key.nothing", key.String()), Tone: style.Muted})
}

func stopsWaiting(k tea.KeyPressMsg) bool { return k.String() == "ctrl+c" || k.String() == "esc" }

// toDialog passes a message to the top dialog, and closes it when it is done.
func (m *root) toDialog(msg tea.Msg) tea.Cmd {
	if cmd, ok := m.helpFor(msg); ok {
		return cmd
	}
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

// close removes the top dialog and continues with its value.
func (m *root) close(value any) tea.Cmd {
	n := len(m.stack) - 1
	then := m.stack[n].Then
	m.stack, m.dialogs = m.stack[:n], m.dialogs[:n]
	if then == nil {
		return nil
	}
	return m.queueInput(then(value))
}

// selectTab shows a tab and tells the pages.
func (m *root) selectTab(tab int) tea.Cmd {
	var left tea.Cmd
	if tab = (tab + len(m.pages)) % len(m.pages); tab != m.tab {
		left = m.page().Update(app.BlurMsg{})
	}
	m.tab, m.returnTab = tab, 0
	return tea.Batch(left, m.page().Update(app.FocusMsg{}))
}

// step shows another certificate of the list from which the details were opened.
func (m *root) step(v app.StepInstanceMsg) tea.Cmd {
	var cmd tea.Cmd
	if p, ok := m.pages[m.returnTab].(app.Stepper); ok {
		cmd = p.Step(v.By)
	}
	if cmd == nil {
		return m.setToast(app.ToastMsg{Text: m.ctx.T("details.end"), Tone: style.Muted})
	}
	return cmd
}

func (m *root) quit() tea.Cmd {
	m.cancel()
	return tea.Quit
}
