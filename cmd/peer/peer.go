// Package peer connects to the owner of a store that several machines share, from another
// one of them, over SSH (spec E2).
package peer

import (
	"context"
	"errors"
	"net"
	"time"

	"golang.org/x/crypto/ssh"

	"certquay/cmd/session"
	"certquay/cmd/sshd/wire"
	"certquay/model"
)

// Peer is the owner of a store that several machines share, as it has published itself in
// the store.
type Peer struct {
	Holder  string // as it calls itself
	Version string // of certquay there
	Address string // host and port; "" if it does not listen
	HostKey ssh.PublicKey
	Key     ssh.Signer // that it lets replicas in with
}

// ElsewhereError reports that another machine owns the store, and how to reach it.
type ElsewhereError struct{ Peer *Peer }

func (e *ElsewhereError) Error() string { return e.AsText().String() }

// AsText is the message.
func (e *ElsewhereError) AsText() model.Text {
	return model.Say("attach.elsewhere", "holder", e.Peer.Holder, "address", e.Peer.Address)
}

// AwayError reports that no owner can be attached to for now.
type AwayError struct{ Why model.Text }

func (e *AwayError) Error() string { return e.Why.String() }

// AsText is the message.
func (e *AwayError) AsText() model.Text { return e.Why }

// Away returns an [AwayError] with a message of a code.
func (p *Peer) Away(code string, cause error) error {
	if op := new(net.OpError); errors.As(cause, &op) { // which repeats the address
		cause = op.Err
	}
	return &AwayError{model.Say(code, "holder", p.Holder, "address", p.Address, "cause", session.Escape(cause.Error(), 200))}
}

// How often the owner is asked whether it is there, and how long it may take to answer
// before it counts as cut off.
const (
	pingEvery   = 2 * time.Second
	pingTimeout = 5 * time.Second
)

// defaultTimeout is how long [Peer.StandBy] and [Peer.Check] wait for the owner.
const defaultTimeout = 4500 * time.Millisecond

var errOtherHostKey = errors.New("another host key")

// Dial connects and logs in within a timeout, and returns an [AwayError] if that is not
// possible. The deadline of the connection stays. The connection is closed when the owner
// does not answer any more.
func (p *Peer) Dial(ctx context.Context, timeout time.Duration) (net.Conn, ssh.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.Address)
	if err != nil {
		return nil, nil, p.Away("attach.peer-away", err)
	}
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, nil, errors.Join(p.Away("attach.peer-away", err), conn.Close())
	}
	verified := false
	config := &ssh.ClientConfig{
		User:          "certquay",
		ClientVersion: "SSH-2.0-certquay",
		Auth:          []ssh.AuthMethod{ssh.PublicKeys(p.Key)},
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			if string(key.Marshal()) != string(p.HostKey.Marshal()) {
				return errOtherHostKey
			}
			verified = true
			return nil
		},
		HostKeyAlgorithms: algorithmsOf(p.HostKey),
	}
	wire.SetCiphers(&config.Config)
	sc, chans, reqs, err := ssh.NewClientConn(conn, "", config)
	if err == nil {
		Discard(chans, reqs)
		go ping(sc)
		return conn, sc, nil
	}
	_ = conn.Close() // it is of no use
	code, broken, other := "attach.peer-other", new(net.OpError), new(ssh.AlgorithmNegotiationError)
	switch {
	case errors.As(err, &broken):
		code = "attach.peer-away"
	case errors.Is(err, errOtherHostKey), errors.As(err, &other): // a key of another type
		code = "attach.peer-key"
	case verified:
		code = "attach.peer-refused"
	}
	return nil, nil, p.Away(code, err)
}

// algorithmsOf are those of signatures with a host key.
func algorithmsOf(key ssh.PublicKey) []string {
	if key.Type() == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{key.Type()}
}

// Discard refuses what an owner asks for by itself.
func Discard(chans <-chan ssh.NewChannel, reqs <-chan *ssh.Request) {
	go ssh.DiscardRequests(reqs)
	go func() {
		for c := range chans {
			_ = c.Reject(ssh.Prohibited, "no")
		}
	}()
}

// ping asks the owner every two seconds whether it is there, and closes the connection if it
// does not answer, until the connection ends. A connection that was cut without a word
// would otherwise stay open for minutes.
func ping(c ssh.Conn) {
	ended := make(chan struct{})
	go func() {
		_ = c.Wait()
		close(ended)
	}()
	for {
		select {
		case <-ended:
			return
		case <-time.After(pingEvery):
		}
		late := time.AfterFunc(pingTimeout, func() { _ = c.Close() })
		_, _, err := c.SendRequest("keepalive@openssh.com", true, nil)
		late.Stop()
		if err != nil {
			return
		}
	}
}

// Check connects to an owner and leaves; it returns why that is not possible.
func (p *Peer) Check(ctx context.Context) error {
	_, sc, err := p.Dial(ctx, defaultTimeout)
	if err != nil {
		return err
	}
	return sc.Close()
}

// StandBy connects to the owner as a process that waits to own the store, and stays
// connected until ctx ends or the owner leaves. name is how the owner lists it.
func (p *Peer) StandBy(ctx context.Context, name string) error {
	conn, sc, err := p.Dial(ctx, defaultTimeout)
	if err != nil {
		return err
	}
	defer func() { _ = sc.Close() }()
	defer context.AfterFunc(ctx, func() { _ = sc.Close() })()
	ch, reqs, err := sc.OpenChannel("session", nil)
	if err != nil {
		return p.Away("attach.peer-away", err)
	}
	go ssh.DiscardRequests(reqs)
	_, err = ch.SendRequest("exec", true, ssh.Marshal(struct{ Line string }{wire.Standby}))
	if err == nil {
		err = (&wire.Request{User: name}).Write(ch)
	}
	if err = errors.Join(err, conn.SetDeadline(time.Time{})); err != nil {
		return p.Away("attach.peer-away", err)
	}
	_, _ = ch.Read(make([]byte, 1)) // nothing is sent: it ends with the channel
	return nil
}
