package list

import (
	"context"
	"errors"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/model/where"
	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// Search is the line after "/", in which a list is asked by a query (spec Q1). While a
// person types, the list shows what the last query without a mistake finds; what may
// follow, or the mistake, is said below the line. It is used from Update and View only.
type Search struct {
	c        *app.Context
	language *where.Language // nil: the text is searched as it stands
	input    widget.Input
	typing   bool
	listed   string       // what the list is asked
	mistake  *where.Error // in what is typed; nil for none
	told     bool         // the mistake is shown though the query may go on

	offered where.Completion
	chosen  int    // of what is offered, from 1; 0 until tab is pressed
	typed   string // what was typed before tab was pressed
	seq     int    // of the newest completion; others are dropped
}

// NewSearch returns an empty line. Without a language the text is searched as it stands.
func NewSearch(c *app.Context, language *where.Language) *Search {
	return &Search{c: c, language: language}
}

// offeredMsg brings what may follow what is typed.
type offeredMsg struct {
	search *Search
	seq    int
	found  where.Completion
}

// Typing reports whether the line takes keys.
func (s *Search) Typing() bool { return s.typing }

// Query is what the list is asked.
func (s *Search) Query() string { return s.listed }

// Typed is what stands in the line.
func (s *Search) Typed() string { return s.input.Value() }

// CursorOffset is the distance of the cursor from the end of the line.
func (s *Search) CursorOffset() int { return s.input.CursorOffset() }

// Start takes keys from now on.
func (s *Search) Start() tea.Cmd {
	s.typing, s.told = true, false
	return s.offer()
}

// Set replaces the query.
func (s *Search) Set(query string) {
	s.input.SetValue(query)
	s.check()
}

// Expr is the parsed query; nil for none and without a language.
func (s *Search) Expr() *where.Expr {
	if s.language == nil {
		return nil
	}
	e, err := s.language.Parse(s.listed)
	if err != nil { // only what has no mistake is listed
		return nil
	}
	return e
}

// check reads what is typed and reports whether the list has to be asked again.
func (s *Search) check() bool {
	query := strings.TrimSpace(s.input.Value())
	s.mistake, s.told = nil, false
	if s.language != nil {
		if _, err := s.language.Parse(query); errors.As(err, &s.mistake) {
			return false
		}
	}
	changed := query != s.listed
	s.listed = query
	return changed
}

// offer reads what may follow.
func (s *Search) offer() tea.Cmd {
	s.seq++
	s.chosen, s.offered = 0, where.Completion{}
	if s.language == nil || !s.input.AtEnd() {
		return nil
	}
	seq, query, c := s.seq, s.input.Value(), s.c
	return c.Do(func(context.Context) tea.Msg {
		found := s.language.Complete(query, len(query), func(f where.Field, begun string) []string {
			values, err := c.Backend.QueryValues(f, begun)
			if err != nil { // nothing is offered
				return nil
			}
			return values
		})
		return offeredMsg{s, seq, found}
	})
}

// Update handles pasted text while typing, and what is offered. relist asks the list
// again.
func (s *Search) Update(msg tea.Msg, relist func() tea.Cmd) tea.Cmd {
	switch m := msg.(type) {
	case offeredMsg:
		if m.search == s && m.seq == s.seq {
			s.offered = m.found
		}
	case tea.PasteMsg:
		if s.typing && s.input.Update(m) {
			return s.edited(relist)
		}
	}
	return nil
}

// Key handles a key while typing. move moves the cursor in the list.
func (s *Search) Key(m tea.KeyPressMsg, move func(by int) tea.Cmd, relist func() tea.Cmd) tea.Cmd {
	switch m.String() {
	case "enter":
		if s.told = s.mistake != nil; !s.told {
			s.typing = false
			s.input.End()
		}
	case "esc", "ctrl+c":
		s.typing = false
		if s.input.Value() != "" {
			s.Set("")
			return relist()
		}
	case "tab":
		return s.complete(1, relist)
	case "shift+tab":
		return s.complete(-1, relist)
	case "up":
		return move(-1)
	case "down":
		return move(1)
	default:
		if s.input.Update(m) {
			return s.edited(relist)
		}
	}
	return nil
}

func (s *Search) edited(relist func() tea.Cmd) tea.Cmd {
	offer := s.offer()
	if s.check() {
		return tea.Batch(offer, relist())
	}
	return offer
}

// complete puts the next of what is offered into the line, or the previous one. What is
// the only one is taken at once.
func (s *Search) complete(by int, relist func() tea.Cmd) tea.Cmd {
	n := len(s.offered.Words)
	if n == 0 {
		return nil
	}
	switch {
	case s.chosen > 0:
		s.chosen = (s.chosen-1+by+n)%n + 1
	case by > 0:
		s.typed, s.chosen = s.input.Value(), 1
	default:
		s.typed, s.chosen = s.input.Value(), n
	}
	s.input.SetValue(s.typed[:s.offered.At] + s.offered.Words[s.chosen-1])
	if n == 1 {
		return s.edited(relist)
	}
	if s.check() {
		return relist()
	}
	return nil
}

// View draws the line in at most n cells, with its key while nothing is typed.
func (s *Search) View(n int, hint string) string {
	st, c := s.c.Styles, s.c
	switch {
	case s.typing:
		return " " + st.Paint(style.Accent, "/ ") + s.input.View(st, n)
	case s.listed != "":
		return " " + st.Paint(style.Accent, "/ "+widget.Cut(text.Clean(s.listed), n))
	}
	return " " + st.Paint(style.Key, c.KeyFor("filter", "/")) + " " + st.Paint(style.Muted, c.T(hint))
}

// promptWidth is how many cells stand before the query.
const promptWidth = 3

// Below draws what is said below the line while typing, in lines of n cells: the mistake,
// or else what may follow.
func (s *Search) Below(n, inputWidth int) []string {
	st := s.c.Styles
	switch {
	case !s.typing:
		return nil
	case s.mistake != nil && (s.told || !s.mistake.Incomplete):
		lines := widget.Wrap(s.c.Text.Text(s.mistake.Why), max(n-promptWidth-1, 1))
		if widget.Width(text.Clean(s.input.Value())) < inputWidth { // else it may be cut
			lines = append([]string{s.mistake.Pointer(func(t string) int { return widget.Width(text.Clean(t)) })[1]}, lines...)
		}
		for k := range lines {
			lines[k] = widget.Fill(widget.Space(promptWidth)+st.Paint(style.Bad, lines[k]), n, 1)
		}
		return lines
	case len(s.offered.Words) == 0:
		return nil
	}
	line := widget.Space(promptWidth) + st.Paint(style.Key, "tab")
	for k, w := range s.offered.Words {
		w = text.Clean(w)
		if widget.Width(line)+widget.Width(w)+4 > n {
			line += "  " + st.Paint(style.Muted, "…")
			break
		}
		tone := style.Muted
		if k == s.chosen-1 {
			tone = style.Accent
			w = "[" + w + "]" // seen without colour too
		}
		line += "  " + st.Paint(tone, w)
	}
	return []string{widget.Fill(line, n, 1)}
}

// maxSaid is how many completions a screen reader says.
const maxSaid = 8

// ReadOut says the same for a screen reader.
func (s *Search) ReadOut() string {
	switch {
	case s.mistake != nil && (s.told || !s.mistake.Incomplete):
		return s.c.Text.Text(s.mistake.AsText())
	case s.typing && len(s.offered.Words) > 0:
		return s.c.T("plain.offered", strings.Join(s.offered.Words[:min(len(s.offered.Words), maxSaid)], ", "))
	}
	return ""
}

// Cover draws what is said below the line over the first lines of a list, or above it if
// the list is empty.
func (s *Search) Cover(view string, empty bool, n, inputWidth int) string {
	said := s.Below(n, inputWidth)
	if len(said) == 0 {
		return view
	}
	lines := strings.Split(view, "\n")
	if !empty {
		lines = lines[min(len(said), len(lines)):]
	}
	return strings.Join(append(said, lines...), "\n")
}

// Toggle adds a condition to the query, or removes it.
func (s *Search) Toggle(condition string) {
	e := s.Expr()
	parts := e.Conditions()
	kept := make([]*where.Expr, 0, len(parts)+1)
	for _, p := range parts {
		if p.String() != condition {
			kept = append(kept, p)
		}
	}
	if len(kept) == len(parts) {
		added, err := s.language.Parse(condition)
		if err != nil {
			panic(err) // conditions are those of the program
		}
		kept = append(kept, added)
	}
	s.Set(where.All(kept...).String())
}
