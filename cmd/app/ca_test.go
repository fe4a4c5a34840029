package app

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"certquay/cmd/config"
	"certquay/lifecycle"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/ports"
	"certquay/model"
	"certquay/store"
	"certquay/store/engine/mem"
)

// The address is served without a restart once it is free.
//
// spec: O4
// finding: R-H9
func TestAHeldPortIsTriedAgain(t *testing.T) {
	every := listenRetry
	listenRetry = 10 * time.Millisecond
	t.Cleanup(func() { listenRetry = every })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &App{Config: config.Default(), Log: slog.New(slog.DiscardHandler)}
	a.Config.Embedded.Listen = l.Addr().String()
	if a.Store, err = store.With(mem.New(), store.Options{}); err != nil {
		t.Fatal(err)
	}
	a.closing(a.Store.Close)
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	ca, err := a.openCA(ctx, ports.SystemClock{})
	if err != nil {
		t.Fatal(err)
	}
	changes := a.Store.Watch(ctx)
	a.Engine = lifecycle.New(
		lifecycle.Options{Store: a.Store, Clock: ports.SystemClock{}, Issuers: map[string]ports.Issuer{embedded.Brand: ca.ca}},
	)
	a.closing(func() error { a.Engine.Close(); return nil })
	ca.maintain(ctx)
	open := func() []model.Task {
		t.Helper()
		tasks, err := a.Engine.By(model.Scheduler).Tasks(0)
		if err != nil {
			t.Fatal(err)
		}
		return tasks
	}
	if tasks := open(); len(tasks) != 1 || tasks[0].Kind != model.TaskServe {
		t.Fatalf("tasks: %+v", tasks)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for len(open()) > 0 {
		if _, more := <-changes; !more {
			t.Fatal("it is not served")
		}
	}
	resp, err := http.Get("http://" + l.Addr().String() + "/crl/root.crl")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the CRL: %s", resp.Status)
	}
}
