package model

import (
	"slices"
	"time"
)

// Filter narrows the list of instances; what is set combines (spec S5).
type Filter struct {
	States   []State   // any of
	Group    Group     // "" for all
	Derived  []Derived // all of
	Without  []Derived // none of
	Spent    bool      // no renewals left
	Only     []ID      // those alone; nil for all
	Uploaded bool      // by origin
	Brand    string
	Product  string
	Within   time.Duration // expires within; 0 for no limit
	Text     string        // in names, domains and serials, without regard to case
}

// Empty says whether the filter lets everything pass.
func (f Filter) Empty() bool {
	return len(f.States) == 0 && f.Group == "" && len(f.Derived) == 0 && len(f.Without) == 0 && !f.Spent && f.Only == nil && !f.Uploaded &&
		f.Brand == "" && f.Product == "" && f.Within == 0 && f.Text == ""
}

// Sort is the order of a list.
type Sort string

// Orders of a list. Equal ones sort by ID.
const (
	SortExpiry Sort = "expiry" // soonest first; those without a certificate last
	SortName   Sort = "name"
	SortState  Sort = "state" // in the order of States, then by expiry
	SortDue    Sort = "due"   // by what certquay does by itself next, soonest first; those without last
)

// Query asks for one page of the list of instances.
type Query struct {
	Filter Filter
	Sort   Sort // "" means SortExpiry
	Desc   bool
	Offset int
	Limit  int // 0 means all
	Now    time.Time
}

// Page is one page of a list.
type Page struct {
	Rows   []InstanceRow
	Offset int
	Total  int // that the filter lets pass
	// Partial says that the search table is still being built, so that text
	// and derived filters have not seen everything yet.
	Partial bool
}

// Counts are the numbers beside the filters. The count of a filter equals what
// it lists (spec S5).
type Counts struct {
	All     int
	State   map[State]int
	Derived map[Derived]int
	// Weeks counts what expires in each of the coming 26 weeks, among those
	// not ended.
	Weeks   [26]int
	Partial bool
}

// Matches decides whether a row passes everything in the filter but its text,
// which needs all names.
func (f Filter) Matches(r *InstanceRow, now time.Time) bool {
	if len(f.States) > 0 && !slices.Contains(f.States, r.State) {
		return false
	}
	if f.Group != "" && r.State.Group() != f.Group {
		return false
	}
	for _, d := range f.Derived {
		if !r.Has(d, now) {
			return false
		}
	}
	for _, d := range f.Without {
		if r.Has(d, now) {
			return false
		}
	}
	if f.Spent && r.RenewalsLeft > 0 || f.Only != nil && !slices.Contains(f.Only, r.ID) {
		return false
	}
	if f.Uploaded && r.Origin != OriginUpload {
		return false
	}
	if f.Brand != "" && NormalizeName(f.Brand) != NormalizeName(r.Spec.Brand) {
		return false
	}
	if f.Product != "" && !hasWord(r.Products, f.Product) {
		return false
	}
	if f.Within > 0 && (r.NotAfter.IsZero() || r.State.Group() != GroupIssued || r.NotAfter.After(now.Add(f.Within))) {
		return false
	}
	return true
}

func hasWord(list, word string) bool {
	for len(list) > 0 {
		n := 0
		for n < len(list) && list[n] != ' ' {
			n++
		}
		if NormalizeName(list[:n]) == NormalizeName(word) {
			return true
		}
		list = list[min(n+1, len(list)):]
	}
	return false
}
