package sshd_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"certquay/cmd/peer"
	"certquay/cmd/session"
	"certquay/cmd/sshd"
	"certquay/cmd/waittest"
)

// spec: E2, G1 - without a user only replicas are let in, which attach or stand by and do
// nothing else; while the store is sealed nobody is.
func TestOnlyReplicasAreLetIn(t *testing.T) {
	key, _ := newKey(t)
	hostKey, _ := newKey(t)
	other, _ := newKey(t)
	var unsealed atomic.Bool
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := sshd.New(sshd.Options{
		Handler: sshd.HandlerFunc(func(context.Context, *session.Session, []string) int { t.Error("a command was run"); return 0 }),
		Log:     slog.New(slog.DiscardHandler),
	})
	served := make(chan error, 1)
	go func() {
		served <- s.ServeNetwork(context.Background(), l, sshd.Network{HostKey: hostKey, Replica: func() ssh.PublicKey {
			if !unsealed.Load() {
				return nil
			}
			return key.PublicKey()
		}})
	}()
	at := &peer.Peer{Holder: "quay1:1", Address: l.Addr().String(), HostKey: hostKey.PublicKey(), Key: key}
	if err := at.Check(t.Context()); err == nil {
		t.Error("let in while the store is sealed")
	}
	unsealed.Store(true)
	if err := at.Check(t.Context()); err != nil {
		t.Error(err)
	}
	stranger := *at
	stranger.Key = other
	if err := stranger.Check(t.Context()); err == nil {
		t.Error("another key was let in")
	}
	c, err := ssh.Dial("tcp", at.Address, &ssh.ClientConfig{
		User: "x", Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.FixedHostKey(hostKey.PublicKey()),
	})
	if err != nil {
		t.Fatal(err)
	}
	run, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	run.Stderr = io.Discard
	if err := run.Run("list"); err == nil {
		t.Error("a command of a person was run with the key of the replicas")
	}
	_ = c.Close()

	ctx, leave := context.WithCancel(t.Context())
	stood := make(chan error, 1)
	go func() { stood <- at.StandBy(ctx, "quay2:7") }()
	if !waittest.Eventually(patience, func() bool { return len(s.Standbys()) == 1 }) {
		t.Fatal("the machine that stands by is not listed")
	}
	if all := s.Standbys(); all[0].Name != "quay2:7" || all[0].From == "" {
		t.Errorf("standing by: %+v", all)
	}
	begun := time.Now()
	if err := s.Close(t.Context()); err != nil { // it does not wait for them
		t.Error(err)
	}
	if err := <-stood; err != nil || time.Since(begun) > patience/2 {
		t.Errorf("left after %v: %v", time.Since(begun), err)
	}
	leave()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
