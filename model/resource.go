package model

import "time"

// Resource is one domain or listener of a product in one region. It presents one
// certificate. The intended certificate, the deployed one and the presented one are
// stored separately, so that drift is visible (spec D4).
type Resource struct {
	ID      ID
	Product string // as configured, e.g. "CDN"
	Region  string
	Name    string // the domain or listener
	Address string // host:port for the TLS handshake; "" until known

	Instance ID  // the intended instance; zero after undeploying
	Version  int // the intended version

	Deployed    string // fingerprint last deployed and verified; "" for none
	DeployedAt  time.Time
	Presented   string    // fingerprint seen by the last probe; "" for none
	NotAfter    time.Time // of the presented certificate
	VerifiedAt  time.Time // time of the last successful probe
	VerifyError Text      // of the last probe; "" if it succeeded
	ProbedAt    time.Time // time of the last probe, successful or not
	DriftSince  time.Time
	Configured  string   // fingerprint that the product was configured to present at the last probe
	ReadBack    bool     // it was read back from the target: there is no address to ask (spec D3)
	Seen        []SeenAt // of the last probe, if it saw more than one certificate or address (spec P8)

	AutoDeploy bool
	Reserved   bool // a deployment credit is reserved
	Waiting    bool // a deployment is due, and waits for a credit, for another job or for a window
	// WindowAt is when the deployment window begins that it waits for; zero if it waits for
	// none (spec P7).
	WindowAt  time.Time
	Operation Operation
	Failure   Failure
}

// SeenAt is what one address presents to clients of one kind of key.
type SeenAt struct {
	Address     string
	Algorithm   string // of the key, "ecdsa" or "rsa"; "" for another
	Fingerprint string
	NotAfter    time.Time
	Error       Text // why nothing was seen; "" if something was
}

// ResourceState is the state shown for a resource (spec D4).
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
	ResourceExpired   ResourceState = "expired" // presents a certificate that has expired
)

// ResourceStates lists every state of a resource.
var ResourceStates = []ResourceState{
	ResourceDeployed, ResourceDeploying, ResourceFailed, ResourceWaiting,
	ResourceOutdated, ResourceDrifted, ResourceRevoked, ResourceExpired, ResourceNone,
}

// State derives the state of the resource. The instance may be nil.
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

// StateAt is the state at a time: a certificate that has expired matters more than
// which of its versions it is.
func (r *Resource) StateAt(i *Instance, now time.Time) ResourceState {
	s := r.State(i)
	switch s {
	case ResourceDeployed, ResourceOutdated, ResourceDrifted:
		if r.Presented != "" && now.After(r.NotAfter.Add(time.Second-1)) {
			return ResourceExpired
		}
	}
	return s
}

// Presents compares the presented certificate with the instance, which may be nil. It
// returns [ResourceDeployed], [ResourceOutdated], [ResourceDrifted], [ResourceRevoked],
// or [ResourceNone] if nothing is deployed or presented.
func (r *Resource) Presents(i *Instance) ResourceState {
	var seen, want *Version
	if i != nil {
		if seen, want = i.ByFingerprint(r.Presented), i.Current(); want == nil {
			want = i.Newest() // all versions have ended: compare with the last one
		}
	}
	switch {
	case r.Deployed == "" && r.Presented == "":
		return ResourceNone
	case seen != nil && !seen.RevokedAt.IsZero():
		return ResourceRevoked
	case r.Drifts():
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

// Indexes returns the index entries: by product, region and name, by name, by tail of
// the ID, by instance, for waiting ones by the time of the last deployment or by that of the
// window they wait for, and for deployed resources by the time of the last probe.
func (r *Resource) Indexes() []Index {
	is := []Index{
		{Name: "place", Key: PlaceKey(r.Product, r.Region, r.Name)},
		{Name: "name", Key: NormalizeName(r.Name)},
		{Name: "tail", Key: reverse(string(r.ID))},
	}
	if r.Instance != "" {
		is = append(is, Index{Name: "instance", Key: string(r.Instance)})
	}
	switch {
	case r.AwaitsWindow():
		is = append(is, Index{Name: "window", Key: TimeKey(r.WindowAt)})
	case r.Waiting:
		is = append(is, Index{Name: "waiting", Key: TimeKey(r.DeployedAt)})
	}
	if r.Deployed != "" {
		is = append(is, Index{Name: "looked", Key: TimeKey(r.ProbedAt)})
	}
	return is
}

// PlaceKey returns the index key of product, region and name, ignoring case. With an
// empty region or name it is a prefix.
func PlaceKey(product, region, name string) string {
	k := NormalizeName(product) + "/"
	if region != "" {
		k += NormalizeName(region) + "/" + NormalizeName(name)
	}
	return k
}

// Place returns product, region and name, for display.
func (r *Resource) Place() string { return r.Product + " " + r.Region + " " + r.Name }

// AwaitsWindow reports whether a deployment is due that waits for a window.
func (r *Resource) AwaitsWindow() bool { return r.Waiting && !r.WindowAt.IsZero() }

// StopWaiting records that no deployment waits any more.
func (r *Resource) StopWaiting() { r.Waiting, r.WindowAt = false, time.Time{} }

// Drifts reports whether the resource presents, or is configured to present, another
// certificate than was last deployed there (spec P8). What is configured may not be in force
// yet, such as a file that a server has not read.
func (r *Resource) Drifts() bool {
	return r.Presented != r.Deployed || r.Misconfigured()
}

// Misconfigured reports whether it is configured to present another certificate than was last
// deployed there, and not because a deployment is under way.
func (r *Resource) Misconfigured() bool {
	return r.Configured != "" && r.Configured != r.Deployed && r.Operation.Kind != JobDeploy
}

// HasDeployment reports whether a certificate is deployed at the resource or an
// operation is running there.
func (r *Resource) HasDeployment() bool { return r.Deployed != "" || r.Operation.Active() }
