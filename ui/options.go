package ui

import (
	"context"
	"time"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/style"
)

// Other is a dashboard of another session.
type Other struct {
	Name    string
	Looking model.ID // the instance under its cursor; "" for none
}

// Ownership tells which of the machines that share a store owns it (spec E2).
type Ownership struct {
	Machine  string // that owns the store
	Since    time.Time
	Standbys []string  // machines that stand by
	Away     time.Time // since when the database does not answer; zero while it does
}

// Options configure a dashboard for one session.
type Options struct {
	Backend *lifecycle.Access
	Actor   model.Actor     // who acts until there is a backend, which knows the current actor
	Ctx     context.Context // ends the dashboard's commands; nil means Background
	Lang    string
	Version string
	Sealed  string // how keys are sealed: "file" or "passphrase"
	// Locked reports whether the store waits for its passphrase; nil means that it does
	// not.
	Locked    func() bool
	Connected func() int // number of connected people; nil when unknown
	// Others returns who else shows a dashboard; nil when unknown. Look is told what this
	// one shows whenever that changes (spec G4); nil for nobody.
	Others func() []Other
	Look   func(page string, at model.ID)
	Jobs   func() int // number of running jobs; nil when unknown
	// Unserved reports whether CRL and OCSP cannot be served; nil means that they are.
	Unserved func() bool
	// Ownership returns which machine owns a store that several share; nil for one that is
	// not shared.
	Ownership func() Ownership
	// Save writes a downloaded file for the person and returns its path; nil when this
	// session has no access to files.
	Save func(name string, data []byte, secret bool) (path string, err error)
	// Export encodes rows of a list as the command line prints them.
	Export func(ctx context.Context, format string, rows app.Rows) ([]byte, error)
	// Read reads a file of the person; nil when this session has no access to files.
	Read func(path string) ([]byte, error)
	// Verb is [app.Context].Verb.
	Verb func(ctx context.Context, width int, args ...string) (said string, ok bool)
	// IsDir reports whether a path is a directory, Exists whether there is anything,
	// CompletePath returns the paths that
	// begin with what was typed, and FindUploads sorts what directories and files hold
	// into uploads; nil when this session has no access to files.
	IsDir        func(path string) bool
	Exists       func(path string) bool
	CompletePath func(typed string) []string
	FindUploads  func(ctx context.Context, password model.Secret, paths []string) ([]*lifecycle.FoundUpload, error)
	Remote       bool // the person's files are on another machine
	// Layouts are how the person has arranged lists, as SaveLayout was called with; it is
	// nil where they are not kept.
	Layouts    map[string]app.ListLayout
	SaveLayout func(list string, l app.ListLayout) error
	Store      string
	Sandbox    bool
	Demo       bool   // the store is discarded at the end, so quitting asks
	Support    string // the configured contact for help
	// EdgeNote states how long embedded products serve, for newcomers and for
	// deployments to them; "" shows nothing.
	EdgeNote string
	// Notes are what else a newcomer should know, the most important first.
	Notes []string
	// Settings returns the configuration for the palette, in the language of the session;
	// nil hides it. SettingsFile is where it is changed.
	Settings     func() []Setting
	SettingsFile string
	Plain        bool // plain lines for a screen reader
	Theme        style.Theme
	Keys         app.Keymap // as [CheckKeys] accepts them
	// Place is where a dashboard stood that ended because its owner did, so that this one
	// goes on there; nil for a new one. Moved is told where this one stands now, whenever
	// that changes; it must not block, and may be nil.
	Place *Place
	Moved func(Place)
	// CursorDelay is how long a moving cursor must rest on a row before that row is
	// loaded; 0 loads it at once.
	CursorDelay time.Duration
}
