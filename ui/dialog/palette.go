package dialog

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/sahilm/fuzzy"

	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// Palette finds an action by letters of its name in any language, and what its sources
// find. Its value is the chosen app.Action.
type Palette struct {
	Context *app.Context
	Actions app.Actions
	Sources []app.PaletteSource // of what is found beside the actions
	input   widget.Input
	cursor  int
	matches []app.Action
	names   names
	found   []app.Actions // by source
	seq     int           // of the newest search; older results are dropped
	size
}

// paletteFoundMsg is what a source has found.
type paletteFoundMsg struct {
	palette     *Palette
	seq, source int
	found       app.Actions
}

var _ app.Dialog = (*Palette)(nil)

// SetSize implements app.Dialog.
func (d *Palette) SetSize(width, height int) {
	if d.size == (size{}) { // first call, when it opens
		d.search()
	}
	d.size = size{width, height}
}

// names are the searchable names of actions. They implement fuzzy.Source.
type names []struct {
	action int
	text   string
}

// Len implements fuzzy.Source.
func (ns names) Len() int { return len(ns) }

// String implements fuzzy.Source.
func (ns names) String(i int) string { return ns[i].text }

// searchNames returns the names of all actions, those in the current language first,
// then synonyms.
func (d *Palette) searchNames() names {
	if d.names == nil {
		add := func(action int, text string) {
			d.names = append(d.names, struct {
				action int
				text   string
			}{action, text})
		}
		for i := range d.Actions {
			add(i, d.Actions[i].Label())
		}
		for _, lang := range text.Languages() {
			if other := text.New(lang); lang != d.Context.Text.Lang {
				for i := range d.Actions {
					add(i, other.Name(d.Actions[i].Name))
				}
			}
		}
		for i := range d.Actions {
			for _, other := range text.SearchWords(d.Actions[i].ID) {
				add(i, other)
			}
		}
	}
	return d.names
}

// typed searches for what was typed now, and returns the command that asks the sources.
func (d *Palette) typed() tea.Cmd {
	d.seq++
	d.cursor, d.found = 0, make([]app.Actions, len(d.Sources))
	d.search()
	typed := strings.TrimSpace(d.input.Value())
	if typed == "" {
		return nil
	}
	c, cmds := d.Context, make([]tea.Cmd, len(d.Sources))
	for n, source := range d.Sources {
		seq := d.seq
		cmds[n] = c.Do(func(context.Context) tea.Msg {
			found, err := source(typed)
			if err != nil {
				return c.LoadFailed(err)
			}
			return paletteFoundMsg{d, seq, n, found}
		})
	}
	return tea.Batch(cmds...)
}

// search puts together what matches: actions whose name has a word that begins with what
// was typed, then what the sources have found, then the other actions.
func (d *Palette) search() {
	d.matches = d.matches[:0]
	if d.input.Value() == "" {
		d.matches = append(d.matches, d.Actions...)
		return
	}
	var matches []int
	typed := " " + strings.ToLower(strings.TrimSpace(d.input.Value()))
	all := d.searchNames()
	distance := map[int]int{} // by action
	for _, m := range fuzzy.FindFrom(d.input.Value(), all) {
		n := all[m.Index]
		s := notPrefix(n.text, typed)
		if s == 0 && m.Index >= len(d.Actions) { // a name in another language, or another word
			s = 1
		}
		if before, ok := distance[n.action]; ok {
			distance[n.action] = min(before, s)
			continue
		}
		distance[n.action] = s
		matches = append(matches, n.action)
	}
	// A prefix of a word ranks before scattered letters: "rei" means reissue, not
	// revoke it.
	slices.SortStableFunc(matches, func(a, b int) int { return cmp.Compare(distance[a], distance[b]) })
	exact := 0
	for exact < len(matches) && distance[matches[exact]] == 0 {
		exact++
	}
	for n, i := range matches {
		if n == exact {
			d.matches = append(d.matches, slices.Concat(d.found...)...)
		}
		d.matches = append(d.matches, d.Actions[i])
	}
	if exact == len(matches) {
		d.matches = append(d.matches, slices.Concat(d.found...)...)
	}
}

// notPrefix is 0 if a word of the label begins with typed, else 2.
func notPrefix(label, typed string) int {
	if strings.Contains(" "+strings.ToLower(label), typed) {
		return 0
	}
	return 2
}

