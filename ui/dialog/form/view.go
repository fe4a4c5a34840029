package form

import (
	"strings"

	"certquay/lifecycle"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

const labelWidth = 15

// View implements kit.Dialog.
func (f *Form) View(width, height int) string {
	s := f.c.Styles
	w := min(width-2, 84)
	inner := max(w-4, 10)
	var lines []string
	if f.spec.Danger != "" {
		lines = append(lines, s.Paint(toneOf(f.spec.Danger), strings.ToUpper(f.c.T("danger."+string(f.spec.Danger)))))
	}
	for _, l := range f.spec.Intro {
		lines = append(lines, widget.Wrap(l, inner)...)
	}
	if len(lines) > 0 {
		lines = append(lines, "")
	}
	if f.general != "" {
		for _, l := range widget.Wrap("✕ "+f.general, inner) {
			lines = append(lines, s.Paint(style.Bad, l))
		}
		lines = append(lines, "")
	}
	at := 0
	values := f.Values()
	for i := range f.spec.Fields {
		if !f.shown(i) {
			continue
		}
		d, on := &f.spec.Fields[i], i == f.focus
		if on {
			at = len(lines)
		}
		lines = append(lines, f.fieldLine(i, on, inner))
		under := widget.Space(labelWidth + 2)
		if e := f.errors[d.Key]; e != "" {
			for _, l := range widget.Wrap("✕ "+e, inner-labelWidth-2) {
				lines = append(lines, under+s.Paint(style.Bad, l))
			}
		}
		if on && d.Hint != nil {
			for _, l := range widget.Wrap(d.Hint(values), inner-labelWidth-2) {
				lines = append(lines, under+s.Paint(style.Muted, l))
			}
		}
	}
	end := len(lines)
	if len(f.preview) > 0 {
		lines = append(lines, "")
		for _, p := range f.preview {
			tone := style.Plain
			if f.problem {
				tone, p = style.Bad, "✕ "+p
			}
			for _, l := range widget.Wrap(p, inner) {
				lines = append(lines, s.Paint(tone, l))
			}
		}
	}
	foot := s.Paint(style.Muted, f.c.T("form.keys", f.spec.Submit))
	if f.spec.ID == "" {
		foot = s.Paint(style.Muted, f.c.T("form.keys.short", f.spec.Submit))
	}
	room := height - 4
	if over := len(lines) - room; over > 0 { // keep the field in use on the screen
		if at < room-3 {
			lines = lines[:max(room, 0)]
		} else {
			from := min(at-room/2, max(end-room/2, 0), over)
			lines = lines[max(from, 0):min(max(from, 0)+room, len(lines))]
		}
	}
	lines = append(lines, "", foot)
	return widget.Box(s, toneOf(f.spec.Danger), s.Paint(style.Strong, text.Clean(f.spec.Title)), lines, w, height)
}

func (f *Form) fieldLine(i int, on bool, inner int) string {
	s, d := f.c.Styles, &f.spec.Fields[i]
	lead, tone := "  ", style.Muted
	if on {
		lead, tone = "▌ ", style.Accent
	}
	label := s.Paint(tone, lead+widget.Pad(d.Label, labelWidth-2)) + "  "
	room := inner - labelWidth - 2
	if d.Kind == Paste {
		return label + s.Paint(style.Plain, widget.Cut(f.summary(*f.values[d.Key]), room))
	}
	h := f.fields[i]
	h.WithWidth(room)
	v := h.View()
	if !on && d.Kind == Input {
		if v = *f.values[d.Key]; v == "" {
			return label + s.Paint(style.Faint, widget.Cut(d.Placeholder, room))
		}
		return label + widget.Cut(text.Clean(v), room)
	}
	v, _, _ = strings.Cut(v, "\n")
	return label + v
}

// summary tells what was pasted without showing it.
func (f *Form) summary(v string) string {
	if v == "" {
		return f.c.T("form.paste.empty")
	}
	certs, keys := strings.Count(v, "-----BEGIN CERTIFICATE-----"), strings.Count(v, "PRIVATE KEY-----")/2
	return f.c.T("form.paste.held", widget.Count(len(v)), certs, keys)
}

func toneOf(d lifecycle.Danger) style.Tone {
	switch d {
	case lifecycle.DangerDanger:
		return style.Bad
	case lifecycle.DangerWarning:
		return style.Soon
	}
	return style.Accent
}
