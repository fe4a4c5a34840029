package where

import (
	"slices"

	"certquay/model"
)

// Field is what a term asks for.
type Field string

// Fields.
const (
	State    Field = "state"
	Group    Field = "group"
	Issuer   Field = "issuer"
	Level    Field = "level"
	Contact  Field = "contact"
	Owner    Field = "owner"
	Tag      Field = "tag"
	Product  Field = "product"
	Region   Field = "region"
	Key      Field = "key"
	Origin   Field = "origin"
	On       Field = "on" // name of a resource, with or without its port
	Property Field = "is" // a state or derived value

	Expires Field = "expires"
	Issued  Field = "issued" // since when the current version is valid
	Renews  Field = "renews" // when certquay replaces the certificate by itself

	// Of resources only.
	Drifted    Field = "drifted"    // since when a resource presents another certificate than was deployed there
	Configured Field = "configured" // fingerprint that a product is configured with, or how it begins
)

// Values of [Property] beside states and derived values.
const (
	NeedsPerson = "needs-person" // has a task that is open; what it is bound to, see [Expr.Bind]
	NoRenewals  = "no-renewals"  // is hosted, and its renewals are used up
)

// Language is the query language of one kind of list.
type Language struct {
	fields []Field
	values map[Field][]string // of the fields whose values are a fixed list
}

var fields = []Field{State, Group, Issuer, Level, Contact, Owner, Tag, Product, Region, Key, Origin, On, Property, Expires, Issued, Renews}

// The languages of lists: the resources also have states of their own.
var (
	Instances = newLanguage(stringsOf(model.States))
	Resources = newLanguage(append(stringsOf(model.States), stringsOf(model.ResourceStates)...), Drifted, Configured)
)

func newLanguage(states []string, more ...Field) *Language {
	properties := slices.Concat(stringsOf(model.DerivedValues), []string{NeedsPerson, NoRenewals}, states)
	return &Language{slices.Concat(fields, more), map[Field][]string{
		State: states, Group: stringsOf(model.Groups), Level: stringsOf(model.Levels), Property: properties,
		Origin: stringsOf([]model.Origin{model.OriginBought, model.OriginPack, model.OriginUpload, model.OriginRenewal}),
	}}
}

func stringsOf[T ~string](ts []T) []string {
	all := make([]string, len(ts))
	for n, t := range ts {
		all[n] = string(t)
	}
	return all
}

// Fields lists the fields, in the order of the rule.
func (l *Language) Fields() []Field { return slices.Clone(l.fields) }

// Values lists the values of a field that takes one of a fixed list; nil for others.
func (l *Language) Values(f Field) []string { return slices.Clone(l.values[f]) }

// isTime reports whether the field is a time, which is compared.
func (f Field) isTime() bool { return f == Expires || f == Issued || f == Renews || f == Drifted }

// isPast reports whether spans count back from now.
func (f Field) isPast() bool { return f == Issued || f == Drifted }
