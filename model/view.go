package model

// SavedView is a query of the list of instances with its order and columns, saved under a
// name for everybody who uses the store (spec Q4).
type SavedView struct {
	ID      ID
	Name    string // unique without regard to case
	Query   string // in the language of package where, for instances; "" for all
	Sort    Sort   // one of [Sorts]
	Desc    bool
	Columns []ViewColumn // in order; none lets each list decide
}

// ViewColumn is a column of a [SavedView].
type ViewColumn struct {
	ID    string // one of [ListColumns]
	Width int    // cells; 0 lets the list decide
}

// ListColumns are the columns that the list of instances has, in the order in which it
// shows them.
var ListColumns = []string{"name", "status", "domains", "spec", "expires", "valid", "service", "on", "id"}

// RecordKind is "view".
func (*SavedView) RecordKind() Kind { return KindView }

// RecordKey is the ID.
func (v *SavedView) RecordKey() string { return string(v.ID) }

// Indexes returns the name.
func (v *SavedView) Indexes() []Index { return []Index{{Name: "name", Key: NormalizeName(v.Name)}} }
