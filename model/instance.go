package model

import (
	"slices"
	"time"
)

// Instance is one row of the list: a bought or uploaded certificate with its
// state, application, versions and a summary of its deployments.
type Instance struct {
	ID      ID
	Name    string // what lists show; unique names can be typed instead of the ID
	State   State
	Origin  Origin
	Spec    Specification
	Years   int // of service paid for; 0 for an upload
	Order   ID  // the order that bought it, if any
	Line    int // its line in that order
	Created time.Time

	Application Application
	Contact     ID // who is told; zero when none is named

	Versions     []Version // oldest first; never empty once issued or uploaded
	ServiceStart time.Time // zero until issued (spec T1)
	ServiceEnd   time.Time // zero until issued
	// CarriedOver is added to the service period: what was left of the period of
	// the instance it renews (spec I6).
	CarriedOver time.Duration

	// Proofs are what must be seen before the CA goes on, while verifying.
	Proofs []Proof

	// ExpectedIssue is when the issuer should be done; zero when not verifying,
	// and while a person is waited for.
	ExpectedIssue time.Time
	// Due is when certquay acts by itself next (spec T5); zero when never.
	// The engine sets it at every change, the store indexes it.
	Due time.Time
	// DueAction is what will be done at Due: "reissue" or "renew hosted".
	DueAction string

	Hosting             Hosting
	Deployments         Deployments
	Operation           Operation // what is being done now; the second axis (spec S2)
	Failure             Failure   // the last attempt of something, if it failed
	Reason              Text      // why it was rejected or ended
	RenewedBy           ID        // the instance that a renewal by hand bought (spec I6)
	RenewalOf           ID        // the instance this one renews
	RevocationCheckedAt time.Time // when the CA was last asked whether it has revoked
	Deleted             bool      // only the tombstone is left (spec I5)

	// NextExpiryNotice is when somebody may have to be told of the coming expiry next, and
	// Told the last such moment that was dealt with, of version ToldVersion.
	NextExpiryNotice  time.Time
	LastExpiryNotice  time.Time
	LastNoticeVersion int
}

// Application is what is asked of the CA. It is a draft until submitted and
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

// Organization is who applies, for OV, EV and professional certificates
// (spec A1).
type Organization struct {
	Name           string
	Type           string // one of OrganizationTypes
	Phone          string
	OrganizationID string // of the register it stands in
	Country        string // ISO 3166 alpha-2, upper case
	Province       string
	City           string
	Address        string
	Zip            string
}

// OrganizationTypes are the types of organizations that can be named.
var OrganizationTypes = []string{"company", "government", "public institution", "association", "sole proprietor", "other"}

// Proof is a record or file that proves control of one name (spec A7, A8).
type Proof struct {
	Domain string // the name it proves
	Method string // "dns" or "http"
	Name   string // of the TXT record, or the URL of the file
	Value  string // of the record, or the content of the file
	Seen   bool
}

// Manual says whether the person brings the certificate signing request, so
// that certquay does not hold the key unless it is added later (spec A4).
func (a Application) Manual() bool { return len(a.CSR) > 0 }

// KeyType names a key algorithm and size.
type KeyType string

// Key types that certquay makes by itself (spec A3).
const (
	ECDSAP256 KeyType = "ecdsa-p256"
	ECDSAP384 KeyType = "ecdsa-p384"
	RSA2048   KeyType = "rsa-2048"
	RSA3072   KeyType = "rsa-3072"
	RSA4096   KeyType = "rsa-4096"
)

// KeyTypes lists what can be made, the default first.
var KeyTypes = []KeyType{ECDSAP256, ECDSAP384, RSA2048, RSA3072, RSA4096}

