package form

import (
	"strconv"

	"github.com/charmbracelet/x/ansi"

	"certquay/ui/app"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// ReadOut implements app.ScreenReader: one line for each field with its value and
// error, and the cursor in the focused field. The introduction is cut first where there
// is no room.
func (f *Form) ReadOut(w, h int) app.ScreenText {
	c, values := f.c, f.Values()
	var head, body, tail []string
	put := func(to *[]string, line string) {
		if line != "" {
			*to = append(*to, widget.Wrap(line, w)...)
		}
	}
	put(&head, text.Clean(f.spec.Title))
	if f.spec.Danger != "" {
		put(&head, c.T("danger."+string(f.spec.Danger)))
	}
	for _, l := range f.spec.Intro {
		put(&head, text.Clean(l))
	}
	if has, _ := f.steps(); len(has) > 0 {
		n, all := 0, 0
		for i := range has {
			if has[i] {
				all++
				if i <= f.step {
					n++
				}
			}
		}
		put(&head, c.T("plain.step", n, all, f.spec.Steps[f.step]))
	}
	if f.formError != "" {
		put(&head, c.T("plain.error", f.formError))
	}
	x, y, to := 0, 0, 0
	for i := range f.spec.Fields {
		if !f.isShown(i) {
			continue
		}
		d := &f.spec.Fields[i]
		line := f.fieldReadOut(i, values)
		if i == f.focus {
			x, y = widget.Width(line)-f.cursorOffset(i), len(body)
		}
		if e := f.errorOf(i); e != "" {
			line += "; " + c.T("plain.error", e)
		}
		body = append(body, widget.Wrap(line, w)...)
		if a := f.areas[i]; i == f.focus && a != nil && *f.values[d.Key] != "" {
			before, under, after := a.Line(maskSecrets)
			to := chunks(before+under, w)
			x, y = widget.Width(to[len(to)-1])-widget.Width(under), len(body)+len(to)-1
			body = append(body, chunks(before+under+after, w)...)
		}
		if d.Warn != nil {
			if t := d.Warn(values); t != "" {
				put(&body, c.T("plain.warning", t))
			}
		}
		if i == f.focus {
			if d.Hint != nil {
				put(&body, c.T("plain.hint", d.Hint(values)))
			}
			to = len(body) - 1
		}
	}
	for _, l := range f.previewLines(200) {
		put(&tail, l)
	}
	for _, r := range f.footer() {
		put(&tail, r.ReadOut(c.T))
	}
	tail = tail[max(len(tail)-max(h-4, 1), 0):]
	if over := len(head) + len(body) + len(tail) - h; over > 0 {
		head = append(head[:min(1, len(head))], head[min(1+over, len(head)):]...)
	}
	if room := max(h-len(head)-len(tail), 1); len(body) > room {
		from := max(min(y, to+1-room), 0)
		body, y = body[from:min(from+room, len(body))], y-from
	}
	lines := append(append(head, body...), tail...)
	y += len(head)
	for x >= w && w > 0 { // the field is wrapped
		x, y = x-w, y+1
	}
	return app.ScreenText{Lines: lines[:min(len(lines), max(h, 1))], X: x, Y: min(y, max(h-1, 0))}
}

// chunks cuts a text into lines of at most w cells, at any character. It returns at
// least one line.
func chunks(s string, w int) (lines []string) {
	for {
		head := ansi.Truncate(s, w, "")
		lines = append(lines, head)
		if s = s[len(head):]; s == "" || head == "" {
			return lines
		}
	}
}

// cursorOffset is the distance of the cursor from the end of a field, in cells.
func (f *Form) cursorOffset(i int) int {
	switch f.spec.Fields[i].Kind {
	case Input:
		return f.inputs[i].CursorOffset()
	case Search: // in the results while nothing is typed
		if in := &f.searches[i].input; in.Value() != "" {
			return widget.Width(f.searchReadOut(i)) - widget.Width(text.Clean(in.Value())) + in.CursorOffset()
		}
	}
	return 0
}

// fieldReadOut is the line of a field: label and value.
func (f *Form) fieldReadOut(i int, values Values) string {
	c, d := f.c, &f.spec.Fields[i]
	v := *f.values[d.Key]
	switch d.Kind {
	case Select:
		options := d.Options(values)
		for n, o := range options {
			if o.Value == v {
				v = c.T("plain.choice", o.Label, strconv.Itoa(n+1), strconv.Itoa(len(options)))
			}
		}
	case Multiline:
		if d.Render != nil {
			v = d.Render(values)
		} else {
			v = f.summary(v)
		}
	case Search:
		v = f.searchReadOut(i)
	case Static:
		v = d.Render(values)
	default:
		if v == "" && d.Placeholder != "" && i != f.focus {
			v = c.T("plain.empty", d.Placeholder)
		} else {
			v = d.drawn(v)
		}
	}
	line := d.Label + ": " + text.Clean(v)
	if i == f.focus {
		line = c.T("plain.inuse") + " " + line
	}
	return line
}
