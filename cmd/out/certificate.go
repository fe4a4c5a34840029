package out

import (
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/ledger"
	"certquay/model"
)

// Instance is an instance in JSON. The field names are stable (spec 9). Fields that do
// not apply are null.
type Instance struct {
	ID            model.ID        `json:"id"`
	Name          string          `json:"name"`
	State         model.State     `json:"state"`
	Group         model.Group     `json:"group"`
	Label         string          `json:"label"`
	Derived       []model.Derived `json:"derived"`
	Origin        model.Origin    `json:"origin"`
	Level         *string         `json:"level"`
	Type          *string         `json:"type"`
	Brand         *string         `json:"brand"`
	Grade         *string         `json:"grade"`
	Domains       []string        `json:"domains"`
	Serial        *string         `json:"serial"`
	Fingerprint   *string         `json:"fingerprint_sha256"`
	KeyType       *string         `json:"key_type"`
	NotBefore     *string         `json:"not_before"`
	NotAfter      *string         `json:"not_after"`
	ServiceStart  *string         `json:"service_start"`
	ServiceEnd    *string         `json:"service_end"`
	ServiceMaxEnd *string         `json:"service_max_end"` // with the renewals that are paid for
	Years         int             `json:"years"`           // bought at once; 0 for an upload
	Paid          *Money          `json:"paid"`            // for the purchase
	// RefundableUntil is null if nothing is refunded any more, or without a limit.
	RefundableUntil *string    `json:"refundable_until"`
	ExpectedIssue   *string    `json:"expected_issue"`
	Hosted          bool       `json:"hosted"`
	RenewalsLeft    int        `json:"renewals_left"`
	AutoDeploy      bool       `json:"auto_deploy"`
	Products        []string   `json:"products"`
	Order           *string    `json:"order"`
	Contact         *string    `json:"contact"`
	Versions        []Version  `json:"versions"`
	Operation       *Operation `json:"operation"`
	LastError       *string    `json:"last_error"`
	Proofs          []Proof    `json:"proofs"`
	RenewedBy       *string    `json:"renewed_by"`
	RenewalOf       *string    `json:"renewal_of"`
	ReplacedBy      *string    `json:"replaced_by"`
	Replaces        *string    `json:"replaces"`
	Tags            []string   `json:"tags"`
	Owner           *string    `json:"owner"`
	Note            *string    `json:"note"`
	Fallback        []string   `json:"fallback"` // brands that are asked after the brand
}

// Money is an amount in JSON, in minor units of a currency.
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// Proof is a proof of control in JSON.
type Proof struct {
	Domain string `json:"domain"`
	Method string `json:"method"`
	Name   string `json:"name"`
	Value  string `json:"value"`
	Seen   bool   `json:"seen"`
	// Until is when the record ceases to hold; null for one that is looked at once.
	Until *string `json:"until"`
}

// Version is a version of an instance in JSON.
type Version struct {
	Number      int      `json:"number"`
	Serial      string   `json:"serial"`
	Fingerprint string   `json:"fingerprint_sha256"`
	Domains     []string `json:"domains"`
	KeyType     string   `json:"key_type"`
	HasKey      bool     `json:"has_key"`
	NotBefore   *string  `json:"not_before"`
	NotAfter    *string  `json:"not_after"`
	Issued      *string  `json:"issued"`
	RevokedAt   *string  `json:"revoked_at"`
	Reason      *string  `json:"revocation_reason"`
	Issuer      *string  `json:"issuer"` // brand; null for an upload
}

// Operation is the running operation of an instance in JSON.
type Operation struct {
	Kind    model.JobKind `json:"kind"`
	Since   *string       `json:"since"`
	Attempt int           `json:"attempt"`
	Next    *string       `json:"next"`
	Waiting *string       `json:"waiting"`
	Error   *string       `json:"error"`
}

func operation(o model.Operation) *Operation {
	if !o.Active() {
		return nil
	}
	next := TimeOrNil(o.Next)
	if o.Aside() {
		next = nil
	}
	return &Operation{o.Kind, TimeOrNil(o.Since), o.Attempt, next, OrNil(English(o.WaitFor)), OrNil(English(o.Error))}
}

