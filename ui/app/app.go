// Package app holds the contracts of the interface: what a page is, what an
// action is, what a dialog is, and the messages that pass between them.
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

// Why is the reason why an action is not allowed, and the way out. The texts
// are made when they are asked for: no frame shows them, and each asks for the
// actions.
type Why struct {
	message, hint func() string
	ways          func() []Way
}

// Message is the reason.
func (w *Why) Message() string { return w.message() }

// Hint is the way out.
func (w *Why) Hint() string { return w.hint() }

// Ways are the keys that the way out names.
func (w *Why) Ways() []Way { return w.ways() }

// Because is a reason in words, with the keys that its way out names.
func Because(message, hint string, ways ...Way) *Why {
	return &Why{func() string { return message }, func() string { return hint }, func() []Way { return ways }}
}

// WhyOf is the reason of a refusal, or nil. Its texts are safe to draw: they
// may hold names from outside.
func (c *Context) WhyOf(r *lifecycle.Refusal) *Why {
	if r == nil {
		return nil
	}
	return &Why{func() string { return text.Clean(c.Refused(r)) }, func() string { return text.Clean(c.WayOut(r)) },
		func() []Way { _, ways := c.Ways(r); return ways }}
}

// WhyNot is why this session may not take an action whatever it is done to: it is
// read-only, or somebody else's (spec V3, V7); nil if it may.
func (c *Context) WhyNot(a lifecycle.Action) *Why { return c.WhyOf(c.Backend.May(a)) }

// Nothing is the case of an action that is done to no certificate.
func (c *Context) Nothing() *lifecycle.Case {
	return &lifecycle.Case{Actor: c.Backend.Actor(), Now: c.Backend.Now()}
}

// Dialog takes all input while it is on top. It returns a value and does no
// work itself.
type Dialog interface {
	// SetSize gives the cells that the box may fill. It is called before anything
	// else, and again when they or the styles have changed. Tiny sizes happen.
	SetSize(width, height int)
	// Update handles a message. Once the outcome is done the dialog is closed.
	Update(msg tea.Msg) (tea.Cmd, Outcome)
	// View draws the box as a layer, of which the screen decides where it stands.
	// What can be clicked on are layers in it: one with the ID of a key by [KeyID]
	// means that key, the others come back in a [HitMsg]. It changes nothing.
	View() *lipgloss.Layer
	ScreenReader
}

// ScreenReader is what can be said to a screen reader instead of being drawn.
type ScreenReader interface {
	// ReadOut gives at most height lines of words, each of at most width cells.
	// It changes nothing.
	ReadOut(width, height int) ScreenText
}

// Outcome is what became of a dialog.
type Outcome struct {
	Done  bool
	Value any // nil when the person cancelled
}

// Context is what pages, flows and dialogs share in one session. Fields in the
// first block never change and may be read by commands; those in the second
// belong to Update and View.
type Context struct {
	Ctx      context.Context
	Backend  Backend
	Table    *lifecycle.Table
	Text     *text.Catalogue
	Plain    bool // lines of words, for a screen reader
	Remote   bool // the files of this process are not those of the person
	Sandbox  bool
	Store    string
	EdgeNote string
	Support  string        // whom to ask for help; "" when nobody is configured
	Keymap   Keymap        // the keys a person has chosen
	Rest     time.Duration // how long a cursor that moves on stands until what it has come to is read; 0 for no time
	Save     func(name string, data []byte, secret bool) (path string, err error)
	Read     func(path string) ([]byte, error)

	Styles  *style.Styles
	Now     time.Time
	Spinner string // as it stands while something is waited for; "" else
	Undo    *Undo
	Drafts  map[string]map[string]string // what was typed into forms and not sent
}

// T is a text of the catalogue.
func (c *Context) T(key string, args ...any) string { return c.Text.T(key, args...) }

// Timeout bounds one command's calls to the backend.
const Timeout = 30 * time.Second

// Do makes a command that works with a deadline.
func (c *Context) Do(fn func(ctx context.Context) tea.Msg) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(c.Ctx, Timeout)
		defer cancel()
		return fn(ctx)
	}
}

// Send makes a command of a message.
func Send(msg tea.Msg) tea.Cmd { return func() tea.Msg { return msg } }

// Undo is the last thing a person has done that can be taken back.
type Undo struct {
	What text.Name // what taking it back does, in a few words
	// Brief says that it is about what is shown, and forgotten with the next
	// action.
	Brief bool
	// Until is when it stops being offered unasked, in the time of the store;
	// the action that takes it back stays.
	Until time.Time
	// Run takes it back, in a command if it concerns the store: then it asks
	// first, as any such action does.
	Run func() tea.Cmd
}

// UndoOffered is how long undo is offered unasked.
const UndoOffered = time.Minute

// Messages that everybody understands.
type (
	// ChangedMsg says that the store has changed: read anew what you show.
	ChangedMsg struct{ model.Batch }
	// ResizedMsg says that the page in front has another size, so that there
	// may be room for more.
	ResizedMsg struct{}
	// FocusedMsg says that the page has come to the front.
	FocusedMsg struct{}
	// LeftMsg says that another page has come to the front: stop what only a
	// person who looks has use for.
	LeftMsg struct{}
	// OpenedMsg asks the root to put a dialog on top. Make runs in Update.
	// Then gets the dialog's value, nil when it was cancelled.
	OpenedMsg struct {
		Make func() Dialog
		Then func(value any) tea.Cmd
	}
	// ToldMsg is one line about what has happened, until the next key.
	ToldMsg struct {
		Text string
		Tone style.Tone
		// Follow waits for the end of what the line says is being done, and
		// gives the line that then stands in its place if no key was pressed
		// meanwhile; one without text when ctx ended first. It runs in a command
		// of its own, with no deadline but the session's; nil when the line stays
		// true.
		Follow func(ctx context.Context) ToldMsg
	}
	// ShownMsg asks for the details of an instance, wherever one is, and may
	// tell what has happened to it.
	ShownMsg struct {
		ID   model.ID
		Told ToldMsg
	}
	// WatchedMsg asks for the list of what is watched, wherever one is.
	WatchedMsg struct{}
	// ReturnedMsg says that the details of an instance were left: back to the
	// page where they were asked for.
	ReturnedMsg struct{}
	// UndoableMsg says that something was done that can be taken back, and what
	// else to do.
	UndoableMsg struct {
		Undo Undo
		Then tea.Msg
	}
	// PressedMsg asks for the action that a key has here and now, as if it were
	// pressed; one without an action does nothing.
	PressedMsg struct{ Key string }
	// CopiedMsg asks to put text on the clipboard and say so.
	CopiedMsg struct{ What, Text string }
)
