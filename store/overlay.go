package store

import (
	"iter"

	"certquay/store/engine"
	"certquay/store/engine/tree"
)

// pending is a write that is not in the engine yet. The value has no authentication
// code.
type pending struct {
	value   []byte
	deleted bool
	beside  *beside // what is kept beside the record, if it is one with indexes or a counter
}

// overlay is a layer of pending writes over those of under, which is nil for the lowest.
// A nil overlay is empty.
type overlay struct {
	writes tree.Map[pending]
	under  *overlay
}

// get returns the uppermost write of a key.
func (o *overlay) get(key string) (pending, bool) {
	for ; o != nil; o = o.under {
		if p, ok := o.writes.Get(key); ok {
			return p, true
		}
	}
	return pending{}, false
}

// within returns the uppermost writes of the keys in a range. Writes that are made later
// do not change it.
func (o *overlay) within(r engine.Range) (all tree.Map[pending]) {
	if o == nil {
		return all
	}
	lower := o.under.within(r)
	for key, p := range o.writes.Ascend(r.From, r.To) {
		lower.Set(key, p)
	}
	return lower
}

// write writes in this layer.
func (o *overlay) write(key string, p pending) { o.writes = o.writes.Put(key, p) }

// take moves the writes of a layer above into this one, in place: nothing may be reading
// this layer.
func (o *overlay) take(above *overlay) {
	for key, p := range above.writes.Ascend("", "") {
		o.writes.Set(key, p)
	}
}

// all returns the writes of this layer alone, by key.
func (o *overlay) all() iter.Seq2[string, pending] { return o.writes.Ascend("", "") }
