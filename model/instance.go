package model

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Instance is one row of the list: a bought or uploaded certificate with its state,
// application, versions and a summary of its deployments.
type Instance struct {
	ID      ID
	Name    string // for display; a unique name is accepted in place of the ID
	State   State
	Origin  Origin
	Spec    Specification
	Years   int // years of service paid for; 0 for an upload
	Order   ID  // the purchase, if any
	Line    int // its line in the order
	Created time.Time
	// Fallback are the brands of the issuers that are asked in this order if that of the
	// specification does not serve (spec C10).
	Fallback []string

	Application Application
	Contact     ID // recipient of notices; zero if there is none

	Versions     []Version // oldest first; not empty once issued or uploaded
	ServiceStart time.Time // zero until issued (spec T1)
	ServiceEnd   time.Time // zero until issued
	// CarriedOver is added to the service period: the time that was left of the service
	// period of the instance it renews (spec I6).
	CarriedOver time.Duration

	// Proofs are the proofs of control that the CA requires while the instance is
	// verifying.
	Proofs []Proof

	// ExpectedIssue is when the certificate should be issued. It is zero unless the
	// instance is verifying; while a person has to act it is an estimate.
	ExpectedIssue time.Time
	// Due is the time of the next automatic action (spec T5); zero if there is none.
	// The engine sets it at every change and the store indexes it.
	Due time.Time
	// DueAction is the action that is taken at Due: one of the constants below.
	DueAction string

	Hosting             Hosting
	Deployments         Deployments
	Operation           Operation // what is being done now, independently of State (spec S2)
	Failure             Failure   // the last failure, if the last attempt failed
	Reason              Text      // why it was rejected or ended
	RenewedBy           ID        // the instance bought by a manual renewal (spec I6)
	RenewalOf           ID        // the instance this one renews
	ReorderedBy         ID        // the instance bought by ordering it again (spec I11)
	ReorderOf           ID        // the instance that was ordered again as this one
	Replaced            bool      // it has an issued successor (spec I9); the engine keeps it up to date
	Retiring            Retiring  // versions to be revoked once no resource presents them (spec I12)
	RevocationCheckedAt time.Time // when the CA was last asked for the revocation status
	AdviceAt            time.Time // when the CA is asked next when to renew; zero if it does not say
	Deleted             bool      // only a tombstone is left (spec I5)

	// What people note about it (spec Q4).
	Tags  []string // lower case, sorted, no duplicates
	Owner ID       // the contact who answers for it; zero if there is none
	Note  string

	// NextExpiryNotice is when a notice about the coming expiry may be due next.
	// LastExpiryNotice is the last such time that was handled, for version
	// LastNoticeVersion.
	NextExpiryNotice  time.Time
	LastExpiryNotice  time.Time
	LastNoticeVersion int

	// TasksDue is when time alone raises or changes a task about the instance (spec
	// D9); zero for never. The engine sets it at every change.
	TasksDue time.Time
	// HasTasks says that tasks that follow from the state of the instance are open or
	// dismissed; see [TaskKind.FollowsState].
	HasTasks bool
}

// NextMoment returns when the scheduler has to look at the instance: for the next
// automatic action or for a task, whichever is earlier; zero for never.
func (i *Instance) NextMoment() time.Time {
	if i.Due.IsZero() || !i.TasksDue.IsZero() && i.TasksDue.Before(i.Due) {
		return i.TasksDue
	}
	return i.Due
}

// Issuers lists the brands of its issuers in the order in which they are asked.
func (i *Instance) Issuers() []string { return append([]string{i.Spec.Brand}, i.Fallback...) }

// Application is the certificate application. It is a draft until submitted and
// survives withdrawal and rejection (spec A6).
type Application struct {
	Domains       []string // as ASCII (punycode), the first is the common name
	ApplicantName string
	Phone         string
	Email         string
	IDNumber      string // of the applicant; for OV and EV
	Company       Organization
	Documents     []ID // qualification documents, in the order they were added
	KeyType       KeyType
	CSR           []byte // DER of a manual PKCS#10 request; nil means automatic
	Saved         time.Time
	Submitted     time.Time
}

