package store

import (
	"slices"
	"time"

	"certquay/model"
)

type instance struct {
	ID                  model.ID       `cbor:"1,keyasint,omitzero"`
	Name                string         `cbor:"2,keyasint,omitzero"`
	State               model.State    `cbor:"3,keyasint,omitzero"`
	Origin              model.Origin   `cbor:"4,keyasint,omitzero"`
	Spec                specification  `cbor:"5,keyasint,omitzero"`
	Years               int            `cbor:"6,keyasint,omitzero"`
	Order               model.ID       `cbor:"7,keyasint,omitzero"`
	Line                int            `cbor:"8,keyasint,omitzero"`
	Created             time.Time      `cbor:"9,keyasint,omitzero"`
	Application         application    `cbor:"10,keyasint,omitzero"`
	Contact             model.ID       `cbor:"11,keyasint,omitzero"`
	Versions            []deltaVersion `cbor:"12,keyasint,omitzero"`
	ServiceStart        time.Time      `cbor:"13,keyasint,omitzero"`
	ServiceEnd          time.Time      `cbor:"14,keyasint,omitzero"`
	ExpectedIssue       time.Time      `cbor:"15,keyasint,omitzero"`
	Due                 time.Time      `cbor:"16,keyasint,omitzero"`
	DueAction           string         `cbor:"17,keyasint,omitzero"`
	Hosting             hosting        `cbor:"18,keyasint,omitzero"`
	Deployments         deployments    `cbor:"19,keyasint,omitzero"`
	Operation           operation      `cbor:"20,keyasint,omitzero"`
	Failure             failure        `cbor:"21,keyasint,omitzero"`
	Reason              model.Text     `cbor:"22,keyasint,omitzero"`
	RenewedBy           model.ID       `cbor:"23,keyasint,omitzero"`
	RenewalOf           model.ID       `cbor:"24,keyasint,omitzero"`
	Deleted             bool           `cbor:"25,keyasint,omitzero"`
	CarriedOver         time.Duration  `cbor:"26,keyasint,omitzero"`
	Proofs              []proof        `cbor:"27,keyasint,omitzero"`
	RevocationCheckedAt time.Time      `cbor:"28,keyasint,omitzero"`
	NextExpiryNotice    time.Time      `cbor:"29,keyasint,omitzero"`
	LastExpiryNotice    time.Time      `cbor:"30,keyasint,omitzero"`
	LastNoticeVersion   int            `cbor:"31,keyasint,omitzero"`
	ReorderedBy         model.ID       `cbor:"32,keyasint,omitzero"`
	ReorderOf           model.ID       `cbor:"33,keyasint,omitzero"`
	Replaced            bool           `cbor:"34,keyasint,omitzero"`
	Retiring            retiring       `cbor:"35,keyasint,omitzero"`
	TasksDue            time.Time      `cbor:"40,keyasint,omitzero"`
	HasTasks            bool           `cbor:"41,keyasint,omitzero"`
	Tags                []string       `cbor:"44,keyasint,omitzero"`
	Owner               model.ID       `cbor:"45,keyasint,omitzero"`
	Note                string         `cbor:"46,keyasint,omitzero"`
	AdviceAt            time.Time      `cbor:"47,keyasint,omitzero"`
	Fallback            []string       `cbor:"48,keyasint,omitzero"`
}

// deltaVersion is a version without the fields that equal those of the previous
// version, so that an instance with many names and years of reissues stays a small
// record.
type deltaVersion struct {
	version
	Same uint `cbor:"20,keyasint,omitzero"` // a bit for each of deltaFields that is left out
}

// deltaFields are the fields of a version that mostly equal those of the previous
// version, in the order of the bits of Same: append only.
var deltaFields = []struct {
	equal func(a, b *version) bool
	set   func(to, from *version)
}{
	{func(a, b *version) bool { return slices.Equal(a.Domains, b.Domains) }, func(to, from *version) { to.Domains = from.Domains }},
	{func(a, b *version) bool { return a.Subject == b.Subject }, func(to, from *version) { to.Subject = from.Subject }},
	{func(a, b *version) bool { return a.KeyType == b.KeyType }, func(to, from *version) { to.KeyType = from.KeyType }},
	{func(a, b *version) bool { return a.SPKI == b.SPKI }, func(to, from *version) { to.SPKI = from.SPKI }},
	{func(a, b *version) bool { return a.KeyID == b.KeyID }, func(to, from *version) { to.KeyID = from.KeyID }},
	{func(a, b *version) bool { return a.Issuer == b.Issuer }, func(to, from *version) { to.Issuer = from.Issuer }},
}

