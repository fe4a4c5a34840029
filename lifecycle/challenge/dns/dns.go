// Package dns answers the challenges dns-01 of RFC 8555 section 8.4 and dns-persist-01
// of draft-ietf-acme-dns-persist by TXT records, which a provider writes or a person
// (spec C4, C5).
package dns

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"certquay/lifecycle/challenge"
	"certquay/model"
)

// seenTimeout bounds one look at all name servers.
const seenTimeout = 30 * time.Second

// Record is a TXT record that a provider writes.
type Record struct {
	// Order is the idempotency key of the order that it is for. A provider may keep
	// something between the calls for one order, such as a process and the number that
	// a record has there, until Close.
	Order string
	Name  string // where it is to be, after CNAMEs; absolute, with small letters
	Value string
	// Domain, Token and KeyAuthorization are those of the challenge: the record of
	// dns-01 is at "_acme-challenge." + Domain before CNAMEs, and its value is a digest of
	// KeyAuthorization. All are empty for dns-persist-01.
	Domain, Token, KeyAuthorization string
	// Resolvers are the recursive resolvers that a person named, as host:port, of whom a
	// provider has to ask what it does not know; none means those of the system.
	Resolvers []string
}

// is reports whether two records are the same one of one order.
func (r Record) is(o Record) bool {
	return r.Order == o.Order && r.Name == o.Name && r.Value == o.Value
}

// Provider writes TXT records at a DNS provider with one account. Implementations are
// safe for concurrent use, and keep other values at the same name unless they are also a
// [Sequential].
type Provider interface {
	// Present makes a record. One that is there already is no error.
	Present(ctx context.Context, r Record) error
	// CleanUp removes a record. One that is gone may be an error: the caller looks.
	CleanUp(ctx context.Context, r Record) error
	// Close ends what is kept for an order.
	Close(order string)
}

// Sequential is a [Provider] that may be able to show one record at a time only.
type Sequential interface {
	Provider
	// Sequential reports whether that is so.
	Sequential() bool
}

// ErrNotPossible says that a provider cannot write a record because its value is not
// that of dns-01. The record has to be made by a person.
var ErrNotPossible = model.Fail("challenge.dns.by-hand")

// Solver answers a challenge by records.
type Solver struct {
	typ      challenge.Type
	provider Provider
	resolver *Resolver

	mu   sync.Mutex
	held Record // what a sequential provider shows
}

var _ challenge.Solver = (*Solver)(nil)

// New returns a solver of dns-01 or dns-persist-01. Without a provider a person makes
// the records and removes them: Present and CleanUp do nothing, and Seen says what is
// missing.
func New(typ challenge.Type, p Provider, r *Resolver) *Solver {
	return &Solver{typ: typ, provider: p, resolver: r}
}

// Type is the type that it answers.
func (s *Solver) Type() challenge.Type { return s.typ }

// Check returns why the provider cannot be used, if it tells.
func (s *Solver) Check() error {
	if c, ok := s.provider.(interface{ Check() error }); ok {
		return c.Check()
	}
	return nil
}

// Present has the provider write the record. A record of dns-persist-01 is left to a
// person where the provider can write those of dns-01 only.
func (s *Solver) Present(ctx context.Context, p challenge.Proof) error {
	if s.provider == nil {
		return nil
	}
	r, err := s.record(ctx, p)
	if err != nil {
		return err
	}
	if err := s.hold(r); err != nil {
		return err
	}
	err = s.provider.Present(ctx, r)
	if s.typ == challenge.DNSPersist01 && errors.Is(err, ErrNotPossible) {
		return nil
	}
	return err
}

// hold refuses a second record at a provider that can show one only.
func (s *Solver) hold(r Record) error {
	if q, ok := s.provider.(Sequential); !ok || !q.Sequential() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held.Name != "" && !s.held.is(r) {
		return model.Fail("challenge.dns.busy", "name", shown(s.held.Name)).Wrapping(challenge.ErrBusy)
	}
	s.held = r
	return nil
}

