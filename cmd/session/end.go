package session

import "errors"

// Why the context of a session ended; see [context.Cause].
var (
	ErrInterrupted  = errors.New("interrupted")             // control-C or a signal: stop waiting
	ErrDisconnected = errors.New("the connection was lost") // nobody is there any more
	ErrReattach     = errors.New("the owner is leaving")    // a dashboard must end and attach anew
	ErrKeyRemoved   = errors.New("the key may not log in any more")
)

// ExitReattach is the status a dashboard ends with when its owner leaves
// (EX_TEMPFAIL of sysexits.h). An attached process does not show it but
// attaches anew; see package attach.
const ExitReattach = 75
