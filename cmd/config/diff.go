package config

import (
	"maps"
	"reflect"
	"slices"
)

// Change is a setting whose value differs between two configurations. A setting that
// only one of them has, such as one of a product, is nil in the other.
type Change struct {
	Setting   string // such as catalogue.per_year.standard or products.CDN.regions
	Now, Then any
}

// Diff returns the settings that differ between the configuration now and then. They
// are in the order of the file; entries of a map are sorted; issuers, products and
// accounts are compared by name.
func Diff(now, then *Config) []Change {
	var d differ
	d.compare("", reflect.ValueOf(now).Elem(), reflect.ValueOf(then).Elem())
	return d.changes
}

type differ struct{ changes []Change }

// compare compares two values of one type. Either may be invalid, which means that the
// configuration does not have it.
func (d *differ) compare(at string, now, then reflect.Value) {
	now, then = inside(now), inside(then)
	v := now
	if !v.IsValid() {
		v = then
	}
	switch {
	case !v.IsValid():
	case now.IsValid() && then.IsValid() && now.Type() != then.Type(): // settings of another driver
		d.compare(at, now, reflect.Value{})
		d.compare(at, reflect.Value{}, then)
	case v.Kind() == reflect.Struct:
		d.fields(at, now, then)
	case v.Kind() == reflect.Slice && named(v.Type().Elem()):
		d.namedEntries(at, now, then)
	case v.Kind() == reflect.Map:
		d.entries(at, now, then)
	case !equal(now, then):
		d.changes = append(d.changes, Change{at, value(now), value(then)})
	}
}

// named reports whether values of a type are known by their name, which is the first
// field: the entries of lists of issuers, products and accounts.
func named(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && (keyOf(t.Field(0)) == "name" || keyOf(t.Field(0)) == "-")
}

// fields compares two structs; fields of one only are those of another kind of issuer.
func (d *differ) fields(at string, now, then reflect.Value) {
	var was, will []field
	if now.IsValid() {
		was = fieldsOf(now)
	}
	if then.IsValid() {
		will = fieldsOf(then)
	}
	for _, f := range was {
		next, _ := find(will, f.name)
		silent := f.optional && f.value.IsZero() && (!next.value.IsValid() || next.value.IsZero())
		if !silent && (f.name != "name" || !named(now.Type())) {
			d.compare(join(at, f.name), f.value, next.value)
		}
	}
	for _, f := range will {
		silent := f.optional && f.value.IsZero()
		if _, both := find(was, f.name); !both && !silent && (f.name != "name" || !named(then.Type())) {
			d.compare(join(at, f.name), reflect.Value{}, f.value)
		}
	}
}

// namedEntries compares two lists of named entries by their names.
func (d *differ) namedEntries(at string, now, then reflect.Value) {
	length := func(list reflect.Value) int {
		if !list.IsValid() {
			return 0
		}
		return list.Len()
	}
	find := func(list reflect.Value, name string) reflect.Value {
		for n := range length(list) {
			if e := list.Index(n); e.Field(0).String() == name {
				return e
			}
		}
		return reflect.Value{}
	}
	for n := range length(now) {
		e := now.Index(n)
		d.compare(join(at, e.Field(0).String()), e, find(then, e.Field(0).String()))
	}
	for n := range length(then) {
		e := then.Index(n)
		if name := e.Field(0).String(); !find(now, name).IsValid() {
			d.compare(join(at, name), reflect.Value{}, e)
		}
	}
}

// entries compares two maps whose keys are strings.
func (d *differ) entries(at string, now, then reflect.Value) {
	keys := map[string]reflect.Value{}
	for _, m := range []reflect.Value{now, then} {
		if m.IsValid() {
			for _, k := range m.MapKeys() {
				keys[k.String()] = k
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		d.compare(join(at, name), entry(now, keys[name]), entry(then, keys[name]))
	}
}

func entry(m, key reflect.Value) reflect.Value {
	if !m.IsValid() {
		return m
	}
	return m.MapIndex(key)
}

func value(v reflect.Value) any {
	if !v.IsValid() {
		return nil
	}
	return v.Interface()
}

// equal compares two values; a nil list equals an empty one.
func equal(a, b reflect.Value) bool {
	if a.IsValid() && b.IsValid() && a.Kind() == reflect.Slice && a.Len() == 0 && b.Len() == 0 {
		return true
	}
	return reflect.DeepEqual(value(a), value(b))
}