func versionsToWire(vs []model.Version) []deltaVersion {
	all := each(vs, func(v model.Version) deltaVersion { return deltaVersion{version: version(v)} })
	for n := len(all) - 1; n > 0; n-- {
		for k, s := range deltaFields {
			if s.equal(&all[n].version, &all[n-1].version) {
				all[n].Same |= 1 << k
				s.set(&all[n].version, &version{})
			}
		}
	}
	return all
}

func versionsFromWire(all []deltaVersion) []model.Version {
	for n := 1; n < len(all); n++ {
		for k, s := range deltaFields {
			if all[n].Same&(1<<k) != 0 {
				s.set(&all[n].version, &all[n-1].version)
			}
		}
	}
	return each(all, func(v deltaVersion) model.Version { return model.Version(v.version) })
}

func instanceToWire(i *model.Instance) instance {
	return instance{
		ID: i.ID, Name: i.Name, State: i.State, Origin: i.Origin, Spec: specification(i.Spec), Years: i.Years,
		Order: i.Order, Line: i.Line, Created: i.Created,
		Application: applicationToWire(i.Application), Contact: i.Contact,
		Versions:     versionsToWire(i.Versions),
		Proofs:       each(i.Proofs, func(p model.Proof) proof { return proof(p) }),
		ServiceStart: i.ServiceStart, ServiceEnd: i.ServiceEnd, CarriedOver: i.CarriedOver, RevocationCheckedAt: i.RevocationCheckedAt,
		ExpectedIssue: i.ExpectedIssue, Due: i.Due, DueAction: i.DueAction,
		Hosting: hosting(i.Hosting), Deployments: deployments(i.Deployments),
		Operation: operation(i.Operation), Failure: failure(i.Failure),
		Reason: i.Reason, RenewedBy: i.RenewedBy, RenewalOf: i.RenewalOf, Deleted: i.Deleted,
		NextExpiryNotice: i.NextExpiryNotice, LastExpiryNotice: i.LastExpiryNotice, LastNoticeVersion: i.LastNoticeVersion,
		ReorderedBy: i.ReorderedBy, ReorderOf: i.ReorderOf, Replaced: i.Replaced,
		Retiring: retiring(i.Retiring),
		TasksDue: i.TasksDue, HasTasks: i.HasTasks,
		Tags: i.Tags, Owner: i.Owner, Note: i.Note,
		AdviceAt: i.AdviceAt, Fallback: i.Fallback,
	}
}

func instanceFromWire(i instance) model.Instance {
	return model.Instance{
		ID: i.ID, Name: i.Name, State: i.State, Origin: i.Origin, Spec: model.Specification(i.Spec), Years: i.Years,
		Order: i.Order, Line: i.Line, Created: i.Created,
		Application: applicationFromWire(i.Application), Contact: i.Contact,
		Versions:     versionsFromWire(i.Versions),
		Proofs:       each(i.Proofs, func(p proof) model.Proof { return model.Proof(p) }),
		ServiceStart: i.ServiceStart, ServiceEnd: i.ServiceEnd, CarriedOver: i.CarriedOver, RevocationCheckedAt: i.RevocationCheckedAt,
		ExpectedIssue: i.ExpectedIssue, Due: i.Due, DueAction: i.DueAction,
		Hosting: model.Hosting(i.Hosting), Deployments: model.Deployments(i.Deployments),
		Operation: model.Operation(i.Operation), Failure: model.Failure(i.Failure),
		Reason: i.Reason, RenewedBy: i.RenewedBy, RenewalOf: i.RenewalOf, Deleted: i.Deleted,
		NextExpiryNotice: i.NextExpiryNotice, LastExpiryNotice: i.LastExpiryNotice, LastNoticeVersion: i.LastNoticeVersion,
		ReorderedBy: i.ReorderedBy, ReorderOf: i.ReorderOf, Replaced: i.Replaced,
		Retiring: model.Retiring(i.Retiring),
		TasksDue: i.TasksDue, HasTasks: i.HasTasks,
		Tags: i.Tags, Owner: i.Owner, Note: i.Note,
		AdviceAt: i.AdviceAt, Fallback: i.Fallback,
	}
}

