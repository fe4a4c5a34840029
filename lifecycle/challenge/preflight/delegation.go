package preflight

import (
	"context"
	"strings"

	miekg "github.com/miekg/dns"
	"golang.org/x/net/publicsuffix"

	"certquay/lifecycle/challenge"
	"certquay/lifecycle/challenge/dns"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// What is certain to fail, also where this machine sees less than the CA does.
const (
	unregistered    = "preflight.unregistered"
	wrongSignatures = "preflight.dnssec"
)

// delegation follows the way from the root to the name, and to the record that proves
// control of it.
func (o Options) delegation(ctx context.Context, n Name, host string) (all []Finding) {
	say := func(level ports.PreflightLevel, text, hint model.Text) {
		certain := text.Code() == unregistered || text.Code() == wrongSignatures
		all = append(all, Finding{Check: Delegation, Name: n.Name, Level: level, Text: text, Hint: hint, Certain: certain})
	}
	zone := o.zone(ctx, host+".", say)
	if zone == "" {
		return all
	}
	record := recordOf(n.Type, host)
	if record == "" {
		o.servers(ctx, host+".", say)
		return all
	}
	target, way, err := o.Resolver.Follow(ctx, record)
	if err != nil {
		say(Bad, model.TextOf(err), model.Say("preflight.cname.hint", "name", trim(way[0])))
		return all
	}
	if target != record { // the record is in another zone
		if o.zone(ctx, target, say) == "" {
			return all
		}
	}
	o.servers(ctx, target, say)
	return all
}

// sayFunc adds a finding: what was found, and what to do.
type sayFunc func(level ports.PreflightLevel, text, hint model.Text)

// recordOf is where a proof by DNS is, "" for others.
func recordOf(t challenge.Type, host string) string {
	switch t {
	case challenge.DNS01:
		return "_acme-challenge." + strings.ToLower(host) + "."
	case challenge.DNSPersist01:
		return "_validation-persist." + strings.ToLower(host) + "."
	}
	return ""
}

// zone returns the zone that holds a name, or says which hop is broken and returns "".
func (o Options) zone(ctx context.Context, name string, say sayFunc) string {
	name = miekg.CanonicalName(name)
	zone, _, err := o.Resolver.Zone(ctx, name)
	if err != nil {
		o.brokenHop(ctx, name, err, say)
		return ""
	}
	// A name below a public suffix that is in no zone of its own is nobody's.
	if suffix, icann := publicsuffix.PublicSuffix(trim(name)); icann && trim(zone) == suffix && zone != name {
		labels := miekg.Split(name)
		domain := trim(name[labels[len(labels)-miekg.CountLabel(zone)-1]:])
		say(Bad, model.Say(unregistered, "zone", domain), model.Say("preflight.unregistered.hint", "zone", domain))
		return ""
	}
	return zone
}

// brokenHop climbs from a name about which no answer is had to the first that has one: the
// hop below that is broken.
func (o Options) brokenHop(ctx context.Context, name string, err error, say sayFunc) {
	hop, parent := name, "."
	for off, end := 0, false; !end; off, end = miekg.NextLabel(name, off) {
		_, e := o.Resolver.Ask(ctx, name[off:], miekg.TypeSOA)
		if e == nil {
			parent = name[off:]
			break
		}
		hop, err = name[off:], e
	}
	if o.Resolver.Broken(ctx, hop) {
		say(Bad, model.Say(wrongSignatures, "zone", trim(hop)), model.Say("preflight.dnssec.hint", "zone", trim(hop)))
		return
	}
	say(
		Bad,
		model.Say("preflight.hop", "zone", trim(hop), "parent", trim(parent), "cause", err),
		model.Say("preflight.hop.hint", "zone", trim(hop)),
	)
}

func hasSOA(answer *miekg.Msg, zone string) bool {
	for _, rr := range answer.Answer {
		if soa, ok := rr.(*miekg.SOA); ok && miekg.CanonicalName(soa.Hdr.Name) == zone {
			return true
		}
	}
	return false
}

// servers asks every name server of the zone that holds a name for that zone.
func (o Options) servers(ctx context.Context, name string, say sayFunc) {
	zone, servers, err := o.Resolver.Authorities(ctx, name)
	if err != nil {
		say(Bad, model.TextOf(err), model.Say("preflight.hop.hint", "zone", trim(name)))
		return
	}
	answered := 0
	for _, s := range servers {
		switch why := o.serves(ctx, s, zone); why {
		case "":
			answered++
		default:
			say(Warning, why, model.Say("preflight.lame.hint", "server", s.String(), "zone", trim(zone)))
		}
	}
	if answered == 0 {
		say(Bad, model.Say("preflight.no-server", "zone", trim(zone)), model.Say("preflight.hop.hint", "zone", trim(zone)))
		return
	}
	say(Good, model.Say("preflight.delegated", "zone", trim(zone), "n", answered), "")
}

// serves returns why a server does not serve a zone, "" if it does.
func (o Options) serves(ctx context.Context, s dns.Server, zone string) model.Text {
	answer, err := o.Resolver.AskServer(ctx, s, zone, miekg.TypeSOA, false)
	switch {
	case err != nil:
		return model.TextOf(err)
	case !hasSOA(answer, zone):
		return model.Say("preflight.lame", "server", s.String(), "zone", trim(zone))
	}
	return ""
}

func trim(name string) string {
	if name == "." {
		return name
	}
	return strings.TrimSuffix(name, ".")
}
