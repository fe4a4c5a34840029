// Package directory keeps who is told and who applies: contacts with the channels by
// which they are reached, and organizations (spec N2, A5).
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

// New makes a directory that writes through a journal and judges channels by a
// notifier; nil for none.
func New(j *journal.Journal, n ports.Notifier) *Directory { return &Directory{j, n} }
