// Package directory stores contacts with the channels on which they receive notices,
// and organizations for applications (spec N2, A5).
package directory

import (
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
)

// Directory is safe for concurrent use.
type Directory struct {
	journal  *journal.Journal
	notifier ports.Notifier // nil: nothing can be sent
}

// New returns a directory that writes through a journal and validates channels
// with a notifier; nil for none.
func New(j *journal.Journal, n ports.Notifier) *Directory { return &Directory{j, n} }