type retiring struct {
	Versions []int  `cbor:"1,keyasint,omitzero"`
	Reason   string `cbor:"2,keyasint,omitzero"`
	Actor    string `cbor:"3,keyasint,omitzero"`
	Via      string `cbor:"4,keyasint,omitzero"`
}

type resource struct {
	ID          model.ID   `cbor:"1,keyasint,omitzero"`
	Product     string     `cbor:"2,keyasint,omitzero"`
	Region      string     `cbor:"3,keyasint,omitzero"`
	Name        string     `cbor:"4,keyasint,omitzero"`
	Address     string     `cbor:"5,keyasint,omitzero"`
	Instance    model.ID   `cbor:"6,keyasint,omitzero"`
	Version     int        `cbor:"7,keyasint,omitzero"`
	Deployed    string     `cbor:"8,keyasint,omitzero"`
	DeployedAt  time.Time  `cbor:"9,keyasint,omitzero"`
	Presented   string     `cbor:"10,keyasint,omitzero"`
	NotAfter    time.Time  `cbor:"11,keyasint,omitzero"`
	VerifiedAt  time.Time  `cbor:"12,keyasint,omitzero"`
	VerifyError model.Text `cbor:"13,keyasint,omitzero"`
	DriftSince  time.Time  `cbor:"14,keyasint,omitzero"`
	AutoDeploy  bool       `cbor:"15,keyasint,omitzero"`
	Reserved    bool       `cbor:"16,keyasint,omitzero"`
	Waiting     bool       `cbor:"17,keyasint,omitzero"`
	Operation   operation  `cbor:"18,keyasint,omitzero"`
	Failure     failure    `cbor:"19,keyasint,omitzero"`
	ProbedAt    time.Time  `cbor:"20,keyasint,omitzero"`
	Configured  string     `cbor:"21,keyasint,omitzero"`
	ReadBack    bool       `cbor:"22,keyasint,omitzero"`
	Seen        []seenAt   `cbor:"23,keyasint,omitempty"`
	WindowAt    time.Time  `cbor:"24,keyasint,omitzero"`
}

type seenAt struct {
	Address     string     `cbor:"1,keyasint,omitzero"`
	Algorithm   string     `cbor:"2,keyasint,omitzero"`
	Fingerprint string     `cbor:"3,keyasint,omitzero"`
	NotAfter    time.Time  `cbor:"4,keyasint,omitzero"`
	Error       model.Text `cbor:"5,keyasint,omitzero"`
}

func resourceToWire(r *model.Resource) resource {
	return resource{
		ID: r.ID, Product: r.Product, Region: r.Region, Name: r.Name, Address: r.Address,
		Instance: r.Instance, Version: r.Version, Deployed: r.Deployed, DeployedAt: r.DeployedAt,
		Presented: r.Presented, NotAfter: r.NotAfter, VerifiedAt: r.VerifiedAt, VerifyError: r.VerifyError,
		ProbedAt: r.ProbedAt, DriftSince: r.DriftSince,
		AutoDeploy: r.AutoDeploy, Reserved: r.Reserved, Waiting: r.Waiting, WindowAt: r.WindowAt,
		Operation: operation(r.Operation), Failure: failure(r.Failure),
		Configured: r.Configured, ReadBack: r.ReadBack, Seen: each(r.Seen, func(s model.SeenAt) seenAt { return seenAt(s) }),
	}
}

func resourceFromWire(r resource) model.Resource {
	return model.Resource{
		ID: r.ID, Product: r.Product, Region: r.Region, Name: r.Name, Address: r.Address,
		Instance: r.Instance, Version: r.Version, Deployed: r.Deployed, DeployedAt: r.DeployedAt,
		Presented: r.Presented, NotAfter: r.NotAfter, VerifiedAt: r.VerifiedAt, VerifyError: r.VerifyError,
		ProbedAt: r.ProbedAt, DriftSince: r.DriftSince,
		AutoDeploy: r.AutoDeploy, Reserved: r.Reserved, Waiting: r.Waiting, WindowAt: r.WindowAt,
		Operation: model.Operation(r.Operation), Failure: model.Failure(r.Failure),
		Configured: r.Configured, ReadBack: r.ReadBack, Seen: each(r.Seen, func(s seenAt) model.SeenAt { return model.SeenAt(s) }),
	}
}
