package app

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"sync"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"certquay/cmd/peer"
	"certquay/cmd/sshd"
	"certquay/model"
	"certquay/store"
	"certquay/store/engine"
)

// What the machines that share a store tell each other stands in three records (spec E2):
// who owns the store and how to reach it; sealed, the key with which replicas log in there;
// and sealed, the host key of a machine that has none yet, so that people who connect to a
// name that follows the owner know all machines by one.
func replicaCell(name string) *model.KV { return &model.KV{Namespace: "replicas", Name: name} }

const (
	ownerCell   = "owner"
	keyCell     = "key"
	hostKeyCell = "host-key"
)

// Ownership is who owns a store, as it is published there.
type Ownership struct {
	Holder  string    `json:"holder"` // see [Holder]
	Since   time.Time `json:"since"`
	Version string    `json:"version"`
	Address string    `json:"address"`  // "" if it does not listen for replicas
	HostKey string    `json:"host_key"` // in the format of authorized_keys
}

// Finder finds the owner of a store that several machines share. It is safe for concurrent
// use.
type Finder struct {
	Open    func() (engine.Engine, error) // called once it succeeds
	KeyFile string
	// Ask asks for the passphrase of a store that has one; nil where nobody can be asked.
	Ask func() (model.Secret, error)

	mu     sync.Mutex
	engine engine.Engine
	key    gossh.Signer
}

// Find returns the owner as it is published: without an address if it does not listen, or
// if there was no owner yet. A missing or wrong key file is a [store.OpenError]. Without the
// passphrase of a store that has one the error wraps [store.ErrSealed].
func (f *Finder) Find(context.Context) (*peer.Peer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.engine == nil {
		e, err := f.Open()
		if err != nil {
			return nil, err
		}
		f.engine = e
	}
	p, err := f.read(model.Secret{})
	if errors.Is(err, store.ErrSealed) && f.Ask != nil {
		passphrase, err := f.Ask()
		if err != nil {
			return nil, err
		}
		return f.read(passphrase)
	}
	return p, err
}

