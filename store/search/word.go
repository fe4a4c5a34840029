package search

import (
	"strings"

	"certquay/model"
	"certquay/model/where"
)

// word passes rows that have a text in their name, domains, tags, note, serials or ID.
type word struct {
	name   pattern
	serial serialPart
	id     idPart
	tags   byLabels
}

// word prepares the search for a text.
func (t *Table) word(text string) predicate {
	text = foldText(text)
	w := word{id: newIDPart(text)}
	if len(t.blocks) > 0 {
		w.name = t.blocks[0].names.newPattern(text)
		if len(text) >= where.MinDigits && len(text) <= maxDigits && where.IsHex(text) {
			w.serial = t.blocks[0].serials.newSerialPart(text)
		}
	}
	w.tags = passing(&t.labels, func(l *labels) bool { return strings.Contains(l.tags, text) })
	return w
}

func (word) cost() int { return 8 }

func (w word) apply(b *block, s *slotSet) {
	if s.len() <= blockSize/scanThreshold {
		for n := range s.all {
			if !w.name.in(b.names.of(n)) && !w.inSerial(b, n) && !w.attachedTo(b, n) && !w.id.in(b, n) {
				s.remove(n)
			}
		}
		return
	}
	var found slotSet
	b.names.search(w.name, &found)
	if len(w.serial.digits) > 0 && !found.contains(s) {
		w.serial.search(&b.serials, &found)
	}
	w.id.search(b, &found)
	if a := b.attached; a != nil {
		if a.labels != nil {
			tagged := *s
			w.tags.apply(b, &tagged)
			found.unite(&tagged)
		}
		if a.notes.ends != nil {
			a.notes.search(w.name, &found)
		}
	}
	s.intersect(&found)
}

// inSerial reports whether the text is part of a serial of a slot.
func (w *word) inSerial(b *block, n int) bool {
	return len(w.serial.digits) > 0 && w.serial.in(b.serials.of(n))
}

// attachedTo reports whether the text is in the tags or the note of a slot.
func (w word) attachedTo(b *block, n int) bool {
	a := b.attached
	return a != nil && (w.tags[b.label(n)] != 0 || a.notes.ends != nil && w.name.in(a.notes.of(n)))
}

// idPart is a text that may be part of an ID, as [where.NamesID] decides.
type idPart struct {
	text  string // upper case; "" for one that no ID contains
	short bool   // it may be a part of the short form of a ULID, which value is
	value uint64
}

func newIDPart(text string) idPart {
	if len(text) < model.MinTail {
		return idPart{}
	}
	p := idPart{text: strings.ToUpper(text), short: len(text) <= model.ShortLength}
	for n := range len(p.text) {
		d := crockfordDigit[p.text[n]]
		if p.short = p.short && d != 0xff; !p.short {
			break
		}
		p.value = p.value<<5 | uint64(d)
	}
	return p
}

// in reports whether the text is part of the ID in a slot.
func (p idPart) in(b *block, n int) bool {
	return p.text != "" && where.NamesID(p.text, model.ID(b.id(n)))
}

// search adds the slots whose ID has the text to a set. Slots that are not in use may be
// among them.
func (p idPart) search(b *block, found *slotSet) {
	if p.text == "" {
		return
	}
	if !p.short { // rare: a whole ID, or no part of a ULID
		if !p.mayEnd() && len(b.overflow) == 0 {
			return
		}
		for n := range b.used {
			if p.in(b, n) {
				found.add(n)
			}
		}
		return
	}
	mask := uint64(1)<<(5*len(p.text)) - 1
	for n := range b.used {
		tail := b.ids[n].low
		for range model.ShortLength - len(p.text) + 1 {
			if tail&mask == p.value {
				found.add(n)
			}
			tail >>= 5
		}
	}
	for n := range b.overflow {
		if p.in(b, n) {
			found.add(n)
		}
	}
}

// mayEnd reports whether a ULID may end with the text.
func (p idPart) mayEnd() bool {
	for n := range len(p.text) {
		if crockfordDigit[p.text[n]] == 0xff {
			return false
		}
	}
	return len(p.text) <= ulidLen
}
