package search

import (
	"bytes"
	"math"
	"strings"
	"time"

	"certquay/model"
)

// blockSize is how many slots a block has: few, so that a change moves little
// text and outdates little of what was found; but so many that the texts are
// hardly less than the whole pages (8 KiB) that the allocator gives for them;
// and a multiple of 64.
const blockSize = 4096

// block holds some rows in columns, which are apart, as the allocator has their
// sizes but not that of all together. A row takes 61 bytes here, and its texts.
type block struct {
	used    int // slots that were ever taken
	ids     *[blockSize]shortID
	times   *[blockSize][timeColumns]uint32 // see shortTime
	profile *[blockSize]uint32              // its number; 0 for a free slot
	derived *[blockSize]uint8               // a bit for each of model.DerivedValues
	// names holds name and domains of each row, folded, and serials that are
	// not hexadecimal. If the profile says spelled, name and domain as they are
	// shown come last. That they can be found as well does no harm: what is
	// searched for is folded, and stands in the folded text too if in them.
	names texts
	// serials are searched apart since what is searched for mostly has a letter
	// that none of them has. They lie in memory behind the names.
	serials texts
	odd     map[int]oddity // by slot; mostly empty

	version uint64 // counts changes of rows, and of what was derived with time
	tally   tally  // of what was derived
	stale   slots  // of which it was not, or that have changed since
}

func newBlock() *block {
	return &block{
		ids: new([blockSize]shortID), times: new([blockSize][timeColumns]uint32),
		profile: new([blockSize]uint32), derived: new([blockSize]uint8),
		names: texts{ends: new([blockSize]uint32)}, serials: texts{ends: new([blockSize]uint32)},
	}
}

// oddity holds a row's ID and times where they have no short form.
type oddity struct {
	id    string // "" if it has one
	times [timeColumns]int64
}

// A shortTime is the second since 1970 plus one; 0 is no time, and farTime one
// before 1970 or after 2106, which the oddity has.
const farTime = math.MaxUint32

func shortTime(second int64) uint32 {
	if second < 0 || second >= farTime-1 {
		return farTime
	}
	return uint32(second) + 1
}

// put fills a slot, which was outdated.
func (b *block) put(n int, id model.ID, l *rowSource, profile uint32) {
	var o oddity
	short, ok := shorten(string(id))
	if !ok {
		o.id = string(id)
	}
	odd := !ok
	for k, second := range l.times {
		v := uint32(0)
		if second != noTime {
			o.times[k], v = second, shortTime(second)
			odd = odd || v == farTime
		}
		b.times[n][k] = v
	}
	b.ids[n], b.profile[n] = short, profile
	b.putOdd(n, odd, o)
	b.grow(len(l.names), len(l.serials))
	if n == b.used {
		b.used++
		b.names.add(n, l.names)
		b.serials.add(n, l.serials)
	} else {
		b.names.put(n, b.used, l.names)
		b.serials.put(n, b.used, l.serials)
	}
	b.version++
}

func (b *block) putOdd(n int, odd bool, o oddity) {
	switch {
	case !odd:
		delete(b.odd, n)
	case b.odd == nil:
		b.odd = map[int]oddity{n: o}
	default:
		b.odd[n] = o
	}
}

// clear frees a slot, which was outdated.
func (b *block) clear(n int) {
	b.profile[n] = 0
	delete(b.odd, n)
	b.names.put(n, b.used, "")
	b.serials.put(n, b.used, "")
	b.version++
}

// grow makes room for texts, and for some more: a fourth while the block is
// being filled, later a little, since it will hardly grow any more.
func (b *block) grow(names, serials int) {
	names, serials = names+len(b.names.all), serials+len(b.serials.all)
	if names <= cap(b.names.all) && serials <= cap(b.serials.all) {
		return
	}
	part := 64
	if b.used < blockSize {
		part = 4
	}
	b.lay(names+names/part, serials+serials/part)
}

// trim gives back the room that the texts grew by.
func (b *block) trim() { b.lay(len(b.names.all), len(b.serials.all)) }

// lay moves the texts to where there is room for so many bytes of each.
func (b *block) lay(names, serials int) {
	all := make([]byte, names+serials)
	b.names.all = append(all[:0:names], b.names.all...)
	b.serials.all = append(all[names:names], b.serials.all...)
}

func (b *block) id(n int) string {
	if o, ok := b.odd[n]; ok && o.id != "" {
		return o.id
	}
	return b.ids[n].String()
}

// compareID compares the ID in a slot with another, whose short form is given
// too if it has one.
func (b *block) compareID(n int, id string, short shortID, ok bool) int {
	if ok && b.odd[n].id == "" {
		return b.ids[n].compare(short)
	}
	return strings.Compare(b.id(n), id)
}

// second is a time of a row in seconds since 1970; ok is false for none.
func (b *block) second(n, column int) (second int64, ok bool) {
	switch v := b.times[n][column]; v {
	case 0:
		return 0, false
	case farTime:
		return b.odd[n].times[column], true
	default:
		return int64(v) - 1, true
	}
}

// expiry is when the newest version expires, in seconds since 1970, or never.
func (b *block) expiry(n int) int64 {
	if s, ok := b.second(n, notAfter); ok {
		return s
	}
	return never
}

// due is when certquay acts by itself next, in seconds since 1970, or never.
func (b *block) due(n int) int64 {
	if s, ok := b.second(n, dueAt); ok {
		return s
	}
	return never
}

// never sorts after every moment.
const never = math.MaxInt64

// fillTimes sets the times of a row.
func (b *block) fillTimes(n int, r *model.Row) {
	for column, t := range rowTimes(r) {
		*t = time.Time{}
		if s, ok := b.second(n, column); ok {
			*t = time.Unix(s, 0).UTC()
		}
	}
}

// name is the folded name in a slot.
func (b *block) name(n int) []byte {
	name, _, _ := bytes.Cut(b.names.of(n), zero)
	return name
}

var zero = []byte{0}

// row makes the row in a slot as the store's projection has it.
func (b *block) row(n int, p *profile) model.Row {
	r := p.row
	r.ID = model.ID(b.id(n))
	r.Products = cutProducts(r.Products)
	b.fillTimes(n, &r)
	names := b.names.of(n)
	if p.spelled {
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
	case p.same:
		r.Domain = r.Name
	case r.Domains > 0:
		domain, _, _ := bytes.Cut(rest, zero)
		r.Domain = cut(string(domain), model.RowNameMax)
	}
	return r
}
