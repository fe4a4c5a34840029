package etcdtest

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
)

// Proxy stands between a program and the first node, and can break their connections.
type Proxy struct {
	Host string // where it listens
	to   string

	mu     sync.Mutex
	refuse bool
	open   map[net.Conn]net.Conn
}

// Proxy returns a proxy that ends with the test.
func (c *Cluster) Proxy(t testing.TB) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Host: l.Addr().String(), to: c.Hosts[0], open: map[net.Conn]net.Conn{}}
	go p.serve(l)
	t.Cleanup(func() {
		_ = l.Close()
		p.Cut()
	})
	return p
}

func (p *Proxy) serve(l net.Listener) {
	for {
		from, err := l.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = from.Close()
			continue
		}
		p.mu.Lock()
		if p.open[from] = to; p.refuse {
			p.cut()
		}
		p.mu.Unlock()
		for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
			go func() {
				_, _ = io.Copy(way[0], way[1])
				_ = errors.Join(from.Close(), to.Close())
			}()
		}
	}
}

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
