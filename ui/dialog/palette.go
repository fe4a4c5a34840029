package dialog

import (
	"cmp"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/sahilm/fuzzy"

	"certquay/ui/kit"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// Palette finds an action by a few letters of its name in any language. Its
// value is the chosen kit.Action.
type Palette struct {
	Context *kit.Context
	Actions kit.Actions
	input   widget.Input
	cursor  int
	found   []int
	names   names
	size
}

var _ kit.Dialog = (*Palette)(nil)

// SetSize implements kit.Dialog.
func (d *Palette) SetSize(width, height int) {
	if d.size == (size{}) { // it opens
		d.search()
	}
	d.size = size{width, height}
}

// names are what actions are found by: a source for fuzzy search.
type names []struct {
	action int
	text   string
}

// Len implements fuzzy.Source.
func (ns names) Len() int { return len(ns) }

// String implements fuzzy.Source.
func (ns names) String(i int) string { return ns[i].text }

// named gathers the names of all actions, those of the language in use first,
// and then other words by which people look for them.
func (d *Palette) named() names {
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
		for i := range d.Actions {
			for _, other := range d.Context.Text.Elsewhere(d.Actions[i].Label()) {
				add(i, other)
			}
		}
		for i := range d.Actions {
			for _, other := range text.Words(d.Actions[i].ID) {
				add(i, other)
			}
		}
	}
	return d.names
}

func (d *Palette) search() {
	d.found, d.cursor = d.found[:0], 0
	if d.input.Value() == "" {
		for i := range d.Actions {
			d.found = append(d.found, i)
		}
		return
	}
	typed := " " + strings.ToLower(strings.TrimSpace(d.input.Value()))
	all := d.named()
	apart := map[int]int{} // by action
	for _, m := range fuzzy.FindFrom(d.input.Value(), all) {
		n := all[m.Index]
		s := scattered(n.text, typed)
		if before, ok := apart[n.action]; ok {
			apart[n.action] = min(before, s)
			continue
		}
		apart[n.action] = s
		d.found = append(d.found, n.action)
	}
	// Letters that stand together at the start of a word come before letters
	// that are only somewhere: "rei" means reissue, not revoke it.
	slices.SortStableFunc(d.found, func(a, b int) int { return cmp.Compare(apart[a], apart[b]) })
}

// scattered is 0 when a word of the label begins with what was typed, else 1.
func scattered(label, typed string) int {
	if strings.Contains(" "+strings.ToLower(label), typed) {
		return 0
	}
	return 1
}

// Update implements kit.Dialog.
func (d *Palette) Update(msg tea.Msg) (tea.Cmd, kit.Outcome) {
	switch m := msg.(type) {
	case tea.KeyPressMsg:
		switch m.String() {
		case "esc", "ctrl+c":
			return nil, kit.Outcome{Done: true}
		case "enter":
			if d.cursor < len(d.found) {
				return nil, kit.Outcome{Done: true, Value: d.Actions[d.found[d.cursor]]}
			}
		case "down", "ctrl+n", "tab":
			d.move(1)
		case "up", "ctrl+p", "shift+tab":
			d.move(-1)
		default:
			if d.input.Update(m) {
				d.search()
			}
		}
	case tea.MouseClickMsg:
		if n := d.top() + m.Y - paletteHead; m.Y >= paletteHead && n < len(d.found) {
			return nil, kit.Outcome{Done: true, Value: d.Actions[d.found[n]]}
		}
	case tea.PasteMsg:
		if d.input.Update(m) {
			d.search()
		}
	case tea.MouseWheelMsg:
		if m.Button == tea.MouseWheelUp {
			d.move(-1)
		} else {
			d.move(1)
		}
	}
	return nil, kit.Outcome{}
}

// paletteHead is how many lines a palette has above what was found.
const paletteHead = 3

func (d *Palette) move(n int) { d.cursor = max(min(d.cursor+n, len(d.found)-1), 0) }

// room is how many of those found there is room for.
func (d *Palette) room() int { return max(min(d.height-8, 14), 1) }

