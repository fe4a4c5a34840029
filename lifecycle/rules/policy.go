package rules

import (
	"slices"
	"time"

	"certquay/model"
)

// RefundPolicy determines when a line of an order is refunded (spec B5).
type RefundPolicy string

// Refund policies.
const (
	RefundIssued30d RefundPolicy = "issued-30d" // revoked within 30 x 24 h of the first issue; closing always
	RefundPaid7d    RefundPolicy = "paid-7d"    // revoked or closed within 7 x 24 h of payment
	RefundNone      RefundPolicy = "none"
)

// Policy holds the operator's settings.
type Policy struct {
	Currency string
	// HostingFee and CreditPrice are for one year of hosting and for one
	// automatic deployment, in minor units.
	HostingFee, CreditPrice int64
	// ReviewReuse is how long an approval is valid (spec A8).
	ReviewReuse time.Duration
	// Price returns the price of one year of a specification, in minor units.
	Price func(model.Specification) int64
	// DefaultGrade is the grade of each level that is bought if none is named.
	DefaultGrade map[model.Level]model.Grade
	Refund       RefundPolicy
	CarryDays    bool // renewing by hand carries the remaining days over (spec I6)
	// CallTimeout bounds one call to an issuer or product, in real time.
	CallTimeout time.Duration
	// Notify holds the settings of notices (spec N1).
	Notify NotifyPolicy
	// HandshakeTimeout bounds how long a deployment is probed for the new leaf
	// before it counts as failed, in real time.
	HandshakeTimeout time.Duration
	Waves            Waves
	// Looks is the longest pause between two looks at what an address presents (spec P8).
	Looks time.Duration
	// FourEyes determines whether an applicant may review their own application.
	FourEyes FourEyes
	// SecondPerson lists the actions that wait until another person approves them, of
	// [SecondPersonActions].
	SecondPerson []Action
}

// FourEyes determines whether an applicant may review their own application (spec G3).
type FourEyes string

// Values of [FourEyes].
const (
	FourEyesAuto   FourEyes = "" // not once another enabled user is a reviewer or above
	FourEyesAlways FourEyes = "always"
	FourEyesNever  FourEyes = "never"
)

// SecondPersonActions are the actions that can be set to need a second person (spec G3).
var SecondPersonActions = []Action{Revoke, Delete, ActionDownloadKey, ActionUser}

// NeedsSecondPerson reports whether an action waits until another person approves it.
func (p *Policy) NeedsSecondPerson(a Action) bool { return slices.Contains(p.SecondPerson, a) }

// Waves determines how a deployment to several resources is divided (spec P6).
type Waves struct {
	First int           // resources in the first wave
	Batch int           // resources in each later one
	Pause time.Duration // between two
}

// NotifyPolicy determines who receives notices, and when.
type NotifyPolicy struct {
	Default []string // names of the contacts for what has no contact of its own
	// LeadTimes are the times before expiry at which notices are sent, for
	// validities of 90 days and more.
	LeadTimes []time.Duration
	// DryRun marks notices as done without sending them. Sandboxes set it: their
	// clock produces events that never happened.
	DryRun bool
}

// DefaultPolicy returns the policy of an empty configuration (spec B1, B5).
func DefaultPolicy() Policy {
	prices := map[model.Grade]int64{model.Free: 0, model.Standard: 100_00, model.Professional: 500_00}
	return Policy{
		Currency:     "EUR",
		Price:        func(s model.Specification) int64 { return prices[s.Grade] },
		DefaultGrade: map[model.Level]model.Grade{model.DV: model.Free, model.OV: model.Standard, model.EV: model.Standard},
		HostingFee:   20_00, CreditPrice: 5_00, ReviewReuse: 398 * 24 * time.Hour,
		Refund:      RefundIssued30d,
		Notify:      NotifyPolicy{LeadTimes: []time.Duration{30 * Day, 14 * Day, 7 * Day, 3 * Day, Day}},
		CallTimeout: time.Minute, HandshakeTimeout: 10 * time.Second,
		Waves: Waves{First: 1, Batch: 10}, Looks: Day,
	}
}

// RetryAfter returns the pause after a failed attempt (spec H9): 1, 10 and 100
// minutes, then a day, and never less than the other side asks for.
func RetryAfter(attempt int, asked time.Duration) time.Duration {
	schedule := []time.Duration{time.Minute, 10 * time.Minute, 100 * time.Minute}
	wait := 24 * time.Hour
	if attempt >= 1 && attempt <= len(schedule) {
		wait = schedule[attempt-1]
	}
	return max(wait, asked)
}