// Organization is the applicant of OV, EV and professional certificates (spec A1).
type Organization struct {
	Name           string
	Type           string // one of OrganizationTypes
	Phone          string
	OrganizationID string // registration number
	Country        string // ISO 3166 alpha-2, upper case
	Province       string
	City           string
	Address        string
	Zip            string
}

// OrganizationTypes lists the values of [Organization.Type].
var OrganizationTypes = []string{"company", "government", "public institution", "association", "sole proprietor", "other"}

// Proof is a DNS record or file that proves control of one domain name (spec A7, A8).
type Proof struct {
	Domain string // the name whose control it proves
	Method string // "dns" or "http"
	Name   string // name of the TXT record, or URL of the file
	Value  string // value of the record, or content of the file
	Seen   bool
}

// Until returns until when a record of dns-persist-01 holds, as its value says by the
// parameter persistUntil (draft-ietf-acme-dns-persist); zero for others and for ever.
func (p *Proof) Until() time.Time {
	if !strings.HasPrefix(p.Name, "_validation-persist.") {
		return time.Time{}
	}
	for _, parameter := range strings.Split(p.Value, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if seconds, err := strconv.ParseInt(value, 10, 64); err == nil && name == "persistUntil" {
			return time.Unix(seconds, 0).UTC()
		}
	}
	return time.Time{}
}

// Manual reports whether the applicant supplied a certificate signing request, so that
// certquay does not have the key unless it is added later (spec A4).
func (a Application) Manual() bool { return len(a.CSR) > 0 }

// KeyType is a key algorithm with its size.
type KeyType string

// Key types that certquay can generate (spec A3).
const (
	ECDSAP256 KeyType = "ecdsa-p256"
	ECDSAP384 KeyType = "ecdsa-p384"
	RSA2048   KeyType = "rsa-2048"
	RSA3072   KeyType = "rsa-3072"
	RSA4096   KeyType = "rsa-4096"
)

// KeyTypes lists the key types that can be generated, the default first.
var KeyTypes = []KeyType{ECDSAP256, ECDSAP384, RSA2048, RSA3072, RSA4096}

// Version is one issued X.509 certificate of an instance. The certificate itself is in
// its [Chain], the private key in a [Key].
type Version struct {
	Number        int    // from 1
	Serial        string // hexadecimal, lower case, no separators
	Fingerprint   string // SHA-256 of the DER, hexadecimal, lower case
	Subject       string // common name or first name
	Domains       []string
	KeyType       string
	SPKI          string // SHA-256 of the SubjectPublicKeyInfo, hexadecimal
	KeyID         ID     // zero if certquay does not have the key
	NotBefore     time.Time
	NotAfter      time.Time // inclusive (spec T2)
	Issued        time.Time // when certquay received it
	Issuer        string    // brand of the issuer; "" for an upload
	AnnualRenewal bool      // a renewal for another year, not a reissue within the service period
	// SuggestedStart and SuggestedEnd are the renewal window suggested by the CA (ARI,
	// RFC 9773); zero if it suggests none.
	SuggestedStart time.Time
	SuggestedEnd   time.Time
	RevokedAt      time.Time // zero unless revoked
	RevokedReason  string    // named as in RFC 5280 section 5.3.1
	SelfSigned     bool
	Incomplete     bool // intermediates are missing from the chain
}

// Hosting is the managed service that was paid for (spec 6).
type Hosting struct {
	On           bool
	RenewalsLeft int
	FromPack     bool
	// PrepaidRenewals counts the renewals that were paid for with the purchase. They
	// become available with the first issue (spec B3).
	PrepaidRenewals int
}

// Deployments summarizes the resources of an instance. The engine updates it in the
// transaction that changes a resource.
type Deployments struct {
	Total    int      // resources that should present it
	Deployed int      // those verified by a handshake
	Auto     int      // those with auto-deploy on
	Failing  int      // those whose last attempt failed
	Products []string // names, sorted, no duplicates
	// Regions and Names are those of all resources, sorted, without duplicates.
	Regions []string
	Names   []string
}

// Operation is work in progress on an instance or resource.
type Operation struct {
	Kind    JobKind // "" if there is none
	Job     ID
	Since   time.Time
	Attempt int
	Next    time.Time // time of the next attempt; zero while one is running
	WaitFor Text      // the external event it waits for; zero if it does not wait
	Error   Text      // error of the last attempt
}

