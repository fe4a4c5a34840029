package session

import "errors"

// Causes for the end of a session's context; see [context.Cause].
var (
	ErrInterrupted  = errors.New("interrupted")             // control-C or a signal: stop waiting
	ErrDisconnected = errors.New("the connection was lost") // the user is gone
	ErrReattach     = errors.New("the owner is leaving")    // a dashboard must end and reattach
	ErrKeyRemoved   = errors.New("the key may not log in any more")
	ErrEnded        = errors.New("an owner ended the session")
)

// ExitReattach is the exit code of a dashboard whose owner leaves (EX_TEMPFAIL of
// sysexits.h). The attached process reattaches instead of returning it; see package
// attach.
const ExitReattach = 75
