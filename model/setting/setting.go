// Package setting describes what an issuer, a product driver or a store engine
// can be told. Each declares its settings as a struct, one field for each, with
// the tags
//
//	yaml:"password_file"   its name in the configuration
//	secret:"true"          it names a file whose content is a secret
//
// and makes one with the defaults. Fields are texts, whole numbers, booleans and
// lists of texts. What reads, checks, prints or completes settings asks this
// package, and lists none itself.
package setting

import (
	"reflect"
	"strings"

	"certquay/model"
)

// Setting is one setting.
type Setting struct {
	Name    string // as in the configuration, max_validity_days
	Default any    // a string, int, bool or []string
	Secret  bool   // it names a file whose content is a secret
}

// Of lists the settings of a struct in the order of its fields. What the fields
// hold are the defaults. Of nil there are none.
func Of(defaults any) []Setting {
	if defaults == nil {
		return nil
	}
	v := reflect.ValueOf(defaults)
	all := make([]Setting, v.NumField())
	for i := range all {
		tag := v.Type().Field(i).Tag
		name, _, _ := strings.Cut(tag.Get("yaml"), ",")
		all[i] = Setting{Name: name, Default: v.Field(i).Interface(), Secret: tag.Get("secret") == "true"}
	}
	return all
}

// Problem is what is wrong with the value of a setting.
type Problem struct {
	Setting string     // such as permitted_domains[1]
	Rule    model.Text // what must be
	Example string     // of a value that is right; "" for none
}

// Checker is what settings are that can hold wrong values.
type Checker interface {
	Check() []Problem
}
