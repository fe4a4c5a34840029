package search

import (
	"strings"
	"time"
	"unicode/utf8"

	"certquay/model"
)

// RowOf returns the row of an instance as lists show it: times are whole
// seconds in UTC, and texts are cut to [model.RowNameMax] and
// [model.RowProductsMax] bytes. The table answers with equal rows, and an index
// that stores them gives the same.
func RowOf(i *model.Instance) model.InstanceRow {
	r := i.Row()
	for _, t := range rowTimes(&r) {
		if !t.IsZero() {
			*t = time.Unix(t.Unix(), 0).UTC()
		}
	}
	r.Name, r.Domain = cut(r.Name, model.RowNameMax), cut(r.Domain, model.RowNameMax)
	r.Products = cutProducts(r.Products)
	return r
}

// cutProducts shortens a list of products to whole words, so that the beginning
// of a name is not taken for a name.
func cutProducts(s string) string {
	if len(s) <= model.RowProductsMax {
		return s
	}
	if n := strings.LastIndexByte(s[:model.RowProductsMax+1], ' '); n > 0 {
		s = s[:n]
	}
	return cut(s, model.RowProductsMax)
}

// cut shortens a text to at most n bytes without splitting a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// The columns of a row's times, in the order of rowTimes.
const (
	timeColumns = 8
	notBefore   = 0
	notAfter    = 2
	serviceEnd  = 3
	dueAt       = 6
)

// rowTimes lists the times of a row by column.
func rowTimes(r *model.InstanceRow) [timeColumns]*time.Time {
	return [...]*time.Time{
		&r.NotBefore, &r.ServiceStart, &r.NotAfter, &r.ServiceEnd,
		&r.Window, &r.ServiceWindow, &r.Due, &r.ExpectedIssue,
	}
}
