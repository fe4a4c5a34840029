package rules

import (
	"time"

	"certquay/model"
)

// RefundPolicy says when a line of an order is paid back (spec B5).
type RefundPolicy string

// Refund policies.
const (
	RefundIssued30d RefundPolicy = "issued-30d" // revoked within 30 x 24 h of the first issue; closing always
	RefundPaid7d    RefundPolicy = "paid-7d"    // revoked or closed within 7 x 24 h of payment
	RefundNone      RefundPolicy = "none"
)

// Policy is what the operator has decided.
type Policy struct {
	Currency string
	// HostingFee and CreditPrice are for one year of hosting and for one
	// automatic deployment, in minor units.
	HostingFee, CreditPrice int64
	// ReviewReuse is how long an approval is used again (spec A8).
	ReviewReuse time.Duration
	// Price is what one year of a specification costs, in minor units.
	Price     func(model.Specification) int64
	Refund    RefundPolicy
	CarryDays bool // renewing by hand carries the remaining days over (spec I6)
	// CallTimeout bounds one call to an issuer or product, in real time.
	CallTimeout time.Duration
	// Notify is about telling people (spec N1).
	Notify NotifyPolicy
	// HandshakeTimeout bounds how long a deployment is watched for the new
	// leaf before it counts as failed, in real time.
	HandshakeTimeout time.Duration
}

// NotifyPolicy is who is told, and when.
type NotifyPolicy struct {
	Default []string // names of the contacts told of what has none of its own
	// LeadTimes are the times before expiry at which somebody is told, of
	// validities of 90 days and more.
	LeadTimes []time.Duration
	// DryRun keeps notices from being sent: they count as done at once. A
	// sandbox does so, whose clock tells of what never happened.
	DryRun bool
}

// DefaultPolicy is what holds when nothing is configured (spec B1, B5).
func DefaultPolicy() Policy {
	prices := map[model.Grade]int64{model.Free: 0, model.Standard: 100_00, model.Professional: 500_00}
	return Policy{
		Currency:   "EUR",
		Price:      func(s model.Specification) int64 { return prices[s.Grade] },
		HostingFee: 20_00, CreditPrice: 5_00, ReviewReuse: 398 * 24 * time.Hour,
		Refund:      RefundIssued30d,
		Notify:      NotifyPolicy{LeadTimes: []time.Duration{30 * Day, 14 * Day, 7 * Day, 3 * Day, Day}},
		CallTimeout: time.Minute, HandshakeTimeout: 10 * time.Second,
	}
}

// RetryAfter is how long a failed attempt waits before the next (spec H9):
// 1, 10 and 100 minutes, then daily, never sooner than the other side asks.
func RetryAfter(attempt int, asked time.Duration) time.Duration {
	schedule := []time.Duration{time.Minute, 10 * time.Minute, 100 * time.Minute}
	wait := 24 * time.Hour
	if attempt >= 1 && attempt <= len(schedule) {
		wait = schedule[attempt-1]
	}
	return max(wait, asked)
}

// proofEvery and proofFor are how often and how long a proof of control that
// is not there yet is looked for (spec A8).
const (
	Day               = 24 * time.Hour
	ProofPollInterval = 10 * time.Minute
	ProofTimeout      = 7 * 24 * time.Hour
)

// What kills certquay each time it is tried must not be tried at each start
// without end.
const (
	// MaxCrashes is after how many attempts in a row that ended in a panic, or in a
	// crash of the process, a job or a channel's notice is set aside. After
	// ManyCrashes of the process the next is not made at once when it starts anew:
	// it counts as an attempt that failed.
	MaxCrashes     = 3
	SuspectCrashes = 2
	// suspectKills and maxDeaths are the same where the process was ended from
	// outside, as far as is known: whoever is killed was often doing something, and
	// it is seldom that which killed it. A kernel that is out of memory does it.
	suspectKills, maxKills = 6, 12
)

// CrashLimits is after how many attempts in a row that the process did not survive
// the next is put off, and after how many there is none; crashed says that the
// process was ended by a fault of the program, and not from outside.
func CrashLimits(crashed bool) (many, most int) {
	if crashed {
		return SuspectCrashes, MaxCrashes
	}
	return suspectKills, maxKills
}
