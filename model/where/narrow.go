package where

import (
	"fmt"
	"slices"
	"strings"

	"certquay/model"
)

// NamesProperty reports whether the answer depends on states or derived values that the
// query names, also by a bare word.
func (e *Expr) NamesProperty() bool {
	found := false
	e.eachTerm(func(t *Term) {
		found = found || t.Field == Property || t.Field == "" && IsProperty(t.Value)
	})
	return found
}

// IsProperty reports whether a word names a property of instances, such as a state or a
// derived value.
func IsProperty(word string) bool {
	return slices.Contains(Instances.values[Property], model.NormalizeName(word))
}

// DependsOnTime reports whether the query compares a time with a span from now.
func (e *Expr) DependsOnTime() bool {
	found := false
	e.eachTerm(func(t *Term) { found = found || t.Field.isTime() && t.Time.From.IsZero() })
	return found
}

// Fingerprint returns a text that is equal for queries that find the same: the query
// with what it was bound to.
func (e *Expr) Fingerprint() string {
	key := e.String()
	e.eachTerm(func(t *Term) {
		if t.Names != nil {
			key += fmt.Sprint(t.Names)
		}
	})
	return key
}

// Narrows reports whether whatever passes this query passes the other, as far as can be
// told without looking: while a person types, each query mostly narrows the one before.
func (e *Expr) Narrows(other *Expr) bool {
	for _, part := range other.Conditions() {
		if !slices.ContainsFunc(e.Conditions(), func(mine *Expr) bool { return mine.implies(part) }) {
			return false
		}
	}
	return true
}

// Conditions returns the parts that must all hold.
func (e *Expr) Conditions() []*Expr {
	switch {
	case e == nil:
		return nil
	case e.Kind == And:
		return e.Parts
	}
	return []*Expr{e}
}

func (e *Expr) implies(other *Expr) bool {
	if e.Kind == Is && other.Kind == Is && e.Term.Field == "" && other.Term.Field == "" && !IsProperty(e.Term.Value) {
		return NarrowsWord(e.Term.Value, other.Term.Value)
	}
	return e.Fingerprint() == other.Fingerprint()
}

// NarrowsWord reports whether a text that has the word has a part of it too. Short parts
// are not searched in all texts, and a long word may be the end of an ID, which its
// parts are not.
func NarrowsWord(word, part string) bool {
	word, part = model.NormalizeName(word), model.NormalizeName(part)
	switch {
	case word == part || part == "":
		return true
	case len(part) < model.MinTail || !strings.Contains(word, part):
		return false
	}
	return len(word) <= model.ShortLength ||
		strings.ContainsFunc(word, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'z') })
}
