package action

import (
	"slices"
	"strings"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/dialog/form"
)

// fallbackSeparator separates brands in the value of the field, and nobodyElse is the
// value for none: a field without a value takes its first option.
const (
	fallbackSeparator = ","
	nobodyElse        = "-"
)

// fallbackOptions are the issuers that can be asked after the chosen one (spec C10): those
// that its settings name, nobody, each other that sells the same, and all of these that
// are behind accounts.
func (p *purchase) fallbackOptions(v form.Values) []form.Option {
	var usual, others, builtIn []string
	for n := range p.declared {
		one := &p.declared[n]
		switch {
		case one.Name == v["brand"]:
			usual = one.Fallback()
		case !p.sells(one, v):
		case one.HasAccount:
			others = append(others, one.Name)
		default:
			builtIn = append(builtIn, one.Name)
		}
	}
	accounts := others
	others = slices.Concat(others, builtIn)
	usual = slices.DeleteFunc(usual, func(brand string) bool { return !slices.Contains(others, brand) })
	var all []form.Option
	add := func(brands []string) {
		o := form.Option{Value: strings.Join(brands, fallbackSeparator), Label: strings.Join(brands, ", ")}
		if len(brands) == 0 {
			o = form.Option{Value: nobodyElse, Label: p.c.T("buy.fallback.none")}
		}
		if !slices.Contains(all, o) {
			all = append(all, o)
		}
	}
	add(usual)
	add(nil)
	for _, brand := range others {
		add([]string{brand})
	}
	if len(accounts) > 0 {
		add(accounts)
	}
	return all
}

// fallbackWarning says which of the issuers that are asked after a public one are not.
func (p *purchase) fallbackWarning(v form.Values) string {
	var private []string
	for _, brand := range fallbackOf(v) {
		if p.caps(v).Public && !p.issuers[brand].Public {
			private = append(private, brand)
		}
	}
	if len(private) == 0 {
		return ""
	}
	return p.c.T("buy.fallback.private", strings.Join(private, ", "))
}

// fallbackOf returns the brands that are chosen, never nil.
func fallbackOf(v form.Values) []string {
	if chosen := v["fallback"]; chosen != "" && chosen != nobodyElse {
		return strings.Split(chosen, fallbackSeparator)
	}
	return []string{}
}

// sells reports whether an issuer offers what is chosen.
func (p *purchase) sells(one *lifecycle.Authority, v form.Values) bool {
	caps, usable := p.issuers[one.Name]
	return usable && slices.Contains(caps.Levels, model.Level(v["level"])) && slices.Contains(caps.Types, model.DomainType(v["type"])) &&
		slices.Contains(caps.Grades, model.Grade(v["grade"]))
}
