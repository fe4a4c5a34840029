package model

import (
	"slices"
	"time"
)

// JobKind is the kind of external work a job does.
type JobKind string

// Kinds of jobs.
const (
	JobIssue    JobKind = "issue"
	JobReissue  JobKind = "reissue"
	JobRenew    JobKind = "renew" // renewal of a hosted instance
	JobDeploy   JobKind = "deploy"
	JobUndeploy JobKind = "undeploy"
	JobRevoke   JobKind = "revoke"
	JobVerify   JobKind = "verify"
	JobClean    JobKind = "clean" // removal of what was superseded from the store of a product
)

// JobKinds lists every kind of job. Notices are not jobs; see [Notice].
var JobKinds = []JobKind{JobIssue, JobReissue, JobRenew, JobDeploy, JobUndeploy, JobRevoke, JobVerify, JobClean}

// Known reports whether k is one of [JobKinds].
func (k JobKind) Known() bool { return slices.Contains(JobKinds, k) }

// Steps of jobs that issue or revoke versions.
const (
	StepReview   = "review" // waits for a reviewer; nothing external has been called yet
	StepOrder    = "order"
	StepWait     = "wait"     // waits for proof of control, or for the CA's review
	StepFinalize = "finalize" // from here on the application cannot be withdrawn (spec A9)
	StepCollect  = "collect"
	StepRevoke   = "revoke"
)

// Steps of jobs at one resource.
const (
	StepClaim     = "claim" // waits until nothing else is done at the resource
	StepWave      = "wave"  // waits for the waves before it
	StepDeploy    = "deploy"
	StepHandshake = "handshake" // repeated until the new leaf is presented
	StepAgree     = "agree"     // the new leaf is presented; waits for the others of its wave
	StepKeep      = "keep"      // commits: the previous binding is discarded
	StepRestore   = "restore"   // rolls back to the previous binding
	StepUndeploy  = "undeploy"
	StepLook      = "look"
)

// Steps of jobs that remove what was superseded from the store of a product.
const (
	StepSurvey = "survey" // looks for one that nothing refers to
	StepRemove = "remove" // removes that one, then looks for the next
)

// Job is the durable record of external work. Before each external call the step about
// to run is committed, and after the call its result. A step that was committed without
// a result is looked up at the other side before it is repeated.
type Job struct {
	ID          ID
	Kind        JobKind
	Instance    ID
	Resource    ID
	Version     int    // number of the version that is deployed, revoked or issued
	Step        string // the current or next step
	StepStarted bool   // Step is committed, its result is not
	Actor       string
	Via         string
	Cause       string // "asked", "due"
	Created     time.Time
	Attempt     int       // from 1
	Next        time.Time // earliest time of the next attempt; zero means now
	Error       Text      // of the last attempt
	WaitFor     Text      // the external event it waits for

	IssuerRef       string // the issuer's identifier of the order
	Issuer          string // its brand, if it is not that of the specification (spec C10)
	KeyID           ID     // of the certificate's key
	CSR             []byte
	Reason          string // reason of a revocation, named as in RFC 5280
	Versions        []int  // versions still to be revoked; of a job that issues, those to be retired
	Deploy          []ID   // resources to deploy the issued version to (spec I11, I12)
	WantFingerprint string // fingerprint of the certificate to deploy, or that is being removed
	AnnualRenewal   bool
	Rollout         ID  // of which it is a part; "" for none
	Wave            int // of the rollout, from 0

	// What a job of kind [JobClean] removes.
	Product    string   // from whose store
	Region     string   // of the one that is being removed; "" while there is none
	StoredID   string   // what the product calls it
	StoredName string   // the same for people
	Removed    []string // IDs of those that were removed already

	Finished time.Time // zero while the job runs or waits
	Result   string    // "ok" or "failed"

	FailedOrders int // orders of this job that the CA finally rejected

	// Crashes counts the consecutive attempts that ended in a panic or with the
	// process. A running attempt is counted until it ends.
	Crashes int
}

// Never is the Next of suspended work: it is retried only when a person asks for it.
var Never = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// Live reports whether the job is unfinished.
func (j *Job) Live() bool { return j.Finished.IsZero() }

// RecordKind is "job".
func (*Job) RecordKind() Kind { return KindJob }

// RecordKey is the ID.
func (j *Job) RecordKey() string { return string(j.ID) }

// Indexes returns the index entries: live jobs by due time, and all jobs by instance
// and by resource.
func (j *Job) Indexes() []Index {
	is := []Index{{Name: "instance", Key: string(j.Instance) + "/" + string(j.ID)}}
	if j.Resource != "" {
		is = append(is, Index{Name: "resource", Key: string(j.Resource) + "/" + string(j.ID)})
	}
	if j.Live() {
		is = append(is, Index{Name: "live", Key: TimeKey(j.Next)})
		if j.Rollout != "" {
			is = append(is, Index{Name: "rollout", Key: WaveKey(j.Rollout, j.Wave) + string(j.ID)})
		}
	}
	return is
}

// InWave reports whether it waits for other jobs of its rollout. It is woken by them.
func (j *Job) InWave() bool { return j.Step == StepWave || j.Step == StepAgree }

// Finalized reports whether the CA may already have been asked to sign.
func (j *Job) Finalized() bool {
	return j.Step == StepCollect || j.Step == StepFinalize && j.StepStarted
}
