package store

import (
	"errors"
	"fmt"

	"certquay/model"
)

// Errors that callers branch on. They are returned wrapped.
var (
	// ErrCorrupt says that stored bytes are not those that were written. The
	// message names the key.
	ErrCorrupt = errors.New("the stored data are damaged")
	// ErrNewerSchema says that a newer certquay wrote the data (exit 5).
	ErrNewerSchema = errors.New("the data were written by a newer certquay")
	// ErrSealed says that a secret was wanted of a store that is protected by
	// a passphrase and was not unsealed.
	ErrSealed = errors.New("the store is sealed: its passphrase is needed")
	// ErrPassphrase says that a passphrase is wrong.
	ErrPassphrase = errors.New("the passphrase is wrong")
	// ErrFailed says that a write failed before, so that the store refuses
	// writes until it is opened anew. Reading goes on.
	ErrFailed = errors.New("the store refuses writes since one failed; restart certquay")
	// ErrDiskFull says that too little space is free to write safely. It is
	// returned before anything was written; writing goes on once there is space.
	ErrDiskFull = errors.New("too little free space on the volume of the data directory")
	// ErrReadOnly says that nothing can be written where the store is: its
	// volume is mounted for reading, or its directory is not ours to change.
	ErrReadOnly = errors.New("the store can only be read")
	// ErrGone says that the data directory was removed while the store was
	// open. What was written since is lost.
	ErrGone = errors.New("the data directory is gone")
	// ErrClosed is returned by everything after Close.
	ErrClosed = errors.New("the store is closed")
	// ErrLess is wrapped by the [OpenError] of a store that opens with
	// Options.AcceptLoss: it holds less than it did, or nobody can tell.
	ErrLess = errors.New("the store may hold less than it did")
	// ErrOpen is wrapped by every [OpenError].
	ErrOpen = errors.New("the store cannot be opened")
)

// OpenError says why a store could not be opened and what can be done. Nothing
// was changed.
type OpenError struct {
	What string // the file or directory
	Why  string // in words, without what
	Hint string // the way out; "" when there is none to name
	Err  error  // the cause, if another error is
}

func (e *OpenError) Error() string {
	s := fmt.Sprintf("cannot open the store: %s %s", e.What, e.Why)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// AsText is the message in its own words.
func (e *OpenError) AsText() model.Text { return model.Quoted("", e.Error()) }

// Unwrap is [ErrOpen] and the cause.
func (e *OpenError) Unwrap() []error { return []error{ErrOpen, e.Err} }

func corrupt(key, why string) error {
	return fmt.Errorf("%w: key %q: %s", ErrCorrupt, key, why)
}
