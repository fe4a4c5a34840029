package lifecycle_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/outbox"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// tasksOf lists the open tasks of a kind.
func (w *world) tasksOf(kind model.TaskKind) (of []model.Task) {
	w.t.Helper()
	all, err := w.engine.By(model.Scheduler).Tasks(0)
	w.check(err)
	for _, t := range all {
		if t.Kind == kind {
			of = append(of, t)
		}
	}
	return of
}

// Whatever a CA's or a product's code does wrong is a failed attempt of that one
// job: it is tried again, and the engine goes on.
// finding: R-C1
// spec: H9
func TestAPanicIsAFailedAttempt(t *testing.T) {
	for _, method := range []string{"order", "finalize"} {
		t.Run(method, func(t *testing.T) {
			w := newWorld(t)
			w.issuer.Plan(method, lifecycletest.Panics)
			id := w.bought()
			j, err := w.engine.By(operator).Apply(
				w.ctx(),
				id,
				lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"a.example.com"}}},
			)
			w.check(err)
			p := w.wait(j.ID)
			if !p.Blocked || !strings.Contains(inWords(p.Job.Error), "met what it did not expect here") ||
				strings.Contains(inWords(p.Job.Error), "goroutine") {
				t.Fatalf("blocked %v, error %q", p.Blocked, p.Job.Error)
			}
			w.forward(2 * time.Minute)
			if i := w.get(id); i.State != model.Issued {
				t.Errorf("it is %s: %+v", i.State, i.Failure)
			}
			w.fsck()
		})
	}
	for _, method := range []string{"deploy", "present", "restore", "keep"} {
		t.Run(method, func(t *testing.T) {
			w := newWorld(t)
			id := w.issued("a.example.com")
			w.product.Plan(method, lifecycletest.Panics)
			if method == "restore" {
				w.product.Plan("deploy", lifecycletest.Fails)
			}
			js, err := w.engine.By(operator).Deploy(w.ctx(), id, lifecycle.DeployRequest{Product: "CDN"})
			w.check(err)
			p := w.wait(js[0].ID)
			if ok := p.Done && p.Job.Result == journal.ResultOK; ok != (method == "keep") {
				t.Errorf("done %v, result %q, error %q", p.Done, p.Job.Result, p.Job.Error)
			}
			w.fsck()
		})
	}
}

// What has panicked three times in a row is set aside: it is not tried by
// itself any more, a person is asked, and tries it again or gives it up.
// finding: R-C1
// spec: H9
func TestWhatPanicsAgainAndAgainIsSetAside(t *testing.T) {
	w := newWorld(t)
	w.issuer.Plan("order", lifecycletest.Panics, lifecycletest.Panics, lifecycletest.Panics, lifecycletest.Panics)
	apply := func(name string) model.ID {
		id := w.bought()
		j, err := w.engine.By(operator).Apply(w.ctx(), id, lifecycle.ApplyRequest{Application: model.Application{Domains: []string{name}}})
		w.check(err)
		w.wait(j.ID)
		return id
	}
	id := apply("a.example.com")
	w.forward(72 * time.Hour)
	orders := func() (n int) {
		for _, c := range w.issuer.Calls() {
			if strings.HasPrefix(c, "order ") {
				n++
			}
		}
		return n
	}
	if n := orders(); n != 3 {
		t.Fatalf("it was tried %d times", n)
	}
	asked := w.tasksOf(model.TaskAside)
	if len(asked) != 1 || asked[0].Instance != id ||
		!strings.Contains(inWords(asked[0].Detail), "certquay tasks retry "+asked[0].ID.Short()) {
		t.Fatalf("asked: %+v", asked)
	}
	if i := w.get(id); !i.Operation.Aside() || i.Failure.Kind == "" {
		t.Errorf("what it shows: %+v, %+v", i.Operation, i.Failure)
	}
	// Others go on. That one crashes once more when it is tried, and then works.
	w.issuer.Plan("order")
	_, err := w.engine.By(operator).RetryTask(w.ctx(), string(asked[0].ID))
	w.check(err)
	w.wait(asked[0].Job)
	if asked = w.tasksOf(model.TaskAside); len(asked) != 1 || orders() != 4 {
		t.Fatalf("after another panic: %+v, %d orders", asked, orders())
	}
	_, err = w.engine.By(operator).RetryTask(w.ctx(), asked[0].ID.Short())
	w.check(err)
	w.wait(asked[0].Job)
	if i := w.get(id); i.State != model.Issued || len(w.tasksOf(model.TaskAside)) != 0 {
		t.Errorf("it is %s, asked %v", i.State, w.tasksOf(model.TaskAside))
	}
	// To dismiss gives up: the application is back with the person.
	w.issuer.Plan("order", lifecycletest.Panics, lifecycletest.Panics, lifecycletest.Panics)
	id = apply("b.example.com")
	w.forward(72 * time.Hour)
	_, err = w.engine.By(operator).DismissTask(w.ctx(), string(w.tasksOf(model.TaskAside)[0].ID))
	w.check(err)
	if i := w.get(id); i.Operation.Active() || i.State != model.Paid {
		t.Errorf("given up, it is %s, %+v", i.State, i.Operation)
	}
	// Only what is set aside can be tried again.
	w.check(w.store.Update(w.ctx(), func(tx model.Tx) error {
		return tx.Put(
			&model.Task{
				ID:       "01ARZ3NDEKTSV4RRFFQ69G5FAX",
				Kind:     model.TaskInstall,
				Instance: id,
				Created:  w.clock.Now(),
				Text:     model.Quoted("", "install it"),
			},
		)
	}))
	_, err = w.engine.By(operator).RetryTask(w.ctx(), "01ARZ3NDEKTSV4RRFFQ69G5FAX")
	w.refused(err, rules.ReasonNotAside)
	w.fsck()
}

