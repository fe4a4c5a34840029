// Package budget keeps an account at a certificate authority within the authority's
// rate limits (spec C7). What is used is kept in the store, so that a restart forgets
// nothing.
package budget

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"certquay/model"
)

// Counted is what a limit counts.
type Counted string

// What limits count. The words stand in settings and in JSON.
const (
	NewOrders    Counted = "new-orders"             // of an account
	PerDomain    Counted = "certificates-domain"    // for one registered domain
	PerSet       Counted = "certificates-exact-set" // for exactly the same names
	FailedProofs Counted = "failed-validations"     // of one name, by an account
)

// All lists what limits count.
var All = []Counted{NewOrders, PerDomain, PerSet, FailedProofs}

// byCA are those that a CA counts whichever account asks, see the source of the limits of
// Let's Encrypt in [Known]. What one account uses up is missing for the others.
var byCA = []Counted{PerDomain, PerSet}

// ByCA reports whether a CA counts this over all its accounts, instead of for each of them.
func (c Counted) ByCA() bool { return slices.Contains(byCA, c) }

// Limit permits Of of what it counts within Per. It refills evenly: one every Per/Of.
type Limit struct {
	Counts Counted
	Of     int
	Per    time.Duration
}

// String returns the limit as [Parse] reads it.
func (l Limit) String() string { return string(l.Counts) + "=" + l.rate() }

// rate returns the limit without what it counts, such as 300/3h.
func (l Limit) rate() string {
	per := l.Per.String()
	if l.Per%(24*time.Hour) == 0 {
		per = strconv.Itoa(int(l.Per/(24*time.Hour))) + "d"
	} else if l.Per%time.Hour == 0 {
		per = strconv.Itoa(int(l.Per/time.Hour)) + "h"
	}
	return strconv.Itoa(l.Of) + "/" + per
}

// each is the time in which one more becomes available.
func (l Limit) each() time.Duration { return l.Per / time.Duration(l.Of) }

// Parse reads a limit such as "new-orders=300/3h" or "certificates-domain=50/7d".
func Parse(text string) (Limit, model.Text) {
	wrong := model.Say("budget.form", "counted", strings.Join(toStrings(), ", "))
	counted, rate, ok := strings.Cut(text, "=")
	of, per, ok2 := strings.Cut(rate, "/")
	n, err := strconv.Atoi(of)
	if !ok || !ok2 || err != nil || n < 1 || n > 1_000_000 || !slices.Contains(All, Counted(counted)) {
		return Limit{}, wrong
	}
	var d time.Duration
	if days, isDays := strings.CutSuffix(per, "d"); isDays {
		n, err := strconv.Atoi(days)
		if err != nil || n < 1 || n > 366 {
			return Limit{}, wrong
		}
		d = time.Duration(n) * 24 * time.Hour
	} else if d, err = time.ParseDuration(per); err != nil || d < time.Second || d > 366*24*time.Hour {
		return Limit{}, wrong
	}
	return Limit{Counted(counted), n, d}, ""
}

func toStrings() []string {
	all := make([]string, len(All))
	for n, c := range All {
		all[n] = string(c)
	}
	return all
}

// Published are the limits that an authority has published.
type Published struct {
	Source string // URL
	As     string // the day on which they were read, YYYY-MM-DD
	Limits []Limit
	// ReplacesFree says that no limit counts an order which names the certificate that it
	// replaces.
	ReplacesFree bool
}

const (
	hour = time.Hour
	week = 7 * 24 * time.Hour
)

// Known are the published limits by the short name of a directory. An authority that is
// missing has published none that could be kept; its answers alone bound what is asked.
var Known = map[string]Published{
	"letsencrypt": {"https://letsencrypt.org/docs/rate-limits/", "2026-11-29", []Limit{
		{NewOrders, 300, 3 * hour}, {PerDomain, 50, week}, {PerSet, 5, week}, {FailedProofs, 5, hour},
	}, true},
	"letsencrypt-staging": {"https://letsencrypt.org/docs/staging-environment/", "2026-11-29", []Limit{
		{NewOrders, 1500, 3 * hour}, {PerDomain, 30000, week}, {PerSet, 30000, week}, {FailedProofs, 200, hour},
	}, true},
}
