package cmd_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// point is where a deployment is killed: at a change, or at the first handshake after one.
type point struct {
	label     string
	n         int // of the change, from 1
	handshake bool
}

// points are those of the changes of a deployment, with the handshakes after the server was
// told, and after the deployment is complete.
func (x *death) points(changes []string) (all []point) {
	for n, label := range changes {
		all = append(all, point{label, n + 1, false})
		done := x.verb == "deploy" && x.fault == ""
		if done && (label == "nginx -s reload" || label == "remove pending" && changes[n-1] == "nginx -s reload") {
			all = append(all, point{"the handshake after " + label, n + 1, true})
		}
	}
	return all
}

// arm has a process be killed.
func (d *deathbed) arm(p point, moment string, pid int) {
	d.t.Helper()
	if p.handshake {
		d.front.arm(p.n, moment, pid)
		return
	}
	line := fmt.Sprintf("%d %s %d\n", p.n, moment, pid)
	if err := os.WriteFile(filepath.Join(d.dir, "armed"), []byte(line), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// front stands before the server, at the address that certquay asks, and kills who asks.
type front struct {
	bed *deathbed
	l   net.Listener

	mu     sync.Mutex
	after  int // changes; 0 for no kill
	moment string
	pid    int
}

func newFront(t *testing.T, d *deathbed) *front {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{bed: d, l: l}
	go f.serve()
	t.Cleanup(func() { _ = l.Close() })
	return f
}

func (f *front) address() string { return f.l.Addr().String() }

func (f *front) arm(after int, moment string, pid int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after, f.moment, f.pid = after, moment, pid
}

// armed reports whether a kill is still to be.
func (f *front) armed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.after > 0
}

// strike returns when the process is to be killed that asks now, "" for never.
func (f *front) strike() (moment string, kill func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.after == 0 || len(f.bed.changes()) != f.after {
		return "", nil
	}
	f.after = 0
	pid := f.pid
	return f.moment, func() { _ = syscall.Kill(pid, syscall.SIGKILL) }
}

func (f *front) serve() {
	for {
		c, err := f.l.Accept()
		if err != nil {
			return
		}
		go f.pass(c)
	}
}

// pass passes a connection on. With "while" the answer of the server gets lost.
func (f *front) pass(c net.Conn) {
	defer func() { _ = c.Close() }()
	moment, kill := f.strike()
	if moment == "before" {
		kill()
		return
	}
	to, err := net.Dial("tcp", f.bed.server.Address())
	if err != nil {
		return
	}
	defer func() { _ = to.Close() }()
	go func() { _, _ = io.Copy(to, c); _ = to.Close() }()
	if moment == "while" {
		_, _ = to.Read(make([]byte, 1))
		kill()
		return
	}
	_, _ = io.Copy(c, to)
	if moment == "after" {
		kill()
	}
}

// connect connects to each name in turn, twenty times a second, until it is told to stop. It
// returns how often, and what was wrong.
func (d *deathbed) connect() (stop func() (int, []error)) {
	done, asked, wrong := make(chan struct{}), 0, []error(nil)
	var clients sync.WaitGroup
	var mu sync.Mutex
	clients.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			clients.Go(func() {
				name := d.server.Hosts[n%len(d.server.Hosts)]
				chain, err := presented(d.server.Address(), name)
				if err == nil && !d.chains[strings.Join(chain, " ")] {
					err = fmt.Errorf("a chain that nobody deployed: %v", chain)
				}
				mu.Lock()
				defer mu.Unlock()
				if asked++; err != nil {
					wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
				}
			})
		}
	})
	return func() (int, []error) {
		close(done)
		clients.Wait()
		return asked, wrong
	}
}
