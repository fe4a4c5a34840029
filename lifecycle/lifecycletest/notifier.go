package lifecycletest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"certquay/lifecycle/ports"
	"certquay/model"
)

// Notifier is a scripted notifier: it takes everything, except from channels that
// fail or hang. A channel that begins with "pigeon:" is one that it does not
// know. It is safe for concurrent use.
type Notifier struct {
	// Before is called before each message is taken; it may panic. Set it before
	// the first message.
	Before func(channel string)

	now  func() time.Time
	mu   sync.Mutex
	down map[string]error
	hang map[string]bool
	sent []Sent
}

var _ ports.Notifier = (*Notifier)(nil)

// Sent is one message that was handed to a [Notifier].
type Sent struct {
	To string
	At time.Time
	ports.Message
	Failed bool
}

// NewNotifier makes a notifier that takes everything.
func NewNotifier(now func() time.Time) *Notifier {
	return &Notifier{now: now, down: map[string]error{}, hang: map[string]bool{}}
}

// Check implements [ports.Notifier].
func (n *Notifier) Check(channel string) error {
	if strings.HasPrefix(channel, "pigeon:") {
		return errors.New("no service understands it")
	}
	return nil
}

// Send implements [ports.Notifier].
func (n *Notifier) Send(ctx context.Context, to string, m ports.Message) error {
	if n.Before != nil {
		n.Before(to)
	}
	n.mu.Lock()
	err, hang := n.down[to], n.hang[to]
	n.sent = append(n.sent, Sent{to, n.now(), m, err != nil || hang})
	n.mu.Unlock()
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

// Break lets a channel fail from now on; a nil error mends it.
func (n *Notifier) Break(to string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down[to] = err
}

// Hang lets a channel hang, or no longer.
func (n *Notifier) Hang(to string, hang bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hang[to] = hang
}

// Sent lists what was sent since the last [Notifier.Forget].
func (n *Notifier) Sent() []Sent {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.sent)
}

// Kinds lists the kinds of what was delivered to a channel.
func (n *Notifier) Kinds(to string) (ks []model.NoticeKind) {
	for _, s := range n.Sent() {
		if s.To == to && !s.Failed {
			ks = append(ks, s.Kind)
		}
	}
	return ks
}

// Last returns the last message to a channel, or the zero message.
func (n *Notifier) Last(to string) (last Sent) {
	for _, s := range n.Sent() {
		if s.To == to {
			last = s
		}
	}
	return last
}

// Forget forgets what was sent.
func (n *Notifier) Forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sent = nil
}
