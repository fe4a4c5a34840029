package app

import (
	"context"

	"certquay/lifecycle"
	"certquay/model"
)

// Hosting is the part of a [Backend] that managed hosting and auto-deploy need.
type Hosting interface {
	// QuoteHosting prices hosting, or says why it cannot be had.
	QuoteHosting(id model.ID, r lifecycle.HostRequest) (lifecycle.Quote, error)
	// ContactNames gives the names of the contacts of instances, by instance.
	// It reads each: ask for what a page shows.
	ContactNames(ids []model.ID) (map[model.ID]string, error)
	Host(ctx context.Context, id model.ID, r lifecycle.HostRequest) error
	StopHosting(ctx context.Context, id model.ID) error
	AutoDeploy(ctx context.Context, resource model.ID, on bool) error
}
