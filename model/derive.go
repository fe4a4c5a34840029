package model

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"
)

const day = 24 * time.Hour

// Validity returns how long the version is valid, including its last second. A period
// beyond the 292 years of a [time.Duration], as of a certificate without an expiration
// date (RFC 5280 section 4.1.2.5), becomes the longest Duration.
func (v *Version) Validity() time.Duration { return v.NotAfter.Add(time.Second).Sub(v.NotBefore) }

// Window returns when the renewal window of the version opens: the time that the CA
// suggests, or else a share of the validity before not_after (spec T3).
func (v *Version) Window() time.Time {
	if !v.SuggestedStart.IsZero() {
		return v.SuggestedStart
	}
	return v.NotAfter.Add(-windowShare(v.Validity()))
}

// windowShare returns the length of the renewal window for a validity of d (spec T3).
func windowShare(d time.Duration) time.Duration {
	switch {
	case d > 90*day:
		return 30 * day
	case d >= 10*day:
		return d / 3
	default:
		return d / 2
	}
}

// ServiceWindow returns when the service window opens, or zero while there is no
// service period (spec T4).
func (i *Instance) ServiceWindow() time.Time {
	if i.ServiceEnd.IsZero() {
		return time.Time{}
	}
	return i.ServiceEnd.Add(-windowShare(i.ServiceEnd.Sub(i.ServiceStart)))
}

// ServiceMaxEnd returns when the service ends at the latest: with the renewals that
// are paid for. It is zero before the first issue.
func (i *Instance) ServiceMaxEnd() time.Time {
	return serviceMaxEnd(i.ServiceEnd, i.Hosting.RenewalsLeft)
}

// ServiceMaxEnd is [Instance.ServiceMaxEnd].
func (r *InstanceRow) ServiceMaxEnd() time.Time { return serviceMaxEnd(r.ServiceEnd, r.RenewalsLeft) }

func serviceMaxEnd(end time.Time, renewals int) time.Time {
	if end.IsZero() {
		return end
	}
	return AddYears(end, renewals)
}

// Jitter returns the delay by which an automatic action is spread: stable for an
// instance and version, and at most min(24 h, 5 % of the validity) (spec T5).
func Jitter(id ID, version int, validity time.Duration) time.Duration {
	return time.Duration(fraction(id, version) * float64(min(day, validity/20)))
}

// StableTimeBetween returns a time between two others that is random but always the
// same for an instance and version (spec T5, for ARI).
func StableTimeBetween(id ID, version int, from, to time.Time) time.Time {
	if !to.After(from) {
		return from
	}
	return from.Add(time.Duration(fraction(id, version) * float64(to.Sub(from))))
}

func fraction(id ID, version int) float64 {
	b := append(make([]byte, 0, 64), id...) // an ID has 26
	b = binary.BigEndian.AppendUint64(b, uint64(version))
	h := sha256.Sum256(b)
	return float64(binary.BigEndian.Uint64(h[:8])>>11) / (1 << 53)
}

// AddYears adds calendar years. 29 February becomes 28 February in other years (spec
// T1).
func AddYears(t time.Time, years int) time.Time { return AddMonths(t, 12*years) }

// AddMonths adds calendar months. A day that the month does not have becomes its last
// day.
func AddMonths(t time.Time, months int) time.Time {
	r := t.AddDate(0, months, 0)
	if r.Day() != t.Day() {
		r = r.AddDate(0, 0, -r.Day())
	}
	return r
}

// InstanceRow is an instance as lists show it: small, and enough to compute every
// derived value of spec S1 at any time.
type InstanceRow struct {
	ID      ID
	Name    string // truncated in the store, see RowNameMax
	Domain  string // the first domain, truncated like Name
	Domains int    // number of domains
	State   State
	Origin  Origin
	Spec    Specification

	NotBefore     time.Time // of the current version, or else of the newest
	NotAfter      time.Time // of the newest version
	Window        time.Time // of the current version
	ServiceStart  time.Time
	ServiceEnd    time.Time
	ServiceWindow time.Time
	Due           time.Time
	DueHosted     bool      // Due is a hosted renewal, not a reissue
	ExpectedIssue time.Time // zero while a person has to act
	AwaitsReview  bool      // waits for a reviewer
	AwaitsProof   bool      // waits for a DNS record or file that a person must add

	Years            int // bought at once, with prepaid renewals; 0 for an upload
	Hosted           bool
	RenewalsLeft     int
	Resources        int
	Deployed         int
	Auto             int
	FailingResources int // resources whose last attempt failed
	Failed           bool
	NoPrivateKey     bool // certquay does not have the key of the current version (spec A4)
	Replaced         bool // it has an issued successor (spec I9)
	ReplacedBy       ID   // the successor, if Replaced; in rows that the engine lists only
	Operation        JobKind
	Attempt          int
	Products         string // names, separated by spaces, truncated like Name
}

