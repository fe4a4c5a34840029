package store

import (
	"strings"
	"time"

	"certquay/model"
)

// rowChange is what the search table must learn of a transaction.
type rowChange struct {
	id   model.ID
	line *line // nil when the instance is gone from the list
}

// line is an instance on its way into the table.
type line struct {
	profile
	times   [timeColumns]int64 // in seconds since 1970; noTime for none
	names   string             // see block.names
	serials string             // see block.serials
}

// noTime is the second of the zero time.
var noTime = time.Time{}.Unix()

// changeOf is what the table must learn of an instance.
func changeOf(i *model.Instance) rowChange {
	if i.Deleted {
		return rowChange{id: i.ID}
	}
	l := &line{profile: profile{row: project(i)}}
	shownName, shownDomain := l.row.Name, l.row.Domain
	l.row.ID, l.row.Name, l.row.Domain = "", "", ""
	for n, t := range rowTimes(&l.row) {
		l.times[n], *t = t.Unix(), time.Time{}
	}
	l.row.Products = strings.Join(i.Deployments.Products, " ")

	names := append(make([]string, 0, 8), foldText(i.Name))
	for _, d := range i.Domains() {
		names = append(names, foldText(d))
	}
	name, domain := names[0], ""
	if len(names) > 1 {
		domain = names[1]
	}
	if l.same = name == domain; l.same {
		names = names[1:]
	}
	// Mostly what lists show is how it is searched for, and needs no place of
	// its own.
	l.spelled = cut(name, model.RowNameMax) != shownName || cut(domain, model.RowNameMax) != shownDomain
	serials := make([]string, 0, 8)
	for n := range i.Versions {
		if s := foldText(i.Versions[n].Serial); isHex(s) {
			serials = append(serials, s)
		} else {
			names = append(names, s)
		}
	}
	if l.spelled {
		names = append(names, noZeros(shownName), noZeros(shownDomain))
	}
	l.names, l.serials = ended(names), ended(serials)
	return rowChange{i.ID, l}
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
