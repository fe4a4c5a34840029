// Package embedtest has the engine work with the newest etcd, in the process of the test,
// and compares what it says with what etcd's own client says.
package embedtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"certquay/store"
	"certquay/store/engine"
	"certquay/store/engine/enginetest"
	"certquay/store/engine/etcd"
	"certquay/store/storetest"
)

// start starts a cluster of three nodes, which end with the test, and returns their hosts.
func start(t *testing.T) []string {
	t.Helper()
	const size = 3
	var hosts, members []string
	var clients, peers []url.URL
	for n := range size {
		clients, peers = append(clients, free(t)), append(peers, free(t))
		hosts = append(hosts, clients[n].Host)
		members = append(members, fmt.Sprintf("n%d=%s", n, peers[n].String()))
	}
	dir := t.TempDir()
	var nodes []*embed.Etcd
	for n := range size {
		c := embed.NewConfig()
		c.Name, c.Dir, c.InitialCluster = fmt.Sprint("n", n), filepath.Join(dir, fmt.Sprint(n)), strings.Join(members, ",")
		c.ListenClientUrls, c.AdvertiseClientUrls = clients[n:n+1], clients[n:n+1]
		c.ListenPeerUrls, c.AdvertisePeerUrls = peers[n:n+1], peers[n:n+1]
		c.MaxTxnOps, c.UnsafeNoFsync = 8192, true
		c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
		e, err := embed.StartEtcd(c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(e.Close)
		nodes = append(nodes, e)
	}
	for _, e := range nodes {
		select {
		case <-e.Server.ReadyNotify():
		case <-time.After(time.Minute):
			t.Fatal("a node does not start")
		}
	}
	return hosts
}

// free returns a URL at which nobody listens.
func free(t *testing.T) url.URL {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return url.URL{Scheme: "http", Host: l.Addr().String()}
}

func client(t *testing.T, hosts []string) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: hosts, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// databases returns a function that returns the URL of another database each time.
func databases(hosts []string) func() string {
	n := 0
	return func() string {
		n++
		return fmt.Sprintf("etcd://%s/db%d", strings.Join(hosts, ","), n)
	}
}

func TestEngineContract(t *testing.T) {
	hosts := start(t)
	c, next := client(t, hosts), databases(hosts)
	enginetest.Run(t, func(t *testing.T) enginetest.Database {
		url := next()
		return enginetest.Database{
			Open: func() (engine.Engine, error) {
				e, err := etcd.Open(t.Context(), etcd.Options{URL: url, Create: true})
				if err != nil {
					return nil, err
				}
				return e, nil
			},
			EndLease: func() error { return endLease(c, url[strings.LastIndex(url, "/")+1:]) },
		}
	})
}

// endLease revokes the lease of the owner of a database.
func endLease(c *clientv3.Client, prefix string) error {
	owner, err := c.Get(context.Background(), prefix+"/owner")
	if err != nil {
		return err
	}
	_, err = c.Revoke(context.Background(), clientv3.LeaseID(owner.Kvs[0].Lease))
	return err
}

// shared is the URL of a store, of which each opening is the owner.
type shared string

// Open opens the store.
func (d shared) Open(o store.Options) (*store.Store, error) {
	e, err := d.Engine()
	if err != nil {
		return nil, err
	}
	s, err := store.With(e, o)
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return s, nil
}

// Engine opens the database.
func (d shared) Engine() (engine.Engine, error) {
	e, err := etcd.Open(context.Background(), etcd.Options{URL: string(d), Create: true})
	if err != nil {
		return nil, err
	}
	if _, err := e.Acquire(context.Background(), "test"); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func TestStoreContract(t *testing.T) {
	next := databases(start(t))
	storetest.Run(t, func(*testing.T) storetest.Backend { return shared(next()) })
}

// What the engine writes is there for etcd's own client, and the other way round.
func TestTheClientOfEtcdSaysTheSame(t *testing.T) {
	hosts := start(t)
	c := client(t, hosts)
	e, err := shared(databases(hosts)()).Engine()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	var b engine.Batch
	values := map[string]string{"a": "1", "b\x00\xff": "", "c": strings.Repeat("v", 1<<20)}
	for key, value := range values {
		b.Put(key, []byte(value))
	}
	if err := e.Apply(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	found, err := c.Get(t.Context(), "db1/k/", clientv3.WithPrefix())
	if err != nil || len(found.Kvs) != len(values) {
		t.Fatalf("%d keys, %v", len(found.Kvs), err)
	}
	for _, kv := range found.Kvs {
		if value := values[strings.TrimPrefix(string(kv.Key), "db1/k/")]; value != string(kv.Value) {
			t.Errorf("%q: %d bytes, and not %d", kv.Key, len(kv.Value), len(value))
		}
	}
	owner, err := c.Get(t.Context(), "db1/owner")
	if err != nil || len(owner.Kvs) != 1 || owner.Kvs[0].Lease == 0 {
		t.Fatalf("the owner: %v, %v", owner, err)
	}
	left, err := c.TimeToLive(t.Context(), clientv3.LeaseID(owner.Kvs[0].Lease))
	if err != nil || left.GrantedTTL != 6 {
		t.Errorf("the lease: %+v, %v", left, err)
	}
	if err := endLease(c, "db1"); err != nil {
		t.Fatal(err)
	}
	if err := e.Apply(t.Context(), &b); err == nil {
		t.Error("a deposed owner writes")
	}
}
