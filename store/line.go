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
	row     model.Row // projected
	names   string    // see block.names
	serials string    // see block.serials
}

// changeOf is what the table must learn of an instance.
func changeOf(i *model.Instance) rowChange {
	if i.Deleted {
		return rowChange{id: i.ID}
	}
	l := &line{row: project(i)}
	names := []string{foldText(i.Name)}
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
	l.spelled = cut(name, model.RowNameMax) != l.row.Name || cut(domain, model.RowNameMax) != l.row.Domain
	var serials []string
	for n := range i.Versions {
		if s := foldText(i.Versions[n].Serial); isHex(s) {
			serials = append(serials, s)
		} else {
			names = append(names, s)
		}
	}
	if l.spelled {
		names = append(names, noZeros(l.row.Name), noZeros(l.row.Domain))
	}
	l.names, l.serials = ended(names), ended(serials)
	l.profile.row = l.row
	l.profile.row.ID, l.profile.row.Name, l.profile.row.Domain = "", "", ""
	for _, t := range rowTimes(&l.profile.row) {
		*t = time.Time{}
	}
	l.profile.row.Products = strings.Join(i.Deployments.Products, " ")
	return rowChange{i.ID, l}
}

// foldText is the form in which texts are searched.
func foldText(s string) string { return noZeros(model.Fold(s)) }

// noZeros keeps a text apart from the zeros that end texts.
func noZeros(s string) string { return strings.ReplaceAll(s, "\x00", "\uFFFD") }

// ended joins texts, with a zero after each, so that nothing that is searched
// for lies across two.
func ended(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return strings.Join(texts, "\x00") + "\x00"
}

// isHex says whether a text has nothing but the lower-case hexadecimal digits
// of serials.
func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }
