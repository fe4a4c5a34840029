package budget

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"certquay/lifecycle/names"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// space is the namespace of the cells.
const space = "budget"

// Budget is what an account may still ask of a certificate authority. It is safe for
// concurrent use.
type Budget struct {
	Store   ports.Store
	Account string // a name that stays the same, without a slash
	Limits  []Limit
	// ReplacesFree says that no limit counts an order which names the certificate that it
	// replaces (RFC 9773 section 5).
	ReplacesFree bool
	Now          func() time.Time
}

// Of returns the budget that an issuer keeps to, in a store of one's own.
func Of(limits ports.RateLimits, store ports.Store, now func() time.Time) *Budget {
	b := &Budget{Store: store, Account: limits.Account, ReplacesFree: limits.ReplacesFree, Now: now}
	for _, l := range limits.Limits {
		b.Limits = append(b.Limits, Limit{Counted(l.Name), l.Of, l.Per})
	}
	return b
}

// RateLimits returns what [Of] makes the same budget of.
func (b *Budget) RateLimits() ports.RateLimits {
	all := ports.RateLimits{Account: b.Account, ReplacesFree: b.ReplacesFree}
	for _, l := range b.Limits {
		all.Limits = append(all.Limits, ports.RateLimit{Name: string(l.Counts), Of: l.Of, Per: l.Per})
	}
	return all
}

// Kept are the prefixes of the keys under which the store keeps what an account has used.
func Kept(account string) []string {
	return []string{space + "/" + account + "/", lineSpace + "/" + account + "/"}
}

// Order is an order about to be made.
type Order struct {
	Names []string // as ASCII
	// Renews says that a certificate for exactly these names was issued before. Limits
	// of certificates for a domain do not count it.
	Renews bool
	// Replaces says that the order names the certificate that it replaces (RFC 9773
	// section 5).
	Replaces bool
	// Key identifies the order each time that it is asked for; "" for one that waits in no
	// line. NeededBy and Urgent are its rank in the line; see [Budget.Reserve].
	Key      string
	NeededBy time.Time
	Urgent   bool
}

// Reserve takes one order from the budget before it is made. If a limit would be
// exceeded it takes nothing and returns a [*ports.RetryAfterError] over budget, with the
// time until it would not. What was taken stays taken if the order fails.
//
// Orders that wait for a limit form a line, kept in the store: what is urgent first, and then
// by NeededBy. Both may change from one call to the next.
// One that has a place in it gets what becomes available only after those before it, and
// the time that it is told allows for them.
func (b *Budget) Reserve(ctx context.Context, o Order) error {
	if o.Replaces && b.ReplacesFree || len(b.Limits) == 0 {
		return nil
	}
	return b.frozen().take(ctx, o)
}

// frozen is the budget at this moment: what happens in one call happens at one time, or an
// order would wait for the nanoseconds that the call takes.
func (b *Budget) frozen() *Budget {
	f, now := *b, b.Now()
	f.Now = func() time.Time { return now }
	return &f
}

// Check returns what Reserve would now, and takes nothing.
func (b *Budget) Check(r model.Reader, o Order) error {
	if o.Replaces && b.ReplacesFree {
		return nil
	}
	return b.frozen().check(r, o)
}

// subjects are what an order uses up of a limit, one of each.
func (l Limit) subjects(o Order) []string {
	switch {
	case l.Counts == NewOrders:
		return []string{""}
	case l.Counts == PerDomain && !o.Renews:
		return domains(o.Names)
	case l.Counts == PerSet:
		return []string{set(o.Names)}
	}
	return nil
}

