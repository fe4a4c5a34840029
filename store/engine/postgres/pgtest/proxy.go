package pgtest

import (
	"errors"
	"fmt"
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
	held    atomic.Pointer[held]
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
		late := &atomic.Pointer[held]{}
		go p.ask(to, from, late)
		go p.answer(from, to, late)
	}
}

// large is the size of what only a large batch sends at once.
const large = 32 << 10

// ask passes on what the program sends, until either side ends. It sets late to what it
// has held back.
func (p *Proxy) ask(to, from net.Conn, late *atomic.Pointer[held]) {
	defer func() { _ = errors.Join(to.Close(), from.Close()) }()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		if h := p.held.Load(); h != nil && n >= large && h.used.CompareAndSwap(false, true) {
			<-h.release
			late.Store(h)
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

// answer passes on what the server sends, until either side ends. What it swallows ends
// the connection.
func (p *Proxy) answer(to, from net.Conn, late *atomic.Pointer[held]) {
	defer func() { _ = errors.Join(to.Close(), from.Close()) }()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if h := late.Swap(nil); h != nil {
			close(h.done)
		}
		if err != nil || p.swallow.CompareAndSwap(true, false) {
			return
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

// held is what was sent and does not arrive yet.
type held struct {
	used          atomic.Bool
	release, done chan struct{}
}

// Hold holds back the next large batch, even when the program has given its connection
// up. The function that it returns lets the batch through, and waits for the answer.
func (p *Proxy) Hold() (release func()) {
	h := &held{release: make(chan struct{}), done: make(chan struct{})}
	p.held.Store(h)
	return func() {
		close(h.release)
		<-h.done
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