// release allows another record, once the one that release reports true for is gone.
func (s *Solver) release(gone func(Record) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if gone(s.held) {
		s.held = Record{}
	}
}

// record follows the CNAMEs of a proof.
func (s *Solver) record(ctx context.Context, p challenge.Proof) (Record, error) {
	target, _, err := s.resolver.Follow(ctx, p.Record)
	if err != nil {
		return Record{}, err
	}
	return Record{
		Order: p.Order, Name: target, Value: p.Value,
		Domain: p.Name, Token: p.Token, KeyAuthorization: p.KeyAuthorization, Resolvers: s.resolver.Named(),
	}, nil
}

// Seen asks every authoritative name server for the record. Servers that do not answer
// are passed over if another has it, as the resolvers of CAs do.
func (s *Solver) Seen(ctx context.Context, p challenge.Proof) (seen bool, missing model.Text, err error) {
	ctx, cancel := context.WithTimeout(ctx, seenTimeout)
	defer cancel()
	target, _, err := s.resolver.Follow(ctx, p.Record)
	if err != nil {
		return false, model.TextOf(err), nil
	}
	has, missing := s.look(ctx, target, p.Value)
	return has == everywhere, missing, nil
}

// presence is where a record is seen.
type presence int

const (
	unknown    presence = iota // no server answered
	nowhere                    // every server that answered has it not
	somewhere                  // some have it
	everywhere                 // every server that answered has it
)

// look asks all name servers for a record and returns what is wrong with the last that
// does not have it.
func (s *Solver) look(ctx context.Context, name, value string) (presence, model.Text) {
	_, servers, err := s.resolver.Authorities(ctx, name)
	if err != nil {
		return unknown, model.TextOf(err)
	}
	type answer struct {
		texts []string
		err   error
	}
	answers := make([]answer, len(servers))
	var wg sync.WaitGroup
	for n, server := range servers {
		wg.Go(func() { answers[n].texts, answers[n].err = s.resolver.Texts(ctx, server, name) })
	}
	wg.Wait()
	var have, lack int
	var missing, silent model.Text
	for n, server := range servers {
		texts := answers[n].texts
		switch {
		case answers[n].err != nil:
			silent = model.TextOf(answers[n].err)
		case slices.Contains(texts, value):
			have++
		case len(texts) == 0:
			lack++
			missing = model.Say("challenge.dns.missing", "server", server.String(), "name", shown(name), "value", value)
		default:
			lack++
			missing = model.Say("challenge.dns.other", "server", server.String(), "name", shown(name), "value", value, "found", texts)
		}
	}
	switch {
	case have > 0 && lack > 0:
		return somewhere, missing
	case have > 0:
		return everywhere, ""
	case lack > 0:
		return nowhere, missing
	}
	return unknown, silent
}

// CleanUp has the provider remove the record. Records of dns-persist-01 stay: later
// orders use them.
func (s *Solver) CleanUp(ctx context.Context, p challenge.Proof) error {
	if s.provider == nil || s.typ == challenge.DNSPersist01 {
		return nil
	}
	r, err := s.record(ctx, p)
	if err != nil {
		return &challenge.LeftError{Proof: p, Err: err}
	}
	err = s.provider.CleanUp(ctx, r)
	s.release(func(held Record) bool { return held.is(r) })
	if err == nil {
		return nil
	}
	if has, _ := s.look(ctx, r.Name, r.Value); has == nowhere {
		return nil // it was gone
	}
	p.Record = r.Name // what a person has to look for
	return &challenge.LeftError{Proof: p, Err: err}
}

// Close ends what the provider keeps for an order.
func (s *Solver) Close(order string) {
	if s.provider != nil {
		s.provider.Close(order)
		s.release(func(held Record) bool { return held.Order == order })
	}
}
