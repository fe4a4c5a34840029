package store

import (
	"certquay/model"
)

// Errors that callers branch on. They are returned wrapped.
var (
	// ErrCorrupt means that stored bytes were not written by this store. The message
	// names the key.
	ErrCorrupt error = model.Fail("store.corrupt")
	// ErrNewerSchema means that a newer certquay wrote the data (exit 5).
	ErrNewerSchema error = model.Fail("store.newer")
	// ErrSealed means that a secret was requested while the store is sealed: it is
	// protected by a passphrase that has not been entered.
	ErrSealed error = model.Fail("store.sealed")
	// ErrPassphrase means that a passphrase is wrong.
	ErrPassphrase error = model.Fail("store.passphrase")
	// ErrFailed means that an earlier write failed, so the store refuses writes until
	// it is reopened. Reading still works.
	ErrFailed error = model.Fail("store.failed")
	// ErrDeposed means that another process owns the store now, so that this one writes
	// nothing any more. Reading still works.
	ErrDeposed error = model.Fail("store.deposed")
	// ErrDiskFull means that too little space is free for a safe write. Nothing was
	// written; writes succeed again once there is space.
	ErrDiskFull error = model.Fail("store.disk-full")
	// ErrReadOnly means that the volume or the directory of the store is not writable.
	ErrReadOnly error = model.Fail("store.read-only")
	// ErrGone means that the data directory was removed while the store was open.
	// Writes since then are lost.
	ErrGone error = model.Fail("store.gone")
	// ErrClosed is returned by everything after Close.
	ErrClosed error = model.Fail("store.closed")
	// ErrDataMissing is wrapped by the [OpenError] of a store that contains less than
	// was committed, or may do so. Options.AcceptLoss opens it nevertheless.
	ErrDataMissing error = model.Fail("store.less")
	// ErrOpen is wrapped by every [OpenError].
	ErrOpen error = model.Fail("store.not-opened")
)

// OpenError reports why a store could not be opened and what to do. Nothing was
// changed.
type OpenError struct {
	What string     // the file or directory
	Why  model.Text // the predicate of a sentence about What
	Hint model.Text // what to do; zero if there is no advice
	Err  error      // the cause, if any
}

// AsText returns what cannot be opened, why, and what to do.
func (e *OpenError) AsText() model.Text {
	t := model.Say("store.open", "what", e.What, "why", e.Why)
	if e.Err != nil {
		t = model.Say("error.because", "what", t, "cause", e.Err)
	}
	if e.Hint != "" {
		t = model.Say("store.hinted", "what", t, "hint", e.Hint)
	}
	return t
}

func (e *OpenError) Error() string { return e.AsText().String() }

// Unwrap returns [ErrOpen] and the cause.
func (e *OpenError) Unwrap() []error { return []error{ErrOpen, e.Err} }

// corruptError returns [ErrCorrupt] for a key; code describes the damage.
func corruptError(key, code string, args ...any) error {
	return model.Fail("store.corrupt-key", "key", key, "why", model.Say(code, args...)).Wrapping(ErrCorrupt)
}

// withCause returns an error that wraps both a kind of error and its cause.
func withCause(kind, cause error) error {
	return model.Fail("error.because", "what", kind, "cause", cause)
}

// notFoundError is the error for a record that does not exist. Its message is made when it is
// read, since most callers only check for existence.
type notFoundError struct {
	kind  model.Kind
	key   string
	cause error
}

// AsText returns the message, with kind and key of the record.
func (e *notFoundError) AsText() model.Text {
	return model.Say("store.record", "kind", e.kind, "key", e.key, "cause", e.cause)
}

func (e *notFoundError) Error() string { return e.AsText().String() }

func (e *notFoundError) Unwrap() error { return e.cause }
