package rules

import (
	"slices"
	"strings"
	"time"

	"certquay/lifecycle/names"
	"certquay/model"
)

// Capabilities is what an issuer can issue on a given day.
type Capabilities struct {
	Levels     []model.Level
	Types      []model.DomainType
	Grades     []model.Grade
	IPNames    bool
	Revocation bool
	// Records means that the issuer answers from its own records whether it has revoked
	// a certificate, without asking anybody.
	Records     bool
	Public      bool          // bound by the CA/Browser Forum's limits (spec I8)
	MaxValidity time.Duration // of a certificate issued today
	// Ends is the latest notAfter the CA's own certificate allows; zero for no
	// limit.
	Ends       time.Time
	NeedsEmail bool
	// Permitted lists the permitted subtrees of the issuer's name constraints
	// (RFC 5280 section 4.2.1.10); empty permits any name.
	Permitted []string
	// Proof is how each order proves control, which a person may have to provide
	// (spec A8, H5): "dns" by records, "http" by files; "" requires no proof.
	Proof string
	// Challenges means that each order shows control of its names to the CA, by itself or
	// as Proof says, so that it can be looked before what would make one fail (spec C6).
	Challenges bool
	// Reviewed lists the levels whose applications a reviewer of this
	// organization must approve before they are ordered (spec A8).
	Reviewed []model.Level
}

// RequestedNotAfter returns the notAfter to request from the issuer at a time:
// the end of the service period, or of what the issuer allows on that day (spec
// T2). The issuer applies its own limit; requesting no more keeps both in step.
// Compute it for each attempt, since a CA may be down for longer than its
// certificates are valid.
func RequestedNotAfter(i *model.Instance, caps Capabilities, now time.Time, yearly bool) time.Time {
	now = now.Truncate(time.Second)
	end := i.ServiceEnd
	switch {
	case end.IsZero():
		end = model.AddYears(now, i.Years).Add(i.CarriedOver)
	case yearly:
		end = model.AddYears(end, 1)
	}
	if limit := caps.Limit(now); limit > 0 && now.Add(limit).Before(end) {
		end = now.Add(limit)
	}
	end = end.Add(-time.Second)
	if !caps.Ends.IsZero() && caps.Ends.Before(end) {
		end = caps.Ends
	}
	return end
}

// Limit returns how long a certificate issued at a time may be valid; 0 is no limit.
func (c Capabilities) Limit(now time.Time) time.Duration {
	if c.Public {
		return min(c.MaxValidity, publicLimit(now))
	}
	return c.MaxValidity
}

// publicLimits are the limits of validity of publicly trusted certificates by day
// of issue (spec I8; CA/Browser Forum Baseline Requirements for TLS section
// 6.3.2, as changed by ballot SC-081).
var publicLimits = []struct {
	from time.Time
	days int
}{
	{time.Date(2029, 3, 15, 0, 0, 0, 0, time.UTC), 47},
	{time.Date(2027, 3, 15, 0, 0, 0, 0, time.UTC), 100},
	{time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC), 200},
	{time.Time{}, 398},
}

// publicLimit returns the limit of validity on the day of issue.
func publicLimit(issued time.Time) time.Duration {
	for _, l := range publicLimits {
		if !issued.Before(l.from) {
			return time.Duration(l.days) * 24 * time.Hour
		}
	}
	return 0
}

// Permits reports whether a name satisfies the issuer's name constraints.
func (c *Capabilities) Permits(n names.Name) bool {
	if len(c.Permitted) == 0 {
		return true
	}
	host := n.Host()
	return !n.IP.IsValid() && slices.ContainsFunc(c.Permitted, func(d string) bool {
		return host == d || strings.HasSuffix(host, "."+d)
	})
}

// CheckNames checks the names of a certificate against the domain type and the
// issuer's constraints (spec A2). Its error is a [names.Error].
func (c *Capabilities) CheckNames(t model.DomainType, list []string) error {
	parsed, err := names.Check(t, list, c.IPNames)
	if err != nil {
		return err
	}
	for _, n := range parsed {
		if !c.Permits(n) {
			return &names.Error{
				Field: "domains", Name: n.ASCII, Hint: Example("www." + c.Permitted[0]),
				Rule: model.Say("names.not-permitted", "permitted", c.Permitted),
			}
		}
	}
	return nil
}
