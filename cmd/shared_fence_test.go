package cmd_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"certquay/cmd/waittest"
	"certquay/store/engine/etcd/etcdtest"
	"certquay/store/engine/postgres/pgtest"
)

// way is how one machine reaches the nodes of a database, which can be cut.
type way struct {
	mu      sync.Mutex
	broken  bool          // connections break at once
	healed  chan struct{} // while nothing arrives; otherwise nil
	waiting bool          // for a batch, before which nothing arrives any more
	open    map[net.Conn]bool
}

// line leads one way to a node, and returns where the machine reaches it. It hears what the
// machine sends, if that is wanted.
func (w *way) line(t *testing.T, network, at, to string, hear func([]byte)) (address string) {
	t.Helper()
	listener, err := net.Listen(network, at)
	if err != nil {
		t.Fatal(err)
	}
	go w.serve(listener, network, to, hear)
	t.Cleanup(func() {
		_ = listener.Close()
		w.cut()
	})
	return listener.Addr().String()
}

func (w *way) serve(listener net.Listener, network, at string, hear func([]byte)) {
	for {
		from, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			w.wait(0)
			to, err := net.Dial(network, at)
			if err != nil {
				_ = from.Close()
				return
			}
			w.mu.Lock()
			w.open[from], w.open[to] = true, true
			if w.broken {
				w.sever()
			}
			w.mu.Unlock()
			go w.pass(from, to, nil)
			w.pass(to, from, func(sent []byte, size int) {
				w.wait(size)
				if hear != nil {
					hear(sent)
				}
			})
		}()
	}
}

// pass passes on what one side sends, until it ends. What was sent while nothing arrives
// arrives later, as in a network, even when the sender has given up. It tells what is sent,
// with the end of what was before, and its size.
func (w *way) pass(to, from net.Conn, tell func(sent []byte, size int)) {
	buffer, sent := make([]byte, 64<<10), []byte(nil)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			break
		}
		if tell != nil {
			sent = append(slices.Clone(sent[max(0, len(sent)-64):]), buffer[:n]...)
			tell(sent, n)
		}
		w.wait(0)
		if _, err := to.Write(buffer[:n]); err != nil {
			break
		}
	}
	w.wait(0)
	_ = errors.Join(to.Close(), from.Close())
	w.mu.Lock()
	delete(w.open, to)
	delete(w.open, from)
	w.mu.Unlock()
}

// batchSize is more than the machine sends at once if it does not write a batch.
const batchSize = 1000

// wait waits while nothing arrives, with something of a size to be sent.
func (w *way) wait(size int) {
	w.mu.Lock()
	if w.waiting && size >= batchSize {
		w.waiting, w.healed = false, make(chan struct{})
	}
	healed := w.healed
	w.mu.Unlock()
	if healed != nil {
		<-healed
	}
}

// cut breaks all connections, and new ones, until heal is called.
func (w *way) cut() {
	w.heal()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = true
	w.sever()
}

// silence waits until the machine writes a batch. Then nothing arrives until heal is called,
// and afterwards that batch does.
func (w *way) silence(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	w.waiting = true
	w.mu.Unlock()
	eventually(t, "a batch", func() bool {
		waittest.Pause(time.Millisecond)
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.healed != nil
	})
}

func (w *way) sever() {
	for c := range w.open {
		_ = c.Close()
	}
	clear(w.open)
}

func (w *way) heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken, w.waiting = false, false
	if w.healed != nil {
		close(w.healed)
		w.healed = nil
	}
}

// database is one that several machines share, in the kill laboratory.
type database interface {
	// way returns the address of the database for one machine, and the way there.
	way(t *testing.T, machine int) (url string, w *way)
	// record begins to record who writes, once there is a store.
	record(t *testing.T)
	// strike kills a node and starts it again. While it is away it calls then. It says which.
	strike(t *testing.T, then func()) string
	// fenced fails the test if somebody wrote who did not own the database, and returns how
	// many writes were looked at.
	fenced(t *testing.T) int
}

// labPostgres records in the database itself who writes.
type labPostgres struct {
	server *pgtest.Server
	url    string
}

// recordSQL records who takes the lease and who writes, by the names of the connections.
const recordSQL = `
create schema lab;
create table lab.log (n bigserial primary key, writer text not null default current_setting('application_name'),
	epoch bigint not null, taken boolean not null);
create function lab.owned() returns trigger language plpgsql as $$ begin
	if new.epoch <> old.epoch or new.batch <> old.batch then
		insert into lab.log (epoch, taken) values (new.epoch, new.epoch <> old.epoch);
	end if;
	return null;
end $$;
create function lab.written() returns trigger language plpgsql as $$ begin
	insert into lab.log (epoch, taken) select epoch, false from public.certquay_owner;
	return null;
end $$;
create trigger lab after update on certquay_owner for each row execute function lab.owned();
create trigger lab after insert or update or delete on certquay for each row execute function lab.written();`