// An attempt is counted before its call, so that one in which the process dies
// counts. A job in which it crashed twice in a row is not tried at once at the
// next start, and after three times it is set aside; of a process that was killed
// from outside more is borne. A process that ends in good order is no death.
// finding: R-C1
// spec: H9
func TestAJobInWhichTheProcessDiesIsSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		job := func() model.Job {
			var j model.Job
			w.check(w.store.View(func(r model.Reader) error {
				for stored, err := range model.All[model.Job](r, model.Scan{}) {
					if err != nil {
						return err
					}
					j = stored
				}
				return nil
			}))
			return j
		}
		var during model.Job
		w.issuer.OnCall = func(method string) {
			if method == "order" {
				during = job()
			}
		}
		w.issuer.Plan("order", lifecycletest.Hangs)
		w.policy.CallTimeout = time.Minute
		w.start(w.store)
		id := w.bought()
		_, err := w.engine.By(operator).Apply(
			w.ctx(),
			id,
			lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"a.example.com"}}},
		)
		w.check(err)
		synctest.Wait()
		w.engine.Close()
		if during.Crashes != 1 || job().Crashes != 0 {
			t.Errorf("crashes: in the call %d, after an end in good order %d", during.Crashes, job().Crashes)
		}
		for _, c := range []struct {
			deaths                 int
			crashed, called, aside bool
		}{
			{0, true, true, false}, {1, true, true, false}, {2, true, false, false}, {5, false, true, false}, {6, false, false, false},
			{11, false, false, false}, {12, false, false, true},
		} {
			w.crashed = c.crashed
			j := job()
			j.Crashes, j.StepStarted, j.Next, j.Error, j.Attempt = c.deaths, true, time.Time{}, "", 1
			w.check(w.store.Update(w.ctx(), func(tx model.Tx) error { return tx.Put(&j) }))
			w.issuer.Plan("fetch", lifecycletest.Hangs)
			before := len(w.issuer.Calls())
			w.start(w.store)
			w.engine.Start()
			synctest.Wait()
			w.engine.Close()
			if called := len(
				w.issuer.Calls(),
			) != before; called != c.called || c.aside != (len(w.tasksOf(model.TaskAside)) == 1) ||
				c.aside != job().Next.Equal(model.Never) {
				t.Errorf("after %d deaths: called %v, asked %v, next %s", c.deaths, called, w.tasksOf(model.TaskAside), job().Next)
			}
			if !c.called && !c.aside && !job().Next.Equal(w.clock.Now().Add(time.Minute)) {
				t.Errorf("after %d deaths it is tried again at %s", c.deaths, job().Next)
			}
		}
		w.fsck()
	})
}

