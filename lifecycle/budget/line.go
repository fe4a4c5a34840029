package budget

import (
	"errors"
	"time"

	"certquay/model"
)

// lineSpace is the namespace of the places in lines. A cell holds until when its place is
// kept.
const lineSpace = "budget-line"

const (
	// graceOfPlace is how long a place is kept for an order that does not ask again when
	// it was told to: since it was withdrawn, or nobody worked for a while.
	graceOfPlace = 15 * time.Minute
	// maxAhead bounds how many places are counted. Orders farther back ask again when
	// so many have had theirs.
	maxAhead = 1000
)

// place is where an order waits for one limit: behind what is needed earlier. Of those
// needed at the same moment the order of names decides, so that the line is the same in
// a forecast.
func (b *Budget) place(l Limit, subject string, o Order) *model.KV {
	class := "later/"
	if o.Urgent {
		class = "first/"
	}
	rank := class + model.TimeKey(o.NeededBy) + "/" + set(o.Names) + "/" + o.Key
	return &model.KV{Namespace: lineSpace, Name: b.holder(l) + "/" + string(l.Counts) + "/" + subject + "/" + rank}
}

// lineUp returns when an order can have its share of one limit. One that has to wait gets
// a place, or keeps it.
func (b *Budget) lineUp(tx model.Tx, l Limit, subject string, o Order) (free time.Time, err error) {
	full, err := b.fullAt(tx, l, subject)
	if err != nil {
		return free, err
	}
	free = full.Add(l.each() - l.Per)
	if o.Key == "" || l.Counts == FailedProofs {
		return free, nil
	}
	if o.Urgent { // its place before it was
		before := o
		before.Urgent = false
		if err := b.leave(tx, l, subject, before); err != nil {
			return free, err
		}
	}
	now, mine := b.Now(), b.place(l, subject, o)
	prefix := lineSpace + "/" + b.holder(l) + "/" + string(l.Counts) + "/" + subject + "/"
	ahead := 0
	for kv, err := range model.All[model.KV](tx, model.Scan{Prefix: prefix}) {
		if err != nil {
			return free, err
		}
		if ahead == maxAhead || kv.RecordKey() >= mine.RecordKey() {
			break
		}
		if until, _ := decode(&kv); until.After(now) {
			ahead++
		}
	}
	if free = free.Add(time.Duration(ahead) * l.each()); !free.After(now) {
		return free, nil
	}
	mine.Data = encode(free.Add(graceOfPlace), 0)
	return free, tx.Put(mine)
}

// leave gives up the place of an order, if it has one.
func (b *Budget) leave(tx model.Tx, l Limit, subject string, o Order) error {
	mine := b.place(l, subject, o)
	switch err := tx.Get(mine); {
	case o.Key == "" || errors.Is(err, model.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return tx.Delete(mine)
}
