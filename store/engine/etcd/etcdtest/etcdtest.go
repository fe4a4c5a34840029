// Package etcdtest starts clusters of etcd for tests.
package etcdtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"certquay/store/engine/etcd/wire"
)

// Cluster is a running cluster of three nodes, or one.
type Cluster struct {
	Hosts []string // of the nodes
	dir   string
	nodes []*node
	named atomic.Int32 // number of databases
}

type node struct {
	args    []string
	process *exec.Cmd
	log     bytes.Buffer
}

// Start starts a cluster of three nodes, which ends with the test, with further arguments.
// Without etcd the test is skipped, or fails where CI=true.
func Start(t testing.TB, args ...string) *Cluster { return start(t, 3, args) }

// StartOne starts a cluster of one node.
func StartOne(t testing.TB, args ...string) *Cluster { return start(t, 1, args) }

func start(t testing.TB, size int, args []string) *Cluster {
	t.Helper()
	program, err := exec.LookPath("etcd")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("etcd is missing: apt-get install etcd-server")
		}
		t.Skip("etcd is missing: apt-get install etcd-server")
	}
	dir, ports := t.TempDir(), freePorts(t, 2*size)
	var peers []string
	for n := range size {
		peers = append(peers, fmt.Sprintf("n%d=http://127.0.0.1:%d", n, ports[size+n]))
	}
	scheme := "http"
	for _, arg := range args {
		if strings.HasPrefix(arg, "--cert-file") {
			scheme = "https"
		}
	}
	c := &Cluster{dir: dir}
	for n := range size {
		at, peer := fmt.Sprintf("127.0.0.1:%d", ports[n]), fmt.Sprintf("http://127.0.0.1:%d", ports[size+n])
		c.Hosts = append(c.Hosts, at)
		c.nodes = append(c.nodes, &node{args: append([]string{program, "--name", fmt.Sprint("n", n),
			"--data-dir", filepath.Join(dir, fmt.Sprint(n)), "--initial-cluster", strings.Join(peers, ","),
			"--listen-client-urls", scheme + "://" + at, "--advertise-client-urls", scheme + "://" + at,
			"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer}, args...)})
	}
	t.Cleanup(func() {
		for n := range c.nodes {
			c.Kill(t, n)
		}
	})
	for n := range c.nodes {
		c.run(t, n)
	}
	c.wait(t, scheme)
	return c
}

func freePorts(t testing.TB, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// wait waits until the cluster answers; one with TLS only until it listens.
func (c *Cluster) wait(t testing.TB, scheme string) {
	t.Helper()
	for until := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		err := c.ready(t.Context(), scheme)
		if err == nil {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("the cluster does not answer: %v\n%s", err, c.nodes[0].log.String())
		}
	}
}

func (c *Cluster) ready(ctx context.Context, scheme string) error {
	for _, host := range c.Hosts {
		var err error
		if scheme == "https" {
			var l net.Conn
			if l, err = net.Dial("tcp", host); err == nil {
				err = l.Close()
			}
		} else {
			err = c.do(ctx, host, wire.Txn{Then: []wire.Op{wire.Range{Key: "k"}}})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) do(ctx context.Context, host string, txn wire.Txn) error {
	client := wire.New(wire.Config{Hosts: []string{host}})
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := client.Txn(ctx, txn)
	return err
}

func (c *Cluster) run(t testing.TB, n int) {
	t.Helper()
	node := c.nodes[n]
	node.process = exec.Command(node.args[0], node.args[1:]...)
	node.process.Env = []string{"PATH=/usr/bin:/bin"}
	node.process.Stdout, node.process.Stderr = &node.log, &node.log
	if err := node.process.Start(); err != nil {
		t.Fatal(err)
	}
}

// Kill ends a node as a crash would.
func (c *Cluster) Kill(t testing.TB, n int) {
	t.Helper()
	if node := c.nodes[n]; node.process != nil {
		_ = node.process.Process.Signal(syscall.SIGKILL) // it may have ended
		_ = node.process.Wait()                          // the exit code tells the signal
		node.process = nil
	}
}

// Run starts a node again after it was killed.
func (c *Cluster) Run(t testing.TB, n int) { c.run(t, n) }

// Ready reports whether a node answers.
func (c *Cluster) Ready(t testing.TB, n int) bool {
	return c.do(t.Context(), c.Hosts[n], wire.Txn{Then: []wire.Op{wire.Range{Key: "k"}}}) == nil
}

// Pause stops a node, whose connections stay, and returns a function that wakes it.
func (c *Cluster) Pause(t testing.TB, n int) (wake func()) {
	t.Helper()
	process := c.nodes[n].process.Process
	if err := process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	return func() { _ = process.Signal(syscall.SIGCONT) }
}

// Database returns the URL of a database that does not exist yet.
func (c *Cluster) Database() string {
	return fmt.Sprintf("etcd://%s/db%d", strings.Join(c.Hosts, ","), c.named.Add(1))
}

// Do applies a transaction below the prefix of a database, from outside: set has keys with
// their values, and what is deleted has none.
func (c *Cluster) Do(t testing.TB, url string, set map[string]string) {
	t.Helper()
	prefix := url[strings.LastIndex(url, "/")+1:] + "/"
	var txn wire.Txn
	for key, value := range set {
		txn.Then = append(txn.Then, wire.Put{Key: prefix + key, Value: []byte(value)})
	}
	if err := c.do(context.WithoutCancel(t.Context()), c.Hosts[0], txn); err != nil {
		t.Fatal(err)
	}
}

// EndLease ends the lease of whoever owns a database, as if it had not been renewed.
func (c *Cluster) EndLease(ctx context.Context, url string) error {
	prefix := url[strings.LastIndex(url, "/")+1:] + "/"
	return c.do(ctx, c.Hosts[0], wire.Txn{Then: []wire.Op{wire.Delete{Key: prefix + "owner"}}})
}

// Compact forgets all revisions before the newest one.
func (c *Cluster) Compact(t testing.TB) {
	t.Helper()
	c.Call(t, "KV/Compact", uint64(c.Revision(t)))
}

// Revision returns the revision of the cluster, which each write makes a new one.
func (c *Cluster) Revision(t testing.TB) int64 {
	t.Helper()
	client := wire.New(wire.Config{Hosts: c.Hosts})
	defer client.Close()
	found, err := client.Range(context.WithoutCancel(t.Context()), wire.Range{Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	return found.Revision
}

// Call calls a method of the first node, with numbers, texts and messages as the first
// fields.
func (c *Cluster) Call(t testing.TB, method string, fields ...any) {
	t.Helper()
	client := wire.New(wire.Config{Hosts: c.Hosts[:1]})
	defer client.Close()
	if _, err := client.Call(context.WithoutCancel(t.Context()), method, Message(fields...)); err != nil {
		t.Fatalf("%s: %v", method, err)
	}
}

// Size returns the size of the database of the first node, in bytes, without what was
// overwritten and deleted.
func (c *Cluster) Size(t testing.TB) int64 {
	t.Helper()
	c.Call(t, "KV/Compact", uint64(c.Revision(t)), uint64(1)) // and waits until it is done
	c.Call(t, "Maintenance/Defragment")
	info, err := os.Stat(filepath.Join(c.dir, "0", "member", "snap", "db"))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// Message encodes a protocol buffer.
func Message(fields ...any) (m []byte) {
	for n, field := range fields {
		number := protowire.Number(n + 1)
		switch v := field.(type) {
		case uint64:
			m = protowire.AppendVarint(protowire.AppendTag(m, number, protowire.VarintType), v)
		case string:
			m = protowire.AppendString(protowire.AppendTag(m, number, protowire.BytesType), v)
		case []byte:
			m = protowire.AppendBytes(protowire.AppendTag(m, number, protowire.BytesType), v)
		}
	}
	return m
}