func (f *Finder) read(passphrase model.Secret) (*peer.Peer, error) {
	p := &peer.Peer{}
	err := store.Peek(f.engine, store.Options{KeyFile: f.KeyFile, Passphrase: passphrase}, func(r model.Reader) error {
		var now Ownership
		cell := replicaCell(ownerCell)
		if err := r.Get(cell); err != nil {
			return err
		}
		if err := json.Unmarshal(cell.Data, &now); err != nil {
			return err
		}
		if p.Holder, p.Version, p.Address = now.Holder, now.Version, now.Address; p.Address == "" {
			return nil
		}
		var err error
		if p.HostKey, _, _, _, err = gossh.ParseAuthorizedKey([]byte(now.HostKey)); err != nil {
			return err
		}
		if f.key == nil {
			if f.key, err = readReplicaKey(r); err != nil {
				return err
			}
		}
		p.Key = f.key
		return nil
	})
	if errors.Is(err, model.ErrNotFound) {
		return &peer.Peer{}, nil
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Close closes the connection to the database.
func (f *Finder) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.engine == nil {
		return nil
	}
	return f.engine.Close()
}

func readReplicaKey(r model.Reader) (gossh.Signer, error) {
	cell := replicaCell(keyCell)
	if err := r.Get(cell); err != nil {
		return nil, err
	}
	return gossh.ParsePrivateKey(cell.Secret.Reveal())
}

// ReplicaKey returns the key with which the other machines that share the store log in,
// which is made at the first start. It is nil while the store is sealed.
func (a *App) ReplicaKey() gossh.PublicKey {
	if k := a.replicaKey.Load(); k != nil {
		return (*k).PublicKey()
	}
	return nil
}

// openReplicaKey reads the key of the replicas, or makes it.
func (a *App) openReplicaKey(ctx context.Context) error {
	var key gossh.Signer
	err := a.Store.Update(ctx, func(tx model.Tx) (err error) {
		key, err = readReplicaKey(tx)
		if errors.Is(err, model.ErrNotFound) {
			var text []byte
			if text, err = sshd.NewKeyText(); err != nil {
				return err
			}
			cell := replicaCell(keyCell)
			cell.Secret = model.NewSecret(text)
			if err := tx.Put(cell); err != nil {
				return err
			}
			key, err = gossh.ParsePrivateKey(text)
		}
		return err
	})
	if err == nil {
		a.replicaKey.Store(&key)
	}
	return err
}

// HostKey returns the host key of this machine from a file. In a store that several
// machines share, a machine without one gets that of the first.
func (a *App) HostKey(ctx context.Context, file string) (gossh.Signer, error) {
	if _, sealed := a.Protection(); a.shared == nil || sealed {
		return sshd.LoadHostKey(file)
	}
	cell := replicaCell(hostKeyCell)
	err := a.Store.View(func(r model.Reader) error { return r.Get(cell) })
	switch {
	case err == nil:
		if err := sshd.KeepHostKey(file, cell.Secret.Reveal()); err != nil {
			return nil, err
		}
		return sshd.LoadHostKey(file)
	case !errors.Is(err, model.ErrNotFound):
		return nil, err
	}
	key, err := sshd.LoadHostKey(file)
	if err != nil || a.ReadOnly {
		return key, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	cell.Secret = model.NewSecret(text)
	return key, a.Store.Update(ctx, func(tx model.Tx) error { return tx.Put(cell) })
}

// Team is who owns a store that several machines share, and who stands by.
type Team struct {
	Holder   string // as it calls itself; see [Holder]
	Since    time.Time
	Address  string    // where replicas attach; "" if they cannot
	Away     time.Time // since when the database does not answer; zero while it does
	Standbys []sshd.Standby
}

// Team returns who owns the store: this process. It reads no store, so that it can be called
// for every frame.
func (a *App) Team() Team {
	t := Team{Holder: Holder(), Since: a.since, Standbys: a.Sessions.Standbys()}
	if at := a.address.Load(); at != nil {
		t.Address = *at
	}
	if since := a.away.Load(); since != nil {
		t.Away = *since
	} else if away := new(engine.AwayError); errors.As(a.databaseAway(), &away) {
		t.Away = away.Since
	}
	return t
}

// databaseAway returns an [engine.AwayError] while the database does not answer.
func (a *App) databaseAway() error {
	if e, ok := a.shared.(interface{ Away() error }); ok {
		return e.Away()
	}
	return nil
}

// Shared reports whether several machines can share the store.
func (a *App) Shared() bool { return a.shared != nil }

// Publish tells the machines that share the store that this one owns it, and where they
// reach it; address is "" if they do not. Then replicas are let in. While the store is
// sealed it waits.
func (a *App) Publish(ctx context.Context, address string, hostKey gossh.PublicKey) {
	a.whenUnsealed(func() {
		err := a.openReplicaKey(ctx)
		if err == nil {
			err = a.publish(ctx, address, hostKey)
		}
		if err != nil && ctx.Err() == nil {
			a.Log.Error("other machines are not told who owns the store", "error", err)
		}
	})
}

func (a *App) publish(ctx context.Context, address string, hostKey gossh.PublicKey) error {
	now := Ownership{Holder: Holder(), Since: a.since, Version: a.Version, Address: address}
	if hostKey != nil {
		now.HostKey = string(gossh.MarshalAuthorizedKey(hostKey))
	}
	data, err := json.Marshal(now)
	if err != nil {
		return err
	}
	cell := replicaCell(ownerCell)
	cell.Data = data
	a.address.Store(&address)
	return a.Store.Update(ctx, func(tx model.Tx) error { return tx.Put(cell) })
}

// whenUnsealed calls fn, once the store is unsealed.
func (a *App) whenUnsealed(fn func()) {
	a.waitMu.Lock()
	if _, sealed := a.Protection(); sealed {
		a.waiting = append(a.waiting, fn)
		a.waitMu.Unlock()
		return
	}
	a.waitMu.Unlock()
	fn()
}

// callWaiting calls what waited for the store to be unsealed.
func (a *App) callWaiting() {
	a.waitMu.Lock()
	all := a.waiting
	a.waiting = nil
	a.waitMu.Unlock()
	for _, fn := range all {
		fn()
	}
}

// Check reports why this owner cannot be reached at an address that it has published; nil
// if it can.
func (a *App) Check(ctx context.Context, address string, hostKey gossh.PublicKey) error {
	key := a.replicaKey.Load()
	if key == nil {
		return nil
	}
	return (&peer.Peer{Holder: Holder(), Version: a.Version, Address: address, HostKey: hostKey, Key: *key}).Check(ctx)
}

// announce tells the owner on another machine that this process stands by, until ctx ends.
func (a *App) announce(ctx context.Context, f *Finder) {
	var told model.Text
	for ctx.Err() == nil {
		p, err := f.Find(ctx)
		if err == nil && p.Address != "" {
			err = p.StandBy(ctx, Holder())
		}
		if now := model.TextOf(err); err != nil && ctx.Err() == nil && now != told {
			told = now
			a.Log.Warn("the owner is not told that this process stands by", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}
