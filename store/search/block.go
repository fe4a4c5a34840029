package search

import (
	"bytes"
	"math"
	"strings"
	"time"

	"certquay/model"
)

// blockSize is the number of slots in a block. It is small, so that a change moves
// little text and invalidates little of what was found; large enough that the
// texts take little less than the whole pages of 8 KiB that the allocator gives
// for them; and a multiple of 64.
const blockSize = 4096

// block holds some rows in columns. Each column is an allocation of its own,
// because the allocator has size classes that fit each but not their sum. A row
// takes 61 bytes here, and its texts.
type block struct {
	used    int // slots that were ever in use
	ids     *[blockSize]shortID
	times   *[blockSize][timeColumns]uint32 // see shortTime
	profile *[blockSize]uint32              // its number; 0 for a free slot
	derived *[blockSize]uint8               // a bit for each of model.DerivedValues
	// names holds name and domains of each row, folded, and the serials that are
	// not hexadecimal. If the profile keeps shown texts, name and domain as lists
	// show them come last. A search may find those too, which does no harm: its
	// text is folded, so what it matches in them stands in the folded texts too.
	names textIndex
	// serials are packed, and searched apart from names, because a text that has a
	// letter beyond f matches none of them. They lie behind the names in memory.
	serials  textIndex
	overflow map[int]overflow // by slot; mostly empty
	attached *attached        // nil while no row has any

	version    uint64     // counts changes of rows and of derived values
	aggregates aggregates // of the rows that are not stale
	stale      slotSet    // rows whose derived values are not known
}

func newBlock() *block {
	return &block{
		ids: new([blockSize]shortID), times: new([blockSize][timeColumns]uint32),
		profile: new([blockSize]uint32), derived: new([blockSize]uint8),
		names: textIndex{ends: new([blockSize]uint32)}, serials: textIndex{ends: new([blockSize]uint32)},
	}
}

// overflow holds the ID and times of a row that have no short form.
type overflow struct {
	id    string // "" if the ID has a short form
	times [timeColumns]int64
}

// A shortTime is a second since 1970 plus one. 0 means no time, and farTime a time
// before 1970 or after 2106, which is stored in overflow.
const farTime = math.MaxUint32

func shortTime(second int64) uint32 {
	if second < 0 || second >= farTime-1 {
		return farTime
	}
	return uint32(second) + 1
}

// put fills a slot that has been invalidated.
func (b *block) put(n int, id model.ID, s *rowSource, profile, label uint32) {
	var o overflow
	short, ok := shorten(string(id))
	if !ok {
		o.id = string(id)
	}
	overflows := !ok
	for k, second := range s.times {
		v := uint32(0)
		if second != noTime {
			o.times[k], v = second, shortTime(second)
			overflows = overflows || v == farTime
		}
		b.times[n][k] = v
	}
	b.ids[n], b.profile[n] = short, profile
	b.putOverflow(n, overflows, o)
	b.attach(n, label, s)
	b.grow(len(s.names), len(s.serials))
	if n == b.used {
		b.used++
		b.names.add(n, s.names)
		b.serials.add(n, s.serials)
	} else {
		b.names.replace(n, b.used, s.names)
		b.serials.replace(n, b.used, s.serials)
	}
	b.version++
}

func (b *block) putOverflow(n int, overflows bool, o overflow) {
	switch {
	case !overflows:
		delete(b.overflow, n)
	case b.overflow == nil:
		b.overflow = map[int]overflow{n: o}
	default:
		b.overflow[n] = o
	}
}

// clear frees a slot that has been invalidated.
func (b *block) clear(n int) {
	b.profile[n] = 0
	delete(b.overflow, n)
	b.attach(n, 0, &rowSource{})
	b.names.replace(n, b.used, "")
	b.serials.replace(n, b.used, "")
	b.version++
}

// grow makes room for texts of so many bytes and for some more: a fourth while
// the block fills up, later a 64th, because a full block hardly grows any more.
func (b *block) grow(names, serials int) {
	names, serials = names+len(b.names.all), serials+len(b.serials.all)
	if names <= cap(b.names.all) && serials <= cap(b.serials.all) {
		return
	}
	part := 64
	if b.used < blockSize {
		part = 4
	}
	b.layout(names+names/part, serials+serials/part)
}

// trim gives back unused room of the texts.
func (b *block) trim() { b.layout(len(b.names.all), len(b.serials.all)) }

// layout moves the texts to an allocation with room for so many bytes of each.
func (b *block) layout(names, serials int) {
	all := make([]byte, names+serials)
	b.names.all = append(all[:0:names], b.names.all...)
	b.serials.all = append(all[names:names], b.serials.all...)
}

func (b *block) id(n int) string {
	if o, ok := b.overflow[n]; ok && o.id != "" {
		return o.id
	}
	return b.ids[n].String()
}

// compareID compares the ID in a slot with another, which is given with its short
// form; ok is false if it has none.
func (b *block) compareID(n int, id string, short shortID, ok bool) int {
	if ok && b.overflow[n].id == "" {
		return b.ids[n].compare(short)
	}
	return strings.Compare(b.id(n), id)
}

// second returns a time of a row in seconds since 1970; ok is false for none.
func (b *block) second(n, column int) (second int64, ok bool) {
	switch v := b.times[n][column]; v {
	case 0:
		return 0, false
	case farTime:
		return b.overflow[n].times[column], true
	default:
		return int64(v) - 1, true
	}
}

// expiry returns when the newest version expires, in seconds since 1970, or never.
func (b *block) expiry(n int) int64 { return b.secondOrNever(n, notAfter) }

// due returns the time of the next automatic action, in seconds since 1970, or never.
func (b *block) due(n int) int64 { return b.secondOrNever(n, dueAt) }

func (b *block) secondOrNever(n, column int) int64 {
	if s, ok := b.second(n, column); ok {
		return s
	}
	return never
}

// never sorts after every moment.
const never = math.MaxInt64

// fillTimes sets the times of a row.
func (b *block) fillTimes(n int, r *model.InstanceRow) {
	for column, t := range rowTimes(r) {
		*t = time.Time{}
		if s, ok := b.second(n, column); ok {
			*t = time.Unix(s, 0).UTC()
		}
	}
}

// name returns the folded name in a slot.
func (b *block) name(n int) []byte {
	name, _, _ := bytes.Cut(b.names.of(n), zero)
	return name
}

var zero = []byte{0}

// row returns the row in a slot as [RowOf] makes it.
func (b *block) row(n int, p *profile) model.InstanceRow {
	r := p.row
	r.ID = model.ID(b.id(n))
	r.Products = cutProducts(r.Products)
	b.fillTimes(n, &r)
	names := b.names.of(n)
	if p.keepsShown {
		names = names[:len(names)-1]
		at := bytes.LastIndexByte(names, 0)
		r.Domain = string(names[at+1:])
		at = bytes.LastIndexByte(names[:at], 0) + 1
		r.Name = string(names[at : len(names)-len(r.Domain)-1])
		return r
	}
	name, rest, _ := bytes.Cut(names, zero)
	r.Name = cut(string(name), model.RowNameMax)
	switch {
	case p.nameIsFirst:
		r.Domain = r.Name
	case r.Domains > 0:
		domain, _, _ := bytes.Cut(rest, zero)
		r.Domain = cut(string(domain), model.RowNameMax)
	}
	return r
}
