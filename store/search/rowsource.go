package search

import (
	"strings"
	"time"

	"certquay/model"
)

// Change is what the table must learn of one instance that was written, or, when
// only the ID is set, removed.
type Change struct {
	ID     model.ID
	source *rowSource // nil when the instance is gone from the list
}

// rowSource is an instance on its way into the table.
type rowSource struct {
	profile
	times   [timeColumns]int64 // in seconds since 1970; noTime for none
	names   string             // see block.names
	serials string             // see block.serials
}

// noTime is the second of the zero time.
var noTime = time.Time{}.Unix()

// ChangeOf returns what the table must learn of an instance, which it does not
// keep. An instance that is marked as deleted is gone from the list.
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

	names := append(make([]string, 0, 8), foldText(i.Name))
	for _, d := range i.Domains() {
		names = append(names, foldText(d))
	}
	name, domain := names[0], ""
	if len(names) > 1 {
		domain = names[1]
	}
	if s.same = name == domain; s.same {
		names = names[1:]
	}
	// Mostly what lists show is how it is searched for, and needs no place of
	// its own.
	s.spelled = cut(name, model.RowNameMax) != shownName || cut(domain, model.RowNameMax) != shownDomain
	serials := make([]string, 0, 8)
	for n := range i.Versions {
		if serial := foldText(i.Versions[n].Serial); isHex(serial) {
			serials = append(serials, serial)
		} else {
			names = append(names, serial)
		}
	}
	if s.spelled {
		names = append(names, noZeros(shownName), noZeros(shownDomain))
	}
	s.names, s.serials = ended(names), ended(serials)
	return Change{i.ID, s}
}

// foldText is the form in which texts are searched.
func foldText(s string) string { return noZeros(model.Fold(s)) }

// noZeros keeps a text apart from the zeros that end texts.
func noZeros(s string) string { return strings.ReplaceAll(s, "\x00", "\uFFFD") }

// ended joins texts, with a zero after each, so that nothing that is searched
// for lies across two.
func ended(texts []string) string {
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

// isHex says whether a text has nothing but the lower-case hexadecimal digits
// of serials.
func isHex(s string) bool {
	for n := range len(s) {
		if c := s[n]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
