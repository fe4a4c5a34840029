package search

import (
	"strings"

	"certquay/model"
)

// profile is what many instances have in common. It takes half a kilobyte,
// and a fleet of a million has some hundreds of them.
type profile struct {
	row     model.Row // without ID, names and times, and with all its products
	same    bool      // the name is the first domain
	spelled bool      // name and domain as shown are the last of the names
}

// profiles gives profiles small numbers, from 1.
type profiles struct {
	numbers map[profile]uint32
	list    []profile // by number
	uses    []int     // rows that have it, by number
	free    []uint32  // numbers
}

func newProfiles() profiles {
	return profiles{numbers: map[profile]uint32{}, list: make([]profile, 1), uses: make([]int, 1)}
}

// use is the number of a profile, for one more row.
func (ps *profiles) use(p profile) uint32 {
	n, ok := ps.numbers[p]
	if !ok {
		// What it was cut from is not kept.
		p.row.Spec.Brand, p.row.Products = strings.Clone(p.row.Spec.Brand), strings.Clone(p.row.Products)
		n = uint32(len(ps.list))
		if last := len(ps.free) - 1; last >= 0 {
			n, ps.free = ps.free[last], ps.free[:last]
		} else {
			ps.list, ps.uses = append(ps.list, profile{}), append(ps.uses, 0)
		}
		ps.list[n], ps.numbers[p] = p, n
	}
	ps.uses[n]++
	return n
}

// leave undoes use. Number 0, which stands for no row, needs none.
func (ps *profiles) leave(n uint32) {
	if n == 0 {
		return
	}
	if ps.uses[n]--; ps.uses[n] == 0 {
		delete(ps.numbers, ps.list[n])
		ps.list[n] = profile{}
		ps.free = append(ps.free, n)
	}
}
