package model

import (
	"iter"
	"strconv"
	"strings"
	"time"
)

// Record is a value that a store keeps. Implementations are pointers.
type Record interface {
	// RecordKind must not read the receiver, which may be nil.
	RecordKind() Kind
	// RecordKey returns the primary key within the kind. It must not be empty.
	RecordKey() string
}

// Index is an additional entry by which a record can be found. Entries of one name sort
// bytewise by Key; several records may share a Key.
type Index struct {
	Name string
	Key  string
}

// Indexed is a record with index entries. The store updates them in the transaction
// that puts the record.
type Indexed interface {
	Record
	Indexes() []Index
}

// Counted is a record that the store counts under a name, in the transaction that puts
// it. With an empty name it is not counted.
type Counted interface {
	Record
	Counter() string
}

// Scan selects records and their order.
type Scan struct {
	Kind    Kind
	Index   string // "" for the primary key
	Prefix  string // of the key
	From    string // the start, inclusive; "" for the first key (last, when Reverse)
	To      string // the end, exclusive; "" for the last key (first, when Reverse)
	Reverse bool
	Limit   int // 0 for all
}

// ErrNotFound is returned, wrapped, for a record that does not exist.
var ErrNotFound error = Fail("error.not-found")

// Reader reads one consistent snapshot of a store. It is valid only inside the function
// it was passed to and not safe for concurrent use.
type Reader interface {
	// Get fills r, whose key fields must be set. It returns an error that wraps
	// [ErrNotFound] if there is no such record.
	Get(r Record) error
	// Keys iterates over the primary keys of the selected records, in order.
	Keys(s Scan) iter.Seq2[string, error]
	// Load fills r like Get, by primary key.
	Load(key string, r Record) error
	// Rows iterates over the rows stored in the instance indexes "expiry" and "state",
	// without reading the instances.
	Rows(s Scan) iter.Seq2[InstanceRow, error]
	// Count returns the value of a counter, 0 if it does not exist.
	Count(name string) (int, error)
}

// Tx is a read-write transaction. Its reads see its own writes. All writes become
// durable together, or none does.
type Tx interface {
	Reader
	// Put writes the record and its index entries, replacing a record with the same
	// key.
	Put(r Record) error
	// Fresh says that r's key was just made, so that nothing is stored under it. The store
	// then does not look for what Put replaces.
	Fresh(r Record)
	// Delete removes the record with r's key and overwrites its secrets. Deleting a
	// record that does not exist is not an error.
	Delete(r Record) error
	// Append adds an event to the activity log. The store numbers it and chains it to
	// the previous event with a keyed hash.
	Append(e Event) error
}

// Get returns the record with a primary key.
func Get[T any, P interface {
	*T
	Record
}](r Reader, key string) (T, error) {
	var v T
	err := r.Load(key, P(&v))
	return v, err
}

// All iterates over the records of a scan, decoded, in order.
func All[T any, P interface {
	*T
	Record
}](r Reader, s Scan) iter.Seq2[T, error] {
	s.Kind = P(nil).RecordKind()
	return func(yield func(T, error) bool) {
		var v *T // allocated with the first record
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

// BulkReader is a [Reader] that decodes on all processors.
type BulkReader interface {
	Reader
	// Each iterates over all records of the kind of those that blank makes, in the order of
	// their keys, without their secrets. It fills records that blank has made again and
	// again: each is valid until the next one is asked for.
	Each(blank func() Record) iter.Seq2[Record, error]
}

// Each iterates over all records of a kind, decoded, in the order of their keys, on all
// processors if the reader can. It is for kinds without secrets. A record is valid until the
// next one is asked for, and until the iteration ends nothing else may be read from r.
func Each[T any, P interface {
	*T
	Record
}](r Reader) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) {
		if bulk, ok := r.(BulkReader); ok {
			for v, err := range bulk.Each(func() Record { return P(new(T)) }) {
				p, _ := v.(P) // nil with an error
				if !yield(p, err) {
					return
				}
			}
			return
		}
		for v, err := range All[T, P](r, Scan{}) {
			if !yield(P(&v), err) {
				return
			}
		}
	}
}

// Change describes one record that was written or deleted.
type Change struct {
	Kind    Kind
	Key     string
	Deleted bool
	Event   *Event // the appended event, so that subscribers need not read it
}

// ChangeSet lists what one commit changed. Resync means that the subscriber was too
// slow and change sets were dropped: it must reload everything it shows.
type ChangeSet struct {
	Seq     uint64
	Resync  bool
	Changes []Change
}

// TimeKey formats a time, to the millisecond, as fixed-width text that sorts
// chronologically. The zero time sorts first.
func TimeKey(t time.Time) string {
	if t.IsZero() {
		return "0000000000000"
	}
	return fixedHex(uint64(t.UnixMilli())+1<<44, 13)
}

// fixedHex formats v as n hexadecimal digits.
func fixedHex(v uint64, n int) string {
	b := make([]byte, n)
	for ; n > 0; v >>= 4 {
		n--
		b[n] = "0123456789abcdef"[v&15]
	}
	return string(b)
}

// EventKey formats an event number as fixed-width text.
func EventKey(seq uint64) string { return fixedHex(seq, 16) }

// NormalizeName returns the form in which names are compared: lower case, without
// surrounding white space.
func NormalizeName(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// ReversedDomain turns "*.shop.example.com" into "com.example.shop.*", so that names of
// one domain sort together.
func ReversedDomain(name string) string {
	labels := strings.Split(NormalizeName(name), ".")
	for i, j := 0, len(labels)-1; i < j; i, j = i+1, j-1 {
		labels[i], labels[j] = labels[j], labels[i]
	}
	return strings.Join(labels, ".")
}

// seqKey formats a number as at least six digits, so that keys sort numerically.
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

// TailPrefix returns the prefix in the "tail" indexes for the typed end of an ID.
func TailPrefix(typed string) string { return reverse(strings.ToUpper(typed)) }
