package app

import (
	"fmt"
	"slices"

	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle/rules"
	"certquay/ui/text"
)

// Action is one thing a person can do. Dispatch, footer, help, palette and the
// table of keys all read this one record.
type Action struct {
	// ID names it in the configuration. One ID has the same keys on every page.
	ID string
	// Name is what it does, in a few words.
	Name text.Name
	// Binding holds the keys, the main one first; none for an action in the palette
	// only. [Context.ApplyKeymap] sets the keys in force and the help, and disables
	// hidden and refused actions.
	key.Binding
	ShortLabel string // what the footer says; "" for the catalogue's word of the key
	Group      Group
	Danger     rules.Severity
	Footer     Rank   // its place in the footer
	shortKey   string // how its first key is written
	Hidden     bool   // not possible here and now: neither in the help nor dispatched
	// Disabled is why the action is not allowed, nil when it is. A disabled action is
	// dimmed, and its key shows the reason.
	Disabled *DisabledReason
	// OpensDialog says that Run loads something and then opens a dialog or shows a
	// toast. Keys typed meanwhile are kept for the dialog.
	OpensDialog bool
	Run         func() tea.Cmd
}

// Bind returns a binding with a label and keys.
func (c *Context) Bind(label string, keys ...string) key.Binding {
	var b key.Binding
	b.SetKeys(keys...)
	b.SetHelp(c.KeyNames(keys...), label)
	return b
}

// Keys returns the binding of an action with these keys.
func Keys(keys ...string) (b key.Binding) {
	b.SetKeys(keys...)
	return b
}

// Label is the name in the language of the session, which [Context.ApplyKeymap] has
// set.
func (a *Action) Label() string { return a.Help().Desc }

// Found returns an action of a [PaletteSource]: label is the line, and kind says what
// was found.
func Found(kind, label string, run func() tea.Cmd) Action {
	a := Action{Group: View, Run: run}
	a.SetHelp(kind, label)
	return a
}

// DisableIf returns the action, disabled if there is a reason.
func (a Action) DisableIf(reason *DisabledReason) Action {
	if reason != nil {
		a.Disabled, a.Run, a.OpensDialog = reason, nil, false
	}
	return a
}

// has reports whether the action has a key, even if it is disabled.
func (a *Action) has(pressed string) bool { return !a.Hidden && slices.Contains(a.Keys(), pressed) }

// Actions are the actions of one place. A key runs the first action that has it.
type Actions []Action

var _ help.KeyMap = Actions(nil)

// Find returns the action of a key.
func (as Actions) Find(k fmt.Stringer) (Action, bool) {
	pressed := k.String()
	for n := range as {
		if as[n].has(pressed) {
			return as[n], true
		}
	}
	return Action{}, false
}

// ShortHelp implements help.KeyMap: the actions with a rank, the most important first,
// each with one key and its short label.
func (as Actions) ShortHelp() []key.Binding {
	var ranked Actions
	for n := range as {
		if as[n].Footer != Never && as[n].Enabled() && len(as[n].Keys()) > 0 {
			ranked = append(ranked, as[n])
		}
	}
	slices.SortStableFunc(ranked, func(a, b Action) int { return int(a.Footer - b.Footer) })
	bs := make([]key.Binding, len(ranked))
	for n, a := range ranked {
		bs[n] = a.Binding
		bs[n].SetKeys(a.Keys()[0])
		bs[n].SetHelp(a.shortKey, a.ShortLabel)
	}
	return bs
}

// FullHelp implements help.KeyMap: the actions that have keys and are not hidden, a
// column for each group. Disabled ones are not enabled bindings.
func (as Actions) FullHelp() [][]key.Binding {
	columns := make([][]key.Binding, groups)
	for n := range as {
		if a := &as[n]; !a.Hidden && len(a.Keys()) > 0 {
			columns[a.Group] = append(columns[a.Group], a.Binding)
		}
	}
	return columns
}

// Rank orders actions in the footer.
type Rank int

// Ranks, the most important first, with gaps between them. Actions that do not fit
// are left out.
const (
	Never  Rank = 0
	First  Rank = 100 // about where one is: into details and back
	Second Rank = 200 // on the certificate
	Third  Rank = 300 // making new ones
	Fourth Rank = 400 // filtering, copying
	Always Rank = 900 // at the right end, where there is always room
)

// RankIf returns the rank if there is something to act on, else Never.
func RankIf(r Rank, something bool) Rank {
	if something {
		return r
	}
	return Never
}

// Group groups actions in the help.
type Group int

// Groups of actions, in the order of the help.
const (
	Certificate Group = iota // life-cycle actions
	View                     // what is shown and how
	Move                     // moving about
	Program                  // everywhere
	groups
)

// MoveAction is a key that moves about. Its text is that of its ID.
func (c *Context) MoveAction(id string, run func() tea.Cmd, keys ...string) Action {
	return Action{ID: id, Name: text.NewName("act." + id), Binding: Keys(keys...), Group: Move, Run: run}
}
