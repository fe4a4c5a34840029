package cmd

import (
	"certquay/lifecycle"
	"certquay/model"
)

// instanceJSON is an instance as verbs print it; the names are fixed (spec 9).
// What does not apply is null.
type instanceJSON struct {
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
	ExpectedIssue *string         `json:"expected_issue"`
	Hosted        bool            `json:"hosted"`
	RenewalsLeft  int             `json:"renewals_left"`
	AutoDeploy    bool            `json:"auto_deploy"`
	Products      []string        `json:"products"`
	Order         *string         `json:"order"`
	Contact       *string         `json:"contact"`
	Versions      []versionJSON   `json:"versions"`
	Operation     *operationJSON  `json:"operation"`
	LastError     *string         `json:"last_error"`
	Proofs        []proofJSON     `json:"proofs"`
	RenewedBy     *string         `json:"renewed_by"`
	RenewalOf     *string         `json:"renewal_of"`
}

// proofJSON is a record or file that proves control.
type proofJSON struct {
	Domain string `json:"domain"`
	Method string `json:"method"`
	Name   string `json:"name"`
	Value  string `json:"value"`
	Seen   bool   `json:"seen"`
}

type versionJSON struct {
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
}

type operationJSON struct {
	Kind    model.JobKind `json:"kind"`
	Since   *string       `json:"since"`
	Attempt int           `json:"attempt"`
	Next    *string       `json:"next"`
	Waiting *string       `json:"waiting"`
	Error   *string       `json:"error"`
}

func orNil[T ~string](s T) *string {
	if s == "" {
		return nil
	}
	v := string(s)
	return &v
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func operation(o model.Operation) *operationJSON {
	if !o.Active() {
		return nil
	}
	next := timeOrNil(o.Next)
	if o.Aside() {
		next = nil
	}
	return &operationJSON{o.Kind, timeOrNil(o.Since), o.Attempt, next, orNil(english(o.WaitFor)), orNil(english(o.Error))}
}

// instance turns an instance into what is printed.
func (c *call) instance(i *model.Instance) instanceJSON {
	now := c.engine().Now()
	row := i.Row()
	j := instanceJSON{
		ID: i.ID, Name: i.Name, State: i.State, Group: i.State.Group(), Label: row.Label(now), Derived: row.Derived(now),
		Origin: i.Origin, Level: orNil(i.Spec.Level), Type: orNil(i.Spec.Type), Brand: orNil(i.Spec.Brand), Grade: orNil(i.Spec.Grade),
		Domains: orEmpty(i.Domains()), ServiceStart: timeOrNil(i.ServiceStart), ServiceEnd: timeOrNil(i.ServiceEnd),
		ExpectedIssue: timeOrNil(i.ExpectedIssue), Hosted: i.Hosting.On, RenewalsLeft: i.Hosting.RenewalsLeft,
		AutoDeploy: i.Deployments.Auto > 0, Products: orEmpty(i.Deployments.Products), Order: orNil(i.Order),
		Versions: []versionJSON{}, Proofs: []proofJSON{}, Operation: operation(i.Operation),
		RenewedBy: orNil(i.RenewedBy), RenewalOf: orNil(i.RenewalOf),
	}
	v := i.Current()
	if v == nil {
		v = i.Newest()
	}
	if v != nil {
		j.Serial, j.Fingerprint, j.KeyType = &v.Serial, &v.Fingerprint, orNil(v.KeyType)
		j.NotBefore, j.NotAfter = timeOrNil(v.NotBefore), timeOrNil(v.NotAfter)
	} else if i.Application.KeyType != "" {
		j.KeyType = orNil(i.Application.KeyType)
	}
	for n := range i.Versions {
		v := &i.Versions[n]
		j.Versions = append(j.Versions, versionJSON{
			v.Number, v.Serial, v.Fingerprint, orEmpty(v.Domains), v.KeyType, v.KeyID != "",
			timeOrNil(v.NotBefore), timeOrNil(v.NotAfter), timeOrNil(v.Issued), timeOrNil(v.RevokedAt), orNil(v.RevokedReason),
		})
	}
	for _, p := range i.Proofs {
		j.Proofs = append(j.Proofs, proofJSON(p))
	}
	j.LastError = orNil(english(lastError(i)))
	if i.Contact != "" {
		if ct, err := c.engine().ContactByID(i.Contact); err == nil {
			j.Contact = &ct.Name
		}
	}
	return j
}

// lastError is what went wrong last at an instance.
func lastError(i *model.Instance) model.Text {
	switch {
	case i.Failure.What != "":
		return i.Failure.Message
	case i.Operation.Error != "":
		return i.Operation.Error
	case i.State.Group() == model.GroupUnissued:
		return i.Reason
	}
	return ""
}

func (c *call) instances(list []model.Instance) []instanceJSON {
	out := make([]instanceJSON, 0, len(list))
	for n := range list {
		out = append(out, c.instance(&list[n]))
	}
	return out
}

// resourceJSON is a resource as verbs print it; the names are fixed (spec 9).
type resourceJSON struct {
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
}

func resource(v *lifecycle.ResourceView) resourceJSON {
	message := v.Failure.Message
	if message == "" {
		message = v.VerifyError
	}
	return resourceJSON{
		v.ID, v.Product, v.Region, v.Name, v.State, orNil(v.Instance), orNil(v.Presented), timeOrNil(v.NotAfter),
		v.Hosted, v.AutoDeploy, orNil(v.Address), timeOrNil(v.VerifiedAt), orNil(english(message)),
	}
}
