package search

import (
	"math"
	"slices"
	"strings"
	"time"

	"certquay/model"
	"certquay/model/where"
)

// A predicate is a part of a query, prepared for a table.
type predicate interface {
	// apply removes the slots that do not pass from a set of slots of a block.
	apply(b *block, s *slotSet)
	// cost orders predicates: the cheapest is applied first, the others to what it
	// leaves.
	cost() int
}

// compile prepares a query at a time.
func (t *Table) compile(e *where.Expr, now time.Time) predicate {
	switch e.Kind {
	case where.Not:
		return not{t.compile(e.Parts[0], now)}
	case where.And:
		return newAnd(t.compileAll(e.Parts, now)...)
	case where.Or:
		return newOr(t.compileAll(e.Parts, now)...)
	}
	return t.compileTerm(&e.Term, now)
}

func (t *Table) compileAll(parts []*where.Expr, now time.Time) []predicate {
	all := make([]predicate, len(parts))
	for n, p := range parts {
		all[n] = t.compile(p, now)
	}
	return all
}

func (t *Table) compileTerm(term *where.Term, now time.Time) predicate {
	like := func(s string) bool { return where.Like(term.Value, s) }
	switch term.Field {
	case "":
		if p := t.property(term); p != nil {
			return newOr(p, t.word(term.Value))
		}
		return t.word(term.Value)
	case where.Property:
		return t.property(term)
	case where.Expires:
		issued := t.byProfile(func(p *profile) bool { return p.row.State.Group() == model.GroupIssued })
		return newAnd(issued, newBetween(term, notAfter, now))
	case where.Issued:
		return newBetween(term, notBefore, now)
	case where.Renews:
		return newBetween(term, dueAt, now)
	case where.Product:
		return t.byProfile(func(p *profile) bool { return slices.ContainsFunc(strings.Fields(p.row.Products), like) })
	case where.Region:
		return t.byProfile(func(p *profile) bool { return anyText(p.regions, like) })
	case where.Key:
		return t.byProfile(func(p *profile) bool { return where.LikeKey(term.Value, p.keyType) })
	case where.Contact:
		return t.byLabels(func(l *labels) bool { return slices.Contains(term.Names, l.contact) })
	case where.Owner:
		return t.byLabels(func(l *labels) bool { return slices.Contains(term.Names, l.owner) })
	case where.Tag:
		return t.byLabels(func(l *labels) bool { return anyText(l.tags, like) })
	case where.On:
		return newOn(term.Value)
	}
	return t.byProfile(func(p *profile) bool { return term.MatchesRow(&p.row, now) })
}

// property returns the predicate of a property, or nil if the value of the term is none.
// It decides as [where.Term.IsProperty] does.
func (t *Table) property(term *where.Term) predicate {
	value := model.NormalizeName(term.Value)
	switch value {
	case where.NeedsPerson:
		return t.members(term.Names)
	case where.NoRenewals:
		return t.byProfile(func(p *profile) bool { return where.RenewalsUsedUp(&p.row) })
	}
	if n := slices.Index(model.DerivedValues, model.Derived(value)); n >= 0 {
		return hasDerived(n)
	}
	if !where.IsProperty(value) {
		return nil
	}
	state := func(issued bool) predicate {
		return t.byProfile(func(p *profile) bool { return p.row.State.Is(value, issued) })
	}
	return newOr(state(false), newAnd(state(true), between{notAfter, math.MinInt64, math.MaxInt64}))
}

// anyText reports whether one of some terminated texts passes.
func anyText(list string, pass func(string) bool) bool {
	for s := range strings.SplitSeq(list, "\x00") {
		if s != "" && pass(s) {
			return true
		}
	}
	return false
}

// not is the complement of a predicate.
type not struct{ predicate }

func (p not) apply(b *block, s *slotSet) {
	passed := *s
	p.predicate.apply(b, &passed)
	for n := range s {
		s[n] &^= passed[n]
	}
}

// and and or are sorted by cost.
type (
	and []predicate
	or  []predicate
)

func newAnd(parts ...predicate) predicate { return and(byCost(parts)) }
func newOr(parts ...predicate) predicate  { return or(byCost(parts)) }

func byCost(parts []predicate) []predicate {
	slices.SortStableFunc(parts, func(a, b predicate) int { return a.cost() - b.cost() })
	return parts
}

func sumOfCosts(parts []predicate) (sum int) {
	for _, p := range parts {
		sum += p.cost()
	}
	return sum
}

func (p and) cost() int { return sumOfCosts(p) }
func (p or) cost() int  { return sumOfCosts(p) }

func (p and) apply(b *block, s *slotSet) {
	for _, part := range p {
		if *s == (slotSet{}) {
			return
		}
		part.apply(b, s)
	}
}