// RowNameMax and RowProductsMax are the maximum lengths of the texts in a stored
// [InstanceRow], in bytes.
const (
	RowNameMax     = 40
	RowProductsMax = 24
)

// Row returns the row of the instance. Texts are not truncated; the store does that.
func (i *Instance) Row() InstanceRow {
	names := i.Domains()
	r := InstanceRow{
		ID: i.ID, Name: i.Name, Domains: len(names), State: i.State, Origin: i.Origin, Spec: i.Spec,
		ServiceStart: i.ServiceStart, ServiceEnd: i.ServiceEnd, ServiceWindow: i.ServiceWindow(),
		Due: i.renewalDue(), DueHosted: i.DueAction == DueRenew, ExpectedIssue: i.ExpectedIssue,
		Years:  i.Years + i.Hosting.PrepaidRenewals,
		Hosted: i.Hosting.On, RenewalsLeft: i.Hosting.RenewalsLeft,
		Resources: i.Deployments.Total, Deployed: i.Deployments.Deployed,
		Auto: i.Deployments.Auto, FailingResources: i.Deployments.Failing,
		Failed: i.Failure.Kind != "", Operation: i.Operation.Kind, Attempt: i.Operation.Attempt,
		AwaitsReview: i.AwaitsReview(), AwaitsProof: i.AwaitsProof(), Replaced: i.Replaced,
	}
	if r.AwaitsReview || r.AwaitsProof {
		r.ExpectedIssue = time.Time{}
	}
	if len(names) > 0 {
		r.Domain = names[0]
	}
	for n, p := range i.Deployments.Products {
		if n > 0 {
			r.Products += " "
		}
		r.Products += p
	}
	if v := i.Newest(); v != nil {
		r.NotBefore, r.NotAfter, r.Window = v.NotBefore, v.NotAfter, v.Window()
	}
	if v := i.Current(); v != nil {
		r.NotBefore, r.Window = v.NotBefore, v.Window()
		r.NoPrivateKey = v.KeyID == ""
	}
	return r
}

// renewalDue returns when certquay will replace the certificate, or zero if it will
// not.
func (i *Instance) renewalDue() time.Time {
	if i.DueAction == DueEndHosting {
		return time.Time{}
	}
	return i.Due
}

// Values of [Instance.DueAction]. They are stored.
const (
	DueReissue = "reissue"
	DueRenew   = "renew"
	// DueEndHosting replaces no certificate, so it does not delay [Expiring].
	DueEndHosting = "end hosting"
)

// Has reports whether a derived value holds at a time (spec S1).
func (r *InstanceRow) Has(d Derived, now time.Time) bool {
	switch d {
	case Replaced:
		return r.Replaced
	case Expired:
		return !r.Replaced && r.PastExpiry(now)
	case Expiring:
		return r.expiring(now)
	case ServiceEnded:
		return r.State.Group() == GroupIssued && !r.ServiceEnd.IsZero() && !now.Before(r.ServiceEnd) &&
			r.NotAfter.After(r.ServiceEnd) && !r.PastExpiry(now)
	case Hosted:
		return r.Hosted && r.State.Group() == GroupIssued
	case AutoDeploy:
		return r.Auto > 0 && r.State.Group() == GroupIssued
	case Deployed:
		return r.Deployed > 0
	case Failing:
		return r.State.Group() == GroupIssued && (r.Failed || r.FailingResources > 0)
	}
	return false
}

// History reports whether the row needs nobody any more: it is replaced, or has ended.
// Its expiry is no news, so that it stands behind the others where lists are sorted by it.
func (r *InstanceRow) History() bool { return r.Replaced || r.State.Group() == GroupEnded }

// PastExpiry reports whether an issued row's newest version has expired. [Expired] is
// the same, but for a row that is replaced: that one needs nobody's attention (spec S1).
func (r *InstanceRow) PastExpiry(now time.Time) bool {
	return r.State.Group() == GroupIssued && now.After(r.NotAfter.Add(time.Second-1))
}

// expiring implements spec T6: the row is inside the version's window or the service
// window and, if a replacement is scheduled, its due time has passed.
func (r *InstanceRow) expiring(now time.Time) bool {
	if r.Replaced || r.State.Group() != GroupIssued || r.NotAfter.IsZero() || r.PastExpiry(now) {
		return false
	}
	return !now.Before(r.ExpiringFrom())
}