// NewInstance returns the JSON form of an instance at a time. contact is the name of
// its contact, owner that of its owner, or ""; refund is what ending it now would refund.
func NewInstance(i *model.Instance, now time.Time, contact, owner string, refund ledger.RefundPreview) Instance {
	row := i.Row()
	j := Instance{
		ID: i.ID, Name: i.Name, State: i.State, Group: i.State.Group(), Label: row.Status(now), Derived: row.Derived(now),
		Origin: i.Origin, Level: OrNil(i.Spec.Level), Type: OrNil(i.Spec.Type), Brand: OrNil(i.Spec.Brand), Grade: OrNil(i.Spec.Grade),
		Domains: OrEmpty(i.Domains()), ServiceStart: TimeOrNil(i.ServiceStart), ServiceEnd: TimeOrNil(i.ServiceEnd),
		ExpectedIssue: TimeOrNil(i.ExpectedIssue), Hosted: i.Hosting.On, RenewalsLeft: i.Hosting.RenewalsLeft,
		AutoDeploy: i.Deployments.Auto > 0, Products: OrEmpty(i.Deployments.Products), Order: OrNil(i.Order),
		Versions: []Version{}, Proofs: []Proof{}, Operation: operation(i.Operation),
		RenewedBy: OrNil(i.RenewedBy), RenewalOf: OrNil(i.RenewalOf),
		ReplacedBy: OrNil(i.ReplacedBy()), Replaces: OrNil(i.Replaces()), Contact: OrNil(contact),
		Tags: OrEmpty(i.Tags), Owner: OrNil(owner), Note: OrNil(i.Note), Fallback: OrEmpty(i.Fallback),
	}
	j.Years, j.ServiceMaxEnd = i.Years, TimeOrNil(i.ServiceMaxEnd())
	if i.Order != "" && refund.Currency != "" { // else its order cannot be read
		j.Paid = &Money{refund.Paid, refund.Currency}
	}
	if i.State.Group() != model.GroupEnded {
		j.RefundableUntil = TimeOrNil(refund.Until)
	}
	v := i.Current()
	if v == nil {
		v = i.Newest()
	}
	if v != nil {
		j.Serial, j.Fingerprint, j.KeyType = &v.Serial, &v.Fingerprint, OrNil(v.KeyType)
		j.NotBefore, j.NotAfter = TimeOrNil(v.NotBefore), TimeOrNil(v.NotAfter)
	} else if i.Application.KeyType != "" {
		j.KeyType = OrNil(i.Application.KeyType)
	}
	for n := range i.Versions {
		v := &i.Versions[n]
		j.Versions = append(j.Versions, Version{
			v.Number, v.Serial, v.Fingerprint, OrEmpty(v.Domains), v.KeyType, v.KeyID != "",
			TimeOrNil(v.NotBefore), TimeOrNil(v.NotAfter), TimeOrNil(v.Issued), TimeOrNil(v.RevokedAt), OrNil(v.RevokedReason),
			OrNil(v.Issuer),
		})
	}
	for _, p := range i.Proofs {
		j.Proofs = append(j.Proofs, Proof{p.Domain, p.Method, p.Name, p.Value, p.Seen, TimeOrNil(p.Until())})
	}
	j.LastError = OrNil(English(LastError(i)))
	return j
}

// LastError returns the last error of an instance, or "".
func LastError(i *model.Instance) model.Text {
	switch {
	case i.Failure.Kind != "":
		return i.Failure.Message
	case i.Operation.Error != "":
		return i.Operation.Error
	case i.State.Group() == model.GroupUnissued:
		return i.Reason
	}
	return ""
}

// Resource is a resource in JSON. The field names are stable (spec 9).
type Resource struct {
	ID           model.ID            `json:"id"`
	Product      string              `json:"product"`
	Region       string              `json:"region"`
	Name         string              `json:"name"`
	State        model.ResourceState `json:"state"`
	Instance     *string             `json:"instance"`
	Fingerprint  *string             `json:"fingerprint_sha256"`
	NotAfter     *string             `json:"not_after"`
	Hosted       bool                `json:"hosted"`
	AutoDeploy   bool                `json:"auto_deploy"`
	Address      *string             `json:"address"`
	LastVerified *string             `json:"last_verified"`
	LastError    *string             `json:"last_error"`
	Verified     *string             `json:"verified"`   // how it was seen: "handshake" or "read-back"
	Configured   *string             `json:"configured"` // fingerprint
	Addresses    []SeenAt            `json:"addresses"`  // where there is more than one, or of several kinds of keys
	Intended     *string             `json:"intended"`   // fingerprint
	DriftedSince *string             `json:"drifted_since"`
	WaitsUntil   *string             `json:"waits_until"` // a deployment window begins then
}

// SeenAt is what one address of a resource presents, in JSON.
type SeenAt struct {
	Address     string  `json:"address"`
	Algorithm   string  `json:"algorithm"`
	Fingerprint *string `json:"fingerprint_sha256"`
	NotAfter    *string `json:"not_after"`
	Error       *string `json:"error"`
}

// NewResource returns the JSON form of a resource.
func NewResource(v *lifecycle.ResourceView) Resource {
	message := v.Failure.Message
	if message == "" {
		message = v.VerifyError
	}
	return Resource{
		v.ID, v.Product, v.Region, v.Name, v.State, OrNil(v.Instance), OrNil(v.Presented), TimeOrNil(v.NotAfter),
		v.Hosted, v.AutoDeploy, OrNil(v.Address), TimeOrNil(v.VerifiedAt), OrNil(English(message)),
		OrNil(Verified(!v.VerifiedAt.IsZero(), v.ReadBack)), OrNil(v.Configured), NewSeen(v.Seen),
		OrNil(v.Expected), TimeOrNil(v.DriftSince), TimeOrNil(v.WindowAt),
	}
}

// Verified is how a certificate was seen at a resource (spec D3); "" if it was not.
func Verified(seen, readBack bool) string {
	switch {
	case !seen:
		return ""
	case readBack:
		return "read-back"
	}
	return "handshake"
}

// NewSeen returns the JSON form of what was seen at each address.
func NewSeen(seen []model.SeenAt) []SeenAt {
	all := []SeenAt{}
	for _, s := range seen {
		all = append(all, SeenAt{s.Address, s.Algorithm, OrNil(s.Fingerprint), TimeOrNil(s.NotAfter), OrNil(English(s.Error))})
	}
	return all
}
