package badger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/badger/v4/y"
	"github.com/dgraph-io/ristretto/v2/z"

	"certquay/store/engine"
	"certquay/store/engine/tree"
)

// Reader reads the files of a database without opening it in Badger, and
// changes nothing: Badger cuts off what it cannot read of its logs, ignores
// tables whose index is damaged, and ends the process over others. The Reader
// finds such damage first, and it is what a store reads with where nothing can
// be written. Its Apply always fails with [engine.ErrReadOnly]. It is safe for
// concurrent use.
type Reader struct {
	dir    string
	levels [][]*table.Table // level 0 in any order, the others by key
	recent tree.Map[value]  // what the logs of memtables hold
	tails  []string
	strays int // tables that the manifest does not name
	read   atomic.Uint64

	mu     sync.Mutex // guards closed
	closed bool
}

// value is what a log holds under a key.
type value struct {
	version uint64
	meta    byte
	bytes   []byte
}

var _ engine.Engine = (*Reader)(nil)

// OpenReader opens the database in a directory for reading. Nobody may write
// to it meanwhile. What is damaged is an [*engine.DamagedError], and a file
// that is missing an error that wraps [engine.ErrMissing]. Tables are verified
// whole up to a number of bytes in all; of what is beyond only the index is.
func OpenReader(dir string, verify int64) (r *Reader, err error) {
	r = &Reader{dir: dir}
	defer func() {
		if p := recover(); p != nil { // Badger's answer to some damage
			err = damaged(dir, fmt.Errorf("%v", p), nil)
		}
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	manifest, cut, err := readManifest(filepath.Join(dir, badger.ManifestFilename))
	if err != nil {
		return r, err
	}
	if cut {
		r.tails = append(r.tails, badger.ManifestFilename)
	}
	if err := checkRegistry(filepath.Join(dir, badger.KeyRegistryFileName)); err != nil {
		return r, err
	}
	if err := r.openTables(manifest, verify); err != nil {
		return r, err
	}
	return r, r.openLogs()
}

// checkRegistry looks at the list of encryption keys, which is empty: sixteen
// random bytes, and a text by which Badger knows it.
func checkRegistry(path string) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it is made again
	}
	if err == nil && (len(b) != 28 || string(b[16:]) != "Hello Badger") {
		err = damaged(path, errors.New("it is not the list of no encryption keys that it was"), nil)
	}
	return err
}

// readManifest reads which tables there are. It also says whether there is
// something behind the last whole entry.
func readManifest(path string) (m badger.Manifest, cut bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, false, fmt.Errorf("%w: %s is missing", engine.ErrMissing, path)
	}
	if err != nil {
		return m, false, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() == 0 {
		return m, false, fmt.Errorf("%w: %s is empty", engine.ErrMissing, path)
	}
	m, end, err := badger.ReplayManifestFile(f, 0, badger.DefaultOptions("").WithLogger(nil))
	if err != nil {
		return m, false, damaged(path, err, nil)
	}
	info, err := f.Stat()
	return m, err == nil && info.Size() != end, err
}

func (r *Reader) openTables(m badger.Manifest, verify int64) error {
	for id, tm := range m.Tables {
		path := table.NewFilename(id, r.dir)
		t, err := openTable(path, tm, &verify)
		if err != nil {
			return err
		}
		for len(r.levels) <= int(tm.Level) {
			r.levels = append(r.levels, nil)
		}
		r.levels[tm.Level] = append(r.levels[tm.Level], t)
	}
	names, err := filepath.Glob(filepath.Join(r.dir, "*.sst"))
	if err != nil {
		return err
	}
	for _, name := range names {
		if id, ok := table.ParseFileID(filepath.Base(name)); ok {
			if _, known := m.Tables[id]; !known {
				r.strays++
			}
		}
	}
	for n := 1; n < len(r.levels); n++ {
		slices.SortFunc(r.levels[n], func(a, b *table.Table) int { return y.CompareKeys(a.Smallest(), b.Smallest()) })
	}
	return nil
}

// openTable opens a table after its index was found whole: Badger ends the
// process over one that is cut off.
func openTable(path string, m badger.TableManifest, verify *int64) (t *table.Table, err error) {
	defer func() {
		if p := recover(); p != nil {
			t, err = nil, damaged(path, errors.New("a block of it does not decode"), nil)
		}
	}()
	f, err := z.OpenMmapFile(path, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is missing", engine.ErrMissing, path)
	}
	if err != nil {
		return nil, err
	}
	if err := checkIndex(f.Data); err != nil {
		return nil, damaged(path, err, f.Close(-1))
	}
	if t, err = table.OpenTable(f, table.Options{ReadOnly: true, Compression: m.Compression, BlockSize: 4 << 10}); err != nil {
		return nil, damaged(path, err, nil)
	}
	if *verify -= int64(len(f.Data)); *verify >= 0 {
		if err := t.VerifyChecksum(); err != nil {
			return nil, damaged(path, errors.New("a block of it is not as it was written"), t.Close(-1))
		}
	}
	return t, nil
}

