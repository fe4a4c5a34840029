package store

import (
	"certquay/model"
)

// Errors that callers branch on. They are returned wrapped.
var (
	// ErrCorrupt says that stored bytes are not those that were written. The
	// message names the key.
	ErrCorrupt error = model.Fail("store.corrupt")
	// ErrNewerSchema says that a newer certquay wrote the data (exit 5).
	ErrNewerSchema error = model.Fail("store.newer")
	// ErrSealed says that a secret was wanted of a store that is protected by
	// a passphrase and was not unsealed.
	ErrSealed error = model.Fail("store.sealed")
	// ErrPassphrase says that a passphrase is wrong.
	ErrPassphrase error = model.Fail("store.passphrase")
	// ErrFailed says that a write failed before, so that the store refuses
	// writes until it is opened anew. Reading goes on.
	ErrFailed error = model.Fail("store.failed")
	// ErrDiskFull says that too little space is free to write safely. It is
	// returned before anything was written; writing goes on once there is space.
	ErrDiskFull error = model.Fail("store.disk-full")
	// ErrReadOnly says that nothing can be written where the store is: its
	// volume is mounted for reading, or its directory is not ours to change.
	ErrReadOnly error = model.Fail("store.read-only")
	// ErrGone says that the data directory was removed while the store was
	// open. What was written since is lost.
	ErrGone error = model.Fail("store.gone")
	// ErrClosed is returned by everything after Close.
	ErrClosed error = model.Fail("store.closed")
	// ErrDataMissing is wrapped by the [OpenError] of a store that opens with
	// Options.AcceptLoss: it holds less than it did, or nobody can tell.
	ErrDataMissing error = model.Fail("store.less")
	// ErrOpen is wrapped by every [OpenError].
	ErrOpen error = model.Fail("store.not-opened")
)

// OpenError says why a store could not be opened and what can be done. Nothing
// was changed.
type OpenError struct {
	What string     // the file or directory
	Why  model.Text // a clause that says something of What
	Hint model.Text // the way out; zero when there is none to name
	Err  error      // the cause, if another error is
}

// AsText is what cannot be opened, why, and the way out.
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

// Unwrap is [ErrOpen] and the cause.
func (e *OpenError) Unwrap() []error { return []error{ErrOpen, e.Err} }

// corrupt is [ErrCorrupt] of a key, with a code that says what is wrong there.
func corrupt(key, code string, args ...any) error {
	return model.Fail("store.corrupt-key", "key", key, "why", model.Say(code, args...)).Wrapping(ErrCorrupt)
}

// withCause is an error of a kind with its cause; it wraps both.
func withCause(kind, cause error) error {
	return model.Fail("error.because", "what", kind, "cause", cause)
}

// missing is a record that there is none of. Its message is made when somebody
// reads it: most callers only want to know whether there is a record.
type missing struct {
	kind  model.Kind
	key   string
	cause error
}

// AsText is the kind and the key of the record, and the cause.
func (e *missing) AsText() model.Text {
	return model.Say("store.record", "kind", e.kind, "key", e.key, "cause", e.cause)
}

func (e *missing) Error() string { return e.AsText().String() }

func (e *missing) Unwrap() error { return e.cause }
