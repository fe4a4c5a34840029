package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"certquay/cmd/waittest"
	"certquay/model"
	"certquay/store/engine"
	"certquay/store/engine/enginetest"
	"certquay/store/engine/etcd"
	"certquay/store/engine/etcd/etcdtest"
)

func open(t *testing.T, url string) *etcd.Engine {
	t.Helper()
	e, err := etcd.Open(t.Context(), etcd.Options{URL: url, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// own opens a database and becomes its owner.
func own(t *testing.T, url string) (*etcd.Engine, *engine.Lease) {
	t.Helper()
	e := open(t, url)
	l, err := e.Acquire(t.Context(), t.Name())
	if err != nil {
		t.Fatal(err)
	}
	return e, l
}

func contract(t *testing.T, c *etcdtest.Cluster) {
	enginetest.Run(t, func(t *testing.T) enginetest.Database {
		url := c.Database()
		return enginetest.Database{
			Open: func() (engine.Engine, error) {
				e, err := etcd.Open(t.Context(), etcd.Options{URL: url, Create: true})
				if err != nil {
					return nil, err
				}
				return e, nil
			},
			EndLease: func() error { return c.EndLease(context.WithoutCancel(t.Context()), url) },
		}
	})
}

// The contract holds within the limits that the servers have by default, and others.
func TestEngineContract(t *testing.T) {
	contract(t, etcdtest.Start(t))
	contract(t, etcdtest.StartOne(t, "--max-txn-ops=1000"))
}

// counting returns a batch that counts how often it is written: it takes the count before
// for granted.
func counting(n int) *engine.Batch {
	b := &engine.Batch{Compare: []engine.Compare{{Key: "count"}}}
	if n > 1 {
		b.Compare[0].Value = fmt.Append(nil, n-1)
	}
	b.Put("count", fmt.Append(nil, n))
	return b
}

func get(t *testing.T, e engine.Engine, key string) string {
	t.Helper()
	s, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	v, err := s.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(v)
}

// The answer to a batch is lost after it was written: it is not written again, although
// its compare does not hold any more.
func TestABatchWhoseAnswerIsLostIsWrittenOnce(t *testing.T) {
	etcd.LongLeases(t)
	e, _ := own(t, etcdtest.StartOne(t).Database())
	between := etcd.Watch(e)
	for n := 1; n <= 20; n++ {
		if n%3 == 0 {
			between.LoseAnswer()
		}
		if err := e.Apply(t.Context(), counting(n)); err != nil {
			t.Fatalf("batch %d: %v", n, err)
		}
	}
	if err := e.Apply(t.Context(), counting(20)); !errors.Is(err, engine.ErrConflict) {
		t.Errorf("a batch whose compare fails: %v", err)
	}
}

// A batch that is held up on its way arrives after it was written again, and after the
// next one: it does not overwrite that.
func TestABatchThatArrivesLateIsNotWritten(t *testing.T) {
	etcd.LongLeases(t)
	e, _ := own(t, etcdtest.StartOne(t).Database())
	between := etcd.Watch(e)
	write := func(v string) {
		t.Helper()
		var b engine.Batch
		b.Put("k", []byte(v))
		if err := e.Apply(t.Context(), &b); err != nil {
			t.Fatalf("batch %s: %v", v, err)
		}
	}
	write("1")
	release := between.Hold()
	write("2")
	write("3")
	if err := release(); err != nil {
		t.Errorf("the late batch: %v", err)
	}
	if v := get(t, e, "k"); v != "3" {
		t.Errorf("batch %s is what is there", v)
	}
}

// spec: E3 - each node of a cluster is killed, or stands still, in turn: batches and
// snapshots wait for the others, and nothing is lost.
func TestTheLossOfANodeIsWaitedFor(t *testing.T) {
	etcd.LongLeases(t)
	c := etcdtest.Start(t)
	e, l := own(t, c.Database())
	n := 0
	write := func() {
		t.Helper()
		n++
		begin := time.Now()
		if err := e.Apply(t.Context(), counting(n)); err != nil {
			t.Fatal(err)
		}
		if v := get(t, e, "count"); v != fmt.Sprint(n) {
			t.Errorf("count is %s, and not %d", v, n)
		}
		t.Logf("written and read after %v", time.Since(begin))
	}
	for node := range c.Hosts {
		write()
		c.Kill(t, node)
		write()
		c.Run(t, node)
		write()
		wake := c.Pause(t, node)
		write()
		wake()
	}
	write()
	select {
	case <-l.Lost():
		t.Error("the lease was lost")
	default:
	}
}

// An owner that is cut off from the cluster for longer than the lease stops by itself,
// before another takes over, and writes nothing once the way is free again.
func TestAnOwnerThatIsCutOffStopsBeforeTheNextBegins(t *testing.T) {
	c := etcdtest.StartOne(t)
	p := c.Proxy(t)
	url := c.Database()
	cut, lease := own(t, strings.Replace(url, c.Hosts[0], p.Host, 1))
	next := open(t, url)
	if err := cut.Apply(t.Context(), counting(1)); err != nil {
		t.Fatal(err)
	}
	p.Cut()
	begin := time.Now()
	done := make(chan error, 1)
	go func() { done <- cut.Apply(t.Context(), counting(2)) }()
	over := waittest.Eventually(time.Minute, func() bool {
		_, err := next.Acquire(t.Context(), "the next")
		if err != nil && !errors.Is(err, engine.ErrInUse) {
			t.Error(err)
		}
		return err == nil
	})
	if !over {
		t.Fatal("the lease does not end")
	}
	if !waittest.Eventually(time.Second, func() bool {
		select {
		case <-lease.Lost():
			return true
		default:
			return false
		}
	}) {
		t.Error("another owns the database, and the one that was cut off does not know")
	}
	t.Logf("taken over after %v", time.Since(begin))
	if err := <-done; !errors.Is(err, engine.ErrNotOwner) {
		t.Errorf("a write that began before: %v", err)
	}
	enginetest.Away(t, cut, p.Heal)
	if err := cut.Apply(t.Context(), counting(2)); !errors.Is(err, engine.ErrNotOwner) {
		t.Errorf("a write after the cut: %v", err)
	}
	if err := next.Apply(t.Context(), counting(2)); err != nil {
		t.Errorf("the next owner: %v", err)
	}
}

// A lease that is held outlives its length.
func TestALeaseIsRenewed(t *testing.T) {
	c := etcdtest.StartOne(t)
	url := c.Database()
	e, l := own(t, url)
	other := open(t, url)
	if waittest.Eventually(8*time.Second, func() bool {
		_, err := other.Acquire(t.Context(), "another")
		return !errors.Is(err, engine.ErrInUse)
	}) {
		t.Fatal("acquired beside its owner")
	}
	select {
	case <-l.Lost():
		t.Fatal("lost")
	default:
	}
	if err := e.Apply(t.Context(), counting(1)); err != nil {
		t.Error(err)
	}
}

// A snapshot whose revision the cluster has forgotten goes on, if nothing was written
// since, and says so if something was.
func TestAForgottenRevision(t *testing.T) {
	etcd.LongLeases(t)
	c := etcdtest.StartOne(t)
	url := c.Database()
	e, _ := own(t, url)
	if err := e.Apply(t.Context(), counting(1)); err != nil {
		t.Fatal(err)
	}
	snap, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	forget := func() {
		c.Do(t, "etcd:///another", map[string]string{"k": "v"}) // of another program
		c.Compact(t)
	}
	for range 2 {
		forget()
		if v, err := snap.Get("count"); err != nil || string(v) != "1" {
			t.Errorf("%q, %v", v, err)
		}
		for p, err := range snap.Scan(engine.Range{}) {
			if err != nil || p.Key != "count" {
				t.Errorf("%v, %v", p, err)
			}
		}
	}
	if err := e.Apply(t.Context(), counting(2)); err != nil {
		t.Fatal(err)
	}
	if v, err := snap.Get("count"); err != nil || string(v) != "1" {
		t.Errorf("%q, %v", v, err)
	}
	forget()
	if _, err := snap.Get("count"); model.TextOf(err).Code() != "etcd.compacted" {
		t.Errorf("%v", err)
	}
	if v := get(t, e, "count"); v != "2" {
		t.Errorf("count is %s", v)
	}
}

// A page costs what is in it, not what is behind or before it, once a range was read.
func TestPagesAreReadInWindows(t *testing.T) {
	etcd.LongLeases(t)
	const keys = 20_000
	e, _ := own(t, etcdtest.StartOne(t, "--max-txn-ops=8192", "--unsafe-no-fsync").Database())
	for n := 0; n < keys; {
		var b engine.Batch
		for ; n < keys && len(b.Writes) < 4000; n++ {
			b.Put(fmt.Sprintf("e/%010d/01HZZZZZZZZZZZZZZZZZZZZZZZ", n*n), []byte("v"))
		}
		if err := e.Apply(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
	}
	between := etcd.Watch(e)
	read := func(r engine.Range, want int) {
		t.Helper()
		between.Walked.Store(0)
		between.Asked.Store(0)
		s, err := e.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		last, n := "", 0
		for p, err := range s.Scan(r) {
			if err != nil {
				t.Fatal(err)
			}
			if n > 0 && (p.Key > last) == r.Reverse {
				t.Fatalf("%s after %s", p.Key, last)
			}
			last, n = p.Key, n+1
		}
		if n != want {
			t.Errorf("%+v: %d pairs, and not %d", r, n, want)
		}
		t.Logf("%+v: %d keys walked in %d questions", r, between.Walked.Load(), between.Asked.Load())
	}
	cheap := func(r engine.Range) {
		t.Helper()
		if read(r, r.Limit); between.Walked.Load() > 6000 || between.Asked.Load() > 5 {
			t.Errorf("%+v: %d keys walked in %d questions", r, between.Walked.Load(), between.Asked.Load())
		}
	}
	read(engine.Range{From: "e/", To: "e0", Reverse: true, Limit: 50}, 50)
	cheap(engine.Range{From: "e/", To: "e0", Reverse: true, Limit: 50})
	read(engine.Range{From: "e/", To: "e0"}, keys)
	if between.Walked.Load() > 30*keys {
		t.Errorf("a scan walked %d keys", between.Walked.Load())
	}
	cheap(engine.Range{From: "e/", To: "e0", Limit: 50})
	cheap(engine.Range{From: fmt.Sprintf("e/%010d", 5000*5000), To: "e0", Limit: 50})
	cheap(engine.Range{From: "e/", To: fmt.Sprintf("e/%010d", 15000*15000), Reverse: true, Limit: 50})
	read(engine.Range{From: "e/", To: "e0", Reverse: true, KeysOnly: true}, keys)
	if between.Asked.Load() > 200 {
		t.Errorf("a scan asked %d times", between.Asked.Load())
	}
}

func TestBetweenTwoStrings(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"a", "c", "b"}, {"a", "b", "a\x80"}, {"a", "a\x01", "a\x00"}, {"k/", "k0", "k/\x80"}, {"a", "a\x00", ""},
		{"", "\x02", "\x01"}, {"az", "b", "a\xbd"},
	} {
		if got := etcd.Split(c.from, c.to); got != c.want {
			t.Errorf("between %q and %q: %q, want %q", c.from, c.to, got, c.want)
		}
	}
}
