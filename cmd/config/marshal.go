package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"certquay/model"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// Marshal returns the configuration as a file that [Parse] reads back unchanged, with
// comments in the language of words.
func (c *Config) Marshal(words *text.Catalogue) []byte {
	w := &writer{words: words}
	w.comment(words.Text(model.Say("config.file")), 0)
	w.structure(reflect.ValueOf(c).Elem(), "", 0, true)
	return w.b.Bytes()
}

// documented is implemented by types with a description in addition to that of the
// field.
type documented interface {
	Doc(words *text.Catalogue) string
}

type writer struct {
	b     bytes.Buffer
	words *text.Catalogue
}

// meaning returns the description of the field at a path, which may be a setting of a
// built-in component.
func (w *writer) meaning(path string) string {
	if w.words.Has("setting." + path) {
		return w.words.T("setting." + path)
	}
	return Meaning(w.words, path)
}

func (w *writer) indent(depth int) { w.b.WriteString(strings.Repeat("  ", depth)) }

// comment wraps a text at 100 columns.
func (w *writer) comment(text string, depth int) {
	for _, line := range widget.Wrap(text, 98-2*depth) {
		w.indent(depth)
		w.b.WriteString("# " + line + "\n")
	}
}

// structure writes the fields of a struct. The first field may continue the current
// line.
func (w *writer) structure(v reflect.Value, at string, depth int, comments bool) {
	for _, f := range fieldsOf(v) {
		if f.optional && f.value.IsZero() {
			continue
		}
		path := join(at, f.name)
		if depth == 0 {
			w.b.WriteByte('\n')
		}
		if comments {
			w.comment(w.meaning(path), depth)
			if about := Meaning(w.words, path); depth == 0 && about != "" { // settings of a built-in component
				w.comment(about, depth)
			}
			if more, ok := f.value.Interface().(documented); ok {
				w.comment(more.Doc(w.words), depth)
			}
			if f.value.Kind() == reflect.Slice && f.value.Len() == 0 && f.value.Type().Elem().Kind() == reflect.Struct {
				w.fields(f.value.Type().Elem(), path, depth)
			}
		}
		w.indent(depth)
		w.field(path, f.value, depth, comments)
	}
}

func (w *writer) field(at string, v reflect.Value, depth int, comments bool) {
	w.b.WriteString(at[strings.LastIndexByte(at, '.')+1:] + ":")
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	switch {
	case v.Kind() == reflect.Struct:
		w.b.WriteByte('\n')
		w.structure(v, at, depth+1, comments)
	case isByName(v.Type()) && v.Len() > 0:
		w.b.WriteByte('\n')
		w.fields(v.Type().Elem(), at, depth+1)
		for i := range v.Len() {
			w.indent(depth + 1)
			w.b.WriteString(quote(v.Index(i).Field(0).String()) + ":\n")
			w.structure(v.Index(i), at, depth+2, false)
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct && v.Len() > 0:
		w.b.WriteByte('\n')
		if comments {
			w.fields(v.Type().Elem(), at, depth+1)
		}
		for i := range v.Len() {
			var item writer
			item.structure(v.Index(i), at, depth+2, false)
			text := item.b.String()
			w.indent(depth + 1)
			w.b.WriteString("- " + strings.TrimLeft(text, " "))
		}
	default:
		w.b.WriteString(" " + flow(v) + "\n")
	}
}

// fields writes the descriptions for the items of a list, once.
func (w *writer) fields(t reflect.Type, at string, depth int) {
	for i := range t.NumField() {
		f := t.Field(i)
		text := keyOf(f) + ": " + w.meaning(join(at, keyOf(f)))
		switch {
		case keyOf(f) == "-":
			continue
		case keyOf(f) == "": // inline
			issuerSettings(w.words, func(_, about string) { w.comment(about, depth) })
			continue
		case f.Type.Kind() == reflect.Interface:
			text += " " + driverSettings(w.words)
		case f.Type.Implements(reflect.TypeFor[documented]()):
			text += " " + reflect.Zero(f.Type).Interface().(documented).Doc(w.words)
		}
		w.comment(text, depth)
	}
}

// Value returns a value on one line: a string, an integer, a boolean, or a list of
// strings.
func Value(v any) string { return flow(reflect.ValueOf(v)) }

// flow returns a value on one line.
func flow(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return quote(v.String())
	case reflect.Struct:
		var items []string
		for _, f := range fieldsOf(v) {
			if !f.optional || !f.value.IsZero() {
				items = append(items, f.name+": "+flow(f.value))
			}
		}
		return "{" + strings.Join(items, ", ") + "}"
	case reflect.Slice:
		if isByName(v.Type()) && v.Len() == 0 {
			return "{}"
		}
		var items []string
		for i := range v.Len() {
			items = append(items, flow(v.Index(i)))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.Map:
		var items []string
		keys := map[string]reflect.Value{}
		for it := v.MapRange(); it.Next(); {
			keys[it.Key().String()] = it.Value()
		}
		for _, k := range slices.Sorted(maps.Keys(keys)) {
			items = append(items, quote(k)+": "+flow(keys[k]))
		}
		return "{" + strings.Join(items, ", ") + "}"
	default:
		return fmt.Sprint(v.Interface())
	}
}

// quote returns text in JSON quotes, which YAML accepts, or plain where that is
// unambiguous.
func quote(s string) string {
	other := []string{"true", "false", "null", "yes", "no", "on", "off", "nan", "inf"} // plain words with another meaning
	if isWord(s) && s[0] >= 'A' && !strings.HasSuffix(s, "-") && !slices.Contains(other, strings.ToLower(s)) {
		return s
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s)
	return strings.TrimSuffix(b.String(), "\n")
}
