package setting

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"certquay/model"
)

// Fill returns settings of the type of defaults with values by name put over the
// defaults. A value is of the setting's type; a string is read as one, a list from
// entries separated by commas, a command from words that a shell would tell apart; a number or a list that JSON has decoded is taken as
// well. An unknown name and a value that does not fit are returned as a [*Error].
func Fill(defaults any, values map[string]any) (any, error) {
	if g, ok := defaults.(Group); ok {
		return g.fill(values)
	}
	v := reflect.New(reflect.TypeOf(defaults)).Elem()
	v.Set(reflect.ValueOf(defaults))
	all := Of(defaults)
	for name, value := range values {
		n := slices.IndexFunc(all, func(s Setting) bool { return s.Name == name })
		if n < 0 {
			return nil, &Error{Setting: name, Rule: model.Say("value.unknown", "names", Names(all))}
		}
		if line, is := value.(string); is && all[n].Command {
			args, wrong := SplitCommand(line)
			if wrong != "" {
				return nil, &Error{Setting: name, Rule: wrong}
			}
			value = args
		}
		fits, err := as(value, v.Field(n).Type())
		if err != "" {
			return nil, &Error{Setting: name, Rule: err}
		}
		v.Field(n).Set(fits)
	}
	return v.Interface(), nil
}

// Names lists the names of settings.
func Names(all []Setting) []string {
	names := make([]string, len(all))
	for n, s := range all {
		names[n] = s.Name
	}
	return names
}

// Error is a value that a setting cannot have.
type Error struct {
	Setting string
	Rule    model.Text
	Example string // a value that is right; "" for none
}

func (e *Error) Error() string { return e.AsText().String() }

// AsText names the setting and its rule.
func (e *Error) AsText() model.Text {
	return model.Say("value.wrong", "setting", e.Setting, "rule", e.Rule)
}

// as converts a value to the type of a setting, or returns the rule that it violates.
func as(value any, to reflect.Type) (reflect.Value, model.Text) {
	text, typed := value.(string)
	switch to.Kind() {
	case reflect.String:
		if typed {
			return reflect.ValueOf(text).Convert(to), ""
		}
		return reflect.Value{}, model.Say("value.text")
	case reflect.Bool:
		b, ok := value.(bool)
		if typed {
			var err error
			b, err = strconv.ParseBool(text)
			ok = err == nil
		}
		if ok {
			return reflect.ValueOf(b).Convert(to), ""
		}
		return reflect.Value{}, model.Say("value.boolean")
	case reflect.Int:
		n, ok := value.(int)
		if f, decoded := value.(float64); decoded {
			n, ok = int(f), f == float64(int(f))
		}
		if typed {
			var err error
			n, err = strconv.Atoi(text)
			ok = err == nil
		}
		if ok {
			return reflect.ValueOf(n).Convert(to), ""
		}
		return reflect.Value{}, model.Say("value.number")
	case reflect.Slice:
		list, ok := value.([]string)
		if typed {
			ok = true
			for entry := range strings.SplitSeq(text, ",") {
				if entry = strings.TrimSpace(entry); entry != "" {
					list = append(list, entry)
				}
			}
		}
		if decoded, is := value.([]any); is {
			ok = true
			for _, d := range decoded {
				s, is := d.(string)
				ok = ok && is
				list = append(list, s)
			}
		}
		if ok {
			return reflect.ValueOf(list).Convert(to), ""
		}
		return reflect.Value{}, model.Say("value.list")
	}
	panic(to.Kind())
}

// Changed returns the values of settings that differ from the defaults, by name, as
// JSON knows them.
func Changed(defaults, settings any) map[string]any {
	if g, ok := defaults.(Group); ok {
		return g.changed(settings.(Group))
	}
	now, was := reflect.ValueOf(settings), reflect.ValueOf(defaults)
	changed := map[string]any{}
	for n, s := range Of(defaults) {
		if !reflect.DeepEqual(now.Field(n).Interface(), was.Field(n).Interface()) {
			changed[s.Name] = plain(now.Field(n).Interface())
		}
	}
	return changed
}

// plain is a value as encoding/json decodes it.
func plain(v any) (decoded any) {
	data, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(data, &decoded)
	}
	if err != nil { // settings are strings, numbers, booleans and lists of strings
		panic(err)
	}
	return decoded
}