// Update implements app.Dialog.
func (d *Palette) Update(msg tea.Msg) (tea.Cmd, app.Outcome) {
	switch m := msg.(type) {
	case paletteFoundMsg:
		if m.palette == d && m.seq == d.seq {
			d.found[m.source] = m.found
			d.search()
			d.move(0)
		}
	case tea.KeyPressMsg:
		switch m.String() {
		case "esc", "ctrl+c":
			return nil, app.Outcome{Done: true}
		case "enter":
			if d.cursor < len(d.matches) {
				return nil, app.Outcome{Done: true, Value: d.matches[d.cursor]}
			}
		case "down", "ctrl+n", "tab":
			d.move(1)
		case "up", "ctrl+p", "shift+tab":
			d.move(-1)
		default:
			if d.input.Update(m) {
				return d.typed(), app.Outcome{}
			}
		}
	case app.HitMsg:
		if n, ok := EntryOf(m.ID); ok && n < len(d.matches) {
			return nil, app.Outcome{Done: true, Value: d.matches[n]}
		}
	case tea.PasteMsg:
		if d.input.Update(m) {
			return d.typed(), app.Outcome{}
		}
	case tea.MouseWheelMsg:
		if m.Button == tea.MouseWheelUp {
			d.move(-1)
		} else {
			d.move(1)
		}
	}
	return nil, app.Outcome{}
}

func (d *Palette) move(n int) { d.cursor = max(min(d.cursor+n, len(d.matches)-1), 0) }

// room is the number of matches that fit.
func (d *Palette) room() int { return max(min(d.height-8, 14), 1) }

// top is the index of the first visible match; the selected one is in the middle. Only
// visible matches are drawn, because the reason of a disabled action has to be
// computed.
func (d *Palette) top() int { return max(min(d.cursor-d.room()/2, len(d.matches)-d.room()), 0) }

// View implements app.Dialog.
func (d *Palette) View() *lipgloss.Layer {
	s, c := d.Context.Styles, d.Context
	w, room := min(d.width-2, 74), d.room()
	rows := widget.Rows(s.Paint(style.Accent, ": ")+d.input.View(s, w-6), "")
	for n := d.top(); n < min(d.top()+room, len(d.matches)); n++ {
		a := d.matches[n]
		tone, label := style.Normal, a.Label()
		if a.Disabled != nil {
			tone, label = style.Muted, c.T("key.because", label, a.Disabled.Message())
		}
		paint, lead := s.Paint, c.Lead(n == d.cursor)
		if n == d.cursor {
			paint = s.PaintSelected
		}
		rows = append(rows, widget.Row{{
			ID:   EntryID(n),
			Text: paint(style.Accent, lead) + paint(tone, widget.Pad(label, w-18)) + paint(style.Key, widget.PadLeft(a.Help().Key, 12)),
		}})
	}
	if len(d.matches) == 0 {
		rows = append(rows, widget.Rows(s.Paint(style.Muted, c.T("palette.none")))...)
	}
	for len(rows) < room+2 {
		rows = append(rows, nil)
	}
	rows = append(rows, nil, c.Hints(d.ShortHelp()...))
	return widget.BoxLayer(s, style.Accent, s.Paint(style.Strong, c.T("palette.title")), rows, w, d.height)
}

// ShortHelp returns the keys of the palette.
func (d *Palette) ShortHelp() []key.Binding {
	c := d.Context
	return []key.Binding{c.Bind(c.T("hint.search")), c.Bind(c.T("hint.choose"), "up", "down"), c.Bind(c.T("hint.do"), "enter"),
		closeHint(c)}
}

// ReadOut implements app.ScreenReader: the matches with the reasons of disabled ones,
// and the cursor in the typed text.
func (d *Palette) ReadOut(w, h int) app.ScreenText {
	c := d.Context
	s := app.ScreenText{Lines: []string{widget.Cut(c.T("palette.title"), w), widget.Cut(": "+text.Clean(d.input.Value()), w)}, Y: 1}
	s.X = max(widget.Width(s.Lines[1])-d.input.CursorOffset(), 0)
	keys := widget.Wrap(c.Hints(d.ShortHelp()...).ReadOut(c.T), w)
	found, _ := widget.FitItems(0, d.cursor, len(d.matches), h-len(s.Lines)-len(keys), func(n int) []string {
		a := d.matches[n]
		line := a.Label()
		if a.Disabled != nil {
			line += " – " + a.Disabled.Message()
		}
		if keys := a.Help().Key; keys != "" {
			line += ": " + keys
		}
		if n == d.cursor {
			line = c.T("plain.selected") + ": " + line
		}
		return widget.Wrap(line, w)
	})
	if len(d.matches) == 0 {
		found = widget.Wrap(c.T("palette.none"), w)
	}
	s.Lines = append(append(s.Lines, found...), keys...)
	s.Lines = s.Lines[:min(len(s.Lines), max(h, 1))]
	s.Y = min(s.Y, len(s.Lines)-1)
	return s
}