// ExpiringFrom returns the time from which an issued row is expiring, until it expires
// or gets another version (spec T6).
func (r *InstanceRow) ExpiringFrom() time.Time {
	earlier := func(t time.Time) time.Time {
		if !r.ServiceWindow.IsZero() && r.ServiceWindow.Before(t) {
			return r.ServiceWindow
		}
		return t
	}
	overdue := func(t time.Time) time.Time {
		if r.Due.After(t) {
			return r.Due
		}
		return t
	}
	if r.DueHosted {
		return overdue(earlier(r.Window))
	}
	return earlier(overdue(r.Window))
}

// Derived returns the derived values that hold at a time, in the order of
// [DerivedValues].
func (r *InstanceRow) Derived(now time.Time) []Derived {
	ds := []Derived{}
	for _, d := range DerivedValues {
		if r.Has(d, now) {
			ds = append(ds, d)
		}
	}
	return ds
}

// Status returns the one word that summarizes the row, by precedence: ended states,
// replaced, expired, failing, expiring, auto-deploy, hosted, state (spec S1). It is the text of a
// [State] or of a [Derived].
func (r *InstanceRow) Status(now time.Time) string {
	if r.State.Group() == GroupEnded {
		return string(r.State)
	}
	for _, d := range []Derived{Replaced, Expired, Failing, Expiring, AutoDeploy, Hosted} {
		if r.Has(d, now) {
			return string(d)
		}
	}
	return string(r.State)
}

// Status returns the status of the instance's row.
func (i *Instance) Status(now time.Time) string { r := i.Row(); return r.Status(now) }

// Has reports whether a derived value holds for the instance's row at a time.
func (i *Instance) Has(d Derived, now time.Time) bool { r := i.Row(); return r.Has(d, now) }

// PastExpiry reports whether the newest version of an issued instance has expired.
func (i *Instance) PastExpiry(now time.Time) bool { r := i.Row(); return r.PastExpiry(now) }

// Counter counts instances by state.
func (i *Instance) Counter() string {
	if i.Deleted {
		return ""
	}
	return CounterOf(i.State)
}

// CounterOf returns the name of the counter of instances in a state.
func CounterOf(s State) string { return "instance/" + string(s) }

// Indexes returns the index entries: by expiry, state, due time, contact, owner, names,
// serial, fingerprint, public key, brands to ask next and tail of the ID, and issued ones by the time of
// the last revocation check and of the next question when to renew. A deleted instance has none.
func (i *Instance) Indexes() []Index {
	if i.Deleted {
		return nil
	}
	expiry := "~" // instances without a certificate sort last
	if v := i.Newest(); v != nil {
		expiry = TimeKey(v.NotAfter)
	}
	is := []Index{
		{Name: "expiry", Key: expiry},
		{Name: "state", Key: string(i.State) + "/" + expiry},
		{Name: "name", Key: NormalizeName(i.Name)},
		{Name: "tail", Key: reverse(string(i.ID))},
	}
	if at := i.NextMoment(); !at.IsZero() {
		is = append(is, Index{Name: "due", Key: TimeKey(at)})
	}
	if v := i.Current(); v != nil && v.Issuer != "" && i.State.Group() == GroupIssued {
		is = append(is, Index{Name: "checked", Key: TimeKey(i.RevocationCheckedAt)})
	}
	if v := i.Current(); v != nil && !i.AdviceAt.IsZero() && i.State.Group() == GroupIssued && !i.Replaced {
		is = append(is, Index{Name: "advice", Key: TimeKey(i.AdviceAt)})
	}
	if !i.NextExpiryNotice.IsZero() {
		is = append(is, Index{Name: "tell", Key: TimeKey(i.NextExpiryNotice)})
	}
	if i.Contact != "" {
		is = append(is, Index{Name: "contact", Key: string(i.Contact)})
	}
	if i.Owner != "" {
		is = append(is, Index{Name: "owner", Key: string(i.Owner)})
	}
	if v := i.Current(); v != nil {
		is = append(is, Index{Name: "window", Key: TimeKey(v.Window())})
	}
	for n := range i.Versions {
		is = append(is, Index{Name: "fingerprint", Key: i.Versions[n].Fingerprint}, Index{Name: "serial", Key: i.Versions[n].Serial})
		if k := (Index{Name: "spki", Key: i.Versions[n].SPKI}); k.Key != "" && !slices.Contains(is, k) {
			is = append(is, k)
		}
	}
	for _, brand := range i.Fallback {
		is = append(is, Index{Name: "fallback", Key: NormalizeName(brand)})
	}
	for _, d := range i.Domains() {
		is = append(is, Index{Name: "domain", Key: ReversedDomain(d)})
	}
	return is
}