// checkIndex looks whether what a table ends with can be read: the index, its
// length, its checksum, and the length of that.
func checkIndex(b []byte) error {
	for range 2 {
		if len(b) < 4 {
			return errors.New("it is cut off")
		}
		n := int(binary.BigEndian.Uint32(b[len(b)-4:]))
		if b = b[:len(b)-4]; n == 0 || n > len(b) {
			return errors.New("it is cut off, or its end is not as it was written")
		}
		b = b[:len(b)-n]
	}
	return nil
}

// openLogs reads what was written since tables were: the logs of memtables, in
// order.
func (r *Reader) openLogs() error {
	names, err := filepath.Glob(filepath.Join(r.dir, "*.mem"))
	if err != nil {
		return err
	}
	for _, name := range names { // sorted, and the numbers have leading zeros
		l, err := openLog(name)
		if err != nil {
			return err
		}
		end := l.replay(func(e entry) {
			v := value{version: y.ParseTs(e.key), meta: e.meta, bytes: e.value}
			key := string(y.ParseKey(e.key))
			if old, ok := r.recent.Get(key); !ok || old.version <= v.version {
				r.recent = r.recent.Put(key, v)
			}
		})
		if l.cutOff(end) {
			r.tails = append(r.tails, filepath.Base(name))
		}
	}
	return r.lastValues()
}

// lastValues looks at the files of the value log. Of the newest Badger cuts off
// what follows an entry that is not whole.
func (r *Reader) lastValues() error {
	names, err := filepath.Glob(filepath.Join(r.dir, "*.vlog"))
	if err != nil || len(names) == 0 {
		return err
	}
	for n, name := range names {
		l, err := openLog(name)
		if err != nil {
			return err
		}
		if n == len(names)-1 && l.cutOff(l.replay(func(entry) {})) {
			r.tails = append(r.tails, filepath.Base(name))
		}
	}
	return nil
}

// Tails are the names of the files of which Badger would cut off something
// that is not zero: what was being written when the machine lost power, or
// what follows damage.
func (r *Reader) Tails() []string { return r.tails }

// Doubtful says that the manifest may have lost entries: it does not name all
// tables, which Badger would then delete, or ends within an entry. That is so
// after a process was killed while it made or compacted tables, and whether
// anything is missing can only be told by reading everything.
func (r *Reader) Doubtful() bool {
	return r.strays > 0 || slices.Contains(r.tails, badger.ManifestFilename)
}

// Snapshot reads the files as they are.
func (r *Reader) Snapshot() (engine.Snapshot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, engine.ErrClosed
	}
	return readerSnapshot{r}, nil
}

// Apply fails.
func (r *Reader) Apply(context.Context, *engine.Batch) error { return engine.ErrReadOnly }

// Verify reads the tables whole. What is damaged is an [*engine.DamagedError].
func (r *Reader) Verify(ctx context.Context) error { return verifyTables(ctx, r.dir) }

// Limit is 2 MiB.
func (r *Reader) Limit() int { return limit }

// KeysRead counts keys read since the Reader was opened.
func (r *Reader) KeysRead() uint64 { return r.read.Load() }

// Close closes the files.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	var errs []error
	for _, level := range r.levels {
		for _, t := range level {
			errs = append(errs, t.Close(-1))
		}
	}
	return errors.Join(errs...)
}

// resolve makes a copy of a value, which may stand in the value log.
func (r *Reader) resolve(key string, v value) ([]byte, error) {
	if v.meta&bitValuePointer == 0 {
		return append([]byte{}, v.bytes...), nil
	}
	if len(v.bytes) < 12 {
		return nil, damaged(r.dir, fmt.Errorf("the value of key %q is no pointer", key), nil)
	}
	// As Badger writes it: three numbers of the machine's own byte order.
	fid, length, offset := binary.NativeEndian.Uint32(v.bytes), binary.NativeEndian.Uint32(v.bytes[4:]), binary.NativeEndian.Uint32(v.bytes[8:])
	path := filepath.Join(r.dir, fmt.Sprintf("%06d.vlog", fid))
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is missing", engine.ErrMissing, path)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// What lies behind the end of the file decodes as little as what is damaged.
	b, err := io.ReadAll(io.NewSectionReader(f, int64(offset), int64(length)))
	if err != nil {
		return nil, err
	}
	e, ok := decodeEntry(b)
	if !ok || e.length != int(length) || string(y.ParseKey(e.key)) != key {
		return nil, damaged(path, fmt.Errorf("the value of key %q in it is not as it was written", key), nil)
	}
	return e.value, nil
}

type readerSnapshot struct{ r *Reader }

func (readerSnapshot) Close() {}

