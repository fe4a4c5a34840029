package app

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"certquay/cmd/demo"
	"certquay/cmd/out"
	"certquay/lifecycle/ports"
	"certquay/model"
	"certquay/store"
	"certquay/store/engine/builtin"
)

// openDemoStore creates the in-memory store of a demo.
func (a *App) openDemoStore() error {
	e, err := builtin.Memory.Open(builtin.Setup{Log: a.Log})
	if err != nil {
		return &out.StoreError{Err: err}
	}
	if a.Store, err = store.With(e, store.Options{Logger: a.Log}); err != nil {
		return &out.StoreError{Err: err}
	}
	a.closing(a.Store.Close)
	return nil
}

// usedOrders is how many orders of the present hours are used up when a demo begins.
const usedOrders = 38

// fillDemo creates the sample fleet and shows the progress.
func (a *App) fillDemo(ctx context.Context, clock ports.Clock) error {
	movable, ok := clock.(*ports.MovableClock)
	if !ok {
		return model.Fail("demo.clock")
	}
	c := a.Console
	defer c.EchoOff()()
	begun := clock.Now()
	var months atomic.Int64
	reached := func(month time.Time) error {
		months.Store(int64(month.Year()-begun.Year())*12 + int64(month.Month()-begun.Month()))
		if !c.Plain {
			return nil
		}
		_, err := fmt.Fprintln(c.Err, c.Text("verb.demo.filling", "month", month.Format("2006-01")))
		return err
	}
	stop := c.Progress(func() out.State {
		n := int(months.Load())
		return out.State{What: c.Text("verb.demo.filling", "month", begun.AddDate(0, n, 0).Format("2006-01")), N: n, Of: demo.Months}
	})
	defer stop()
	w := demo.World{Engine: a.Engine, Clock: movable, Store: a.Store, Products: a.demoProducts, Reached: reached}
	if err := w.Fill(ctx); err != nil {
		return model.Fail("demo.fleet", "cause", err)
	}
	return a.demoAuthority.Used(ctx, usedOrders)
}
