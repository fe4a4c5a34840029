// Package app is what everything in the dashboard shares: what a page, an action
// and a dialog are, the messages that pass between them, and the context of a
// session. It implements none of them.
//
// Only the root is a tea.Model. It hands a message on in a fixed order: size
// and environment; the change feed; the top dialog, which takes all input; the
// page, if it captures typing; the page's actions; the global actions; the
// rest goes to every page and dialog, whose own messages are unexported types.
// Update and View do no input or output: that is for commands, which end at a
// deadline, return a message and change nothing that the interface holds.
package app

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/style"
	"certquay/ui/text"
)

// Page is one tab.
type Page interface {
	// SetSize gives the cells the page may fill. It is called again when they or
	// the styles have changed. Zero and tiny sizes happen.
	SetSize(width, height int)
	// Update takes every message that is not for the root or a dialog. Mouse
	// positions are relative to the page.
	Update(msg tea.Msg) tea.Cmd
	// View draws the page: at most as many lines and cells as SetSize gave. It
	// changes nothing.
	View() string
	// Actions lists what can be done here and now.
	Actions() Actions
	// Capturing says that the page wants keys as text.
	Capturing() bool
	ScreenReader
}

// Keeper is a page that draws parts of itself once for several frames.
type Keeper interface {
	// Keep draws them as far as that is to be done. It is called after Update.
	Keep()
}

// Stepper is a page with a list of certificates, through which the details can step.
type Stepper interface {
	// Step moves the cursor by rows to another certificate and shows that in a
	// [ShowInstanceMsg]; nil if there is none.
	Step(by int) tea.Cmd
}

// PaletteSource finds what the palette offers beside actions, by what is typed into it:
// a few actions that lead there, the best first, with [Action.Found]. It runs in a
// command.
type PaletteSource func(typed string) (Actions, error)

// Finder is a page with sources of its own, asked for when the palette opens there.
type Finder interface{ PaletteSources() []PaletteSource }

// DisabledReason is why an action is not allowed, and what to do instead. Its texts are
// computed on demand: each frame asks for the actions, but rarely shows these.
type DisabledReason struct {
	message, hint func() string
	hints         func() []KeyHint
}

// Message returns why.
func (w *DisabledReason) Message() string { return w.message() }

// Hint returns what to do instead. Only commands call it: it may read who has a role.
func (w *DisabledReason) Hint() string { return w.hint() }

// KeyHints returns the keys that the hint names.
func (w *DisabledReason) KeyHints() []KeyHint { return w.hints() }

// Disabled returns a reason in words, with the keys that its hint names.
func Disabled(message, hint string, ways ...KeyHint) *DisabledReason {
	return &DisabledReason{func() string { return message }, func() string { return hint }, func() []KeyHint { return ways }}
}

// DisabledBy is the reason of a refusal, nil for nil. Its texts are safe to draw:
// names from outside are escaped.
func (c *Context) DisabledBy(r *rules.Refusal) *DisabledReason {
	if r == nil {
		return nil
	}
	return &DisabledReason{
		func() string { return text.Clean(c.FormatRefusal(r)) },
		func() string { return text.Clean(c.Hint(c.Backend.WhoMay(r))) },
		func() []KeyHint { _, ways := c.KeyHints(r); return ways },
	}
}

// MayNot is why this session may not take an action on anything: it is read-only, or
// the role is too low (spec V3, V7). It is nil if the session may.
func (c *Context) MayNot(a rules.Action) *DisabledReason { return c.DisabledBy(c.Backend.May(a)) }

// NoInstance is the case of an action on no certificate.
func (c *Context) NoInstance() *rules.Facts {
	return &rules.Facts{Actor: c.Backend.Actor(), Now: c.Backend.Now()}
}

// Dialog takes all input while it is on top. It returns a value and does no
// work itself.
type Dialog interface {
	// SetSize gives the cells that the box may fill. It is called before anything
	// else, and again when they or the styles have changed. Tiny sizes happen.
	SetSize(width, height int)
	// Update handles a message. Once the outcome is done the dialog is closed.
	Update(msg tea.Msg) (tea.Cmd, Outcome)
	// View draws the box as a layer, whose position the screen decides. Clickable parts
	// are layers in it: one with the ID of a key by [KeyID] means that key, the others
	// come back in a [HitMsg]. It changes nothing.
	View() *lipgloss.Layer
	ScreenReader
}

