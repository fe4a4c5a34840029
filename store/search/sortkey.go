package search

import (
	"bytes"
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"certquay/model"
)

// sortKey returns a number that sorts as the slot does. A text has one for each eight
// bytes of its natural key, its depth; the last one ends in a zero byte, which no text
// holds.
func (t *Table) sortKey(by model.Sort, slot uint32, depth int) uint64 {
	b, n := t.at(slot)
	p := &t.profiles.list[b.profile[n]]
	switch by {
	case model.SortName:
		return textKey(b.name(n), depth)
	case model.SortDomain:
		return textKeyOrLast(t.domain(slot), depth)
	case model.SortSpecification:
		if p.row.Spec.Brand == "" {
			return textKeyOrLast(nil, depth)
		}
		return textKey([]byte(foldText(p.row.Spec.String())), depth)
	case model.SortProduct:
		return textKeyOrLast([]byte(foldText(p.row.Products)), depth)
	case model.SortState:
		return uint64(t.stateRank(slot))<<48 | t.expiryKey(slot)
	case model.SortDue:
		return secondKey(b.due(n))
	case model.SortService:
		return secondKey(b.secondOrNever(n, serviceEnd))
	case model.SortServiceMax:
		end, ok := b.second(n, serviceEnd)
		if !ok {
			return secondKey(never)
		}
		return secondKey(model.AddYears(time.Unix(end, 0).UTC(), p.row.RenewalsLeft).Unix())
	case model.SortValidity:
		from, issued := b.second(n, notBefore)
		if to, ok := b.second(n, notAfter); ok && issued {
			return secondKey(to - from)
		}
		return secondKey(never)
	}
	return t.numberKey(by, slot, p)
}

// numberKey is sortKey for orders by a number of the profile or the labels.
func (t *Table) numberKey(by model.Sort, slot uint32, p *profile) uint64 {
	b, n := t.at(slot)
	switch by {
	case model.SortID:
		return 0 // equal ones are in the order of IDs
	case model.SortContact:
		if rank, ok := t.contactRanks[t.labels.list[b.label(n)].contact]; ok {
			return rank
		}
		return math.MaxUint64
	case model.SortAuto:
		if p.row.Resources == 0 {
			return math.MaxUint64
		}
		return uint64(p.row.Auto) << 32 / uint64(p.row.Resources)
	case model.SortRenewals:
		return uint64(max(p.row.RenewalsLeft, 0))
	case model.SortReason:
		return reasonRank(&p.row, b.due(n) != never)
	}
	return t.expiryKey(slot)
}

// expiryKey returns the key of [model.SortExpiry], in 43 bits.
func (t *Table) expiryKey(slot uint32) uint64 {
	b, n := t.at(slot)
	key := secondKey(b.expiry(n))
	if t.profiles.list[b.profile[n]].row.History() {
		key |= 1 << 42
	}
	return key
}

// reasonRank orders why the next automatic action is due: hosting that ends comes first,
// then the service period and the version; what is not due comes last.
func reasonRank(r *model.InstanceRow, due bool) uint64 {
	switch {
	case !due && r.RenewalsLeft == 0:
		return 0
	case !due:
		return 3
	case r.DueHosted:
		return 1
	}
	return 2
}

// secondKey is the key of a second since 1970, or of a span in seconds.
func secondKey(second int64) uint64 {
	const epoch = 1 << 40 // makes seconds of years before 1970 positive
	return uint64(min(second, epoch) + epoch)
}

// textKey is the key of a folded text at a depth.
func textKey(text []byte, depth int) uint64 {
	var room [64]byte
	var key [8]byte
	natural := model.AppendNaturalKey(room[:0], text, (depth+1)*len(key))
	copy(key[:], natural[min(len(natural), depth*len(key)):])
	return binary.BigEndian.Uint64(key[:])
}

// textKeyOrLast is textKey that puts an empty text last.
func textKeyOrLast(text []byte, depth int) uint64 {
	if len(text) == 0 && depth == 0 {
		return math.MaxUint64 // no text has these bytes
	}
	return textKey(text, depth)
}

// hasNextKey reports whether slots with this key have another at the next depth.
func hasNextKey(by model.Sort, key uint64) bool {
	switch by {
	case model.SortName, model.SortDomain, model.SortSpecification, model.SortProduct:
		return key&0xff != 0
	}
	return false
}

// domain returns the folded first domain in a slot; empty for none.
func (t *Table) domain(slot uint32) []byte {
	b, n := t.at(slot)
	p := &t.profiles.list[b.profile[n]]
	name, rest, _ := bytes.Cut(b.names.of(n), zero)
	switch {
	case p.nameIsFirst:
		return name
	case p.row.Domains == 0:
		return nil
	}
	domain, _, _ := bytes.Cut(rest, zero)
	return domain
}

// SetContacts tells the table the names of all contacts, by which [model.SortContact]
// orders. Other orders need none.
func (t *Table) SetContacts(names map[model.ID]string) {
	ids := slices.Collect(maps.Keys(names))
	slices.SortFunc(ids, func(a, b model.ID) int {
		return strings.Compare(model.NaturalKey(names[a])+"\x00"+string(a), model.NaturalKey(names[b])+"\x00"+string(b))
	})
	ranks := make(map[model.ID]uint64, len(ids))
	for n, id := range ids {
		ranks[id] = uint64(n)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !maps.Equal(ranks, t.contactRanks) {
		t.contactRanks = ranks
		delete(t.orders, model.SortContact)
	}
}
