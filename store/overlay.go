package store

import (
	"iter"
	"slices"
	"strings"

	"github.com/google/btree"

	"certquay/store/engine"
)

// pending is a write that is not in the engine yet. The value has no authentication
// code. It is not changed once it is in an overlay.
type pending struct {
	key     string
	value   []byte
	deleted bool
	beside  *beside // what is kept beside the record, if it is one with indexes or a counter
}

func pendingLess(a, b *pending) bool { return a.key < b.key }

// overlay holds the writes of a group of transactions, in order. The zero value is empty.
type overlay struct{ order *btree.BTreeG[*pending] }

func (o *overlay) len() int {
	if o.order == nil {
		return 0
	}
	return o.order.Len()
}

func (o *overlay) get(key string) *pending {
	if o.order == nil {
		return nil
	}
	p, _ := o.order.Get(&pending{key: key})
	return p
}

// add puts the writes of a transaction on top.
func (o *overlay) add(writes map[string]*pending) {
	if o.order == nil {
		o.order = btree.NewG(32, pendingLess)
	}
	for _, p := range writes {
		o.order.ReplaceOrInsert(p)
	}
}

// all iterates over the writes, by key.
func (o *overlay) all() iter.Seq[*pending] {
	return func(yield func(*pending) bool) {
		if o.order != nil {
			o.order.Ascend(yield)
		}
	}
}

// within returns the writes to a range by key, upwards: those of the overlay, and on top of
// them those of one transaction.
func (o *overlay) within(r engine.Range, own map[string]*pending) (all []*pending) {
	for key, p := range own {
		if r.Contains(key) {
			all = append(all, p)
		}
	}
	collect := func(p *pending) bool {
		if own[p.key] == nil {
			all = append(all, p)
		}
		return true
	}
	switch {
	case o.order == nil:
	case r.To == "":
		o.order.AscendGreaterOrEqual(&pending{key: r.From}, collect)
	default:
		o.order.AscendRange(&pending{key: r.From}, &pending{key: r.To}, collect)
	}
	slices.SortFunc(all, func(a, b *pending) int { return strings.Compare(a.key, b.key) })
	return all
}

// touches reports whether there is a write to a range.
func (o *overlay) touches(r engine.Range) (found bool) {
	if o.order != nil {
		o.order.AscendGreaterOrEqual(&pending{key: r.From}, func(p *pending) bool {
			found = r.Contains(p.key)
			return false
		})
	}
	return found
}
