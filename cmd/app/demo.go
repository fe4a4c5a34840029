package app

import (
	"context"
	"errors"
	"fmt"
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

// fillDemo creates the sample fleet and shows the progress.
func (a *App) fillDemo(ctx context.Context, clock ports.Clock) error {
	movable, ok := clock.(*ports.MovableClock)
	if !ok {
		return model.Fail("demo.clock")
	}
	c := a.Console
	defer c.EchoOff()()
	reached := func(month time.Time) error {
		_, err := fmt.Fprint(c.Err, "\r"+c.Text("verb.demo.filling", "month", month.Format("2006-01")))
		return err
	}
	w := demo.World{Engine: a.Engine, Clock: movable, Store: a.Store, Products: map[string]ports.Product{}, Reached: reached}
	for _, p := range a.products {
		w.Products[p.Name] = p.Product
	}
	err := w.Fill(ctx)
	_, told := fmt.Fprintln(c.Err)
	if err := errors.Join(err, told); err != nil {
		return model.Fail("demo.fleet", "cause", err)
	}
	return nil
}
