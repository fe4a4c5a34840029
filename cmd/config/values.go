package config

import "reflect"

// Values returns the settings by name, nested as in the file, for JSON.
func (c *Config) Values() map[string]any {
	return values(reflect.ValueOf(c).Elem()).(map[string]any)
}

// Plain returns the value of a setting for JSON; nil for none.
func Plain(v any) any {
	if v == nil {
		return nil
	}
	return values(reflect.ValueOf(v))
}

// values returns a setting for JSON: a map of a struct or a map, a list, or the value
// itself.
func values(v reflect.Value) any {
	switch v = inside(v); v.Kind() {
	case reflect.Struct:
		all := map[string]any{}
		for _, f := range fieldsOf(v) {
			if !f.optional || !f.value.IsZero() {
				all[f.name] = values(f.value)
			}
		}
		return all
	case reflect.Slice:
		if isByName(v.Type()) {
			all := map[string]any{}
			for i := range v.Len() {
				all[v.Index(i).Field(0).String()] = values(v.Index(i))
			}
			return all
		}
		list := make([]any, v.Len())
		for i := range list {
			list[i] = values(v.Index(i))
		}
		return list
	case reflect.Map:
		all := map[string]any{}
		for it := v.MapRange(); it.Next(); {
			all[it.Key().String()] = values(it.Value())
		}
		return all
	default:
		return v.Interface()
	}
}
