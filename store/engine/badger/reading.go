package badger

import (
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

	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/badger/v4/y"

	"certquay/model"
	"certquay/store/engine"
)

// resolve copies a value, which may be in the value log.
func (r *Reader) resolve(key string, v value) ([]byte, error) {
	if v.meta&bitValuePointer == 0 {
		return append([]byte{}, v.bytes...), nil
	}
	if len(v.bytes) < 12 {
		return nil, damagedError(r.dir, model.Fail("database.no-pointer", "key", key), nil)
	}
	// Badger writes three numbers in the byte order of the machine.
	fid := binary.NativeEndian.Uint32(v.bytes)
	length := binary.NativeEndian.Uint32(v.bytes[4:])
	offset := binary.NativeEndian.Uint32(v.bytes[8:])
	path := filepath.Join(r.dir, fmt.Sprintf("%06d.vlog", fid))
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missingError("database.no-file", "file", path)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	// Reading beyond the end of the file fails to decode, like damaged data.
	b, err := io.ReadAll(io.NewSectionReader(f, int64(offset), int64(length)))
	if err != nil {
		return nil, err
	}
	e, ok := decodeEntry(b)
	if !ok || e.length != int(length) || string(y.ParseKey(e.key)) != key {
		return nil, damagedError(path, model.Fail("database.other-value", "key", key), nil)
	}
	return e.value, nil
}

type readerSnapshot struct{ r *Reader }

func (readerSnapshot) Close() {}

// Get searches the memtable logs and each table that may contain the key.
func (s readerSnapshot) Get(key string) ([]byte, error) {
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
				if v := copyValue(it); !found || v.version > newest.version {
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

// copyValue copies the value at an iterator.
func copyValue(it y.Iterator) value {
	v := it.Value()
	return value{version: y.ParseTs(it.Key()), meta: v.Meta, bytes: append([]byte{}, v.Value...)}
}

// Scan merges the memtable logs with the tables.
func (s readerSnapshot) Scan(r engine.Range) iter.Seq2[engine.Pair, error] {
	return func(yield func(engine.Pair, error) bool) {
		recent := s.r.recent.Ascend(r.From, r.To)
		if r.Reverse {
			recent = s.r.recent.Descend(r.From, r.To)
		}
		n := 0
		for key, v := range merge(recent, s.r.stored(r), r.Reverse) {
			if v.meta&bitDelete != 0 || strings.HasPrefix(key, internalPrefix) {
				continue
			}
			n++
			p, err := engine.Pair{Key: key}, error(nil)
			if !r.KeysOnly {
				p.Value, err = s.r.resolve(key, v)
			}
			if !yield(p, err) || err != nil || n == r.Limit {
				return
			}
		}
	}
}

// internalPrefix is the prefix of Badger's own keys.
const internalPrefix = "!badger!"

// merge merges two sequences of the same order; if both have a key, the newer value
// wins.
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

// stored iterates over the newest versions of the keys in the tables.
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
		defer func() { _ = it.Close() }()
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
					v = copyValue(it)
				}
				continue
			}
			if held && !yield(key, v) {
				return
			}
			key, v, held = k, copyValue(it), true
		}
		if held {
			yield(key, v)
		}
	}
}
