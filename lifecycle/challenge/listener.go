package challenge

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"

	"certquay/lifecycle/listen"
	"certquay/model"
)

// Listener is a port that is open while there is a proof to show on it. It is safe
// for concurrent use.
type Listener struct {
	address string
	serve   func(net.Listener) (closeServer func() error)

	mu     sync.Mutex
	proofs map[string]Proof // by key
	ln     net.Listener
	stop   func() error
}

// NewListener returns a port of this machine, as host:port, that serve answers: it
// starts to serve and returns how that ends, connections included.
func NewListener(address string, serve func(net.Listener) (closeServer func() error)) *Listener {
	return &Listener{address: address, serve: serve, proofs: map[string]Proof{}}
}

// Add keeps a proof under a key and opens the port for the first one. A port that
// cannot be opened is an error that says what to do, and keeps nothing.
func (l *Listener) Add(ctx context.Context, key string, p Proof) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ln == nil {
		var lc net.ListenConfig
		ln, err := lc.Listen(ctx, "tcp", l.address)
		if err != nil {
			return listenError(l.address, p.Type, err)
		}
		l.ln, l.stop = ln, l.serve(ln)
	}
	l.proofs[key] = p
	return nil
}

// Remove forgets what remove reports true for, and closes the port after the last.
func (l *Listener) Remove(remove func(key string, p Proof) bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, p := range l.proofs {
		if remove(key, p) {
			delete(l.proofs, key)
		}
	}
	if len(l.proofs) > 0 || l.ln == nil {
		return nil
	}
	ln, stop := l.ln, l.stop
	l.ln, l.stop = nil, nil
	err := stop()
	// A server that has not begun to serve does not close its listener.
	if e := ln.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// Proof returns what is kept under a key.
func (l *Listener) Proof(key string) (p Proof, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok = l.proofs[key]
	return p, ok
}

// Addr returns the address of the open port, nil while it is closed.
func (l *Listener) Addr() net.Addr {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ln == nil {
		return nil
	}
	return l.ln.Addr()
}

// listenError says who holds a port, or what is missing to open it.
func listenError(address string, typ Type, err error) error {
	_, port, _ := net.SplitHostPort(address)
	say := func(code string, args ...any) error {
		return model.Fail(code, append(args, "address", address, "port", port, "type", typ)...).Wrapping(err)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		if who := listen.Owner(port); who != "" {
			return say("challenge.port-held", "who", who)
		}
		return say("challenge.port-taken")
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return say("challenge.port-refused")
	}
	return say("challenge.port-failed", "cause", err)
}
