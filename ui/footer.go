package ui

import (
	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/widget"
)

var _ help.KeyMap = (*root)(nil)

// ShortHelp implements help.KeyMap: the keys of the footer, the most important first.
// While text is typed these are the keys of the text field, followed by the pinned
// keys, which remain clickable.
func (m *root) ShortHelp() []key.Binding {
	if m.page().Capturing() {
		return append(m.typingKeys(), m.ctx.ApplyKeymap(m.globals()).ShortHelp()...)
	}
	return m.footerActions.ShortHelp()
}

// typingKeys are the keys shown while a filter is typed.
func (m *root) typingKeys() []key.Binding {
	c := m.ctx
	return []key.Binding{c.Bind(c.T("hint.filter")), c.Bind(c.T("hint.keep-filter"), "enter"), c.Bind(c.T("hint.clear"), "esc")}
}

// FullHelp implements help.KeyMap: all keys, one column for each group.
func (m *root) FullHelp() [][]key.Binding { return m.actions().FullHelp() }

// pinned is the number of keys at the end of ShortHelp that always fit into the footer:
// palette and help.
const pinned = 2

// offerActions caches the possible actions for the footer and for the next key, which
// arrives before anything can have changed. Until it is known what is under the cursor
// the footer keeps its content, so that it is not drawn twice for each move.
func (m *root) offerActions() {
	p, ok := m.page().(app.Scroller)
	if ok && p.Scrolling() && m.footerTab == m.tab && !m.page().Capturing() {
		m.fresh = false
		return
	}
	m.footerActions, m.footerTab, m.fresh, m.drawnFooter = m.actions(), m.tab, true, drawnFooter{}
}

// move is an action that moves about, and the key that ran it.
type move struct {
	key    string
	action app.Action
}

// actionOf returns the action of a key here and now. A key that is held down to move the
// cursor runs the same action again, as long as nothing else has happened and nothing is
// known of the row that the cursor has come to: to make all actions costs more than the move.
func (m *root) actionOf(key tea.KeyPressMsg, last move) (app.Action, bool) {
	as, pressed := m.footerActions, key.String()
	if !m.fresh {
		if last.key == pressed {
			m.last = last
			return last.action, true
		}
		as = m.actions()
	}
	m.fresh = false
	a, ok := as.Find(key)
	if ok && a.Group == app.Move {
		m.last = move{pressed, a}
	}
	return a, ok
}

// footerItem is one item of the footer: a key with its label, or a warning.
type footerItem struct {
	key.Help
	keyName string // the key that a click presses; "" for a warning
	tone    style.Tone
	x       int
}

func newFooterItem(b key.Binding) footerItem {
	f := footerItem{Help: b.Help(), tone: style.Muted}
	if ks := b.Keys(); len(ks) > 0 {
		f.keyName = ks[0]
	}
	return f
}

func (f *footerItem) width() int {
	w := widget.Width(f.Desc)
	if f.Key != "" {
		w += widget.Width(f.Key) + 1
	}
	return w
}

// footerItems lays the footer out: possible actions from the left, palette and help at
// the right end. The help of bubbles is not used: it cuts the line at the first key
// that does not fit, where this skips that key; it has no right end; and it does not
// report the position of an item.
func (m *root) footerItems() []footerItem {
	c, short := m.ctx, m.ShortHelp()
	at := max(len(short)-pinned, 0)
	var right []footerItem
	if m.width < 100 && m.actor().ReadOnly { // the header has no room for this warning
		right = append(right, footerItem{Help: key.Help{Desc: c.T("header.readonly")}, tone: style.Warn})
	}
	for _, b := range short[at:] {
		right = append(right, newFooterItem(b))
	}
	end := m.width - 1
	for n := len(right) - 1; n >= 0; n-- {
		end -= right[n].width()
		right[n].x = end
		end -= 2
	}
	x, room := 1, end+1
	var left []footerItem
	for _, b := range short[:at] {
		f := newFooterItem(b)
		f.x = x
		if x+f.width()+2 <= room {
			left = append(left, f)
			x += f.width() + 2
		}
	}
	return append(left, right...)
}

// drawnFooter is the footer as it was drawn last, with what it depends on beside
// footerActions, with which it is forgotten.
type drawnFooter struct {
	width            int
	styles           *style.Styles
	typing, readOnly bool
	line             string // "" for none
}

// drawFooter draws the keys that do something here and now, if what they depend on has
// changed.
func (m *root) drawFooter() drawnFooter {
	now := drawnFooter{width: m.width, styles: m.ctx.Styles, typing: m.page().Capturing(), readOnly: m.actor().ReadOnly}
	if now.line = m.drawnFooter.line; now.line == "" || now != m.drawnFooter {
		now.line = widget.Pad(m.footerRow().String(), m.width)
	}
	return now
}

// footerRow is the footer as clickable parts.
func (m *root) footerRow() widget.Row {
	var row widget.Row
	s, used := m.ctx.Styles, 0
	for _, f := range m.footerItems() {
		if f.x < used {
			continue
		}
		part := widget.Part{Text: s.Paint(f.tone, f.Desc)}
		if f.keyName != "" {
			part = widget.Part{ID: app.KeyID(f.keyName), Text: s.Paint(style.Key, f.Key) + " " + part.Text}
		}
		row = append(row, widget.Part{Text: widget.Space(f.x - used)}, part)
		used = f.x + f.width()
	}
	return row
}
