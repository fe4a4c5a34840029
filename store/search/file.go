package search

import (
	"bytes"
	"encoding/gob"
	"errors"
	"slices"

	"certquay/model"
)

// Layout is the version of what [Table.Save] writes. It rises with every change of the
// sections and of what [ChangeOf] makes of an instance; a test finds both.
const Layout = 1

// errLayout means that sections are not what [Table.Save] writes.
var errLayout = errors.New("the sections of the search table do not fit together")

// head is the first section.
type head struct {
	Blocks   int
	Orders   []model.Sort // each is a section
	Profiles []savedProfile
	Labels   []savedLabels
}

// savedProfile is a [profile] with exported fields, as encoding/gob requires.
type savedProfile struct {
	Row                     model.InstanceRow
	KeyType, Regions        string
	NameIsFirst, KeepsShown bool
}

type savedLabels struct {
	Contact, Owner model.ID
	Tags           string
}

// Freeze applies what was committed before the call, and then keeps the table as it is
// until thaw is called, so that [Table.Save] can write it: commits are queued, and a query
// waits only if there are any. ok is false, and nothing is frozen, unless the table is
// built.
func (t *Table) Freeze() (thaw func(), ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waitWhileFrozen()
	if !t.ready {
		return nil, false
	}
	t.applyQueue()
	t.frozen = true
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.frozen = false
		t.thawed.Broadcast()
	}, true
}

// Save writes the sections of a frozen table, from which [Load] makes an equal one. write
// must not keep a section.
func (t *Table) Save(write func(section []byte) error) error {
	h, lists := t.saved()
	var first bytes.Buffer
	if err := gob.NewEncoder(&first).Encode(h); err != nil {
		return err
	}
	if err := write(first.Bytes()); err != nil {
		return err
	}
	var w sectionWriter
	for _, slots := range lists {
		w.b = w.b[:0]
		w.numbers(slots)
		if err := write(w.b); err != nil {
			return err
		}
	}
	for _, b := range t.blocks {
		w.b = w.b[:0]
		b.save(&w)
		if err := write(w.b); err != nil {
			return err
		}
	}
	return nil
}

// saved returns the first section, and the lists of slots that follow it.
func (t *Table) saved() (h head, lists [][]uint32) {
	t.mu.Lock() // queries bring orders up to date
	defer t.mu.Unlock()
	h = head{Blocks: len(t.blocks), Orders: initialSorts}
	for _, p := range t.profiles.list {
		h.Profiles = append(h.Profiles, savedProfile{p.row, p.keyType, p.regions, p.nameIsFirst, p.keepsShown})
	}
	for _, l := range t.labels.list {
		h.Labels = append(h.Labels, savedLabels{l.contact, l.owner, l.tags})
	}
	lists = [][]uint32{t.byID, t.free}
	for _, by := range h.Orders {
		lists = append(lists, t.ordered(by))
	}
	return h, lists
}

// Load makes a table of the sections that [Table.Save] wrote, which next returns one after
// the other. A section may be used again once next is called. The sections must be
// authentic: Load notices those that do not fit together, not all that is wrong in them.
func Load(next func() ([]byte, error)) (*Table, error) {
	first, err := next()
	if err != nil {
		return nil, err
	}
	var h head
	if err := gob.NewDecoder(bytes.NewReader(first)).Decode(&h); err != nil {
		return nil, err
	}
	t := New()
	t.queue.touched = nil
	t.ready = true
	if len(h.Profiles) == 0 || len(h.Labels) == 0 {
		return nil, errLayout
	}
	for _, p := range h.Profiles[1:] {
		t.profiles.list = append(t.profiles.list, profile{p.Row, p.KeyType, p.Regions, p.NameIsFirst, p.KeepsShown})
	}
	for _, l := range h.Labels[1:] {
		t.labels.list = append(t.labels.list, labels{l.Contact, l.Owner, l.Tags})
	}
	lists := make([][]uint32, 2+len(h.Orders))
	for n := range lists {
		if lists[n], err = loadSlots(next, h.Blocks); err != nil {
			return nil, err
		}
	}
	t.byID, t.free = lists[0], lists[1]
	for n, by := range h.Orders {
		t.orders[by] = &ordering{slots: lists[2+n], dirty: map[uint32]struct{}{}}
	}
	t.profiles.uses, t.labels.uses = make([]int, len(t.profiles.list)), make([]int, len(t.labels.list))
	for range h.Blocks {
		section, err := next()
		if err != nil {
			return nil, err
		}
		b, err := t.loadBlock(section)
		if err != nil {
			return nil, err
		}
		t.blocks = append(t.blocks, b)
	}
	t.profiles.index()
	t.labels.index()
	return t, t.checkLists()
}

// loadSlots reads a list of slots, which lie in so many blocks.
func loadSlots(next func() ([]byte, error), blocks int) ([]uint32, error) {
	section, err := next()
	if err != nil {
		return nil, err
	}
	r := sectionReader{rest: section}
	slots := make([]uint32, len(section)/4)
	r.numbers(slots)
	if r.bad || len(r.rest) > 0 || len(slots) > 0 && int(slices.Max(slots)) >= blocks*blockSize {
		return nil, errLayout
	}
	return slots, nil
}

// loadBlock reads a block and counts the uses of profiles and labels.
func (t *Table) loadBlock(section []byte) (*block, error) {
	r := sectionReader{rest: section}
	b := newBlock()
	b.load(&r)
	if r.bad || len(r.rest) > 0 {
		return nil, errLayout
	}
	for n := range b.used {
		profile, label := b.profile[n], b.label(n)
		if int(profile) >= len(t.profiles.uses) || int(label) >= len(t.labels.uses) {
			return nil, errLayout
		}
		t.profiles.uses[profile]++
		t.labels.uses[label]++
	}
	return b, nil
}

// checkLists returns an error unless every slot is listed as often as it should be.
func (t *Table) checkLists() error {
	used := 0
	for _, b := range t.blocks {
		used += b.used
	}
	if len(t.byID)+len(t.free) != used {
		return errLayout
	}
	for _, o := range t.orders {
		if len(o.slots) != len(t.byID) {
			return errLayout
		}
	}
	return nil
}

// index completes values and their uses that were loaded.
func (in *interned[T]) index() {
	in.uses[0] = 0
	for n, v := range in.list {
		switch {
		case n == 0:
		case in.uses[n] == 0:
			in.list[n] = in.list[0]
			in.free = append(in.free, uint32(n))
		default:
			in.numbers[v] = uint32(n)
		}
	}
}

// Adopt makes the rows of a table that nothing else uses those of this one, which is empty
// but for commits that the other may lack, and makes it ready.
func (t *Table) Adopt(other *Table) {
	t.mu.Lock()
	defer t.mu.Unlock()
	other.applyQueue()
	t.blocks, t.byID, t.free, t.orders = other.blocks, other.byID, other.free, other.orders
	t.profiles, t.labels, t.matches = other.profiles, other.labels, nil
	t.queue.Lock()
	touched := t.queue.touched
	t.queue.touched = nil
	t.queue.Unlock()
	for id, s := range touched {
		t.set(id, s)
	}
	t.ready = true
}