// ScreenReader is implemented by what has a form for a screen reader.
type ScreenReader interface {
	// ReadOut returns at most height lines of words, each of at most width cells. It
	// changes nothing.
	ReadOut(width, height int) ScreenText
}

// Outcome is the result of a dialog.
type Outcome struct {
	Done  bool
	Value any // nil when the person cancelled
}

// Context is what pages, actions and dialogs share in one session. Fields in the
// first block never change and may be read by commands; those in the second
// belong to Update and View.
type Context struct {
	Ctx         context.Context
	Backend     *lifecycle.Access // the engine, as the actor of this session may use it
	Table       *rules.TransitionTable
	Text        *text.Catalogue
	Plain       bool // plain lines for a screen reader
	Remote      bool // the person's files are on another machine
	Sandbox     bool
	Store       string
	EdgeNote    string
	Notes       []string      // what a newcomer should know
	Support     string        // contact for help; "" when none is configured
	Keymap      Keymap        // the configured keys
	CursorDelay time.Duration // how long a moving cursor rests on a row before the row is read; 0 reads it at once
	Save        func(name string, data []byte, secret bool) (path string, err error)
	Read        func(path string) ([]byte, error)
	// Verb runs a verb of the command line as this person, and returns what it printed and
	// whether it succeeded. Tables wider than width are printed as a paragraph for each row.
	// It is nil where there are no verbs.
	Verb func(ctx context.Context, width int, args ...string) (said string, ok bool)

	// SaveLayout keeps how the person has arranged a list; nil where nothing is kept.
	SaveLayout func(list string, l ListLayout) error

	// Export encodes rows as the command line prints them.
	Export func(ctx context.Context, format string, rows Rows) ([]byte, error)

	// For directories of the person's; nil when this session has no access to files.
	IsDir        func(path string) bool
	Exists       func(path string) bool
	CompletePath func(typed string) []string
	FindUploads  func(ctx context.Context, password model.Secret, paths []string) ([]*lifecycle.FoundUpload, error)

	Styles  *style.Styles
	Width   int // of the screen, in cells
	Now     time.Time
	Away    time.Time // since when the database of a shared store does not answer; zero while it does
	Spinner string    // the current frame while something is waited for; "" otherwise
	Undo    *Undo
	Drafts  map[string]map[string]string // unsent input of forms
	Layouts map[string]ListLayout        // how the person has arranged lists, by their names
}

// T returns a text of the catalogue.
func (c *Context) T(key string, args ...any) string { return c.Text.T(key, args...) }

// Timeout bounds one command's calls to the backend.
const Timeout = 30 * time.Second

// Do returns a command that calls fn with a deadline.
func (c *Context) Do(fn func(ctx context.Context) tea.Msg) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(c.Ctx, Timeout)
		defer cancel()
		return fn(ctx)
	}
}

// Reads are the reads of one thing that is shown. Two that run at once may answer in
// either order: the one that was asked first does not replace the other. The zero value
// is ready. Only Update uses it.
type Reads struct{ asked, answered int }

// DoInTurn is [Context.Do] for one of several reads of the same thing: its message is
// dropped when a later read has answered before it.
func (c *Context) DoInTurn(r *Reads, fn func(ctx context.Context) tea.Msg) tea.Cmd {
	r.asked++
	n, read := r.asked, c.Do(fn)
	return func() tea.Msg { return ReadMsg{r, n, read()} }
}

// ReadMsg is the answer of a read of [Context.DoInTurn].
type ReadMsg struct {
	reads *Reads
	n     int
	msg   tea.Msg
}

// Take returns the answer, or nil if that of a later read was taken before.
func (m ReadMsg) Take() tea.Msg {
	if m.n < m.reads.answered {
		return nil
	}
	m.reads.answered = m.n
	return m.msg
}

