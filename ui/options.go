package ui

import (
	"context"
	"time"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/style"
)

// Options is what a dashboard needs to know of the session it is drawn for.
type Options struct {
	Backend *lifecycle.Access
	Actor   model.Actor     // who came, until there is a backend, which knows who it is now
	Ctx     context.Context // ends the dashboard's commands; nil means Background
	Lang    string
	Version string
	Sealed  string // how keys are sealed: "file" or "passphrase"
	// Locked says whether the passphrase has still to be given; nil means that
	// it has, or that there is none.
	Locked    func() bool
	Connected func() int // people connected; nil when nobody counts
	Jobs      func() int // jobs under way; nil when nobody counts
	// Unserved says whether CRL and OCSP cannot be served; nil means they are.
	Unserved func() bool
	// Save writes a downloaded file for the person and tells where; nil when
	// this session has no files.
	Save func(name string, data []byte, secret bool) (path string, err error)
	// Read reads a file of the person; nil when this session has no files.
	Read    func(path string) ([]byte, error)
	Remote  bool // the files of this process are not the person's
	Store   string
	Sandbox bool
	Demo    bool   // nothing of the store is kept: leaving it asks
	Support string // whom to ask for help, of the configuration
	// EdgeNote is told newcomers and who deploys to an embedded product: how long
	// those serve. "" when nothing is to be said.
	EdgeNote string
	Plain    bool // lines of words, for a screen reader
	Theme    style.Theme
	Keys     app.Keymap // as [CheckKeys] accepts them
	// CursorDelay is how long a cursor that moves on and on stands until what it has
	// come to is read; 0 reads it at once.
	CursorDelay time.Duration
}
