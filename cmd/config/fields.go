package config

import (
	"reflect"
	"strings"
)

// field is a field of a struct as the file has it.
type field struct {
	name     string
	optional bool // left out of the file where it is empty
	value    reflect.Value
}

// fieldsOf returns the fields of a struct as the file has them: those of an inline struct
// stand among the others, but for those that its form says otherwise (see
// [setting.Form]), and what a key of a map says is none.
func fieldsOf(v reflect.Value) (all []field) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case name == "-" || f.Tag.Get("in") != "":
		case option == "inline":
			if in := inside(v.Field(i)); in.IsValid() {
				all = append(all, fieldsOf(in)...)
			}
		default:
			all = append(all, field{name, option == "omitempty", v.Field(i)})
		}
	}
	return all
}

// find returns a field by its name.
func find(all []field, name string) (field, bool) {
	for _, f := range all {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

// isByName reports whether values of a type are a map in the file, whose keys are the
// first fields of the entries.
func isByName(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct && t.Elem().Field(0).Tag.Get("yaml") == "-"
}

// inside returns the value in an interface, such as the settings of a product, or at a
// pointer.
func inside(v reflect.Value) reflect.Value {
	for v.IsValid() && (v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer) {
		v = v.Elem()
	}
	return v
}
