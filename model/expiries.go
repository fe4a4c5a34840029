package model

// Expiries counts, day by day, the instances of group issued that are not replaced, by
// when their newest version expires. A list of these in the order [SortExpiry] has those
// of the first day at the offset Before, and those of each further day after them.
type Expiries struct {
	Before int   // those that expire before the first day
	Days   []int // those that expire within each day of 24 hours
	// Partial is set while the search table is still being built: some may be missing.
	Partial bool
}
