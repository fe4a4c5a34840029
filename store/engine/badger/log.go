package badger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"strconv"

	"certquay/model"

	"github.com/dgraph-io/badger/v4/y"
)

// Badger's logs, its memtables' (.mem) and the value log (.vlog), have one
// form: a header, then entries, each with a CRC over all of it. What follows
// the last whole transaction is cut off by Badger when it opens the database.
const (
	logHeader = 20      // number of the encryption key, base of the nonces
	longKey   = 1 << 16 // Badger takes a longer one for the end of the log
)

// Bits of an entry's meta byte.
const (
	bitDelete       = 1 << 0
	bitValuePointer = 1 << 1
	bitTxn          = 1 << 6 // part of a transaction
	bitFinTxn       = 1 << 7 // its end; the value is its number
)

// entry is one write in a log. Its parts point into what was read of that.
type entry struct {
	meta       byte
	key, value []byte // the key ends with its version
	length     int
}

// logFile is what a log holds, without most of the zeros that it is filled up
// with. It is read and not mapped: a file system in memory needs room for a hole
// that is read through a map, and where it has none the process would end.
type logFile struct {
	data []byte
	path string
}

// openLog reads a log, of which nothing may be there yet.
func openLog(path string) (*logFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	l := &logFile{path: path}
	chunk := make([]byte, 256<<10)
	for at, ended := 0, false; !ended; {
		n, err := io.ReadFull(f, chunk)
		if ended = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF); err != nil && !ended {
			return nil, err
		}
		// One chunk of zeros stays: the last entry may end in some.
		if at == 0 || !zero(chunk[:n]) || !zero(l.data[max(0, len(l.data)-len(chunk)):]) {
			l.data = append(append(l.data, make([]byte, at-len(l.data))...), chunk[:n]...)
		}
		at += n
	}
	if len(l.data) >= logHeader && binary.BigEndian.Uint64(l.data) != 0 {
		return nil, damaged(path, model.Fail("database.encrypted"), nil)
	}
	return l, nil
}

func zero(b []byte) bool { return len(bytes.TrimRight(b, "\x00")) == 0 }

// at decodes the entry at an offset; ok is false where there is none, or one
// that is not whole.
func (l *logFile) at(offset int) (e entry, ok bool) {
	if offset < 0 || offset > len(l.data) {
		return e, false
	}
	return decodeEntry(l.data[offset:])
}

// decodeEntry decodes the entry that b begins with.
func decodeEntry(b []byte) (e entry, ok bool) {
	if len(b) < 2 {
		return e, false
	}
	e.meta = b[0]
	n := 2              // meta and user meta
	var sizes [3]uint64 // of key and value, and when it expires
	for i := range sizes {
		v, w := binary.Uvarint(b[n:])
		if w <= 0 {
			return e, false
		}
		sizes[i], n = v, n+w
	}
	klen, vlen := sizes[0], sizes[1]
	left := uint64(len(b) - n)
	if klen == 0 || klen > longKey || vlen > left || klen+vlen+crc32.Size > left {
		return e, false
	}
	k, v := n+int(klen), n+int(klen+vlen)
	e.key, e.value, e.length = b[n:k], b[k:v], v+crc32.Size
	return e, len(e.key) > 8 && binary.BigEndian.Uint32(b[v:]) == crc32.Checksum(b[:v], y.CastagnoliCrcTable)
}

// replay visits what Badger would find in the log, in the order in which it was
// written, and returns where that ends.
func (l *logFile) replay(fn func(entry)) (end int) {
	end = min(logHeader, len(l.data))
	var open []entry // of a transaction that has not ended yet
	var ts uint64
	for at := end; ; {
		e, ok := l.at(at)
		if !ok {
			return end
		}
		at += e.length
		switch {
		case e.meta&bitTxn != 0:
			if len(open) > 0 && ts != y.ParseTs(e.key) {
				return end
			}
			ts = y.ParseTs(e.key)
			open = append(open, e)
		case e.meta&bitFinTxn != 0:
			if n, err := strconv.ParseUint(string(e.value), 10, 64); err != nil || len(open) == 0 || n != ts {
				return end
			}
			for _, e := range open {
				fn(e)
			}
			open, end = open[:0], at
		case len(open) > 0:
			return end
		default:
			fn(e)
			end = at
		}
	}
}

// cutOff says whether there is anything behind an offset that Badger would cut
// off. Log files are filled up with zeros.
func (l *logFile) cutOff(end int) bool { return !zero(l.data[end:]) }