// A notice counts its attempt before the message goes out: a process that dies
// while it sends sends again when the next attempt is due, and not at its start.
// finding: R-C1
// spec: N2
func TestANoticeIsCountedBeforeItIsSent(t *testing.T) {
	w, p := telling(t)
	open := func() (n model.Notice) {
		all, err := w.engine.By(model.Scheduler).Notices(outbox.NoticeFilter{Open: true})
		w.check(err)
		for _, n := range all {
			if n.To == "Ops, https://hooks.example.com" {
				return n
			}
		}
		return n
	}
	p.Before = func(to string) {
		if to == hookTo {
			panic("the library met what it did not expect")
		}
	}
	w.issued("a.example.com")
	w.tick()
	if n := open(); n.Attempt != 1 || n.Crashes != 1 || !n.Next.Equal(w.clock.Now().Add(time.Minute)) ||
		!strings.Contains(inWords(n.Error), "did not expect") {
		t.Fatalf("after a panic: %+v", n)
	}
	if got := p.Kinds(mailTo); len(got) != 1 {
		t.Errorf("the other channel was told %v", got)
	}
	// As a process leaves it that died in the call.
	n := open()
	n.Error = ""
	w.check(w.store.Update(w.ctx(), func(tx model.Tx) error { return tx.Put(&n) }))
	w.engine.Close()
	sent := 0
	p.Before = func(string) { sent++ }
	w.start(w.store)
	w.tick()
	if sent != 0 {
		t.Errorf("sent %d times at the next start", sent)
	}
	// After so many it is set aside, and a person sends it.
	for range 2 {
		n = open()
		n.Crashes, n.Next = 12, w.clock.Now()
		w.check(w.store.Update(w.ctx(), func(tx model.Tx) error { return tx.Put(&n) }))
		w.tick()
		w.forward(48 * time.Hour)
	}
	asked := w.tasksOf(model.TaskAside)
	if n := open(); sent != 0 && !n.Next.Equal(model.Never) || len(asked) != 1 || !strings.Contains(inWords(asked[0].Text), "Ops") {
		t.Fatalf("set aside: %+v; asked %+v", n, asked)
	}
	_, err := w.engine.By(operator).RetryTask(w.ctx(), string(asked[0].ID))
	w.check(err)
	w.tick()
	if n := open(); n.ID != "" {
		t.Errorf("still open: %+v", n)
	}
	w.fsck()
}

// An owner that ends waits for what is being told just now.
// finding: R-C1
// spec: N2
func TestWhatIsBeingToldIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := telling(t)
		w.issued("a.example.com")
		sending, goOn := make(chan struct{}, 2), make(chan struct{})
		p.Before = func(string) { sending <- struct{}{}; <-goOn }
		w.engine.Start()
		<-sending
		<-sending
		flushed := make(chan struct{})
		go func() { w.engine.Flush(w.ctx()); close(flushed) }()
		synctest.Wait()
		select {
		case <-flushed:
			t.Error("it is not waited for")
		default:
		}
		close(goOn)
		<-flushed
		w.engine.Close()
		if len(p.Kinds(hookTo)) != 1 || len(p.Kinds(mailTo)) != 1 {
			t.Errorf("told: %v, %v", p.Kinds(hookTo), p.Kinds(mailTo))
		}
	})
}

// probes panics when it is asked for a name.
type probes struct {
	*lifecycletest.Product
	mu   sync.Mutex
	bang bool
}

func (p *probes) Probe(ctx context.Context, address, sni string) ([][]byte, net.Addr, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bang {
		panic("the prober met what it did not expect")
	}
	return p.Product.Probe(ctx, address, sni)
}

// finding: R-C1
// spec: N3
func TestAPanicWhileLookingIsALookWithoutAnswer(t *testing.T) {
	w := newWorld(t)
	p := &probes{Product: w.product}
	judge := false
	w.prober, w.judge = p, func([][]byte, string, time.Time) []ports.Finding {
		if judge {
			panic("the judge met what it did not expect")
		}
		return nil
	}
	w.start(w.store)
	id := w.issued("a.example.com")
	js, err := w.engine.By(operator).Deploy(w.ctx(), id, lifecycle.DeployRequest{Product: "CDN"})
	w.check(err)
	w.done(js[0], nil)
	watched, err := w.engine.By(operator).AddWatch(w.ctx(), "a.example.com:443", "", "")
	w.check(err)
	for _, bang := range []*bool{&p.bang, &judge} {
		w.check(w.store.Update(w.ctx(), func(tx model.Tx) error { return nil }))
		*bang = true
		if bang == &p.bang {
			j, err := w.engine.By(operator).Verify(w.ctx(), js[0].Resource)
			w.check(err)
			if p := w.wait(j.ID); !p.Done || p.Job.Result != journal.ResultFailed {
				t.Errorf("verify: %+v", p)
			}
		} else {
			w.product.Shown[ports.Target{Region: "a.example.com:443"}] = w.product.Shown[ports.Target{Region: "global",
				Name: "a.example.com"}]
		}
		got, err := w.engine.By(operator).CheckWatch(w.ctx(), watched.ID)
		if err != nil || !strings.Contains(inWords(got.Error), "did not expect") {
			t.Errorf("watch: %v, %+v", err, got)
		}
		w.tick()
		*bang = false
	}
	w.fsck()
}

// unreadable is a store in which some records do not decode.
type unreadable struct {
	ports.Store
	bad map[string]bool
}

var errDecode = errors.New("the record does not decode")

func (u *unreadable) View(fn func(model.Reader) error) error {
	return u.Store.View(func(r model.Reader) error { return fn(badReader{r, u}) })
}

func (u *unreadable) Update(ctx context.Context, fn func(model.Tx) error) error {
	return u.Store.Update(ctx, func(tx model.Tx) error { return fn(badTx{tx, u}) })
}

type badReader struct {
	model.Reader
	u *unreadable
}

