package cmd_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/jackc/pgx/v5"

	"certquay/store"
	"certquay/store/engine"
	"certquay/store/engine/builtin"
	"certquay/store/engine/etcd/etcdtest"
	"certquay/store/engine/etcd/wire"
	"certquay/store/engine/postgres/pgtest"
)

// place is a store in one kind of database, with the machine that works on it.
type place struct {
	kind   string
	person *person
	setup  builtin.Setup
	of     builtin.Kind
	bare   bare
	size   func(b *testing.B) int64 // of the database on the disk, in bytes
	// mirrored means that the bare database is another one, which is to be written all
	// that the store is. Else it is the same one, below keys of its own.
	mirrored bool
}

// bare is a database without certquay, through its usual client.
type bare interface {
	// write makes all writes in one transaction, durably.
	write(b *testing.B, writes []engine.Write)
	// page reads a range and returns the number of its pairs.
	page(b *testing.B, r engine.Range) int
}

// apart begins the keys of a bare database that is shared with a store.
const apart = "~bare/"

func newPlace(b *testing.B, kind string) *place {
	b.Helper()
	switch kind {
	case "postgres":
		server := pgtest.Start(b, "-c", "fsync=on")
		database := server.Database(b)
		return &place{kind: kind, person: newMachine(b, database, nil).person, of: builtin.Postgres,
			setup: builtin.Setup{URL: database, Create: true}, bare: newBarePostgres(b, database),
			size: func(b *testing.B) int64 { return postgresSize(b, database) }}
	case "etcd":
		cluster := etcdtest.Start(b, "--max-txn-ops=8192", "--max-request-bytes=4194304", "--quota-backend-bytes=8589934592")
		database := cluster.Database() + "?max-request-bytes=4194304"
		client := wire.New(wire.Config{Hosts: cluster.Hosts})
		b.Cleanup(client.Close)
		path := strings.TrimSuffix(database[strings.LastIndex(database, "/")+1:], "?max-request-bytes=4194304")
		return &place{kind: kind, person: newMachine(b, database, nil).person, of: builtin.Etcd,
			setup: builtin.Setup{URL: database, Create: true}, bare: bareEtcd{client, path + "/k/"},
			size: func(b *testing.B) int64 { return cluster.Size(b) }}
	}
	p := newPerson(b)
	db := filepath.Join(p.data, "db")
	return &place{kind: kind, person: p, of: builtin.Badger, setup: builtin.Setup{Dir: db}, mirrored: true,
		bare: newBareBadger(b), size: func(b *testing.B) int64 { return diskUse(b, db) }}
}

// keyFile is where the program looks for the master key.
func (p *place) keyFile() string {
	return filepath.Join(p.person.home, ".config", "certquay", "master.key")
}

