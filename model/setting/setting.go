// Package setting describes the settings of issuers, product drivers and store engines.
// Each declares its settings as a struct with the tags
//
//	yaml:"password_file"   the name in the configuration
//	secret:"true"          the value names a file whose content is a secret
//	file:"true"            the value names a file whose content is none, or is its content
//	command:"true"         the list is a command with its arguments
//	in:"eab.kid"           where the configuration says it, if not by the name
//
// and provides a value with the defaults. Fields are strings, integers, booleans and
// lists of strings. The configuration, its check, help and completion derive everything
// from this description.
package setting

import (
	"reflect"
	"strings"

	"certquay/model"
)

// Setting is one setting.
type Setting struct {
	Name    string // as in the configuration, such as max_validity_days
	Default any    // a string, int, bool or []string
	Secret  bool   // the value names a file whose content is a secret
	File    bool   // the value names a file whose content is none, or is its content
	Command bool   // the list is a command; written as one text it is split by shell quoting
	In      string // where the configuration says it, if not by the name
}

// Of returns the settings of a struct, in the order of its fields. The values of the
// fields are the defaults. Of(nil) is empty.
func Of(defaults any) []Setting {
	if defaults == nil {
		return nil
	}
	if g, ok := defaults.(Group); ok {
		return g.of()
	}
	v := reflect.ValueOf(defaults)
	all := make([]Setting, v.NumField())
	for i := range all {
		tag := v.Type().Field(i).Tag
		name, _, _ := strings.Cut(tag.Get("yaml"), ",")
		all[i] = Setting{
			Name: name, Default: v.Field(i).Interface(), Secret: tag.Get("secret") == "true", File: tag.Get("file") == "true",
			Command: tag.Get("command") == "true",
			In:      tag.Get("in"),
		}
	}
	return all
}

// Problem describes an invalid value of a setting.
type Problem struct {
	Setting string     // such as permitted_domains[1]
	Rule    model.Text // the rule that the value violates
	Example string     // a valid value; "" for none
}

// Checker is implemented by settings that validate their values.
type Checker interface {
	Check() []Problem
}

// Form is a pointer to a struct as which the configuration writes settings, for a
// component whose settings are not written one by one under their names. A field of the
// struct that is tagged yaml:",inline" is a struct whose fields stand among the others,
// but for those with the tag in. Checker names settings as the configuration does.
type Form interface {
	Checker
	// Flat returns the settings that the form says. They are of the component's type.
	Flat() any
}
