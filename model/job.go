package model

import "time"

// JobKind says what kind of work a job does outside the store.
type JobKind string

// Kinds of jobs.
const (
	JobIssue    JobKind = "issue"
	JobReissue  JobKind = "reissue"
	JobRenew    JobKind = "renew" // hosted renewal
	JobDeploy   JobKind = "deploy"
	JobUndeploy JobKind = "undeploy"
	JobRevoke   JobKind = "revoke"
	JobVerify   JobKind = "verify"
)

// JobKinds lists every kind of job. Notices are no jobs: see [Notice].
var JobKinds = []JobKind{JobIssue, JobReissue, JobRenew, JobDeploy, JobUndeploy, JobRevoke, JobVerify}

// Steps of the jobs that make a version or revoke one.
const (
	StepReview   = "review" // for a reviewer; nothing outside is asked before
	StepOrder    = "order"
	StepWait     = "wait"     // for proof of control or a review by the CA
	StepFinalize = "finalize" // from here on it cannot be withdrawn (spec A9)
	StepCollect  = "collect"
	StepRevoke   = "revoke"
)

// Steps of the jobs at one resource.
const (
	StepDeploy    = "deploy"
	StepHandshake = "handshake" // until the new leaf is presented
	StepKeep      = "keep"      // the former binding is forgotten
	StepRestore   = "restore"   // the former binding is put back
	StepUndeploy  = "undeploy"
	StepLook      = "look"
)

// Job is the durable record of work outside the store. Before each call
// outside, the step about to be taken is committed; after it, the result. A
// step that was committed and has no result is asked about before it is
// repeated.
type Job struct {
	ID          ID
	Kind        JobKind
	Instance    ID
	Resource    ID
	Version     int    // the version worked on: deployed, revoked, or to be made
	Step        string // the step that is next or under way
	StepStarted bool   // the intent of Step is committed; its result is not
	Actor       string
	Via         string
	Cause       string // "asked", "due"
	Created     time.Time
	Attempt     int       // from 1
	Next        time.Time // not before; zero for at once
	Error       Text      // of the last attempt
	WaitFor     Text      // what outside is waited for

	IssuerRef       string // the issuer's name of the order
	KeyID           ID     // of the key the certificate is for
	CSR             []byte
	Reason          string // of a revocation, RFC 5280 name
	Versions        []int  // of a revocation: those still to revoke
	WantFingerprint string // fingerprint to deploy
	AnnualRenewal   bool

	Finished time.Time // zero while it lives
	Result   string    // "ok" or "failed"

	FailedOrders int // orders before the present one that ended with a final no

	// Crashes counts the attempts in a row that ended in a panic or with the
	// process; that under way is among them until it is over.
	Crashes int
}

// Never is the Next of what is set aside: it is not tried by itself, but when a
// person says so.
var Never = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// Live says whether the job is not finished.
func (j *Job) Live() bool { return j.Finished.IsZero() }

// RecordKind is "job".
func (*Job) RecordKind() Kind { return KindJob }

// RecordKey is the ID.
func (j *Job) RecordKey() string { return string(j.ID) }

// Indexes finds live jobs by when they are next due, and the jobs of an
// instance and of a resource.
func (j *Job) Indexes() []Index {
	is := []Index{{Name: "instance", Key: string(j.Instance) + "/" + string(j.ID)}}
	if j.Resource != "" {
		is = append(is, Index{Name: "resource", Key: string(j.Resource) + "/" + string(j.ID)})
	}
	if j.Live() {
		is = append(is, Index{Name: "live", Key: TimeKey(j.Next)})
	}
	return is
}

// Finalized says whether the CA may have been asked to sign.
func (j *Job) Finalized() bool {
	return j.Step == StepCollect || j.Step == StepFinalize && j.StepStarted
}
