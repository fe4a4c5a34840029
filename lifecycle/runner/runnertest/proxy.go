package runnertest

import (
	"net"
	"sync"
	"testing"
)

// proxy stands between a runner and its server, to break connections. It passes each on to
// the address that it came to, at another port.
type proxy struct {
	listener net.Listener
	port     string // of the server

	mu     sync.Mutex
	thawed *sync.Cond
	frozen bool
	left   int // bytes to the server until the cut; -1 for no cut
	conns  map[net.Conn]bool
	count  int
}

func startProxy(t testing.TB, listen, port string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp4", net.JoinHostPort(listen, "0"))
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, port: port, left: -1, conns: map[net.Conn]bool{}}
	p.thawed = sync.NewCond(&p.mu)
	go p.serve()
	t.Cleanup(func() {
		_ = l.Close()
		p.freeze(false)
		p.cut()
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		host, _, _ := net.SplitHostPort(client.LocalAddr().String())
		server, err := net.Dial("tcp", net.JoinHostPort(host, p.port))
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.count++
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		go p.pass(server, client, true)
		go p.pass(client, server, false)
	}
}

func (p *proxy) pass(to, from net.Conn, counted bool) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && p.allowed(n, counted) {
			_, _ = to.Write(buffer[:n])
		}
		if err != nil {
			_ = to.Close()
			p.mu.Lock()
			delete(p.conns, from)
			p.mu.Unlock()
			return
		}
	}
}

// allowed waits while the proxy is frozen, and cuts if too much was sent.
func (p *proxy) allowed(n int, counted bool) bool {
	p.mu.Lock()
	for p.frozen {
		p.thawed.Wait()
	}
	reached := false
	if counted && p.left >= 0 {
		if p.left -= n; p.left < 0 {
			reached = true
		}
	}
	p.mu.Unlock()
	if reached {
		p.cut()
	}
	return !reached
}

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = -1
	for c := range p.conns {
		_ = c.Close()
	}
	clear(p.conns)
}

func (p *proxy) cutAfter(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = n
}

func (p *proxy) freeze(frozen bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = frozen
	p.thawed.Broadcast()
}

func (p *proxy) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}
