package app

import (
	"certquay/lifecycle"
	"certquay/model"
)

// Rows are the rows of a list that are exported; one of the fields is set.
type Rows struct {
	Instances []model.ID
	Resources []lifecycle.ResourceView
	Watches   []model.Watch
}

// Formats of exports.
const (
	CSV  = "csv"
	JSON = "json"
)
