package dialog

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/chart"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// KeyUses shows which keys are used at which resources: a line a key and a column a
// product, and below them the certificates with the selected key and where it is
// presented. Its value is the ID of the certificate to open, if enter was pressed.
type KeyUses struct {
	Context       *app.Context
	Instance      model.ID // whose keys are shown; "" for all that are in use
	uses          lifecycle.KeyUses
	products      []string
	loaded        bool
	cursor        int
	width, height int
}

var _ app.Dialog = (*KeyUses)(nil)

// keyUsesMsg brings the keys.
type keyUsesMsg struct {
	dialog *KeyUses
	uses   lifecycle.KeyUses
}

// Init reads the keys.
func (d *KeyUses) Init() tea.Cmd {
	c, id := d.Context, d.Instance
	return c.Do(func(context.Context) tea.Msg {
		uses, err := c.Backend.KeyUses(id)
		if err != nil {
			return c.LoadFailed(err)
		}
		return keyUsesMsg{d, uses}
	})
}

// Waits implements app.Waiter.
func (d *KeyUses) Waits() bool { return !d.loaded }

// SetSize implements app.Dialog.
func (d *KeyUses) SetSize(width, height int) { d.width, d.height = min(width-2, 160), height }

// Update implements app.Dialog.
func (d *KeyUses) Update(msg tea.Msg) (tea.Cmd, app.Outcome) {
	switch m := msg.(type) {
	case keyUsesMsg:
		if m.dialog == d {
			d.uses, d.loaded = m.uses, true
			for _, u := range d.uses.Keys {
				for n := range u.Resources {
					if p := u.Resources[n].Product; !slices.Contains(d.products, p) {
						d.products = append(d.products, p)
					}
				}
			}
			slices.Sort(d.products)
		}
	case tea.KeyPressMsg:
		switch m.String() {
		case "esc", "ctrl+c", "q":
			return nil, app.Outcome{Done: true}
		case "enter":
			return nil, d.choose()
		case "down", "j":
			d.move(1)
		case "up", "k":
			d.move(-1)
		case "pgdown", "ctrl+d":
			d.move(10)
		case "pgup", "ctrl+u":
			d.move(-10)
		case "g", "home":
			d.move(-len(d.uses.Keys))
		case "G", "end":
			d.move(len(d.uses.Keys))
		}
	case app.HitMsg:
		if n, ok := EntryOf(m.ID); ok && n == d.cursor {
			return nil, d.choose()
		} else if ok {
			d.cursor = n
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

func (d *KeyUses) move(by int) { d.cursor = max(min(d.cursor+by, len(d.uses.Keys)-1), 0) }

// choose closes the dialog with a certificate of the selected key, another one than that
// whose keys are shown.
func (d *KeyUses) choose() app.Outcome {
	if d.cursor >= len(d.uses.Keys) {
		return app.Outcome{}
	}
	for _, i := range d.uses.Keys[d.cursor].Instances {
		if i.ID != d.Instance {
			return app.Outcome{Done: true, Value: i.ID}
		}
	}
	return app.Outcome{Done: true, Value: d.Instance}
}

// View implements app.Dialog.
func (d *KeyUses) View() *lipgloss.Layer {
	s := d.Context.Styles
	return widget.BoxLayer(s, style.Accent, s.Paint(style.Strong, d.Context.T("keyuses.title")), d.content(), d.width, d.height)
}

// ReadOut implements app.ScreenReader.
func (d *KeyUses) ReadOut(w, h int) app.ScreenText {
	return d.Context.ReadOut(d.Context.T("keyuses.title"), d.content(), w, h)
}

// nameWidth is the width of the key and its certificates, before the columns of products.
func (d *KeyUses) nameWidth() int { return min((d.width-4)/2, 62) }

// content is the matrix, the selected key and the keys of the dialog.
func (d *KeyUses) content() []widget.Row {
	s, c := d.Context.Styles, d.Context
	hints := c.Hints(c.Bind(c.T("hint.choose"), "j", "k"), c.Bind(c.T("foot.o"), "enter"), closeHint(c))
	switch {
	case !d.loaded:
		return []widget.Row{{{Text: c.Loading()}}, nil, hints}
	case len(d.uses.Keys) == 0:
		return append(widget.Rows(widget.Wrap(c.T("keyuses.none"), max(d.width-4, 1))...), nil, c.Hints(closeHint(c)))
	}
	w := d.width - 4 - d.nameWidth()
	head, hidden := chart.MatrixHead(s, d.products, w)
	if hidden > 0 {
		head += s.Paint(style.Muted, "+"+widget.Count(hidden))
	}
	var rows []widget.Row
	if !c.Plain {
		rows = append(
			rows,
			widget.Row{{Text: s.Paint(style.Head, widget.Pad("  "+c.T("keyuses.head"), d.nameWidth())) + widget.Cut(head, w)}},
		)
	}
	room := max((d.height-8)/2, 1) // the rest is for the selected key
	top := max(min(d.cursor-room/2, len(d.uses.Keys)-room), 0)
	for n := top; n < min(top+room, len(d.uses.Keys)); n++ {
		rows = append(rows, d.keyRow(n, w))
	}
	if n := len(d.uses.Keys) - room; n > 0 || d.uses.More {
		said := c.T("keyuses.many", widget.Count(len(d.uses.Keys)))
		if d.uses.More {
			said += " " + c.T("keyuses.more")
		}
		rows = append(rows, widget.Row{{Text: "  " + s.Paint(style.Muted, widget.Cut(said, d.width-6))}})
	}
	rows = append(rows, nil)
	return append(append(rows, d.selected(max(d.height-2-len(rows)-2, 1))...), nil, hints)
}

// keyRow is the line of a key: its fingerprint, type and certificates, and a cell for each
// product.
func (d *KeyUses) keyRow(n, w int) widget.Row {
	s, c, u := d.Context.Styles, d.Context, &d.uses.Keys[n]
	id, paint := EntryID(n), s.Paint
	if n == d.cursor {
		paint = s.PaintSelected
	}
	said := short(u.SPKI) + "  " + widget.Pad(text.Clean(u.KeyType), 11) + " " + d.names(u)
	counts := make([]chart.MatrixCell, len(d.products))
	for r := range u.Resources {
		at := slices.Index(d.products, u.Resources[r].Product)
		st := style.StatusOfServer(string(u.Resources[r].State))
		if counts[at].N++; counts[at].N == 1 || severity(st.Tone) > severity(counts[at].Status.Tone) {
			counts[at].Status = st
		}
	}
	read := c.T("keyuses.said", text.Clean(u.KeyType), short(u.SPKI), d.names(u), len(u.Resources))
	return widget.Row{
		{ID: id, Text: paint(style.Accent, c.Lead(n == d.cursor))},
		{ID: id, Text: paint(style.Normal, widget.Pad(said, d.nameWidth()-3)) + " ", ReadAloud: read, HasCursor: n == d.cursor},
		{ID: id, Text: unread(c, chart.MatrixRow(s, d.products, counts, w))},
	}
}

// unread is a picture that a screen reader leaves out.
func unread(c *app.Context, picture string) string {
	if c.Plain {
		return ""
	}
	return picture
}

// severity orders tones by how much they need a look.
func severity(t style.Tone) int {
	return slices.Index([]style.Tone{style.Busy, style.Warn, style.Bad}, t)
}

// short is the beginning and the end of a fingerprint.
func short(fingerprint string) string {
	if len(fingerprint) < 12 {
		return fingerprint
	}
	return fingerprint[:8] + "…" + fingerprint[len(fingerprint)-2:]
}

func (d *KeyUses) names(u *lifecycle.KeyUse) string {
	var ns []string
	for n := range u.Instances {
		ns = append(ns, text.Clean(u.Instances[n].Name))
	}
	return strings.Join(ns, d.Context.T("list.join"))
}

// selected lists the certificates with the selected key and the resources that present
// it, in at most h lines.
func (d *KeyUses) selected(h int) (rows []widget.Row) {
	s, c, u := d.Context.Styles, d.Context, &d.uses.Keys[d.cursor]
	add := func(tone style.Tone, said string) {
		rows = append(rows, widget.Row{{Text: s.Paint(tone, widget.Cut(said, d.width-4))}})
	}
	add(style.Strong, "SPKI "+u.SPKI)
	for n := range u.Instances {
		i := &u.Instances[n]
		var versions []string
		for v := range i.Versions {
			if i.Versions[v].SPKI == u.SPKI {
				versions = append(versions, widget.Count(i.Versions[v].Number))
			}
		}
		add(style.Normal, "  "+c.T("keyuses.versions", text.Clean(i.Name), strings.Join(versions, c.T("comma"))))
	}
	for n := range u.Resources {
		r := &u.Resources[n]
		st := style.StatusOfServer(string(r.State))
		add(st.Tone, "  "+c.Mark(st.Glyph)+text.Clean(r.Place())+"  "+c.Text.Lookup("label."+string(r.State), string(r.State)))
	}
	if len(rows) > h {
		more := len(rows) - h + 1
		rows = append(rows[:max(h-1, 0)], widget.Row{{Text: "  " + s.Paint(style.Muted, c.T("and.more", more))}})
	}
	return rows
}
