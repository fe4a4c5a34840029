package config

import (
	"reflect"
	"strings"
)

// Values returns the settings by name, nested as in the file, for JSON.
func (c *Config) Values() map[string]any {
	return values(reflect.ValueOf(c).Elem()).(map[string]any)
}

// values returns a setting for JSON: a map of a struct or a map, a list, or the value
// itself.
func values(v reflect.Value) any {
	switch v = inside(v); v.Kind() {
	case reflect.Struct:
		all := map[string]any{}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if strings.HasSuffix(f.Tag.Get("yaml"), ",omitempty") && v.Field(i).IsZero() {
				continue
			}
			all[keyOf(f)] = values(v.Field(i))
		}
		return all
	case reflect.Slice:
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
