package app

import "certquay/model"

// Place is where somebody stands in a page, so that a dashboard that takes the place of one
// that has ended begins there.
type Place struct {
	Query string   `json:"query,omitempty"` // of the filter line
	Part  string   `json:"part,omitempty"`  // of the page, such as a product
	Row   string   `json:"row,omitempty"`   // under the cursor, by the ID of the table
	Index int      `json:"index,omitempty"` // of that row
	Line  int      `json:"line,omitempty"`  // of the screen on which it is
	Open  model.ID `json:"open,omitempty"`  // whose details are shown
}

// Placer is a page that tells where somebody stands in it.
type Placer interface {
	Place() Place
	// Return goes to a place, before the page reads anything.
	Return(Place)
}
