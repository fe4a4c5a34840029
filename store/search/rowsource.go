package search

import (
	"strings"
	"time"

	"certquay/model"
	"certquay/model/where"
)

// Change describes the new state of one instance for the table. A Change with only an
// ID removes the instance.
type Change struct {
	ID     model.ID
	source *rowSource // nil to remove
}

// rowSource is what a row of the table is made from.
type rowSource struct {
	profile
	times   [timeColumns]int64 // in seconds since 1970; noTime for none
	names   string             // see block.names
	serials string             // see block.serials
	labels  labels
	note    string // folded and terminated
	places  string // names of resources, folded and terminated
}

// noTime is the second of the zero time.
var noTime = time.Time{}.Unix()

// ChangeOf returns the change for an instance that was written. The change may share
// strings with the instance. An instance that is marked as deleted is removed.
func ChangeOf(i *model.Instance) Change {
	if i.Deleted {
		return Change{ID: i.ID}
	}
	s := &rowSource{profile: profile{row: RowOf(i)}}
	shownName, shownDomain := s.row.Name, s.row.Domain
	s.row.ID, s.row.Name, s.row.Domain = "", "", ""
	for n, t := range rowTimes(&s.row) {
		s.times[n], *t = t.Unix(), time.Time{}
	}
	s.row.Products = strings.Join(i.Deployments.Products, " ")
	s.keyType, s.regions, s.places = i.CurrentKeyType(), foldAll(i.Deployments.Regions), foldAll(i.Deployments.Names)
	s.labels, s.note = labels{i.Contact, i.Owner, foldAll(i.Tags)}, foldAll(one(i.Note))

	names := append(make([]string, 0, 8), foldText(i.Name))
	for _, d := range i.Domains() {
		names = append(names, foldText(d))
	}
	name, domain := names[0], ""
	if len(names) > 1 {
		domain = names[1]
	}
	if s.nameIsFirst = name == domain; s.nameIsFirst {
		names = names[1:]
	}
	// Mostly lists show what is searched, and it is stored once.
	s.keepsShown = cut(name, model.RowNameMax) != shownName || cut(domain, model.RowNameMax) != shownDomain
	var serials []byte
	for n := range i.Versions {
		if serial := foldText(i.Versions[n].Serial); where.IsHex(serial) && len(serial) <= maxDigits {
			serials = appendPacked(serials, serial)
		} else {
			names = append(names, serial)
		}
	}
	if s.keepsShown {
		names = append(names, replaceZeros(shownName), replaceZeros(shownDomain))
	}
	s.names, s.serials = terminate(names), string(serials)
	return Change{i.ID, s}
}

// foldText returns the form in which texts are searched.
func foldText(s string) string { return replaceZeros(model.NormalizeName(s)) }

// one returns the list of a text; nil if it is empty.
func one(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// foldAll returns the form in which a list is searched.
func foldAll(list []string) string {
	if len(list) == 0 {
		return ""
	}
	folded := make([]string, len(list))
	for n, s := range list {
		folded[n] = foldText(s)
	}
	return terminate(folded)
}

// replaceZeros replaces zero bytes, which end texts.
func replaceZeros(s string) string { return strings.ReplaceAll(s, "\x00", "\uFFFD") }

// terminate joins texts with a zero byte after each, so that no match of a search
// spans two texts.
func terminate(texts []string) string {
	size := 0
	for _, t := range texts {
		size += len(t) + 1
	}
	var b strings.Builder
	b.Grow(size)
	for _, t := range texts {
		b.WriteString(t)
		b.WriteByte(0)
	}
	return b.String()
}
