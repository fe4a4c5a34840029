package app

import (
	"context"

	"certquay/model"
)

// Watching is the part of a [Backend] that looks at what certquay does not
// manage (spec N3).
type Watching interface {
	Watches() ([]model.Watch, error)
	// AddWatch begins to watch; CheckWatch looks now and so takes a while.
	AddWatch(ctx context.Context, address, name string, contact model.ID) (model.Watch, error)
	CheckWatch(ctx context.Context, id model.ID) (model.Watch, error)
	RemoveWatch(ctx context.Context, id model.ID) error
}
