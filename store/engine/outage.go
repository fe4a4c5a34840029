package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"certquay/model"
)

// AwayError reports that a database does not answer its owner. Nothing was written.
type AwayError struct {
	Since time.Time // when it answered last, by the clock of this machine
	Cause error     // why not
}

func (e *AwayError) Error() string { return e.AsText().String() }

// AsText is the message.
func (e *AwayError) AsText() model.Text {
	return model.Say("database.away", "since", e.Since, "cause", e.Cause)
}

// Unwrap returns the cause.
func (e *AwayError) Unwrap() error { return e.Cause }

// Outage tells those who read a database whether it answers, so that they wait for it only
// as long as it may do so soon. The owner, which asks it all the time, notes what it finds.
// Outage is safe for concurrent use.
type Outage struct {
	mu       sync.Mutex
	away     *AwayError      // nil while the database answers
	alive    context.Context // ends, because of away, when that begins
	end      context.CancelCauseFunc
	answered time.Time
}

// NewOutage returns an Outage of a database that answers.
func NewOutage() *Outage {
	o := &Outage{}
	o.End()
	return o
}

// Begin notes that the database does not answer, and ends what waits for it. Noting it again
// does nothing.
func (o *Outage) Begin(cause error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.away != nil { // the first cause tells more than later ones
		return
	}
	o.away = &AwayError{Since: o.answered, Cause: cause}
	o.end(o.away)
}

// End notes that the database answers.
func (o *Outage) End() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answered = time.Now()
	if o.alive == nil || o.away != nil {
		o.away = nil
		o.alive, o.end = context.WithCancelCause(context.Background())
	}
}

// Err returns an [AwayError] while the database does not answer, else nil.
func (o *Outage) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.away == nil {
		return nil
	}
	return o.away
}

// Reading returns a context for asking the database, which ends after some time, or when
// the database is found not to answer. While it does not, the error is an [AwayError].
func (o *Outage) Reading(patience time.Duration) (context.Context, context.CancelFunc, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.away != nil {
		return nil, nil, o.away
	}
	ctx, cancel := context.WithTimeout(o.alive, patience)
	return ctx, cancel, nil
}

// Explain returns the [AwayError] for which a context of [Outage.Reading] has ended, or
// else err.
func Explain(ctx context.Context, err error) error {
	if away := new(AwayError); errors.As(context.Cause(ctx), &away) {
		return away
	}
	return err
}
