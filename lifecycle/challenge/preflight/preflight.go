// Package preflight looks, before an order is spent at a CA, for what would make it fail
// (spec C6): delegation, CAA, records, ports, the clock and the rate budget. It names the
// broken hop and what to do. Nothing is changed but for a trial token, which is shown and
// removed.
package preflight

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"time"

	"certquay/lifecycle/challenge"
	"certquay/lifecycle/challenge/dns"
	"certquay/lifecycle/challenge/http01"
	"certquay/lifecycle/challenge/tlsalpn01"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// Finding is the result of one look.
type Finding = ports.PreflightFinding

// The checks and levels by shorter names.
const (
	Clock      = ports.CheckClock
	Budget     = ports.CheckBudget
	Delegation = ports.CheckDelegation
	CAA        = ports.CheckCAA
	Record     = ports.CheckRecord
	Port       = ports.CheckPort

	Good    = ports.PreflightGood
	Warning = ports.PreflightWarning
	Bad     = ports.PreflightBad
)

// Name is a name of an order.
type Name struct {
	Name string // ASCII; may begin with "*."
	// Type is how control of it will be proved.
	Type challenge.Type
	// Solver answers the challenge; nil where a person does.
	Solver challenge.Solver
	// Proof is what has to be seen, once the order has said it; nil before.
	Proof *challenge.Proof
}

// Options are what [Run] looks at, and by what.
type Options struct {
	Names    []Name
	Resolver *dns.Resolver
	Dial     challenge.DialFunc // how ports are tried; nil is the network
	// Identities are the names by which CAA records mean the CA (caaIdentities of RFC 8555
	// section 7.1.1), and Account the URL of the account there, "" if there is none yet.
	Identities []string
	Account    string
	// Date returns the clock of the CA, see [DateOf]; nil does not compare clocks.
	Date func(ctx context.Context) (time.Time, error)
	Now  func() time.Time // nil is the clock of the machine
	// Budget returns what the CA's limits say of this order, as findings of the check
	// Budget; nil says nothing.
	Budget func(ctx context.Context) []Finding
	// WithoutPorts leaves out what shows trial tokens and connects to hosts.
	WithoutPorts bool
}

// parallel is how many names are looked at together.
const parallel = 8

// Run looks at everything and returns what it found, in the order of the names. It
// returns at the latest when ctx ends, with what is known then.
func Run(ctx context.Context, o Options) []Finding {
	var all []Finding
	all = append(all, o.clock(ctx)...)
	if o.Budget != nil {
		all = append(all, o.Budget(ctx)...)
	}
	found := make([][]Finding, len(o.Names))
	slots := make(chan struct{}, parallel)
	var wg sync.WaitGroup
	for n, name := range o.Names {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			found[n] = o.name(ctx, name)
		})
	}
	wg.Wait()
	for _, f := range found {
		all = append(all, f...)
	}
	return all
}

// name looks at one name.
func (o Options) name(ctx context.Context, n Name) (all []Finding) {
	host := strings.TrimPrefix(n.Name, "*.")
	_, notAddress := netip.ParseAddr(host)
	if notAddress != nil {
		hop := o.delegation(ctx, n, host)
		all = append(all, hop...)
		if ports.WorstFinding(hop) == Bad { // everything else would say the same
			return all
		}
		all = append(all, o.caa(ctx, n, host)...)
	}
	if n.Proof != nil {
		all = append(all, o.record(ctx, n)...)
	}
	if !o.WithoutPorts && (n.Type == challenge.HTTP01 || n.Type == challenge.TLSALPN01) {
		all = append(all, o.port(ctx, n, host, notAddress == nil)...)
	}
	return all
}

// Look returns what looks for proofs that persons provide, as [challenge.Solver.Seen]
// does for the others. A nil dial is the network.
func Look(r *dns.Resolver, dial challenge.DialFunc) func(ctx context.Context, p challenge.Proof) (bool, model.Text, error) {
	http, tls := http01.New(http01.Options{Dial: dial}), tlsalpn01.New(tlsalpn01.Options{Dial: dial})
	return func(ctx context.Context, p challenge.Proof) (bool, model.Text, error) {
		switch p.Type {
		case challenge.HTTP01:
			return http.Seen(ctx, p)
		case challenge.TLSALPN01:
			return tls.Seen(ctx, p)
		}
		return dns.New(p.Type, nil, r).Seen(ctx, p)
	}
}

// record looks for a proof as the CA does.
func (o Options) record(ctx context.Context, n Name) []Finding {
	look := Look(o.Resolver, o.Dial)
	if n.Solver != nil {
		look = n.Solver.Seen
	}
	f := Finding{Check: Record, Name: n.Name, Level: Good, Text: model.Say("preflight.record.seen")}
	switch seen, missing, err := look(ctx, *n.Proof); {
	case err != nil:
		f.Level, f.Text, f.Hint = Warning, model.TextOf(err), model.Say("preflight.again")
	case !seen:
		f.Level, f.Text, f.Hint = Bad, missing, model.Say("preflight.record.hint")
	}
	return []Finding{f}
}