// ResponseTime is the time in which people are assumed to do what a task asks for:
// in forecasts, and for the expected issue of what waits for a reviewer (spec A7).
const ResponseTime = 24 * time.Hour

// UrgentBefore is how long before its end a certificate is ordered before all that is
// not urgent, where a CA's rate limit does not let all through (spec C7).
const UrgentBefore = 7 * Day

// RetryWithin is [RetryAfter] for work on a certificate of some validity: the longest
// pause is a thirty-sixth of that, so that one of six days is tried every four hours and
// its last half holds eighteen attempts (spec C8). 0 is no certificate.
func RetryWithin(validity time.Duration, attempt int, asked time.Duration) time.Duration {
	wait := RetryAfter(attempt, 0)
	if validity > 0 {
		wait = min(wait, max(validity/36, time.Hour))
	}
	return max(wait, asked)
}

// LookEvery is the pause between looks at what presents a certificate of some validity: the
// longest pause, or for short ones a twelfth of the validity, at least an hour (spec C8, P8).
func LookEvery(longest, validity time.Duration) time.Duration {
	return min(longest, max(validity/shareOfValidity, time.Hour))
}

// shareOfValidity is how often a certificate is looked at during its validity, at least.
const shareOfValidity = 12

// ShortLived is the validity from which on [LookEvery] is the longest pause.
func ShortLived(longest time.Duration) time.Duration { return shareOfValidity * longest }

// CanWait reports whether a certificate can wait until a time for an issuer that does not
// serve now, while another could be asked (spec C10): with a day left, or for short ones
// a twelfth of the validity. A first certificate waits for a day.
func CanWait(i *model.Instance, asked, until time.Time) bool {
	if v := i.Current(); v != nil {
		return !until.After(v.NotAfter.Add(-LookEvery(Day, v.Validity())))
	}
	return !until.After(asked.Add(Day))
}

// NeededBy returns the rank of an order among those that wait for the same rate limit of
// a CA (spec C7): what is urgent first, and then what is needed earlier. A certificate
// that is renewed by itself is needed at its end and urgent in its last week. What a
// person asks for is needed a week after it was asked for, so that it passes renewals
// that have weeks left and makes no certificate expire.
func NeededBy(i *model.Instance, asked time.Time, scheduled bool, now time.Time) (by time.Time, urgent bool) {
	v := i.Current()
	if v == nil || !scheduled {
		return asked.Add(UrgentBefore), false
	}
	return v.NotAfter, v.NotAfter.Sub(now) < UrgentBefore
}

// Day is 24 hours.
const Day = 24 * time.Hour

// ProofPollInterval is the longest pause between checks for a proof of control,
// and ProofTimeout the time until its order fails (spec A8).
const (
	ProofPollInterval = 10 * time.Minute
	ProofTimeout      = 7 * Day
)

// ProofPause returns the pause until the next check for a proof of control of an
// order of some age: what the CA asks for in the first hour, in which most are
// provided, and then the longest.
func ProofPause(age, asked time.Duration) time.Duration {
	if age > time.Hour {
		return ProofPollInterval
	}
	return min(max(asked, time.Second), ProofPollInterval)
}

// Limits of attempts, so that work that kills the process is not repeated at each
// start forever.
const (
	// MaxCrashes is the number of consecutive attempts ending in a panic or a crash
	// of the process after which a job or a notice is set aside. After
	// SuspectCrashes crashes of the process the next attempt is postponed like
	// that of a failed one.
	MaxCrashes     = 3
	SuspectCrashes = 2
	// suspectKills and maxKills are the same limits if the process was ended from
	// outside, for instance by a kernel out of memory: the job that was running is
	// seldom the cause.
	suspectKills, maxKills = 6, 12
)

// CrashLimits returns after how many consecutive attempts that the process did
// not survive the next one is postponed, and after how many the work is set
// aside. crashed means that the process died of a fault of the program, and was
// not ended from outside.
func CrashLimits(crashed bool) (many, most int) {
	if crashed {
		return SuspectCrashes, MaxCrashes
	}
	return suspectKills, maxKills
}

// RetryNotice makes a notice due now. One that was set aside has a single attempt
// before it is set aside again.
func RetryNotice(n *model.Notice, now time.Time) {
	if n.Next.Equal(model.Never) {
		n.Crashes = MaxCrashes - 1
	}
	n.Next = now
}
