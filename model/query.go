package model

import (
	"slices"
	"time"
)

// Filter selects instances. Fields that are set are combined with AND (spec S5).
type Filter struct {
	States   []State   // in any of these states
	Group    Group     // "" for all
	Derived  []Derived // having all of these
	Without  []Derived // having none of these
	Only     []ID      // only these; nil means all
	Uploaded bool      // only uploads
	Brand    string
	Product  string
	Within   time.Duration // expires within this time and is not replaced; 0 means no limit
	Text     string        // substring of names, domains or serials, ignoring case
	Where    string        // a query in the language of package where, for instances
}

// Empty reports whether the filter selects every instance.
func (f Filter) Empty() bool {
	return len(f.States) == 0 && f.Group == "" && len(f.Derived) == 0 && len(f.Without) == 0 && f.Only == nil && !f.Uploaded &&
		f.Brand == "" && f.Product == "" && f.Within == 0 && f.Text == "" && f.Where == ""
}

// Sort is the order of a list.
type Sort string

// Orders of a list. Texts sort naturally (host2 before host10); rows that lack what they
// are sorted by come last, and rows that compare equal are sorted by ID.
const (
	SortExpiry Sort = "expiry" // soonest first, and behind all others the history
	SortName   Sort = "name"
	SortState  Sort = "state" // in the order of [States], then by expiry
	SortDue    Sort = "due"   // by the next automatic action, soonest first

	SortDomain        Sort = "domain"        // by the first domain
	SortSpecification Sort = "specification" // by level, type, brand and grade
	SortValidity      Sort = "validity"      // from the beginning of the current to the end of the newest version
	SortProduct       Sort = "product"
	SortService       Sort = "service"     // by the end of the service period
	SortServiceMax    Sort = "service-max" // by that with all renewals that are paid for
	SortID            Sort = "id"          // as they were made
	SortContact       Sort = "contact"     // by the name of the contact
	SortAuto          Sort = "auto-deploy" // by the share of resources with auto-deploy
	SortRenewals      Sort = "renewals"    // by the renewals that are left
	SortReason        Sort = "reason"      // by why the next automatic action is due
)

// Sorts are the orders of the list of instances, the default first.
var Sorts = []Sort{
	SortExpiry, SortName, SortState, SortDue, SortDomain, SortSpecification, SortValidity, SortProduct, SortService,
	SortServiceMax, SortID, SortContact, SortAuto, SortRenewals, SortReason,
}

// Query describes one page of the list of instances.
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
	Total  int // number of rows that match the filter
	// Partial is set while the search table is still being built: rows may be missing.
	Partial bool
}

// Counts are the totals shown beside the filters. A total equals the number of rows
// that its filter lists (spec S5).
type Counts struct {
	All     int
	State   map[State]int
	Derived map[Derived]int
	// Weeks counts the instances that expire in each of the next 26 weeks and have
	// neither ended nor been replaced.
	Weeks   [26]int
	Tags    map[string]int // nil if there are none
	Partial bool
}

// Matches reports whether a row matches the filter except for Text and Where, which need
// the instance.
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
	if f.Only != nil && !slices.Contains(f.Only, r.ID) {
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
	if f.Within > 0 && (r.Replaced || r.NotAfter.IsZero() || r.State.Group() != GroupIssued || r.NotAfter.After(now.Add(f.Within))) {
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
