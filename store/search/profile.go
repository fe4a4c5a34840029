package search

import (
	"strings"

	"certquay/model"
)

// profile holds the attributes that many instances share. It takes half a kilobyte; a
// fleet of a million instances has some hundreds of profiles.
type profile struct {
	row         model.InstanceRow // without ID, names and times, but with all products
	nameIsFirst bool              // the name is the first domain
	keepsShown  bool              // names ends with name and domain as lists show them, which are not the folded ones
}

// profiles numbers the profiles in use, from 1, and counts their rows. Number 0 means
// no row.
type profiles struct {
	numbers map[profile]uint32
	list    []profile // by number
	uses    []int     // rows with the profile, by number
	free    []uint32  // numbers of profiles that are gone
}

func newProfiles() profiles {
	return profiles{numbers: map[profile]uint32{}, list: make([]profile, 1), uses: make([]int, 1)}
}

// acquire returns the number of a profile and counts one more row with it.
func (ps *profiles) acquire(p profile) uint32 {
	n, ok := ps.numbers[p]
	if !ok {
		// The texts may be parts of a record, which is not kept.
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

// release undoes acquire. Number 0 needs none.
func (ps *profiles) release(n uint32) {
	if n == 0 {
		return
	}
	if ps.uses[n]--; ps.uses[n] == 0 {
		delete(ps.numbers, ps.list[n])
		ps.list[n] = profile{}
		ps.free = append(ps.free, n)
	}
}
