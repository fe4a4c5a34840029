package producttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"certquay/lifecycle/ports"
	"certquay/lifecycle/product"
	"certquay/lifecycle/runner"
)

// OnHost is a product on a host, for tests in which the host fails.
type OnHost struct {
	Host   runner.Runner
	Target ports.Target
	Names  []string // for which a certificate is needed
	// Open makes a product on a host that behaves as Host does, or fails. State is as in
	// [Harness].
	Open  func(runner.Runner) ports.Product
	State func() string
	// Reload reports whether a command makes the server load its files; nil if none does.
	Reload func(argv []string) bool
	// Deaf makes of a host one on which loading says yes and does nothing; nil for one on
	// which the command of Reload does nothing. With neither, that cannot happen unnoticed.
	Deaf func(runner.Runner) runner.Runner
	// Socket says that the product speaks to the server over a unix socket.
	Socket bool
	// Slow is the path of an answer that takes some seconds, of SlowBytes; "" for none.
	Slow      string
	SlowBytes int
	// Resets says that the server itself may reset a connection that waits to be accepted while
	// it loads: [RunTraffic] then allows that of one in a hundred.
	Resets bool
	// Break makes the configuration one that the server refuses, as somebody might
	// meanwhile, and returns what mends it.
	Break func() (mend func())
}

// every is how many of the places where a call can fail are tried: one of so many. All of
// them with CERTQUAY_FAULTS=all.
func every(n int) int {
	if AllFaults() {
		return 1
	}
	return n
}

// AllFaults reports whether the whole tables of faults are asked for.
func AllFaults() bool { return os.Getenv("CERTQUAY_FAULTS") == "all" }

// RunFaults makes the host fail at every step of a deployment, and looks that what was
// there is back, and that the next deployment does it. It prints a table of results.
//
// spec: P3 D3
func RunFaults(t *testing.T, open func(t *testing.T) OnHost) {
	for _, f := range []struct {
		name   string
		step   int // one of so many places is tried, see every
		host   func(runner.Runner, int, OnHost) faulty
		socket bool // of the server fails
	}{
		{"killed before a change", 4, func(r runner.Runner, n int, _ OnHost) faulty { return &Stopping{Runner: r, N: n} }, false},
		{"killed after a change", 4, func(r runner.Runner, n int, _ OnHost) faulty {
			return &Stopping{Runner: r, N: n, Late: true}
		}, false},
		{"disk full", 2, func(r runner.Runner, n int, _ OnHost) faulty { return &failing{Runner: r, n: n, write: syscall.ENOSPC} }, false},
		{"no permission", 3, func(r runner.Runner, n int, _ OnHost) faulty {
			return &failing{Runner: r, n: n, link: &fs.PathError{Op: "symlink", Path: "/", Err: fs.ErrPermission}}
		}, false},
		{"command fails", 1, func(r runner.Runner, n int, _ OnHost) faulty {
			return &failing{Runner: r, n: n, run: &runner.ExitError{Command: "server", Status: 1, Said: "no"}}
		}, false},
		{"host cut off", 1, func(r runner.Runner, n int, _ OnHost) faulty {
			return &failing{Runner: r, n: n, run: runner.ErrUnreachable}
		}, false},
		{"socket dead", 1, func(r runner.Runner, n int, _ OnHost) faulty {
			return &failing{Runner: r, n: n, dial: syscall.ECONNREFUSED}
		}, true},
		{"answer lost", 1, func(r runner.Runner, n int, _ OnHost) faulty {
			return &failing{Runner: r, n: n, dial: io.ErrUnexpectedEOF}
		}, true},
	} {
		t.Run(f.name, func(t *testing.T) {
			o := open(t)
			if f.socket && !o.Socket {
				t.Skip("the product does not speak to a socket")
			}
			tried, step := 0, every(f.step)
			for n := 0; ; n += step {
				host := f.host(o.Host, n, o)
				o.tryFault(t, host, n/step)
				if !host.Stopped() {
					break
				}
				tried++
			}
			t.Logf("%-24s %3d places: restored, presented, done by the next deployment", f.name, tried)
		})
	}
	t.Run("the reload says yes and nothing changes", func(t *testing.T) {
		o := open(t)
		if o.Deaf == nil && o.Reload == nil {
			t.Skip("the product asks what was loaded")
		}
		RunSilentReload(t, o)
		t.Log("seen by handshake, restored, presented, done by the next deployment")
	})
	t.Run("the configuration is broken meanwhile", func(t *testing.T) {
		o := open(t)
		if o.Break == nil {
			t.Skip("it cannot be broken")
		}
		o.broken(t)
		t.Log("refused, nothing changed, done once it is mended")
	})
}