// Send returns a command that sends a message.
func Send(msg tea.Msg) tea.Cmd { return func() tea.Msg { return msg } }

// Undo is the last action that can be undone.
type Undo struct {
	Label text.Name // what undoing it does, in a few words
	// ViewOnly says that only what is shown was changed; it is forgotten with the next
	// action.
	ViewOnly bool
	// Until is when the footer stops offering it, in the time of the store; its key
	// still works until Ends, which is zero for what only changes the view.
	Until, Ends time.Time
	// Run undoes it, in a command if the store changes: then it asks first, as any
	// such action does.
	Run func() tea.Cmd
}

// UndoPeriod is how long the footer offers to undo, and UndoLife how long the key does.
const (
	UndoPeriod = time.Minute
	UndoLife   = 15 * time.Minute
)

// Messages that everybody understands.
type (
	// ChangedMsg reports that the store has changed: read again what is shown.
	ChangedMsg struct{ model.ChangeSet }
	// ResizedMsg reports that the visible page has another size and may have room
	// for more.
	ResizedMsg struct{}
	// FocusMsg reports to a page that it is visible now.
	FocusMsg struct{}
	// BlurMsg reports to a page that another one is visible now: stop work that only
	// serves its display.
	BlurMsg struct{}
	// OpenDialogMsg asks the root to put a dialog on top. Make runs in Update. Then
	// gets the dialog's value, nil when the dialog was cancelled.
	OpenDialogMsg struct {
		Make func() Dialog
		Then func(value any) tea.Cmd
	}
	// ToastMsg asks for a line about what has happened, shown until the next key.
	ToastMsg struct {
		Text string
		Tone style.Tone
		// Await returns when the work that the line is about has ended, with the line
		// that replaces it unless a key was pressed meanwhile; without text when ctx
		// ended first. It runs in a command of its own, without a deadline. It is nil
		// when there is nothing to wait for.
		Await func(ctx context.Context) ToastMsg
		// Then is handled in place of the line, if it is not nil; as soon as no dialog is
		// open and nothing is typed.
		Then tea.Msg
		// Progress returns how far the work is. Update calls it several times a second,
		// so it only reads memory. It is nil where that is not known. A line with it stays
		// when keys are pressed, until the work has ended or ctrl+c or esc stops waiting for it.
		Progress func() Progress
	}
	// ShowInstanceMsg asks for the details of an instance from any page, with a toast
	// about what has happened to it, if that has a text.
	ShowInstanceMsg struct {
		ID    model.ID
		Toast ToastMsg
		// Index is its place in the list of Total rows that asks; Total is 0 for none.
		Index, Total int
	}
	// StepInstanceMsg asks for the details of the certificate that is By rows further
	// in the list from which the details were opened.
	StepInstanceMsg struct{ By int }
	// ShowKeysMsg asks for the keys of an instance, and where they are used; with an empty
	// ID for all keys in use.
	ShowKeysMsg struct{ Instance model.ID }
	// FilterMsg asks for the certificates that pass a query of package where, from any
	// page.
	FilterMsg struct{ Query string }
	// ShowViewMsg asks for the certificates of a saved view, from any page, with a toast if
	// that has a text.
	ShowViewMsg struct {
		View  model.SavedView
		Toast ToastMsg
	}
	// ShowWatchesMsg asks for the list of watched endpoints from any page.
	ShowWatchesMsg struct{}
	// ShowProductMsg asks the page of deployments for the resources of a product.
	ShowProductMsg struct{ Product string }
	// BackMsg asks for the page from which the details of an instance were opened.
	BackMsg struct{}
	// ForgetUndoMsg asks to offer no undoing any more; then Then is handled.
	ForgetUndoMsg struct{ Then tea.Msg }
	// OfferUndoMsg asks to offer the undoing of what was done; then Then is handled.
	OfferUndoMsg struct {
		Undo Undo
		Then tea.Msg
	}
	// PressKeyMsg asks for what a key does here and now, as if it were pressed.
	PressKeyMsg struct{ Key string }
	// CopyMsg asks to put text on the clipboard and say so.
	CopyMsg struct{ What, Text string }
)