// Get looks at what is recent, and in each table that may hold the key.
func (s readerSnapshot) Get(key string) ([]byte, error) {
	s.r.read.Add(1)
	newest, found := s.r.recent.Get(key)
	seek, hash := y.KeyWithTs([]byte(key), math.MaxUint64), y.Hash([]byte(key))
	for n, level := range s.r.levels {
		if n > 0 { // one table at most
			at, _ := slices.BinarySearchFunc(level, seek, func(t *table.Table, k []byte) int { return y.CompareKeys(t.Biggest(), k) })
			level = level[at:min(at+1, len(level))]
		}
		for _, t := range level {
			if t.DoesNotHave(hash) {
				continue
			}
			it := t.NewIterator(table.NOCACHE)
			if it.Seek(seek); it.Valid() && y.SameKey(seek, it.Key()) {
				if v := of(it); !found || v.version > newest.version {
					newest, found = v, true
				}
			}
			if err := it.Close(); err != nil {
				return nil, err
			}
		}
	}
	if !found || newest.meta&bitDelete != 0 {
		return nil, fmt.Errorf("%w: %q", engine.ErrNotFound, key)
	}
	return s.r.resolve(key, newest)
}

// of copies what an iterator stands at.
func of(it y.Iterator) value {
	v := it.Value()
	return value{version: y.ParseTs(it.Key()), meta: v.Meta, bytes: append([]byte{}, v.Value...)}
}

// Scan merges what is recent with the tables.
func (s readerSnapshot) Scan(r engine.Range) iter.Seq2[engine.Pair, error] {
	return func(yield func(engine.Pair, error) bool) {
		recent := s.r.recent.Ascend(r.From, r.To)
		if r.Reverse {
			recent = s.r.recent.Descend(r.From, r.To)
		}
		for key, v := range merge(recent, s.r.stored(r), r.Reverse) {
			if v.meta&bitDelete != 0 || strings.HasPrefix(key, internal) {
				continue
			}
			s.r.read.Add(1)
			p, err := engine.Pair{Key: key}, error(nil)
			if !r.KeysOnly {
				p.Value, err = s.r.resolve(key, v)
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// internal begins the keys of Badger's own notes.
const internal = "!badger!"

// merge goes through two sequences of one order; of a key in both the newer
// value counts.
func merge(a, b iter.Seq2[string, value], reverse bool) iter.Seq2[string, value] {
	return func(yield func(string, value) bool) {
		nextB, stop := iter.Pull2(b)
		defer stop()
		kb, vb, more := nextB()
		before := func(x, y string) bool { return x < y != reverse && x != y }
		for ka, va := range a {
			for more && before(kb, ka) {
				if !yield(kb, vb) {
					return
				}
				kb, vb, more = nextB()
			}
			if more && kb == ka {
				if vb.version > va.version {
					va = vb
				}
				kb, vb, more = nextB()
			}
			if !yield(ka, va) {
				return
			}
		}
		for ; more; kb, vb, more = nextB() {
			if !yield(kb, vb) {
				return
			}
		}
	}
}

// stored goes through the newest versions of the keys in the tables.
func (r *Reader) stored(rg engine.Range) iter.Seq2[string, value] {
	return func(yield func(string, value) bool) {
		opt := table.NOCACHE
		if rg.Reverse {
			opt |= table.REVERSED
		}
		var all []y.Iterator
		for n, level := range r.levels {
			if n > 0 && len(level) > 0 {
				all = append(all, table.NewConcatIterator(level, opt))
				continue
			}
			for _, t := range level {
				all = append(all, t.NewIterator(opt))
			}
		}
		it := table.NewMergeIterator(all, rg.Reverse)
		if it == nil {
			return
		}
		defer it.Close()
		switch { // versions of one key go from the newest to the oldest
		case !rg.Reverse && rg.From != "":
			it.Seek(y.KeyWithTs([]byte(rg.From), math.MaxUint64))
		case rg.Reverse && rg.To != "":
			it.Seek(y.KeyWithTs([]byte(rg.To), math.MaxUint64))
		default:
			it.Rewind()
		}
		var key string
		var v value
		held := false // the newest so far of key, which comes last in reverse
		for ; it.Valid(); it.Next() {
			k := string(y.ParseKey(it.Key()))
			if !rg.Contains(k) {
				if rg.Reverse && k == rg.To {
					continue
				}
				break
			}
			if held && k == key {
				if rg.Reverse {
					v = of(it)
				}
				continue
			}
			if held && !yield(key, v) {
				return
			}
			key, v, held = k, of(it), true
		}
		if held {
			yield(key, v)
		}
	}
}

// damaged names a file that is not as it was written.
func damaged(path string, cause, also error) error {
	return errors.Join(&engine.DamagedError{File: path, Err: cause}, also)
}

// verifyTables reads every table of the database in a directory whole; it may
// be in use. A table that is gone by then was compacted away.
func verifyTables(ctx context.Context, dir string) error {
	m, _, err := readManifest(filepath.Join(dir, badger.ManifestFilename))
	if err != nil {
		return err
	}
	for id, tm := range m.Tables {
		if err := ctx.Err(); err != nil {
			return err
		}
		whole := int64(math.MaxInt64)
		t, err := openTable(table.NewFilename(id, dir), tm, &whole)
		if errors.Is(err, engine.ErrMissing) {
			continue
		}
		if err != nil {
			return err
		}
		if err := t.Close(-1); err != nil {
			return err
		}
	}
	return nil
}
