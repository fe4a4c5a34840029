package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Marshal writes the configuration as a commented file that [Parse] reads back
// as the same.
func (c *Config) Marshal() []byte {
	w := &writer{}
	w.b.WriteString("# The configuration of certquay. Every field may be left out; what stands here is in force.\n")
	w.structure(reflect.ValueOf(c).Elem(), 0, true)
	return w.b.Bytes()
}

// documented is what tells more of itself than its doc tag.
type documented interface{ Doc() string }

type writer struct{ b bytes.Buffer }

func (w *writer) indent(depth int) { w.b.WriteString(strings.Repeat("  ", depth)) }

// comment wraps a text at 100 columns.
func (w *writer) comment(text string, depth int) {
	line := ""
	flush := func() {
		w.indent(depth)
		w.b.WriteString("# " + line + "\n")
	}
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+len(word) > 97-2*depth {
			flush()
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	flush()
}

// structure writes the fields of a struct, the first of which may follow what
// is on the line already.
func (w *writer) structure(v reflect.Value, depth int, comments bool) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if strings.HasSuffix(f.Tag.Get("yaml"), ",omitempty") && v.Field(i).IsZero() {
			continue
		}
		if depth == 0 {
			w.b.WriteByte('\n')
		}
		if comments {
			w.comment(f.Tag.Get("doc"), depth)
			if more, ok := v.Field(i).Interface().(documented); ok {
				w.comment(more.Doc(), depth)
			}
		}
		w.indent(depth)
		w.field(keyOf(f), v.Field(i), depth, comments)
	}
}

func (w *writer) field(key string, v reflect.Value, depth int, comments bool) {
	w.b.WriteString(key + ":")
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	switch {
	case v.Kind() == reflect.Struct:
		w.b.WriteByte('\n')
		w.structure(v, depth+1, comments)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct && v.Len() > 0:
		w.b.WriteByte('\n')
		w.fields(v.Type().Elem(), depth+1)
		for i := range v.Len() {
			var item writer
			item.structure(v.Index(i), depth+2, false)
			text := item.b.String()
			w.indent(depth + 1)
			w.b.WriteString("- " + strings.TrimLeft(text, " "))
		}
	default:
		w.b.WriteString(" " + flow(v) + "\n")
	}
}

// fields explains once what the items of a list may hold.
func (w *writer) fields(t reflect.Type, depth int) {
	for i := range t.NumField() {
		f := t.Field(i)
		text := keyOf(f) + ": " + f.Tag.Get("doc")
		switch {
		case f.Type.Kind() == reflect.Interface:
			text += " " + driverSettings()
		case f.Type.Implements(reflect.TypeFor[documented]()):
			text += " " + reflect.Zero(f.Type).Interface().(documented).Doc()
		}
		w.comment(text, depth)
	}
}

// Value is a value as it is written on one line: a text, a whole number, true or
// false, or a list of texts.
func Value(v any) string { return flow(reflect.ValueOf(v)) }

// flow writes a value on one line.
func flow(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return quoted(v.String())
	case reflect.Slice:
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
			items = append(items, quoted(k)+": "+flow(keys[k]))
		}
		return "{" + strings.Join(items, ", ") + "}"
	default:
		return fmt.Sprint(v.Interface())
	}
}

// quoted writes text as JSON does, which YAML reads in double quotes; plain
// where that cannot be misread.
func quoted(s string) string {
	other := []string{"true", "false", "null", "yes", "no", "on", "off", "nan", "inf"} // what plain words may mean
	if word(s) && s[0] >= 'A' && !strings.HasSuffix(s, "-") && !slices.Contains(other, strings.ToLower(s)) {
		return s
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s)
	return strings.TrimSuffix(b.String(), "\n")
}