// top is the first of those found that is shown: the one in use stands in the
// middle. Only what is shown is drawn, as why something is not possible must be
// found out first.
func (d *Palette) top() int { return max(min(d.cursor-d.room()/2, len(d.found)-d.room()), 0) }

// View implements kit.Dialog.
func (d *Palette) View() string {
	s, c := d.Context.Styles, d.Context
	w, room := min(d.width-2, 74), d.room()
	lines := []string{s.Paint(style.Accent, ": ") + d.input.View(s, w-6), ""}
	for n := d.top(); n < min(d.top()+room, len(d.found)); n++ {
		a := d.Actions[d.found[n]]
		tone, label := style.Plain, a.Label()
		if a.Why != nil {
			tone, label = style.Muted, c.T("key.because", label, a.Why.Message())
		}
		paint, lead := s.Paint, "  "
		if n == d.cursor {
			paint, lead = s.PaintOn, "▌ "
		}
		lines = append(lines, paint(style.Accent, lead)+paint(tone, widget.Pad(label, w-18))+paint(style.Key, widget.PadLeft(a.Help().Key, 12)))
	}
	if len(d.found) == 0 {
		lines = append(lines, s.Paint(style.Muted, c.T("palette.none")))
	}
	for len(lines) < room+2 {
		lines = append(lines, "")
	}
	lines = append(lines, "", s.Paint(style.Muted, c.T("palette.keys")))
	return widget.Box(s, style.Accent, s.Paint(style.Strong, c.T("palette.title")), lines, w, d.height)
}

// Plain implements kit.Plain: what was found in full, why something is not
// possible too, with the cursor in what is typed.
func (d *Palette) Plain(w, h int) kit.Spoken {
	c := d.Context
	s := kit.Spoken{Lines: []string{widget.Cut(c.T("palette.title"), w), widget.Cut(": "+text.Clean(d.input.Value()), w)}, Y: 1}
	s.X = max(widget.Width(s.Lines[1])-d.input.Left(), 0)
	keys := widget.Wrap(widget.Said(c.T, c.T("palette.keys")), w)
	found, _ := widget.Whole(0, d.cursor, len(d.found), h-len(s.Lines)-len(keys), func(n int) []string {
		a := d.Actions[d.found[n]]
		line := a.Label()
		if a.Why != nil {
			line += " – " + a.Why.Message()
		}
		if keys := a.Help().Key; keys != "" {
			line += ": " + keys
		}
		if n == d.cursor {
			line = c.T("plain.selected") + ": " + line
		}
		return widget.Wrap(widget.Said(c.T, line), w)
	})
	if len(d.found) == 0 {
		found = widget.Wrap(c.T("palette.none"), w)
	}
	s.Lines = append(append(s.Lines, found...), keys...)
	s.Lines = s.Lines[:min(len(s.Lines), max(h, 1))]
	s.Y = min(s.Y, len(s.Lines)-1)
	return s
}

// Choice is one line of a [Panel].
type Choice struct {
	Key   string
	Label string
	Head  string // begins a part with this head
	On    bool
	Count int // -1 when there is none to show
	One   bool
}

// Panel is a list of switches: the filter panel. Its value is the list of
// choices as the person left it. Counts come from outside by SetCounts.
type Panel struct {
	Context *kit.Context
	Title   string
	Choices []Choice
	// Changed is called after each switch, to count anew.
	Changed func([]Choice) tea.Cmd
	cursor  int
	width   int
	height  int
	body    widget.Scroll
	of      []int // the choice on each line, -1 on heads
}

var _ kit.Dialog = (*Panel)(nil)

// SetSize implements kit.Dialog.
func (d *Panel) SetSize(width, height int) {
	d.width, d.height = min(width-2, 52), height
	d.lay()
}

// CountedMsg brings the counts beside the choices of a [Panel].
type CountedMsg struct{ Counts map[string]int }

