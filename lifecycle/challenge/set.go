package challenge

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"certquay/model"
)

// Manual is the type of a rule whose proofs a person provides: a TXT record for
// dns-01, or a file for http-01 where the CA offers no challenge by DNS.
const Manual Type = "manual"

// Types lists every type that a rule can have.
var Types = []Type{HTTP01, TLSALPN01, DNS01, DNSPersist01, Manual}

// Rule says how control of some names is shown (spec C4).
type Rule struct {
	Type Type
	// Pattern limits the rule to names: "example.com" is that name and those below,
	// "*.example.com" those below only, an IP address that address; "" or "*" is every
	// name.
	Pattern string
	// DNS is the name of the DNS account that changes records; "" for none.
	DNS string
}

// ParseRule parses TYPE[=PATTERN[,DNSNAME]].
func ParseRule(s string) (Rule, error) {
	typ, rest, _ := strings.Cut(strings.TrimSpace(s), "=")
	pattern, dns, _ := strings.Cut(rest, ",")
	r := Rule{Type(strings.TrimSpace(typ)), strings.ToLower(strings.TrimSpace(pattern)), strings.TrimSpace(dns)}
	if err := r.Check(); err != nil {
		return Rule{}, err
	}
	return r, nil
}

// Check returns what is wrong with the rule, nil if nothing is.
func (r Rule) Check() error {
	switch {
	case !slices.Contains(Types, r.Type):
		return model.Fail("challenge.no-type", "type", string(r.Type), "types", Types)
	case r.DNS != "" && r.Type != DNS01 && r.Type != DNSPersist01:
		return model.Fail("challenge.no-dns", "type", string(r.Type), "name", r.DNS)
	case !goodPattern(r.Pattern):
		return model.Fail("challenge.pattern", "pattern", r.Pattern)
	}
	return nil
}

func goodPattern(p string) bool {
	if p == "" || p == "*" {
		return true
	}
	if _, err := netip.ParseAddr(p); err == nil {
		return true
	}
	p = strings.TrimPrefix(p, "*.")
	return p != "" && !strings.ContainsAny(p, "*/ :,=") && !strings.HasPrefix(p, ".") && !strings.HasSuffix(p, ".")
}

// String returns the rule as [ParseRule] takes it.
func (r Rule) String() string {
	switch {
	case r.DNS != "":
		return string(r.Type) + "=" + r.Pattern + "," + r.DNS
	case r.Pattern != "":
		return string(r.Type) + "=" + r.Pattern
	}
	return string(r.Type)
}

// Matches reports whether the rule is for a name, which is ASCII and may begin with
// "*.".
func (r Rule) Matches(name string) bool {
	if r.Pattern == "" || r.Pattern == "*" {
		return true
	}
	below, only := strings.CutPrefix(r.Pattern, "*.")
	host, wild := strings.CutPrefix(strings.ToLower(name), "*.")
	if strings.HasSuffix(host, "."+below) {
		_, err := netip.ParseAddr(host)
		return err != nil
	}
	return host == below && (!only || wild)
}

// types returns the types of challenge that the rule accepts, the preferred first.
func (r Rule) types() []Type {
	if r.Type == Manual {
		return []Type{DNS01, HTTP01}
	}
	return []Type{r.Type}
}

// Entry is a rule with what carries it out.
type Entry struct {
	Rule
	// Solver answers the challenges; nil when a person does. For records that a person
	// makes it may be one that only looks.
	Solver Solver
}

// Manual reports whether a person provides the proofs: by a rule that says so, or by
// one about records that names no account at a DNS provider.
func (e Entry) Manual() bool {
	return e.Solver == nil || e.Type == Manual || e.DNS == "" && (e.Type == DNS01 || e.Type == DNSPersist01)
}

// Check returns why what carries the rule out cannot be used, such as an account that is
// not there, as far as that is known without the network.
func (e Entry) Check() error {
	if c, ok := e.Solver.(interface{ Check() error }); ok {
		return c.Check()
	}
	return nil
}

// Lasts reports whether what the rule presents outlives the process that presented it, as
// records and files do.
func (e Entry) Lasts() bool {
	l, ok := e.Solver.(interface{ Lasts() bool })
	return e.Manual() || e.Type == DNS01 || e.Type == DNSPersist01 || ok && l.Lasts()
}

// Set is what an issuer has to show control of names: entries in order of
// preference. It is immutable.
type Set struct {
	Entries []Entry
	// Look finds the proofs of persons, see [Solver.Seen]; nil without such entries.
	Look func(ctx context.Context, p Proof) (seen bool, missing model.Text, err error)
}

// Pick returns the first entry that is for a name and whose challenge the CA offers,
// with the type of that challenge.
func (s Set) Pick(name string, offered []Type) (Entry, Type, bool) {
	for _, e := range s.Entries {
		if !e.Matches(name) {
			continue
		}
		for _, t := range e.types() {
			if slices.Contains(offered, t) {
				return e, t, true
			}
		}
	}
	return Entry{}, "", false
}

// TypesFor are the types of challenge that CAs offer for a name, which is ASCII and may
// begin with "*.".
func TypesFor(name string) []Type {
	if _, err := netip.ParseAddr(name); err == nil {
		return []Type{HTTP01, TLSALPN01}
	}
	if strings.HasPrefix(name, "*.") {
		return []Type{DNS01, DNSPersist01}
	}
	return []Type{HTTP01, TLSALPN01, DNS01, DNSPersist01}
}

// Find returns the entry of a rule as [Rule.String] writes it, or else the first
// that answers challenges of a type by itself: the rules may have changed since an
// order was begun.
func (s Set) Find(rule string, t Type) (Entry, bool) {
	for _, e := range s.Entries {
		if e.String() == rule {
			return e, true
		}
	}
	for _, e := range s.Entries {
		if e.Type == t && !e.Manual() {
			return e, true
		}
	}
	return Entry{}, false
}

// Seen reports whether a CA would find a proof now, see [Solver.Seen].
func (s Set) Seen(ctx context.Context, e Entry, p Proof) (seen bool, missing model.Text, err error) {
	switch {
	case e.Solver != nil:
		return e.Solver.Seen(ctx, p)
	case s.Look != nil:
		return s.Look(ctx, p)
	}
	return false, "", model.Fail("challenge.nobody-looks", "type", string(p.Type))
}