func (p or) apply(b *block, s *slotSet) {
	var found slotSet
	for _, part := range p {
		if *s == (slotSet{}) {
			break
		}
		passed := *s
		part.apply(b, &passed)
		for n := range s {
			found[n] |= passed[n]
			s[n] &^= passed[n]
		}
	}
	*s = found
}

// byNumber passes rows by the number of their profile or labels: 1 passes, 0 does not.
type (
	byProfile []uint8
	byLabels  []uint8
)

func passing[T interface {
	comparable
	clone() T
}](in *interned[T], pass func(*T) bool) []uint8 {
	passed := make([]uint8, len(in.list))
	for n := range in.list {
		if in.uses[n] > 0 && pass(&in.list[n]) {
			passed[n] = 1
		}
	}
	return passed
}

func (t *Table) byProfile(pass func(*profile) bool) predicate {
	return byProfile(passing(&t.profiles, pass))
}

func (t *Table) byLabels(pass func(*labels) bool) predicate {
	return byLabels(passing(&t.labels, pass))
}

func (byProfile) cost() int { return 1 }
func (byLabels) cost() int  { return 1 }

func (p byProfile) apply(b *block, s *slotSet) { filterNumbers(p, b.profile, s) }

func (p byLabels) apply(b *block, s *slotSet) {
	if b.attached == nil || b.attached.labels == nil {
		*s = slotSet{}
		return
	}
	filterNumbers(p, b.attached.labels, s)
}

func filterNumbers(pass []uint8, numbers *[blockSize]uint32, s *slotSet) {
	for k, word := range s {
		if word == 0 {
			continue
		}
		var passed uint64
		for n, number := range numbers[k*64 : k*64+64] {
			passed |= uint64(pass[number]) << n
		}
		s[k] = word & passed
	}
}

// hasDerived passes rows with a derived value, given by its place in
// [model.DerivedValues].
type hasDerived int

func (hasDerived) cost() int { return 1 }

func (p hasDerived) apply(b *block, s *slotSet) {
	for k, word := range s {
		if word == 0 {
			continue
		}
		var passed uint64
		for n, values := range b.derived[k*64 : k*64+64] {
			passed |= uint64(values>>p&1) << n
		}
		s[k] = word & passed
	}
}

// members passes the slots of some instances.
type members map[*block]*slotSet

func (t *Table) members(ids []model.ID) predicate {
	m := members{}
	for _, id := range ids {
		at, ok := t.find(string(id))
		if !ok {
			continue
		}
		b, n := t.at(t.byID[at])
		if m[b] == nil {
			m[b] = new(slotSet)
		}
		m[b].add(n)
	}
	return m
}

func (members) cost() int { return 0 }

func (m members) apply(b *block, s *slotSet) {
	if of := m[b]; of != nil {
		s.intersect(of)
	} else {
		*s = slotSet{}
	}
}

// between passes rows of which a time lies between two seconds, the second exclusive.
type between struct {
	column   int
	from, to int64
}

func newBetween(t *where.Term, column int, now time.Time) predicate {
	from, to := t.Between(now)
	return between{column, from, to}
}

func (between) cost() int { return 2 }

func (p between) apply(b *block, s *slotSet) {
	// In the form of the column, and the first that does not pass any more.
	from, to := max(p.from, 0)+1, min(max(p.to, 0), farTime-1)+1
	for k, word := range s {
		if word == 0 {
			continue
		}
		var passed uint64
		for n := range 64 {
			v := int64(b.times[k*64+n][p.column])
			if v >= from && v < to {
				passed |= 1 << n
			}
			if v == farTime {
				if second := b.overflow[k*64+n].times[p.column]; second >= p.from && second < p.to {
					passed |= 1 << n
				}
			}
		}
		s[k] = word & passed
	}
}

// on passes rows that are deployed at a resource whose name is like a pattern.
type on struct {
	like    string
	literal string // the longest part of the pattern that stands for itself
}

func newOn(like string) predicate {
	p := on{like: foldText(like)}
	for part := range strings.SplitSeq(p.like, "*") {
		if len(part) > len(p.literal) {
			p.literal = part
		}
	}
	return p
}

func (on) cost() int { return 4 }

func (p on) apply(b *block, s *slotSet) {
	if b.attached == nil || b.attached.places.ends == nil {
		*s = slotSet{}
		return
	}
	places := &b.attached.places
	if p.literal != "" {
		var found slotSet
		places.search(places.newPattern(p.literal), &found)
		s.intersect(&found)
	}
	for n := range s.all {
		if !anyText(string(places.of(n)), func(name string) bool { return where.LikeResource(p.like, name) }) {
			s.remove(n)
		}
	}
}
