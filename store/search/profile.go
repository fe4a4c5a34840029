package search

import (
	"strings"

	"certquay/model"
)

// profile holds the attributes that many instances share. It takes half a kilobyte; a
// fleet of a million instances has some hundreds of profiles.
type profile struct {
	row         model.InstanceRow // without ID, names and times, but with all products
	keyType     string
	regions     string // folded and terminated
	nameIsFirst bool   // the name is the first domain
	keepsShown  bool   // names ends with name and domain as lists show them, which are not the folded ones
}

// clone copies the texts, which may be parts of a record that is not kept.
func (p profile) clone() profile { //nolint:unused // by interned
	p.row.Spec.Brand, p.row.Products = strings.Clone(p.row.Spec.Brand), strings.Clone(p.row.Products)
	p.keyType, p.regions = strings.Clone(p.keyType), strings.Clone(p.regions)
	return p
}

// labels are what people attach to instances. Many instances share them, and those
// without cost nothing.
type labels struct {
	contact, owner model.ID
	tags           string // folded and terminated
}

func (l labels) clone() labels { //nolint:unused // by interned
	return labels{model.ID(strings.Clone(string(l.contact))), model.ID(strings.Clone(string(l.owner))), strings.Clone(l.tags)}
}

// interned numbers the values in use, from 1, and counts their rows. Number 0 means
// none.
type interned[T interface {
	comparable
	clone() T
}] struct {
	numbers map[T]uint32
	list    []T      // by number
	uses    []int    // rows with the value, by number
	free    []uint32 // numbers of values that are gone
}

type profiles = interned[profile]

func newInterned[T interface {
	comparable
	clone() T
}]() interned[T] {
	return interned[T]{numbers: map[T]uint32{}, list: make([]T, 1), uses: make([]int, 1)}
}

// acquire returns the number of a value and counts one more row with it.
func (in *interned[T]) acquire(v T) uint32 {
	n, ok := in.numbers[v]
	if !ok {
		v = v.clone()
		n = uint32(len(in.list))
		if last := len(in.free) - 1; last >= 0 {
			n, in.free = in.free[last], in.free[:last]
		} else {
			in.list, in.uses = append(in.list, v), append(in.uses, 0)
		}
		in.list[n], in.numbers[v] = v, n
	}
	in.uses[n]++
	return n
}

// release undoes acquire. Number 0 needs none.
func (in *interned[T]) release(n uint32) {
	if n == 0 {
		return
	}
	if in.uses[n]--; in.uses[n] == 0 {
		delete(in.numbers, in.list[n])
		in.list[n] = in.list[0]
		in.free = append(in.free, n)
	}
}
