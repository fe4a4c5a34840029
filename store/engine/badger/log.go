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

// Badger's memtable logs (.mem) and value logs (.vlog) have the same format: a header,
// then entries, each with a CRC. Badger truncates what follows the last complete
// transaction when it opens the database.
const (
	logHeader = 20      // number of the encryption key, base of the nonces
	longKey   = 1 << 16 // Badger interprets a longer one as the end of the log
)

// Bits of an entry's meta byte.
const (
	bitDelete       = 1 << 0
	bitValuePointer = 1 << 1
	bitTxn          = 1 << 6 // part of a transaction
	bitFinTxn       = 1 << 7 // end of a transaction; the value is its number
)

// entry is one write in a log. Its slices share memory with the log.
type entry struct {
	meta       byte
	key, value []byte // the key ends with its version
	length     int
}

// logFile is the content of a log without most of the zeros that pad it. The file is
// read rather than mapped: on a memory file system, reading a hole through a map
// allocates a page, and a full file system would then kill the process.
type logFile struct {
	data []byte
	path string
}

// openLog reads a log, which may be empty.
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
		// One chunk of zeros is kept, because the last entry may end in zeros.
		if at == 0 || !isZero(chunk[:n]) || !isZero(l.data[max(0, len(l.data)-len(chunk)):]) {
			l.data = append(append(l.data, make([]byte, at-len(l.data))...), chunk[:n]...)
		}
		at += n
	}
	if len(l.data) >= logHeader && binary.BigEndian.Uint64(l.data) != 0 {
		return nil, damagedError(path, model.Fail("database.encrypted"), nil)
	}
	return l, nil
}

func isZero(b []byte) bool { return len(bytes.TrimRight(b, "\x00")) == 0 }

// at decodes the entry at an offset; ok is false if there is no complete entry.
func (l *logFile) at(offset int) (e entry, ok bool) {
	if offset < 0 || offset > len(l.data) {
		return e, false
	}
	return decodeEntry(l.data[offset:])
}

// decodeEntry decodes the entry at the beginning of b.
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

// replay calls fn for the entries that Badger would find in the log, in order, and
// returns the offset of their end.
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

// cutOff reports whether Badger would truncate anything but zeros after an offset.
func (l *logFile) cutOff(end int) bool { return !isZero(l.data[end:]) }