// work opens the store, which is made the first time.
func (p *place) work(b *testing.B) *working {
	b.Helper()
	if err := os.MkdirAll(filepath.Dir(p.keyFile()), 0o700); err != nil {
		b.Fatal(err)
	}
	if p.setup.Dir != "" { // what is beside the database is made and looked at by Open
		s, err := store.Open(p.person.data, store.Options{KeyFile: p.keyFile()})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	e, err := p.of.Open(p.setup)
	if err != nil {
		b.Fatal(err)
	}
	return newWorking(b, e, p.keyFile())
}

// bareBadger is Badger with its defaults, but for what makes a commit durable, and without
// looking for conflicts, of which a single writer has none.
type bareBadger struct{ db *badger.DB }

func newBareBadger(b *testing.B) bareBadger {
	b.Helper()
	db, err := badger.Open(badger.DefaultOptions(b.TempDir()).WithSyncWrites(true).WithDetectConflicts(false).WithLogger(nil))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	return bareBadger{db}
}

func (d bareBadger) write(b *testing.B, writes []engine.Write) {
	b.Helper()
	if err := d.db.Update(func(txn *badger.Txn) error {
		for _, w := range writes {
			var err error
			if w.Delete {
				err = txn.Delete([]byte(w.Key))
			} else {
				err = txn.Set([]byte(w.Key), w.Value)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
}

func (d bareBadger) page(b *testing.B, r engine.Range) (n int) {
	b.Helper()
	if err := d.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{PrefetchValues: true, PrefetchSize: r.Limit})
		defer it.Close()
		for it.Seek([]byte(r.From)); it.Valid() && n < r.Limit && string(it.Item().Key()) < r.To; it.Next() {
			if _, err := it.Item().ValueCopy(nil); err != nil {
				return err
			}
			n++
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	return n
}

// barePostgres is a connection to the database of a store.
type barePostgres struct{ c *pgx.Conn }

func newBarePostgres(b *testing.B, at string) barePostgres {
	b.Helper()
	c, err := pgx.Connect(b.Context(), at)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close(context.Background()) })
	return barePostgres{c}
}

const bareSQL = `
with put as (
	insert into certquay select * from unnest($1::bytea[], $2::bytea[]) on conflict (key) do update set value = excluded.value)
delete from certquay where key = any($3::bytea[])`

func (d barePostgres) write(b *testing.B, writes []engine.Write) {
	b.Helper()
	keys, values, deleted := [][]byte{}, [][]byte{}, [][]byte{}
	for _, w := range writes {
		key := []byte(apart + w.Key)
		if w.Delete {
			deleted = append(deleted, key)
			continue
		}
		keys, values = append(keys, key), append(values, append([]byte{}, w.Value...))
	}
	if _, err := d.c.Exec(context.Background(), bareSQL, keys, values, deleted); err != nil {
		b.Fatal(err)
	}
}

func (d barePostgres) page(b *testing.B, r engine.Range) (n int) {
	b.Helper()
	rows, err := d.c.Query(context.Background(),
		`select key, value from certquay where key >= $1 and key < $2 order by key limit $3`, []byte(r.From), []byte(r.To), r.Limit)
	if err != nil {
		b.Fatal(err)
	}
	var key, value []byte
	if _, err := pgx.ForEachRow(rows, []any{&key, &value}, func() error { n++; return nil }); err != nil {
		b.Fatal(err)
	}
	return n
}

// postgresSize returns the size of the tables with their indexes, without what was deleted.
func postgresSize(b *testing.B, at string) (size int64) {
	b.Helper()
	d := newBarePostgres(b, at)
	ctx := context.Background()
	if _, err := d.c.Exec(ctx, "vacuum full certquay"); err != nil {
		b.Fatal(err)
	}
	if err := d.c.QueryRow(ctx, "select pg_total_relation_size('certquay')").Scan(&size); err != nil {
		b.Fatal(err)
	}
	return size
}

// bareEtcd is a client of a cluster, which writes below the prefix of a store.
type bareEtcd struct {
	c      *wire.Client
	prefix string
}

func (d bareEtcd) write(b *testing.B, writes []engine.Write) {
	b.Helper()
	var txn wire.Txn
	for _, w := range writes {
		if key := apart + d.prefix + w.Key; w.Delete {
			txn.Then = append(txn.Then, wire.Delete{Key: key})
		} else {
			txn.Then = append(txn.Then, wire.Put{Key: key, Value: w.Value})
		}
	}
	if _, err := d.c.Txn(context.Background(), txn); err != nil {
		b.Fatal(err)
	}
}

func (d bareEtcd) page(b *testing.B, r engine.Range) int {
	b.Helper()
	found, err := d.c.Range(context.Background(), wire.Range{Key: d.prefix + r.From, End: d.prefix + r.To, Limit: r.Limit})
	if err != nil {
		b.Fatal(err)
	}
	return len(found.Pairs)
}

// diskUse returns how much of the disk the files of a directory take, in bytes.
func diskUse(b *testing.B, dir string) (sum int64) {
	b.Helper()
	if err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	}); err != nil {
		b.Fatal(err)
	}
	return sum
}
