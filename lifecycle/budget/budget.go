package budget

import (
	"context"
	"crypto/sha256"
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
//
// What is used of a limit is kept for the account or for the CA, as [Counted.ByCA] says, so
// that issuers with one account, and accounts at one CA, use up the same.
type Budget struct {
	Store ports.Store
	// Account and CA stay the same and have no slash. An empty CA is one that has no other
	// account.
	Account, CA string
	// Before is what an older program kept everything under; "" for nothing.
	Before string
	Limits []Limit
	// ReplacesFree says that no limit counts an order which names the certificate that it
	// replaces (RFC 9773 section 5).
	ReplacesFree bool
	Now          func() time.Time
}

// Of returns the budget that an issuer keeps to, in a store of one's own.
func Of(limits ports.RateLimits, store ports.Store, now func() time.Time) *Budget {
	b := &Budget{
		Store: store, Account: limits.Account, CA: limits.CA, Before: limits.Before, ReplacesFree: limits.ReplacesFree, Now: now,
	}
	for _, l := range limits.Limits {
		b.Limits = append(b.Limits, Limit{Counted(l.Name), l.Of, l.Per})
	}
	return b
}

// RateLimits returns what [Of] makes the same budget of.
func (b *Budget) RateLimits() ports.RateLimits {
	all := ports.RateLimits{Account: b.Account, CA: b.CA, Before: b.Before, ReplacesFree: b.ReplacesFree}
	for _, l := range b.Limits {
		all.Limits = append(all.Limits, ports.RateLimit{Name: string(l.Counts), Shared: l.Counts.ByCA(), Of: l.Of, Per: l.Per})
	}
	return all
}

// Kept are the prefixes of the keys under which the store keeps what is used of limits.
func Kept(limits ports.RateLimits) (prefixes []string) {
	holders := []string{limits.Account, limits.CA, limits.Before}
	slices.Sort(holders)
	for _, h := range slices.Compact(holders) {
		if h != "" {
			prefixes = append(prefixes, space+"/"+h+"/", lineSpace+"/"+h+"/")
		}
	}
	return prefixes
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
				if err := b.use(tx, l, name, 1); err != nil {
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
				if err := errors.Join(b.use(tx, l, s, 1), b.leave(tx, l, s, o)); err != nil {
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