func (b badReader) Get(r model.Record) error { return b.Load(r.RecordKey(), r) }
func (b badReader) Load(key string, r model.Record) error {
	if b.u.bad[key] {
		return errDecode
	}
	return b.Reader.Load(key, r)
}

type badTx struct {
	model.Tx
	u *unreadable
}

func (b badTx) Get(r model.Record) error { return b.Load(r.RecordKey(), r) }
func (b badTx) Load(key string, r model.Record) error {
	if b.u.bad[key] {
		return errDecode
	}
	return b.Tx.Load(key, r)
}

// A record that does not decode keeps nothing else from being done: it is told
// of once, in the log and to a person.
// finding: R-C1
// spec: H9
func TestARecordThatCannotBeReadStopsNothing(t *testing.T) {
	w, p := telling(t)
	u := &unreadable{Store: w.store, bad: map[string]bool{}}
	ids := []model.ID{w.issued("a.example.com"), w.issued("b.example.com")}
	w.tick()
	w.issuer.Break("order", lifecycletest.ErrScripted)
	var jobs []model.ID
	for range 2 { // two jobs that go on later
		id := w.bought()
		j, err := w.engine.By(operator).Apply(
			w.ctx(),
			id,
			lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"c.example.com"}}},
		)
		w.check(err)
		w.wait(j.ID)
		jobs, ids = append(jobs, j.ID), append(ids, id)
	}
	notices, err := w.engine.By(model.Scheduler).Notices(outbox.NoticeFilter{Open: true, Instance: ids[2]})
	w.check(err)
	if len(notices) == 0 {
		t.Fatal("nothing to tell")
	}
	w.issuer.Break("order", nil)
	w.engine.Close()
	p.Forget()
	u.bad[string(jobs[0])], u.bad[string(ids[0])], u.bad[string(notices[0].ID)] = true, true, true
	var log bytes.Buffer
	w.log = slog.New(slog.NewTextHandler(&log, nil))
	w.start(u)
	w.forward(400 * 24 * time.Hour)
	if i := w.get(ids[3]); i.State != model.Issued {
		t.Errorf("the other job: %s, %+v", i.State, i.Operation)
	}
	if i := w.get(ids[1]); len(i.Versions) == 0 {
		t.Errorf("the other instance: %+v", i)
	}
	if len(p.Kinds(hookTo)) == 0 || len(p.Kinds(mailTo)) == 0 {
		t.Errorf("nobody was told: %v, %v", p.Kinds(hookTo), p.Kinds(mailTo))
	}
	asked := fmt.Sprint(w.tasksOf(model.TaskAside))
	for bad := range u.bad {
		if n := strings.Count(
			log.String(),
			"level=ERROR msg=\"a record cannot be read; it is left out\" record=\"job "+bad,
		); strings.Count(asked, `key="`+bad) != 1 ||
			n > 1 {
			t.Errorf("%s: asked %d times, logged %d times", bad, strings.Count(asked, bad), n)
		}
	}
	if n := strings.Count(log.String(), "level=ERROR"); n > 12 {
		t.Errorf("%d errors in the log:\n%s", n, log.String())
	}
}

// An engine that ends in good order says nothing of its scheduler being cut off,
// and nothing is wrong with a job that left nothing to keep.
// finding: R-L5
func TestAnEndInGoodOrderIsNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id := w.issued("a.example.com")
		js, err := w.engine.By(operator).Deploy(w.ctx(), id, lifecycle.DeployRequest{Product: "CDN"})
		w.check(err)
		w.done(js[0], nil)
		w.engine.Close()
		var log syncBuffer
		w.log = slog.New(slog.NewTextHandler(&log, nil))
		slow := &slowStore{Store: w.store, in: make(chan struct{})}
		w.start(slow)
		// The daily look finds nothing new and deletes its job; it is kicked again.
		w.forward(25 * time.Hour)
		w.engine.Kick("01ARZ3NDEKTSV4RRFFQ69G5FAX")
		synctest.Wait()
		slow.hold.Store(true)
		w.clock.MoveTo(w.clock.Now().Add(25 * time.Hour))
		w.engine.Start()
		<-slow.in
		w.engine.Close()
		if s := log.String(); strings.Contains(s, "level=ERROR") {
			t.Errorf("the log:\n%s", s)
		}
	})
}

// slowStore holds writes until their context ends.
type slowStore struct {
	ports.Store
	hold atomic.Bool
	once sync.Once
	in   chan struct{}
}

func (s *slowStore) Update(ctx context.Context, fn func(model.Tx) error) error {
	if s.hold.Load() && ctx.Done() != nil {
		s.once.Do(func() { close(s.in) })
		<-ctx.Done()
		return ctx.Err()
	}
	return s.Store.Update(ctx, fn)
}

// syncBuffer is a buffer for several writers.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
