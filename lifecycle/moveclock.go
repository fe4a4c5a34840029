package lifecycle

import (
	"context"
	"time"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// moveClock is [Access.MoveClock].
func (e *Engine) moveClock(ctx context.Context, actor model.Actor, to time.Time) error {
	c, ok := e.clock.(*ports.MovableClock)
	if !ok || e.saveClock == nil {
		return &rules.Refusal{Action: "clock", Reason: rules.ReasonNotSandbox}
	}
	if f := e.table.May(actor, "clock"); f != nil {
		return f
	}
	if end := c.Farthest(); to.After(end) {
		return &rules.Refusal{
			Action: "clock", Reason: rules.ReasonClockFar, Args: rules.Args{"at": end.Format(time.RFC3339)},
			Instead: []rules.Suggestion{{Action: "clock", Args: []string{end.Format(time.RFC3339)}}},
		}
	}
	if to.Before(c.Now()) {
		return &rules.Refusal{Action: "clock", Reason: rules.ReasonClockBack, Args: rules.Args{"at": c.Now()}}
	}
	select {
	case e.scheduler.clockToken <- struct{}{}: // one movement at a time
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-e.scheduler.clockToken }()
	for {
		if _, err := e.scheduler.tick(ctx, false); err != nil {
			return err
		}
		next, err := e.scheduler.nextDue()
		if err != nil {
			return err
		}
		last := next.IsZero() || !next.Before(to)
		stop := to
		if !last {
			// Keys of moments are to the millisecond: stop just behind it.
			stop = next.Add(time.Millisecond)
		}
		if err := e.saveClock(ctx, c.MoveTo(stop)); err != nil {
			return model.Fail("error.keep-clock", "cause", err)
		}
		if last {
			_, err := e.scheduler.tickNow(ctx)
			return err
		}
	}
}
