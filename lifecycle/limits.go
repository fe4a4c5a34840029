package lifecycle

import (
	"slices"
	"strings"
	"time"

	"certquay/lifecycle/names"
	"certquay/model"
)

// publicLimits is how long a publicly trusted certificate may be valid by the
// day it is issued (spec I8; CA/Browser Forum Baseline Requirements for TLS
// section 6.3.2, as changed by ballot SC-081).
var publicLimits = []struct {
	from time.Time
	days int
}{
	{time.Date(2029, 3, 15, 0, 0, 0, 0, time.UTC), 47},
	{time.Date(2027, 3, 15, 0, 0, 0, 0, time.UTC), 100},
	{time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC), 200},
	{time.Time{}, 398},
}

// publicLimit is the limit on the day of issue.
func publicLimit(issued time.Time) time.Duration {
	for _, l := range publicLimits {
		if !issued.Before(l.from) {
			return time.Duration(l.days) * 24 * time.Hour
		}
	}
	return 0
}

// Permits says whether a name is inside the issuer's name constraints.
func (c *Capabilities) Permits(n names.Name) bool {
	if len(c.Permitted) == 0 {
		return true
	}
	host := n.Host()
	return !n.IP.IsValid() && slices.ContainsFunc(c.Permitted, func(d string) bool {
		return host == d || strings.HasSuffix(host, "."+d)
	})
}

// CheckNames checks the names of a certificate by the domain type and by what the
// issuer signs (spec A2). A refusal is a [names.Error].
func (c *Capabilities) CheckNames(t model.DomainType, list []string) error {
	parsed, err := names.Check(t, list, c.IPNames)
	if err != nil {
		return err
	}
	for _, n := range parsed {
		if !c.Permits(n) {
			return &names.Error{
				Field: "domains", Name: n.ASCII, Hint: example("www." + c.Permitted[0]),
				Rule: model.Say("names.not-permitted", "permitted", c.Permitted),
			}
		}
	}
	return nil
}
