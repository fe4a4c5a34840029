package model

import (
	"iter"
	"strconv"
	"strings"
	"time"
)

// Record is what a store keeps. Implementations are pointers.
type Record interface {
	// RecordKind does not read the record, which may be nil.
	RecordKind() Kind
	// RecordKey is the primary key within the kind. It must not be empty.
	RecordKey() string
}

// Index is one entry by which a record is found besides its key. Entries of
// one name sort bytewise by Key; several records may share a Key.
type Index struct {
	Name string
	Key  string
}

// Indexed is a record that is also found by indexes. The store keeps them in
// the transaction that puts the record.
type Indexed interface {
	Record
	Indexes() []Index
}

// Counted is a record that is counted under a name, by the store, in the
// transaction that puts it. An empty name is not counted.
type Counted interface {
	Record
	Counter() string
}

// Scan says which records to visit, in what order.
type Scan struct {
	Kind    Kind
	Index   string // "" for the primary key
	Prefix  string // of the key
	From    string // the first key, inclusive; "" for the beginning (end, when Reverse)
	To      string // where to stop, exclusive; "" for the end (beginning, when Reverse)
	Reverse bool
	Limit   int // 0 for all
}

// ErrNotFound is returned, wrapped, when a record does not exist.
var ErrNotFound error = Fail("error.not-found")

// Reader reads one consistent snapshot of a store. It is valid only inside the
// function it was given to and is not safe for concurrent use.
type Reader interface {
	// Get fills r, whose key fields are set, or returns an error that wraps
	// [ErrNotFound].
	Get(r Record) error
	// Keys visits the primary keys of the scanned records in order.
	Keys(s Scan) iter.Seq2[string, error]
	// Load is Get by primary key, for a record of which only the key is known.
	Load(key string, r Record) error
	// Rows visits the row projections kept in the instance indexes "expiry"
	// and "state", without reading the instances themselves.
	Rows(s Scan) iter.Seq2[InstanceRow, error]
	// Count is the number of records counted under a name; 0 if there are none.
	Count(name string) (int, error)
}

// Tx reads and writes. What it has written it reads back. All of it becomes
// durable together, or nothing does.
type Tx interface {
	Reader
	// Put writes the record and its indexes, replacing any with the same key.
	Put(r Record) error
	// Delete removes the record with r's key and overwrites its secrets.
	// Deleting what is not there is not an error.
	Delete(r Record) error
	// Append adds an event to the activity log; the store gives it its number
	// and chains it with a keyed hash to the event before.
	Append(e Event) error
}

// Get reads one record by its primary key.
func Get[T any, P interface {
	*T
	Record
}](r Reader, key string) (T, error) {
	var v T
	err := r.Load(key, P(&v))
	return v, err
}

// All visits the records of a scan in order, each decoded.
func All[T any, P interface {
	*T
	Record
}](r Reader, s Scan) iter.Seq2[T, error] {
	s.Kind = P(nil).RecordKind()
	return func(yield func(T, error) bool) {
		var v *T // made when there is something to read
		for key, err := range r.Keys(s) {
			if v == nil {
				v = new(T)
			} else {
				*v = *new(T)
			}
			if err == nil {
				err = r.Load(key, P(v))
			}
			if !yield(*v, err) || err != nil {
				return
			}
		}
	}
}

// Change is one record that was written or deleted.
type Change struct {
	Kind    Kind
	Key     string
	Deleted bool
	Event   *Event // of an appended event, so that followers need not read it
}

// ChangeSet is what one commit changed. Resync means that the reader was too slow
// and batches were dropped: it must read anew what it shows.
type ChangeSet struct {
	Seq     uint64
	Resync  bool
	Changes []Change
}

// TimeKey is a moment as a fixed-width text that sorts by time, to the
// millisecond. The zero time sorts first.
func TimeKey(t time.Time) string {
	if t.IsZero() {
		return "0000000000000"
	}
	return fixedHex(uint64(t.UnixMilli())+1<<44, 13)
}

// fixedHex is v in hexadecimal, of n digits.
func fixedHex(v uint64, n int) string {
	b := make([]byte, n)
	for ; n > 0; v >>= 4 {
		n--
		b[n] = "0123456789abcdef"[v&15]
	}
	return string(b)
}

// EventKey is an event number as a fixed-width text.
func EventKey(seq uint64) string { return fixedHex(seq, 16) }

// NormalizeName is the form in which names are compared: lower case, no surrounding
// white space.
func NormalizeName(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// ReversedDomain turns "*.shop.example.com" into "com.example.shop.*" so that
// names of one domain sort together.
func ReversedDomain(name string) string {
	labels := strings.Split(NormalizeName(name), ".")
	for i, j := 0, len(labels)-1; i < j; i, j = i+1, j-1 {
		labels[i], labels[j] = labels[j], labels[i]
	}
	return strings.Join(labels, ".")
}

// seqKey is a number as a text that sorts by it, of six digits or more.
func seqKey(n int) string {
	s := strconv.Itoa(n)
	return "000000"[min(len(s), 6):] + s
}

func reverse(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// TailPrefix is the prefix in the "tail" indexes for the typed end of an ID.
func TailPrefix(typed string) string { return reverse(strings.ToUpper(typed)) }
