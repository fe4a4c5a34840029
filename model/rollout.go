package model

import (
	"fmt"
	"time"
)

// Rollout is one deployment of a version to several resources in waves: the first ones,
// then batches. The first failure stops it (spec P6). Its jobs carry its ID; the record is
// deleted with the last of them.
type Rollout struct {
	ID       ID
	Instance ID
	Version  int
	Total    int           // resources
	First    int           // resources in the first wave
	Batch    int           // resources in each later one
	Pause    time.Duration // between two waves
	Wave     int           // that is under way, from 0
	Stopped  Text          // why it was stopped; "" while it goes on
	Created  time.Time
}

// Waves is the number of waves.
func (r *Rollout) Waves() int {
	return 1 + (max(r.Total-r.First, 0)+r.Batch-1)/r.Batch
}

// WaveOf returns the wave of the resource at a place in the order of the deployment, from 0.
func (r *Rollout) WaveOf(n int) int {
	if n < r.First {
		return 0
	}
	return 1 + (n-r.First)/r.Batch
}

// RecordKind is "rollout".
func (*Rollout) RecordKind() Kind { return KindRollout }

// RecordKey is the ID.
func (r *Rollout) RecordKey() string { return string(r.ID) }

// Indexes returns none.
func (*Rollout) Indexes() []Index { return nil }

// Receipt is what is kept of one deployment to one resource (spec P10).
type Receipt struct {
	Job                   ID // that deployed
	Resource, Instance    ID
	Product, Region, Name string
	Version               int
	Wave, Waves           int // Wave counts from 1; both are 0 without waves
	Actor, Via, Cause     string
	Began, Ended          time.Time       // Ended is zero while it is under way
	Changes               []PlannedChange // that were planned; none if the product does not say
	Before, After         string          // fingerprints that were configured; "" for none
	Address               string          // that was asked
	ReadBack              bool            // nothing was asked, the certificate was read back
	Seen                  []SeenAt        // by the handshakes, if more than one
	Result                string          // "ok" or "failed"; "" while it is under way
	Reason                Text            // of the failure
	Removed               []Removal       // of what the deployment has superseded
}

// Removal says that a superseded certificate was removed from the store of a product, which
// nothing referred to any more (spec N4).
type Removal struct {
	At          time.Time
	Fingerprint string
	Proof       Text // what the product answered
}

// PlannedChange is one thing that a deployment changes: a file, a link, a secret, an upload, a call
// or a command.
type PlannedChange struct {
	Kind          string // one of the kinds of a plan
	Subject       string
	Before, After string // fingerprints, or where a link leads
}

// RecordKind is "receipt".
func (*Receipt) RecordKind() Kind { return KindReceipt }

// RecordKey returns resource and job, so that those of a resource follow each other in time.
func (r *Receipt) RecordKey() string { return ReceiptKey(r.Resource, r.Job) }

// ReceiptKey returns the key of a [Receipt]; without a job it is the prefix of those of a
// resource.
func ReceiptKey(resource, job ID) string { return string(resource) + "/" + string(job) }

// Indexes returns the instance.
func (r *Receipt) Indexes() []Index {
	return []Index{{Name: "instance", Key: string(r.Instance) + "/" + string(r.Job)}}
}

// WaveKey returns the key of the index "rollout" of jobs; with a negative wave it is the
// prefix of all waves.
func WaveKey(rollout ID, wave int) string {
	if wave < 0 {
		return string(rollout) + "/"
	}
	return fmt.Sprintf("%s/%06d/", rollout, wave)
}