// Aside reports whether the operation is suspended until a person asks for a retry.
func (o Operation) Aside() bool { return o.Active() && o.Next.Equal(Never) }

// AwaitBudget is the code of [Operation.WaitFor] while a rate limit of the CA is used up.
const AwaitBudget = "await.budget"

// AwaitsBudget reports whether the order waits for a rate limit of the CA.
func (o Operation) AwaitsBudget() bool { return o.Active() && o.WaitFor.Code() == AwaitBudget }

// Active reports whether there is an operation.
func (o Operation) Active() bool { return o.Kind != "" }

// AwaitReviewer is the code of [Operation.WaitFor] while a reviewer's approval is
// required.
const AwaitReviewer = "await.reviewer"

// AwaitsReview reports whether the instance waits for a reviewer.
func (i *Instance) AwaitsReview() bool { return i.Operation.WaitFor.Code() == AwaitReviewer }

// AwaitsProof reports whether a person still has to add a DNS record or file.
func (i *Instance) AwaitsProof() bool {
	return slices.ContainsFunc(i.Proofs, func(p Proof) bool { return !p.Seen })
}

// Retiring are the versions whose key was replaced: they are revoked once no resource
// presents them (spec I12).
type Retiring struct {
	Versions []int  // numbers; empty for none
	Reason   string // of the revocation, named as in RFC 5280 section 5.3.1
	Actor    string // who asked for it
	Via      string
}

// Failure is the last failed attempt.
type Failure struct {
	Kind    JobKind // "" if the last attempt did not fail
	At      time.Time
	Message Text
}

// ReplacedBy returns the instance that was bought to replace this one, or "" (spec I9).
// The later order counts: a renewal that failed may have been followed by another order.
func (i *Instance) ReplacedBy() ID { return cmp.Or(i.ReorderedBy, i.RenewedBy) }

// Replaces returns the instance that this one was bought to replace, or "" (spec I9).
func (i *Instance) Replaces() ID { return cmp.Or(i.ReorderOf, i.RenewalOf) }

// RecordKind is "instance".
func (*Instance) RecordKind() Kind { return KindInstance }

// RecordKey is the ID.
func (i *Instance) RecordKey() string { return string(i.ID) }

// Current returns the newest version that is not revoked, or nil. A version that had
// already expired when its successors were revoked does not become current again.
func (i *Instance) Current() *Version {
	for n := len(i.Versions) - 1; n >= 0; n-- {
		if v := &i.Versions[n]; v.RevokedAt.IsZero() {
			if last := i.Versions[len(i.Versions)-1].RevokedAt; last.After(v.NotAfter) {
				return nil
			}
			return v
		}
	}
	return nil
}

// Newest returns the version issued last, revoked or not, or nil.
func (i *Instance) Newest() *Version {
	if len(i.Versions) == 0 {
		return nil
	}
	return &i.Versions[len(i.Versions)-1]
}

// IssuedElsewhere reports whether the newest version is an upload and not issued
// through certquay.
func (i *Instance) IssuedElsewhere() bool {
	v := i.Newest()
	return v != nil && v.Issuer == ""
}

// Version returns the version with a number, or nil.
func (i *Instance) Version(number int) *Version {
	for n := range i.Versions {
		if i.Versions[n].Number == number {
			return &i.Versions[n]
		}
	}
	return nil
}

// CurrentKeyType returns the type of the current certificate's key or, before the first
// certificate, the one applied for.
func (i *Instance) CurrentKeyType() string {
	if v := i.Current(); v != nil {
		return v.KeyType
	}
	if v := i.Newest(); v != nil {
		return v.KeyType
	}
	return string(i.Application.KeyType)
}

// ByFingerprint returns the version with a SHA-256 fingerprint, or nil.
func (i *Instance) ByFingerprint(fingerprint string) *Version {
	for n := range i.Versions {
		if i.Versions[n].Fingerprint == fingerprint {
			return &i.Versions[n]
		}
	}
	return nil
}

// Domains returns the names in the current certificate or, before the first, those
// applied for.
func (i *Instance) Domains() []string {
	if v := i.Current(); v != nil {
		return v.Domains
	}
	if v := i.Newest(); v != nil {
		return v.Domains
	}
	return i.Application.Domains
}
