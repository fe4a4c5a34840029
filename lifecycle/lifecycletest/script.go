package lifecycletest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"certquay/lifecycle/ports"
)

// Behaviour is how a scripted other side takes one call.
type Behaviour int

// Ways to take a call.
const (
	Works      Behaviour = iota
	LosesReply           // it is done, and the answer is lost
	Hangs                // nothing is done until the caller gives up
	DoneHangs            // it is done, and no answer comes
	Fails                // nothing is done, the answer is an error that may pass
	Refuses              // a final no
	Panics               // nothing is done, and the code is at fault
)

// ErrScripted is the error of a call that was planned to fail.
var ErrScripted = errors.New("scripted failure")

// Script decides how the next calls of each method are taken, and records every
// call in order. Methods are named in lower case: "order", "deploy". It is safe
// for concurrent use.
type Script struct {
	// OnCall is called in each call, before anything is done. Set it before the
	// first call.
	OnCall func(method string)

	mu    sync.Mutex
	next  map[string][]Behaviour
	down  map[string]error // what a method fails with until it is mended
	calls []string
}

// Break lets a method fail from now on; a nil error mends it.
func (s *Script) Break(method string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down == nil {
		s.down = map[string]error{}
	}
	s.down[method] = err
}

// Plan sets the behaviour of the next calls of a method, one after the other.
func (s *Script) Plan(method string, bs ...Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next = map[string][]Behaviour{}
	}
	s.next[method] = append(s.next[method], bs...)
}

// Calls lists the calls until now: each a method and what it was called for.
func (s *Script) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// take runs effect as planned.
func (s *Script) take(ctx context.Context, method, about string, effect func() error) error {
	s.mu.Lock()
	b := Works
	if q := s.next[method]; len(q) > 0 {
		b, s.next[method] = q[0], q[1:]
	}
	s.calls = append(s.calls, method+" "+about)
	down := s.down[method]
	s.mu.Unlock()
	if s.OnCall != nil {
		s.OnCall(method)
	}
	if down != nil {
		return down
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch b {
	case Hangs:
		<-ctx.Done()
		return ctx.Err()
	case Fails:
		return ErrScripted
	case Refuses:
		return &ports.PermanentError{Err: ErrScripted}
	case Panics:
		panic(method + " met what it did not expect\nhere")
	}
	if err := effect(); err != nil {
		return err
	}
	switch b {
	case LosesReply:
		return ErrScripted
	case DoneHangs:
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}