func newLabPostgres(t *testing.T) *labPostgres {
	server := pgtest.Start(t)
	return &labPostgres{server: server, url: server.Database(t)}
}

func (d *labPostgres) record(t *testing.T) { d.server.Exec(t, d.url, recordSQL) }

func (d *labPostgres) way(t *testing.T, machine int) (string, *way) {
	dir, err := os.MkdirTemp("", "certquay-line-") // short, since it holds a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	name := fmt.Sprintf(".s.PGSQL.%d", d.server.Port)
	w := &way{open: map[net.Conn]bool{}}
	w.line(t, "unix", filepath.Join(dir, name), filepath.Join(d.server.Dir, name), nil)
	return fmt.Sprintf("postgres://%s@/db1?host=%s&port=%d&application_name=m%d", pgtest.Superuser, dir, d.server.Port, machine), w
}

func (d *labPostgres) strike(t *testing.T, then func()) string {
	d.server.Kill(t)
	then()
	d.server.Run(t)
	return "the server"
}

func (d *labPostgres) fenced(t *testing.T) int {
	t.Helper()
	for _, bad := range d.server.Texts(t, d.url, `
select format('%s wrote in epoch %s, which is that of %s', w.writer, w.epoch, coalesce(a.writer, 'nobody'))
from lab.log w left join lab.log a on a.epoch = w.epoch and a.taken where a.writer is distinct from w.writer
union all
select distinct format('nobody knows who %s is', writer) from lab.log where writer !~ '^m[0-9]$'
union all
select format('epoch %s was taken %s times', epoch, count(*)) from lab.log where taken group by epoch having count(*) > 1`) {
		t.Errorf("the fence has a hole: %s", bad)
	}
	return len(d.server.Texts(t, d.url, `select n::text from lab.log`))
}

// labEtcd hears which machine sends which batch, and looks up afterwards in the history
// of the cluster who owned the database when it was written.
type labEtcd struct {
	cluster *etcdtest.Cluster
	url     string
	strikes int
	mu      sync.Mutex
	from    map[string]map[int]bool // the machines that have sent a batch
}

var sentBatch = regexp.MustCompile(`batch\x12\x1a([A-Z2-7]{26})`)

func newLabEtcd(t *testing.T) *labEtcd {
	c := etcdtest.Start(t, "--max-txn-ops=8192")
	return &labEtcd{cluster: c, url: c.Database(), from: map[string]map[int]bool{}}
}

// record does nothing: the cluster keeps its history.
func (d *labEtcd) record(*testing.T) {}

func (d *labEtcd) way(t *testing.T, machine int) (url string, w *way) {
	url, w = d.url, &way{open: map[net.Conn]bool{}}
	for _, host := range d.cluster.Hosts {
		at := w.line(t, "tcp", "127.0.0.1:0", host, func(sent []byte) {
			if !bytes.Contains(sent, []byte("batch")) {
				return
			}
			d.mu.Lock()
			defer d.mu.Unlock()
			for _, m := range sentBatch.FindAllSubmatch(sent, -1) {
				id := string(m[1])
				if d.from[id] == nil {
					d.from[id] = map[int]bool{}
				}
				d.from[id][machine] = true
			}
		})
		url = strings.Replace(url, host, at, 1)
	}
	return url, w
}

// strike kills the leader every other time.
func (d *labEtcd) strike(t *testing.T, then func()) string {
	n, leader := d.strikes%len(d.cluster.Hosts), d.cluster.Leader(t)
	d.strikes++
	if d.strikes%2 == 1 && leader >= 0 {
		n = leader
	}
	d.cluster.Kill(t, n)
	then()
	d.cluster.Run(t, n)
	eventually(t, "the node is back", func() bool { return d.cluster.Ready(t, n) })
	if n == leader {
		return "the leader"
	}
	return "a follower"
}

func (d *labEtcd) fenced(t *testing.T) int {
	t.Helper()
	history := d.cluster.History(t, d.url)
	d.mu.Lock()
	defer d.mu.Unlock()
	owners, unheard := map[int64]int{}, 0
	for _, w := range history {
		senders := d.from[w.Batch]
		if w.Owner == 0 {
			t.Errorf("the fence has a hole: %v wrote in revision %d, when nobody owned the database", senders, w.Revision)
			continue
		}
		if len(senders) != 1 { // none if a frame ended in the middle of the id
			unheard++
			continue
		}
		for m := range senders {
			if owner, known := owners[w.Owner]; known && owner != m {
				t.Errorf("the fence has a hole: m%d wrote in revision %d, which is of the epoch of m%d", m, w.Revision, owner)
			}
			owners[w.Owner] = m
		}
	}
	if unheard*20 > len(history) {
		t.Errorf("of %d of %d batches nobody knows who sent them", unheard, len(history))
	}
	return len(history) - unheard
}
