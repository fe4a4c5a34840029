package etcdtest

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"certquay/store/engine/etcd/wire"
)

// Written is one batch in the history of a database.
type Written struct {
	Revision int64
	Batch    string // its id
	Owner    int64  // the epoch of who owned the database then; 0 for nobody
}

// History returns the batches that were ever written to a database, in order. Nothing may
// have been compacted.
func (c *Cluster) History(t testing.TB, url string) (all []Written) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	prefix := url[strings.LastIndex(url, "/")+1:] + "/"
	client := wire.New(wire.Config{Hosts: c.Hosts})
	defer client.Close()
	last := ""
	for r, newest := int64(2), c.Revision(t); r <= newest; r++ { // a cluster begins with 1
		done, err := client.Txn(ctx, wire.Txn{Then: []wire.Op{
			wire.Range{Key: prefix + "owner", Revision: r}, wire.Range{Key: prefix + "batch", Revision: r},
		}})
		if err != nil {
			t.Fatal(err)
		}
		owner, batch := done.Found[0].Pairs, done.Found[1].Pairs
		if len(batch) == 0 || string(batch[0].Value) == last {
			continue
		}
		last = string(batch[0].Value)
		w := Written{Revision: r, Batch: last}
		if len(owner) > 0 {
			w.Owner = owner[0].CreateRevision
		}
		all = append(all, w)
	}
	return all
}

// Leader returns which node leads the cluster, or -1 while none does.
func (c *Cluster) Leader(t testing.TB) int {
	t.Helper()
	for n, host := range c.Hosts {
		client := wire.New(wire.Config{Hosts: []string{host}})
		answer, err := client.Call(context.WithoutCancel(t.Context()), "Maintenance/Status", nil)
		client.Close()
		if err != nil {
			continue
		}
		header, _ := field(answer, 1)
		_, member := field(header, 2)
		if _, leader := field(answer, 4); leader != 0 && leader == member {
			return n
		}
	}
	return -1
}

// field returns the last field of a number in a protocol buffer: its bytes, or its number.
func field(m []byte, wanted protowire.Number) (b []byte, n uint64) {
	for len(m) > 0 {
		number, kind, size := protowire.ConsumeTag(m)
		if size < 0 {
			break
		}
		value := m[size:]
		whole := protowire.ConsumeFieldValue(number, kind, value)
		if whole < 0 {
			break
		}
		if number == wanted {
			switch kind {
			case protowire.BytesType:
				b, _ = protowire.ConsumeBytes(value)
			case protowire.VarintType:
				n, _ = protowire.ConsumeVarint(value)
			}
		}
		m = value[whole:]
	}
	return b, n
}