// Failed counts a failed validation of a name. It may exceed the limit, since it has
// happened.
func (b *Budget) Failed(ctx context.Context, name string) error {
	return b.Store.Update(ctx, func(tx model.Tx) error {
		for _, l := range b.Limits {
			if l.Counts == FailedProofs {
				if err := b.spend(tx, l, name); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// take spends one of each subject of each limit, or nothing.
func (b *Budget) take(ctx context.Context, o Order) error {
	now := b.Now()
	var late *ports.RetryAfterError
	err := b.Store.Update(ctx, func(tx model.Tx) error {
		late = nil
		for _, l := range b.Limits {
			of := l.subjects(o)
			if l.Counts == FailedProofs { // they are looked at, and not spent
				of = o.Names
			}
			for _, s := range of {
				free, err := b.lineUp(tx, l, s, o)
				if err != nil {
					return err
				}
				if wait := free.Sub(now); wait > 0 && (late == nil || wait > late.After) {
					late = &ports.RetryAfterError{After: wait, OverBudget: true, Err: &model.Error{Text: spent(l, s, free)}}
				}
			}
		}
		if late != nil {
			return nil //nolint:nilerr // the places in the lines are kept, and late is returned below
		}
		for _, l := range b.Limits {
			for _, s := range l.subjects(o) {
				if err := errors.Join(b.spend(tx, l, s), b.leave(tx, l, s, o)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil && late != nil {
		return late
	}
	return err
}

// check returns the longest pause of all limits until an order may be made.
func (b *Budget) check(r model.Reader, o Order) error {
	var late *ports.RetryAfterError
	for _, l := range b.Limits {
		of := l.subjects(o)
		if l.Counts == FailedProofs { // they are looked at, and not spent
			of = o.Names
		}
		for _, s := range of {
			full, err := b.fullAt(r, l, s)
			if err != nil {
				return err
			}
			free := full.Add(l.each() - l.Per)
			if wait := free.Sub(b.Now()); wait > 0 && (late == nil || wait > late.After) {
				late = &ports.RetryAfterError{After: wait, OverBudget: true, Err: &model.Error{Text: spent(l, s, free)}}
			}
		}
	}
	if late != nil {
		return late
	}
	return nil
}

// spent says which limit is used up, for what, and until when.
func spent(l Limit, subject string, until time.Time) model.Text {
	limit := model.Say("limit." + string(l.Counts))
	if subject == "" {
		return model.Say("budget.spent", "limit", limit, "rate", l.rate(), "at", until)
	}
	return model.Say("budget.spent-for", "limit", limit, "rate", l.rate(), "subject", subject, "at", until)
}

// A limit is a bucket that refills evenly. Its state is one time: when the bucket is full
// again. Each use moves it on by the time in which one refills (the generic cell rate
// algorithm of ITU-T I.371).

func (b *Budget) cell(l Limit, subject string) *model.KV {
	return &model.KV{Namespace: space, Name: b.Account + "/" + string(l.Counts) + "/" + subject}
}

// fullAt returns when the bucket is full again, not before now.
func (b *Budget) fullAt(r model.Reader, l Limit, subject string) (time.Time, error) {
	now := b.Now()
	cell := b.cell(l, subject)
	if err := r.Get(cell); err != nil {
		if errors.Is(err, model.ErrNotFound) {
			return now, nil
		}
		return now, err
	}
	return later(now, decode(cell)), nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func encode(t time.Time) []byte { return binary.BigEndian.AppendUint64(nil, uint64(t.UnixNano())) }

func decode(cell *model.KV) time.Time {
	if len(cell.Data) != 8 {
		return time.Time{}
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(cell.Data))).UTC()
}

func (b *Budget) spend(tx model.Tx, l Limit, subject string) error {
	full, err := b.fullAt(tx, l, subject)
	if err != nil {
		return err
	}
	cell := b.cell(l, subject)
	cell.Data = encode(full.Add(l.each()))
	return tx.Put(cell)
}

// left returns how many are available at a time if the bucket is full again at full.
func (l Limit) left(full, now time.Time) int {
	return max(int((l.Per-full.Sub(now))/l.each()), 0)
}

// Status returns each limit with what is left: of the account, and of the subject that
// has the least left, if one is used at all.
func (b *Budget) Status(r model.Reader) ([]ports.RateLimit, error) {
	now := b.Now()
	all := make([]ports.RateLimit, 0, len(b.Limits))
	for _, l := range b.Limits {
		s := ports.RateLimit{Name: string(l.Counts), Of: l.Of, Left: l.Of, Per: l.Per}
		prefix := b.cell(l, "").RecordKey()
		for kv, err := range model.All[model.KV](r, model.Scan{Prefix: prefix}) {
			if err != nil {
				return nil, err
			}
			full := decode(&kv)
			if left := l.left(full, now); full.After(now) && left < s.Left {
				s.Left, s.Subject = left, strings.TrimPrefix(kv.RecordKey(), prefix)
				s.Refills = full.Add(time.Duration(left)*l.each() - l.Per + l.each())
			}
		}
		all = append(all, s)
	}
	return all, nil
}

// Prune deletes what is full again and places that were given up, at most so many at
// once, and reports whether more is left.
func (b *Budget) Prune(ctx context.Context, most int) (more bool, err error) {
	var old []model.KV
	now := b.Now()
	err = b.Store.View(func(r model.Reader) error {
		for _, prefix := range Kept(b.Account) {
			for kv, err := range model.All[model.KV](r, model.Scan{Prefix: prefix}) {
				if err != nil {
					return err
				}
				if !decode(&kv).After(now) {
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
			if err := tx.Get(kv); err != nil || decode(kv).After(now) { // used since
				continue
			}
			if err := tx.Delete(kv); err != nil {
				return err
			}
		}
		return nil
	})
}

// domains returns the registered domains of names, each once.
func domains(list []string) []string {
	var all []string
	for _, n := range list {
		all = append(all, names.RegisteredDomain(n))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// maxSubject is the longest subject that is kept as it is, since it is part of a key.
const maxSubject = 200

// set returns the same for the same names in any order: the names, or for many of them
// the first with a hash.
func set(list []string) string {
	sorted := slices.Clone(list)
	slices.Sort(sorted)
	all := strings.Join(slices.Compact(sorted), ",")
	if len(all) <= maxSubject {
		return all
	}
	sum := sha256.Sum256([]byte(all))
	return sorted[0] + ",...#" + hex.EncodeToString(sum[:8])
}
