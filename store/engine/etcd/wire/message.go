package wire

import (
	"google.golang.org/protobuf/encoding/protowire"
)

// Range asks for the keys from Key to End, exclusive, or for one key if End is "".
type Range struct {
	Key, End     string
	Limit        int
	Revision     int64 // 0 for the newest
	Descending   bool
	Serializable bool // any node may answer, as far as it knows
	KeysOnly     bool
	CountOnly    bool
}

// Put sets a value, which ends with a lease unless that is 0.
type Put struct {
	Key   string
	Value []byte
	Lease int64
}

// Delete deletes a key.
type Delete struct{ Key string }

// Op is a [Range], [Put] or [Delete] in a [Txn].
type Op interface{ op() message }

// Compare is a condition on one key. A key that does not exist has the revisions 0, and no
// value is equal to its.
type Compare struct {
	Key    string
	Target Target
	Less   bool   // than the number, instead of equal to it
	Number int64  // compared with a revision
	Value  []byte // compared with the value
}

// Target is what is compared.
type Target uint64

// The targets, by their numbers in the protocol.
const (
	CreateRevision Target = 1
	ModRevision    Target = 2
	Value          Target = 3
)

// Txn applies Then if all compares hold, and Else if not.
type Txn struct {
	If         []Compare
	Then, Else []Op
}

// Found is the answer to a [Range].
type Found struct {
	Pairs    []Pair
	More     bool  // than the limit
	Count    int   // of all keys in the range
	Revision int64 // of the cluster
}

// Pair is a key and what is stored for it.
type Pair struct {
	Key            string
	Value          []byte
	CreateRevision int64
}

// Done is the answer to a [Txn].
type Done struct {
	Succeeded bool
	Found     []Found // one for each operation
	Revision  int64
}

// message is an encoded protocol buffer.
type message []byte

func (m message) number(field protowire.Number, n uint64) message {
	if n == 0 {
		return m
	}
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), n)
}

func (m message) flag(field protowire.Number, set bool) message {
	return m.number(field, protowire.EncodeBool(set))
}

func (m message) text(field protowire.Number, s string) message {
	return protowire.AppendString(protowire.AppendTag(m, field, protowire.BytesType), s)
}

func (m message) bytes(field protowire.Number, b []byte) message {
	return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), b)
}

// descending is a sort order of the protocol; keys are sorted unless it says otherwise.
const descending = 2

func (r Range) encode() message {
	m := message{}.text(1, r.Key)
	if r.End != "" {
		m = m.text(2, r.End)
	}
	m = m.number(3, uint64(r.Limit)).number(4, uint64(r.Revision))
	if r.Descending {
		m = m.number(5, descending)
	}
	return m.flag(7, r.Serializable).flag(8, r.KeysOnly).flag(9, r.CountOnly)
}

func (r Range) op() message { return message{}.bytes(1, r.encode()) }

func (p Put) op() message {
	return message{}.bytes(2, message{}.text(1, p.Key).bytes(2, p.Value).number(3, uint64(p.Lease)))
}

func (d Delete) op() message { return message{}.bytes(3, message{}.text(1, d.Key)) }

// less is a result of comparing in the protocol; 0 is equal.
const less = 2

func (c Compare) encode() message {
	var m message
	if c.Less {
		m = m.number(1, less)
	}
	m = m.number(2, uint64(c.Target)).text(3, c.Key)
	switch c.Target {
	case CreateRevision:
		return protowire.AppendVarint(protowire.AppendTag(m, 5, protowire.VarintType), uint64(c.Number))
	case ModRevision:
		return protowire.AppendVarint(protowire.AppendTag(m, 6, protowire.VarintType), uint64(c.Number))
	}
	return m.bytes(7, c.Value)
}

func (t Txn) encode() (m message) {
	for _, c := range t.If {
		m = m.bytes(1, c.encode())
	}
	for _, op := range t.Then {
		m = m.bytes(2, op.op())
	}
	for _, op := range t.Else {
		m = m.bytes(3, op.op())
	}
	return m
}

// fields calls fn with each field of a message: its number, and its value as a number or
// as bytes.
func (m message) fields(fn func(field protowire.Number, n uint64, b []byte) error) error {
	for len(m) > 0 {
		field, kind, size := protowire.ConsumeTag(m)
		if size < 0 {
			return protowire.ParseError(size)
		}
		m = m[size:]
		var n uint64
		var b []byte
		switch kind {
		case protowire.VarintType:
			n, size = protowire.ConsumeVarint(m)
		case protowire.BytesType:
			b, size = protowire.ConsumeBytes(m)
		default:
			size = protowire.ConsumeFieldValue(field, kind, m)
		}
		if size < 0 {
			return protowire.ParseError(size)
		}
		m = m[size:]
		if err := fn(field, n, b); err != nil {
			return err
		}
	}
	return nil
}

// revisionOf returns the revision in the header of an answer.
func revisionOf(header []byte) (revision int64, err error) {
	err = message(header).fields(func(field protowire.Number, n uint64, _ []byte) error {
		if field == 3 {
			revision = int64(n)
		}
		return nil
	})
	return revision, err
}

func (f *Found) decode(m message) error {
	return m.fields(func(field protowire.Number, n uint64, b []byte) (err error) {
		switch field {
		case 1:
			f.Revision, err = revisionOf(b)
		case 2:
			var p Pair
			p, err = pairOf(b)
			f.Pairs = append(f.Pairs, p)
		case 3:
			f.More = n != 0
		case 4:
			f.Count = int(n)
		}
		return err
	})
}

func pairOf(m message) (p Pair, err error) {
	p.Value = []byte{}
	err = m.fields(func(field protowire.Number, n uint64, b []byte) error {
		switch field {
		case 1:
			p.Key = string(b)
		case 2:
			p.CreateRevision = int64(n)
		case 5:
			p.Value = b
		}
		return nil
	})
	return p, err
}

func (d *Done) decode(m message) error {
	return m.fields(func(field protowire.Number, n uint64, b []byte) (err error) {
		switch field {
		case 1:
			d.Revision, err = revisionOf(b)
		case 2:
			d.Succeeded = n != 0
		case 3:
			var f Found
			err = message(b).fields(func(kind protowire.Number, _ uint64, b []byte) error {
				if kind == 1 { // the answer to a range
					return f.decode(b)
				}
				return nil
			})
			d.Found = append(d.Found, f)
		}
		return err
	})
}

// decodeLease reads the id and the seconds of a lease.
func decodeLease(m message) (id, seconds int64, err error) {
	err = m.fields(func(field protowire.Number, n uint64, _ []byte) error {
		switch field {
		case 2:
			id = int64(n)
		case 3:
			seconds = int64(n)
		}
		return nil
	})
	return id, seconds, err
}
