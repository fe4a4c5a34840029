package budget

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"certquay/lifecycle/ports"
	"certquay/model"
)

// A limit is a bucket that refills evenly. Its state is one time: when the bucket is full
// again. Each use moves it on by the time in which one refills (the generic cell rate
// algorithm of ITU-T I.371). That time is kept beside it, since another issuer that uses the
// same may have been told another rate.

// holder is whose uses a limit counts.
func (b *Budget) holder(l Limit) string {
	if l.Counts.ByCA() {
		return cmp.Or(b.CA, b.Account)
	}
	return b.Account
}

func cellOf(holder string, l Limit, subject string) *model.KV {
	return &model.KV{Namespace: space, Name: holder + "/" + string(l.Counts) + "/" + subject}
}

func (b *Budget) cell(l Limit, subject string) *model.KV { return cellOf(b.holder(l), l, subject) }

// before is the cell in which an older program kept the same; nil for none.
func (b *Budget) before(l Limit, subject string) *model.KV {
	if b.Before == "" || b.Before == b.holder(l) {
		return nil
	}
	return cellOf(b.Before, l, subject)
}

// until returns how long it takes from now until the bucket of a cell is full again, by the
// rate of l.
func (l Limit) until(cell *model.KV, now time.Time) time.Duration {
	full, each := decode(cell)
	left := max(full.Sub(now), 0)
	if each == 0 || each == l.each() { // an older program kept no rate
		return left
	}
	return time.Duration(float64(left) / float64(each) * float64(l.each()))
}

// fullAt returns when the bucket is full again, not before now.
func (b *Budget) fullAt(r model.Reader, l Limit, subject string) (time.Time, error) {
	now := b.Now()
	full := now
	for _, cell := range []*model.KV{b.cell(l, subject), b.before(l, subject)} {
		if cell == nil {
			continue
		}
		switch err := r.Get(cell); {
		case err == nil:
			full = full.Add(l.until(cell, now))
		case !errors.Is(err, model.ErrNotFound):
			return now, err
		}
	}
	return full, nil
}

func encode(t time.Time, each time.Duration) []byte {
	data := binary.BigEndian.AppendUint64(nil, uint64(t.UnixNano()))
	if each > 0 {
		data = binary.BigEndian.AppendUint64(data, uint64(each))
	}
	return data
}

// decode returns the time of a cell, and the time in which one refills; 0 if that was not
// kept.
func decode(cell *model.KV) (at time.Time, each time.Duration) {
	if len(cell.Data) != 8 && len(cell.Data) != 16 {
		return at, 0
	}
	at = time.Unix(0, int64(binary.BigEndian.Uint64(cell.Data))).UTC()
	if len(cell.Data) == 16 {
		each = time.Duration(binary.BigEndian.Uint64(cell.Data[8:]))
	}
	return at, each
}

// use counts so many uses. What an older program kept of the same is counted with them, and
// kept there no longer.
func (b *Budget) use(tx model.Tx, l Limit, subject string, uses int) error {
	full, err := b.fullAt(tx, l, subject)
	if err != nil {
		return err
	}
	cell := b.cell(l, subject)
	cell.Data = encode(full.Add(time.Duration(uses)*l.each()), l.each())
	if old := b.before(l, subject); old != nil {
		if err := tx.Delete(old); err != nil {
			return err
		}
	}
	return tx.Put(cell)
}

// left returns how many are available at a time if the bucket is full again at full.
func (l Limit) left(full, now time.Time) int {
	return max(int((l.Per-full.Sub(now))/l.each()), 0)
}

// used returns for each subject of a limit that was used when its bucket is full again.
func (b *Budget) used(r model.Reader, l Limit) (map[string]time.Time, error) {
	all := map[string]time.Time{}
	now := b.Now()
	for _, cell := range []*model.KV{b.cell(l, ""), b.before(l, "")} {
		if cell == nil {
			continue
		}
		prefix := cell.RecordKey()
		for kv, err := range model.All[model.KV](r, model.Scan{Prefix: prefix}) {
			if err != nil {
				return nil, err
			}
			subject := strings.TrimPrefix(kv.RecordKey(), prefix)
			full, more := all[subject]
			if !more {
				full = now
			}
			all[subject] = full.Add(l.until(&kv, now))
		}
	}
	return all, nil
}

// Status returns each limit with what is left: of the account, and of the subject that
// has the least left, if one is used at all; of several the one whose bucket is full last.
func (b *Budget) Status(r model.Reader) ([]ports.RateLimit, error) {
	now := b.Now()
	all := make([]ports.RateLimit, 0, len(b.Limits))
	for _, l := range b.Limits {
		s := ports.RateLimit{Name: string(l.Counts), Shared: l.Counts.ByCA(), Of: l.Of, Left: l.Of, Per: l.Per}
		used, err := b.used(r, l)
		if err != nil {
			return nil, err
		}
		for subject, full := range used {
			later := cmp.Or(full.Compare(used[s.Subject]), cmp.Compare(s.Subject, subject))
			if left := l.left(full, now); full.After(now) && left < l.Of && (s.Left == l.Of || later > 0) {
				s.Left, s.Subject = left, subject
				s.Refills = full.Add(time.Duration(left)*l.each() - l.Per + l.each())
			}
		}
		all = append(all, s)
	}
	return all, nil
}

// Prune deletes what is full again and places that were given up, and moves what an older
// program kept to where it is now, at most so many of each at once. It reports whether more
// is left.
func (b *Budget) Prune(ctx context.Context, most int) (more bool, err error) {
	if more, err = b.move(ctx, most); err != nil || more {
		return more, err
	}
	var old []model.KV
	now := b.Now()
	err = b.Store.View(func(r model.Reader) error {
		for _, prefix := range Kept(b.RateLimits()) {
			for kv, err := range model.All[model.KV](r, model.Scan{Prefix: prefix}) {
				if err != nil {
					return err
				}
				if at, _ := decode(&kv); !at.After(now) {
					old = append(old, kv)
				}
				if len(old) > most {
					return nil
				}
			}
		}
		return nil
	})
	if err != nil || len(old) == 0 {
		return false, err
	}
	more = len(old) > most
	return more, b.Store.Update(ctx, func(tx model.Tx) error {
		for n := range old[:min(most, len(old))] {
			kv := &old[n]
			if err := tx.Get(kv); errors.Is(err, model.ErrNotFound) {
				continue
			} else if err != nil {
				return err
			}
			if at, _ := decode(kv); at.After(now) { // used since
				continue
			}
			if err := tx.Delete(kv); err != nil {
				return err
			}
		}
		return nil
	})
}

// move moves what an older program kept, at most so much, and reports whether more is left.
// Places in lines are taken anew.
func (b *Budget) move(ctx context.Context, most int) (more bool, err error) {
	err = b.Store.Update(ctx, func(tx model.Tx) error {
		more = false
		moved := 0
		for _, l := range b.Limits {
			old := b.before(l, "")
			if old == nil {
				continue
			}
			prefix := old.RecordKey()
			var subjects []string
			for key, err := range tx.Keys(model.Scan{Kind: model.KindKV, Prefix: prefix, Limit: most - moved + 1}) {
				if err != nil {
					return err
				}
				subjects = append(subjects, strings.TrimPrefix(key, prefix))
			}
			for _, s := range subjects {
				if moved == most {
					more = true
					return nil
				}
				if err := b.use(tx, l, s, 0); err != nil {
					return err
				}
				moved++
			}
		}
		return nil
	})
	return more, err
}
