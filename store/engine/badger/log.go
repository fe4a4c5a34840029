package badger

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"strconv"

	"github.com/dgraph-io/badger/v4/y"
	"github.com/dgraph-io/ristretto/v2/z"
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

// entry is one write in a log. Its parts point into the mapped file.
type entry struct {
	meta       byte
	key, value []byte // the key ends with its version
	length     int
}

// logFile is a log that is mapped for reading.
type logFile struct {
	*z.MmapFile
	path string
}

// openLog maps a log, of which nothing may be there yet.
func openLog(path string) (*logFile, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if info.Size() == 0 {
		return &logFile{&z.MmapFile{}, path}, nil
	}
	m, err := z.OpenMmapFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	l := &logFile{m, path}
	if len(m.Data) >= logHeader && binary.BigEndian.Uint64(m.Data) != 0 {
		return nil, damaged(path, fmt.Errorf("its header names an encryption key, and there are none"), m.Close(-1))
	}
	return l, nil
}

// at decodes the entry at an offset; ok is false where there is none, or one
// that is not whole.
func (l *logFile) at(offset int) (e entry, ok bool) {
	if offset < 0 || offset+2 > len(l.Data) {
		return e, false
	}
	b := l.Data[offset:]
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
	end = min(logHeader, len(l.Data))
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
func (l *logFile) cutOff(end int) bool {
	for _, b := range l.Data[end:] {
		if b != 0 {
			return true
		}
	}
	return false
}