// faulty is a host that fails at one place.
type faulty interface {
	runner.Runner
	Stopped() bool // it has failed
}

func (o *OnHost) seen(t *testing.T) [][]byte {
	t.Helper()
	p := o.Open(o.Host)
	b, err := p.Current(t.Context(), o.Target)
	if err != nil {
		t.Fatal(err)
	}
	chain, _, err := product.Prober{}.Probe(t.Context(), b.Address, b.SNI)
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

// must presents a chain, from at most a moment on: what was killed while a server loaded
// its files goes on by itself.
func (o *OnHost) must(t *testing.T, want [][]byte, what string) {
	t.Helper()
	for until := time.Now().Add(3 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if slices.EqualFunc(o.seen(t), want, bytes.Equal) {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("%s: another certificate is presented", what)
		}
	}
}

// tryFault deploys on a host that fails. Then, by turns, the deployment is rolled back or
// asked for again, as the engine does after a failure or a crash.
func (o *OnHost) tryFault(t *testing.T, host faulty, turn int) {
	t.Helper()
	ctx := context.Background()
	pair := NewCA(t, time.Now()).Pair(t, o.Names...)
	state, presented := o.State(), o.seen(t)
	_, err := o.Open(host).Deploy(ctx, o.Target, pair)
	if host.Stopped() && err == nil {
		t.Fatalf("turn %d: the host failed and the deployment did not", turn)
	}
	good := o.Open(o.Host)
	what := fmt.Sprintf("turn %d: %v", turn, err)
	if turn%2 == 1 || err == nil {
		if b, err := good.Current(ctx, o.Target); err != nil {
			t.Fatal(err)
		} else if b.Fingerprint != pair.Fingerprint {
			if _, err := good.Deploy(ctx, o.Target, pair); err != nil {
				t.Fatalf("%s; again: %v", what, err)
			}
		}
		o.must(t, pair.Chain, what)
	}
	for range 2 {
		if err := good.Rollback(ctx, o.Target); err != nil {
			t.Fatalf("%s; rolled back: %v", what, err)
		}
	}
	if now := o.State(); now != state {
		t.Fatalf("%s; before\n%s\nafter\n%s", what, state, now)
	}
	o.must(t, presented, what)
}

// RunSilentReload deploys to a server that says that it loads its files, and does not: that is
// seen by a handshake, and what was there is put back.
func RunSilentReload(t *testing.T, o OnHost) {
	t.Helper()
	ctx := context.Background()
	pair := NewCA(t, time.Now()).Pair(t, o.Names...)
	state, presented := o.State(), o.seen(t)
	deafened := func(r runner.Runner) runner.Runner { return &deaf{r, o.Reload} }
	if o.Deaf != nil {
		deafened = o.Deaf
	}
	p := o.Open(deafened(o.Host))
	if _, err := p.Deploy(ctx, o.Target, pair); err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(o.seen(t), presented, bytes.Equal) {
		t.Fatal("the server loaded the pair")
	}
	if err := o.Open(o.Host).Rollback(ctx, o.Target); err != nil {
		t.Fatal(err)
	}
	if now := o.State(); now != state {
		t.Fatalf("before\n%s\nafter\n%s", state, now)
	}
	if _, err := o.Open(o.Host).Deploy(ctx, o.Target, pair); err != nil {
		t.Fatal(err)
	}
	o.must(t, pair.Chain, "again")
}

func (o *OnHost) broken(t *testing.T) {
	ctx := context.Background()
	ca := NewCA(t, time.Now())
	presented := o.seen(t)
	p := o.Open(o.Host)
	pair := ca.Pair(t, o.Names...)
	mend := o.Break()
	state := o.State()
	_, err := p.Deploy(ctx, o.Target, pair)
	if err == nil {
		t.Fatal("deployed to a server that refuses its configuration")
	}
	if err := p.Rollback(ctx, o.Target); err != nil {
		t.Fatalf("%v; rolled back: %v", err, err)
	}
	if now := o.State(); now != state {
		t.Fatalf("before\n%s\nafter\n%s", state, now)
	}
	if wrong := p.(ports.ProductTester).Test(ctx); len(wrong) == 0 {
		t.Error("the test finds nothing wrong")
	}
	mend()
	o.must(t, presented, "mended")
	// Broken after a pair was put there: what is known of the deployment is enough.
	before := o.State()
	if _, err := p.Deploy(ctx, o.Target, pair); err != nil {
		t.Fatal(err)
	}
	mend = o.Break()
	if err := p.Rollback(ctx, o.Target); err == nil {
		t.Error("a server that refuses its configuration has loaded what was there")
	}
	mend()
	if err := p.Rollback(ctx, o.Target); err != nil {
		t.Fatal(err)
	}
	if now := o.State(); now != before {
		t.Fatalf("before\n%s\nafter\n%s", before, now)
	}
	o.must(t, presented, "rolled back")
}

// failing is a host on which the call after n others of a kind fails, once.
type failing struct {
	runner.Runner
	n                int
	write, link, run error
	// dial is of a socket. If it is [io.ErrUnexpectedEOF], what is sent arrives, and the
	// answer does not.
	dial error

	mu   sync.Mutex
	done int
}

func (f *failing) Stopped() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.done > f.n
}

