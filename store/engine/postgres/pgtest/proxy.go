package pgtest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy stands between a program and the server, and can break their connections. It
// listens on a socket as the server does.
type Proxy struct {
	Dir  string // of its socket
	to   string
	port int

	swallow atomic.Bool // what the server answers
	mu      sync.Mutex
	refuse  bool
	open    map[net.Conn]net.Conn
}

// Proxy returns a proxy that ends with the test.
func (s *Server) Proxy(t testing.TB) *Proxy {
	t.Helper()
	dir, err := os.MkdirTemp("", "certquay-proxy-")
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf(".s.PGSQL.%d", s.Port)
	l, err := net.Listen("unix", filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Dir: dir, port: s.Port, to: filepath.Join(s.Dir, name), open: map[net.Conn]net.Conn{}}
	go p.serve(l)
	t.Cleanup(func() {
		_ = l.Close()
		p.Cut()
		_ = os.RemoveAll(dir)
	})
	return p
}

// URL returns the address of a database of the server, through the proxy.
func (p *Proxy) URL(database string) string {
	return fmt.Sprintf("postgres://%s@/%s?host=%s&port=%s", Superuser, database, p.Dir, strconv.Itoa(p.port))
}

func (p *Proxy) serve(l net.Listener) {
	for {
		from, err := l.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("unix", p.to)
		if err != nil {
			_ = from.Close()
			continue
		}
		p.mu.Lock()
		if p.open[from] = to; p.refuse {
			p.cut()
		}
		p.mu.Unlock()
		go p.pass(to, from, nil)
		go p.pass(from, to, &p.swallow)
	}
}

// pass copies until either side ends. What it swallows ends the connection.
func (p *Proxy) pass(to io.WriteCloser, from net.Conn, swallow *atomic.Bool) {
	defer func() { _ = errors.Join(to.Close(), from.Close()) }()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if swallow != nil && swallow.CompareAndSwap(true, false) || err != nil {
			return
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

// LoseAnswer breaks the connection on which the server answers next, instead of passing
// the answer on.
func (p *Proxy) LoseAnswer() { p.swallow.Store(true) }

// Lost reports whether the answer was lost.
func (p *Proxy) Lost() bool { return !p.swallow.Load() }

// Cut breaks all connections and lets no new one through.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = true
	p.cut()
}

func (p *Proxy) cut() {
	for from, to := range p.open {
		_ = errors.Join(from.Close(), to.Close())
		delete(p.open, from)
	}
}

// Heal lets connections through again.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = false
}
