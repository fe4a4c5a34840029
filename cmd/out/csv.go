package out

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"certquay/cmd/session"
)

// maxCell is how long a cell may be, in characters.
const maxCell = 32_000

// encodeCSV returns a list of structs as CSV (RFC 4180), with the names of its JSON form.
// Lists of words are joined by a blank, and nested objects are left out. A text that a
// spreadsheet would take for a formula begins with an apostrophe.
func encodeCSV(list any) ([]byte, error) {
	t := reflect.TypeOf(list)
	if t.Kind() != reflect.Slice || t.Elem().Kind() != reflect.Struct {
		return nil, Usage("usage.csv")
	}
	names := columnsOf(t.Elem())
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(names); err != nil {
		return nil, err
	}
	items := reflect.ValueOf(list)
	for n := range items.Len() {
		row, err := cellsOf(items.Index(n).Interface(), names)
		if err != nil {
			return nil, err
		}
		if err := w.Write(row); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// columnsOf returns the JSON names of the fields of a struct that are no nested objects.
func columnsOf(t reflect.Type) (names []string) {
	for n := range t.NumField() {
		f := t.Field(n)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			names = append(names, columnsOf(f.Type)...)
		case name != "" && name != "-" && isCell(f.Type):
			names = append(names, name)
		}
	}
	return names
}

// isCell reports whether a type is a plain value or a list of plain values.
func isCell(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t.Kind() != reflect.Struct && t.Kind() != reflect.Map && t.Kind() != reflect.Interface
}

func cellsOf(item any, names []string) ([]string, error) {
	b, err := json.Marshal(item)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&fields); err != nil {
		return nil, err
	}
	cells := make([]string, len(names))
	for n, name := range names {
		cells[n] = cell(fields[name])
	}
	return cells, nil
}

func cell(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case json.Number:
		return v.String()
	case []any:
		words := make([]string, len(v))
		for n := range v {
			words[n] = fmt.Sprint(v[n])
		}
		value = strings.Join(words, " ")
	}
	s := session.Escape(fmt.Sprint(value), maxCell)
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}