// Update implements kit.Dialog.
func (d *Panel) Update(msg tea.Msg) (tea.Cmd, kit.Outcome) {
	defer d.lay()
	switch m := msg.(type) {
	case CountedMsg:
		for i := range d.Choices {
			if n, ok := m.Counts[d.Choices[i].Key]; ok {
				d.Choices[i].Count = n
			}
		}
	case tea.KeyPressMsg:
		switch m.String() {
		case "esc", "ctrl+c", "q":
			return nil, kit.Outcome{Done: true}
		case "enter", "f":
			return nil, kit.Outcome{Done: true, Value: d.Choices}
		case "down", "j":
			d.cursor = min(d.cursor+1, len(d.Choices)-1)
		case "up", "k":
			d.cursor = max(d.cursor-1, 0)
		case "g", "home":
			d.cursor = 0
		case "G", "end":
			d.cursor = len(d.Choices) - 1
		case "c":
			for i := range d.Choices {
				d.Choices[i].On = d.Choices[i].One && d.Choices[i].Key == d.first(d.Choices[i])
			}
			return d.Changed(d.Choices), kit.Outcome{}
		case "space", "x":
			d.toggle()
			return d.Changed(d.Choices), kit.Outcome{}
		}
	case tea.MouseClickMsg:
		if n := d.body.Top() + m.Y - 1; m.Y > 0 && m.Y <= len(d.body.Lines()) && d.of[n] >= 0 {
			d.cursor = d.of[n]
			d.toggle()
			return d.Changed(d.Choices), kit.Outcome{}
		}
	case tea.MouseWheelMsg:
		if m.Button == tea.MouseWheelUp {
			d.cursor = max(d.cursor-1, 0)
		} else {
			d.cursor = min(d.cursor+1, len(d.Choices)-1)
		}
	}
	return nil, kit.Outcome{}
}

// panelBeside is how many lines of the screen a panel does without: those of
// its frame and keys, and what stands above and below it.
const panelBeside = 8

// kind is the part of a choice's key before the colon: of those with One set,
// one of a kind is on.
func kind(key string) string { k, _, _ := strings.Cut(key, ":"); return k }

func (d *Panel) first(c Choice) string {
	for _, o := range d.Choices {
		if kind(o.Key) == kind(c.Key) {
			return o.Key
		}
	}
	return ""
}

func (d *Panel) toggle() {
	at := &d.Choices[d.cursor]
	if at.One {
		for i := range d.Choices {
			if kind(d.Choices[i].Key) == kind(at.Key) {
				d.Choices[i].On = i == d.cursor
			}
		}
		return
	}
	at.On = !at.On
}

// lay draws the choices, with the one in use in the middle.
func (d *Panel) lay() {
	s := d.Context.Styles
	var lines []string
	at := 0
	d.of = nil
	for i, o := range d.Choices {
		if o.Head != "" {
			lines, d.of = append(lines, s.Paint(style.Head, o.Head)), append(d.of, -1)
		}
		box := "[ ] "
		switch {
		case o.One && o.On:
			box = "(•) "
		case o.One:
			box = "( ) "
		case o.On:
			box = "[✓] "
		}
		count := ""
		if o.Count >= 0 {
			count = widget.Count(o.Count)
		}
		paint, lead := s.Paint, "  "
		if i == d.cursor {
			paint, lead, at = s.PaintOn, "▌ ", len(lines)
		}
		lines = append(lines, paint(style.Accent, lead)+paint(style.Plain, widget.Pad(box+o.Label, d.width-14))+paint(style.Muted, widget.PadLeft(count, 8)))
		d.of = append(d.of, i)
	}
	room := max(d.height-panelBeside, 1)
	d.body.Set(lines, d.width-4, room)
	d.body.To(at - room/2)
}

// View implements kit.Dialog.
func (d *Panel) View() string {
	s, c := d.Context.Styles, d.Context
	more := ""
	if n := d.body.Top(); n > 0 {
		more = c.T("panel.above", n) + "   "
	}
	if n := d.body.Below(); n > 0 {
		more += c.T("help.below", n)
	}
	lines := append(d.body.Lines(), s.Paint(style.Muted, more), s.Paint(style.Muted, c.T("panel.keys")))
	return widget.Box(s, style.Accent, s.Paint(style.Strong, d.Title), lines, d.width, d.height)
}
