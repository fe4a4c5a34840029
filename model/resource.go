package model

import "time"

// Resource is one domain or listener of a product in one region. It presents
// one certificate. What should be there, what was put there and what is seen
// there are three facts kept apart, so that drift can be seen (spec D4).
type Resource struct {
	ID      ID
	Product string // as configured, e.g. "CDN"
	Region  string
	Name    string // the domain or listener
	Address string // host:port to ask over TLS; "" until known

	Instance ID  // the instance meant to be there; zero after undeploy
	Version  int // the version meant to be there

	Deployed    string // fingerprint last deployed and verified there; ""
	DeployedAt  time.Time
	Presented   string    // fingerprint seen at the last look; ""
	NotAfter    time.Time // of what is presented
	VerifiedAt  time.Time // of the last look that got an answer
	VerifyError Text      // of the last look; "" when it got one
	ProbedAt    time.Time // of the last look, answered or not
	DriftSince  time.Time

	AutoDeploy bool
	Reserved   bool // a credit is reserved for it
	Waiting    bool // a deployment is due and no credit is free
	Operation  Operation
	Failure    Failure
}

// ResourceState is what a resource's row shows (spec D4).
type ResourceState string

// States of a resource.
const (
	ResourceNone      ResourceState = "none" // nothing is deployed there
	ResourceDeployed  ResourceState = "deployed"
	ResourceDeploying ResourceState = "deploying"
	ResourceFailed    ResourceState = "failed"
	ResourceWaiting   ResourceState = "waiting"
	ResourceOutdated  ResourceState = "outdated"
	ResourceDrifted   ResourceState = "drifted"
	ResourceRevoked   ResourceState = "revoked"
)

// ResourceStates lists every state of a resource.
var ResourceStates = []ResourceState{
	ResourceDeployed, ResourceDeploying, ResourceFailed, ResourceWaiting,
	ResourceOutdated, ResourceDrifted, ResourceRevoked, ResourceNone,
}

// State derives the resource's state. The instance may be nil when there is
// none.
func (r *Resource) State(i *Instance) ResourceState {
	switch {
	case r.Operation.Active() && r.Operation.Next.IsZero():
		return ResourceDeploying
	case r.Waiting:
		return ResourceWaiting
	case r.Failure.Kind != "":
		return ResourceFailed
	}
	return r.Presents(i)
}

// Presents says how what was seen at the last look stands to the instance, which
// may be nil: [ResourceDeployed], [ResourceOutdated], [ResourceDrifted],
// [ResourceRevoked], or [ResourceNone] when nothing is there.
func (r *Resource) Presents(i *Instance) ResourceState {
	var seen, want *Version
	if i != nil {
		if seen, want = i.ByFingerprint(r.Presented), i.Current(); want == nil {
			want = i.Newest() // what has ended makes what came before no newer
		}
	}
	switch {
	case r.Deployed == "" && r.Presented == "":
		return ResourceNone
	case seen != nil && !seen.RevokedAt.IsZero():
		return ResourceRevoked
	case r.Presented != r.Deployed:
		return ResourceDrifted
	case seen != nil && seen.Number < want.Number:
		return ResourceOutdated
	default:
		return ResourceDeployed
	}
}

// RecordKind is "resource".
func (*Resource) RecordKind() Kind { return KindResource }

// RecordKey is the ID.
func (r *Resource) RecordKey() string { return string(r.ID) }

// Indexes finds resources by place, name, instance, the tail of the ID, and
// those deployed by when they were last looked at.
func (r *Resource) Indexes() []Index {
	is := []Index{
		{Name: "place", Key: PlaceKey(r.Product, r.Region, r.Name)},
		{Name: "name", Key: NormalizeName(r.Name)},
		{Name: "tail", Key: reverse(string(r.ID))},
	}
	if r.Instance != "" {
		is = append(is, Index{Name: "instance", Key: string(r.Instance)})
	}
	if r.Waiting {
		is = append(is, Index{Name: "waiting", Key: TimeKey(r.DeployedAt)})
	}
	if r.Deployed != "" {
		is = append(is, Index{Name: "looked", Key: TimeKey(r.ProbedAt)})
	}
	return is
}

// PlaceKey is the index key of a product, region and name, without regard to
// case. An empty region or name makes a prefix.
func PlaceKey(product, region, name string) string {
	k := NormalizeName(product) + "/"
	if region != "" {
		k += NormalizeName(region) + "/" + NormalizeName(name)
	}
	return k
}

// Place is product, region and name, as a person knows the resource.
func (r *Resource) Place() string { return r.Product + " " + r.Region + " " + r.Name }

// HasDeployment says whether something is, or is about to be, at the resource.
func (r *Resource) HasDeployment() bool { return r.Deployed != "" || r.Operation.Active() }