func (f *failing) call(fault error, fn func() error) error {
	if fault != nil {
		f.mu.Lock()
		n := f.done
		f.done++
		f.mu.Unlock()
		if n == f.n {
			return fault
		}
	}
	return fn()
}

func (f *failing) WriteFile(ctx context.Context, path string, data []byte, a runner.Attributes) error {
	return f.call(f.write, func() error { return f.Runner.WriteFile(ctx, path, data, a) })
}

func (f *failing) Symlink(ctx context.Context, target, path string) error {
	return f.call(f.link, func() error { return f.Runner.Symlink(ctx, target, path) })
}

func (f *failing) Run(ctx context.Context, c runner.Command) (out runner.Output, err error) {
	err = f.call(f.run, func() (err error) { out, err = f.Runner.Run(ctx, c); return err })
	return out, err
}

func (f *failing) Dial(ctx context.Context, network, address string) (c net.Conn, err error) {
	dial := func() (err error) { c, err = f.Runner.Dial(ctx, network, address); return err }
	if network != "unix" {
		err = dial()
		return c, err
	}
	if err = f.call(f.dial, dial); errors.Is(err, io.ErrUnexpectedEOF) {
		err = dial()
		c = lost{c}
	}
	return c, err
}

// lost is a connection whose answers do not arrive.
type lost struct{ net.Conn }

func (l lost) Read([]byte) (int, error) {
	if _, err := io.Copy(io.Discard, l.Conn); err != nil {
		return 0, err
	}
	return 0, io.ErrUnexpectedEOF
}

// deaf is a host on which reloading does nothing.
type deaf struct {
	runner.Runner
	reload func(argv []string) bool
}

func (d *deaf) Run(ctx context.Context, c runner.Command) (runner.Output, error) {
	if d.reload(c.Argv) {
		return runner.Output{}, nil
	}
	return d.Runner.Run(ctx, c)
}