// Version is one issued X.509 certificate of an instance. The certificate
// itself is in its [Chain], the key in a [Key].
type Version struct {
	Number        int    // from 1
	Serial        string // hexadecimal, lower case, no separators
	Fingerprint   string // SHA-256 of the DER, hexadecimal, lower case
	Subject       string // common name or first name
	Domains       []string
	KeyType       string
	SPKI          string // SHA-256 of the SubjectPublicKeyInfo, hexadecimal
	KeyID         ID     // zero when certquay does not hold the key
	NotBefore     time.Time
	NotAfter      time.Time // the last second is included (spec T2)
	Issued        time.Time // when certquay got it
	Issuer        string    // the brand that signed it; "" for one from elsewhere
	AnnualRenewal bool      // a yearly renewal rather than a reissue inside the period
	// SuggestedStart and SuggestedEnd are the window the CA suggests for
	// renewal (ARI, RFC 9773); zero when it suggests none.
	SuggestedStart time.Time
	SuggestedEnd   time.Time
	RevokedAt      time.Time // zero while not revoked
	RevokedReason  string    // RFC 5280 section 5.3.1 name
	SelfSigned     bool
	Incomplete     bool // the chain does not reach a root's child
}

// Hosting is what the managed service was paid for (spec 6).
type Hosting struct {
	On           bool
	RenewalsLeft int
	FromPack     bool
	// PrepaidRenewals counts the renewals that were paid for with the purchase and
	// begin with the first issue (spec B3).
	PrepaidRenewals int
}

// Deployments sums up the resources of an instance. The engine keeps it in
// the same transaction as the resources.
type Deployments struct {
	Total    int      // resources that are meant to present it
	Deployed int      // of those, verified by a handshake
	Auto     int      // of those, with auto-deploy on
	Failing  int      // of those, whose last attempt failed
	Products []string // names, sorted, no duplicates
}

// Operation is what is being done to an instance or resource right now.
type Operation struct {
	Kind    JobKind // "" when nothing is being done
	Job     ID
	Since   time.Time
	Attempt int
	Next    time.Time // of the next attempt, when waiting for one
	WaitFor Text      // what outside is waited for; zero when not waiting
	Error   Text      // of the last attempt
}

// Aside says whether it is set aside until a person wants it tried again.
func (o Operation) Aside() bool { return o.Active() && o.Next.Equal(Never) }

// Active says whether something is being done.
func (o Operation) Active() bool { return o.Kind != "" }

// AwaitReviewer is the code of what an operation waits for that goes on once a
// reviewer has approved.
const AwaitReviewer = "await.reviewer"

// AwaitsReview says whether a reviewer is waited for.
func (i *Instance) AwaitsReview() bool { return i.Operation.WaitFor.Code() == AwaitReviewer }

// AwaitsProof says whether a record or file is waited for that a person must
// add.
func (i *Instance) AwaitsProof() bool {
	return slices.ContainsFunc(i.Proofs, func(p Proof) bool { return !p.Seen })
}

// Failure is the last attempt of something when it failed.
type Failure struct {
	Kind    JobKind // "" when nothing failed
	At      time.Time
	Message Text
}

// RecordKind is "instance".
func (*Instance) RecordKind() Kind { return KindInstance }

// RecordKey is the ID.
func (i *Instance) RecordKey() string { return string(i.ID) }

// Current is the newest version that is not revoked, or nil. One that had expired
// before its successors were revoked does not come back.
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

// Newest is the version issued last, revoked or not, or nil.
func (i *Instance) Newest() *Version {
	if len(i.Versions) == 0 {
		return nil
	}
	return &i.Versions[len(i.Versions)-1]
}

// Version finds a version by its number, or nil.
func (i *Instance) Version(number int) *Version {
	for n := range i.Versions {
		if i.Versions[n].Number == number {
			return &i.Versions[n]
		}
	}
	return nil
}

// ByFingerprint finds a version by its SHA-256 fingerprint, or nil.
func (i *Instance) ByFingerprint(fingerprint string) *Version {
	for n := range i.Versions {
		if i.Versions[n].Fingerprint == fingerprint {
			return &i.Versions[n]
		}
	}
	return nil
}

// Domains are the names of the current certificate, or those applied for.
func (i *Instance) Domains() []string {
	if v := i.Current(); v != nil {
		return v.Domains
	}
	if v := i.Newest(); v != nil {
		return v.Domains
	}
	return i.Application.Domains
}
