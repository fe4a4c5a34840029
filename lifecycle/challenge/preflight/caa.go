package preflight

import (
	"context"
	"slices"
	"strings"

	miekg "github.com/miekg/dns"

	"certquay/lifecycle/challenge"
	"certquay/model"
)

// critical is the flag of a CAA property that a CA has to understand (RFC 8659 section
// 4.1).
const critical = 128

// caa judges the CAA records of a name as RFC 8659 and RFC 8657 say.
func (o Options) caa(ctx context.Context, n Name, host string) []Finding {
	f := Finding{Check: CAA, Name: n.Name, Level: Good, Text: model.Say("preflight.caa.none")}
	at, records, err := o.relevant(ctx, host+".")
	switch {
	case err != nil: // a CA may not issue without an answer
		f.Level, f.Text = Bad, model.Say("preflight.caa.silent", "name", trim(at), "cause", err)
		f.Hint = model.Say("preflight.caa.silent.hint", "name", trim(at))
	case len(records) == 0:
	case len(o.Identities) == 0:
		f.Level, f.Text = Warning, model.Say("preflight.caa.unknown", "name", trim(at), "records", shown(records))
		f.Hint = model.Say("preflight.caa.unknown.hint")
	default:
		tag, why := o.judge(records, strings.HasPrefix(n.Name, "*."), n.Type)
		f.Text = model.Say("preflight.caa.allowed", "name", trim(at))
		if why != "" {
			f.Certain = true
			f.Level, f.Text = Bad, model.Say(why, "name", trim(at), "records", shown(records), "account", o.Account, "type", n.Type)
			f.Hint = model.Say("preflight.caa.hint", "name", trim(at), "tag", tag, "ca", o.Identities[0])
		}
	}
	return []Finding{f}
}

// relevant climbs from a name to the first that has CAA records.
func (o Options) relevant(ctx context.Context, name string) (at string, records []*miekg.CAA, err error) {
	name = miekg.CanonicalName(name)
	for off, end := 0, false; !end; off, end = miekg.NextLabel(name, off) {
		at = name[off:]
		answer, err := o.Resolver.Ask(ctx, at, miekg.TypeCAA)
		if err != nil {
			return at, nil, err
		}
		for _, rr := range answer.Answer { // of the name, or of where its CNAME leads
			if c, ok := rr.(*miekg.CAA); ok {
				records = append(records, c)
			}
		}
		if len(records) > 0 {
			return at, records, nil
		}
	}
	return "", nil, nil
}

// judge returns the property that counts, and the code of why it forbids, "" if it does
// not.
func (o Options) judge(records []*miekg.CAA, wildcard bool, t challenge.Type) (tag, why string) {
	byTag := map[string][]string{}
	for _, c := range records {
		tag := strings.ToLower(c.Tag)
		switch tag {
		case "issue", "issuewild":
			byTag[tag] = append(byTag[tag], c.Value)
		case "iodef", "issuemail", "issuevmc", "contactemail", "contactphone":
		default:
			if c.Flag&critical != 0 {
				return "issue", "preflight.caa.critical"
			}
		}
	}
	tag = "issue"
	if wildcard && len(byTag["issuewild"]) > 0 {
		tag = "issuewild"
	}
	if len(byTag[tag]) == 0 { // nothing restricts this kind of name
		return tag, ""
	}
	why = "preflight.caa.forbidden"
	for _, value := range byTag[tag] {
		switch o.permits(value, t) {
		case "":
			return tag, ""
		case "preflight.caa.forbidden":
		case "preflight.caa.account":
			why = "preflight.caa.account"
		case "preflight.caa.method":
			why = "preflight.caa.method"
		}
	}
	return tag, why
}

// permits returns the code of why a value such as "ca.example; accounturi=..." does not
// permit issuance, "" if it does.
func (o Options) permits(value string, t challenge.Type) string {
	parts := strings.Split(value, ";")
	domain := strings.ToLower(strings.TrimSuffix(strings.TrimSpace(parts[0]), "."))
	if !slices.ContainsFunc(o.Identities, func(id string) bool { return strings.EqualFold(id, domain) }) {
		return "preflight.caa.forbidden"
	}
	for _, p := range parts[1:] {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "accounturi":
			if value != o.Account {
				return "preflight.caa.account"
			}
		case "validationmethods":
			if !slices.Contains(strings.Split(strings.ReplaceAll(value, " ", ""), ","), string(t)) {
				return "preflight.caa.method"
			}
		}
	}
	return ""
}

// shown are records as zone files have them.
func shown(records []*miekg.CAA) (all []string) {
	for _, c := range records {
		all = append(all, c.Tag+` "`+c.Value+`"`)
	}
	return all
}
