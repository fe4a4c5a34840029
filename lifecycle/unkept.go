package lifecycle

import (
	"errors"
	"time"

	"certquay/model"
)

// keepAgain is after how long it is tried again to go on with jobs whose result
// could not be kept, as on a full disk.
const keepAgain = 10 * time.Second

// UnkeptError says that a job was begun and that how it went could not be kept.
// It goes on by itself once it can be.
type UnkeptError struct{ Err error }

func (e *UnkeptError) Error() string {
	return e.AsText().String()
}

// AsText is the message.
func (e *UnkeptError) AsText() model.Text { return model.Say("error.unkept", "cause", e.Err) }

func (e *UnkeptError) Unwrap() error { return e.Err }

// notKept tells whoever waits for a job that its result could not be kept, and
// lets the scheduler go on with it a little later.
func (e *Engine) notKept(j *model.Job, err error) {
	e.logJob(j, err)
	if e.ctx.Err() != nil || errors.Is(err, errSuperseded) {
		return
	}
	e.runMu.Lock()
	first := !e.again && !e.inline
	e.again = e.again || first
	e.unkept[j.ID] = &UnkeptError{err}
	close(e.unkeptNow)
	e.unkeptNow = make(chan struct{})
	e.runMu.Unlock()
	if first {
		e.spawn(func() {
			select {
			case <-e.ctx.Done():
			case <-e.clock.After(keepAgain):
			}
			e.runMu.Lock()
			e.again = false
			e.runMu.Unlock()
			e.nudge()
		})
	}
}

// whyUnkept returns the error for which a result of one of the jobs was not kept;
// while there is none, a channel that is closed when one more is not.
func (e *Engine) whyUnkept(jobs []model.ID) (<-chan struct{}, error) {
	e.runMu.Lock()
	defer e.runMu.Unlock()
	for _, id := range jobs {
		if err := e.unkept[id]; err != nil {
			return nil, err
		}
	}
	return e.unkeptNow, nil
}
