package rules

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"certquay/model"
)

// The guards of the table. Each is pure and names the rule it enforces.
var (
	hasPrivateKey = Guard{"A4", func(c *Facts) *Refusal {
		if v := c.Instance.Current(); v != nil && v.KeyID == "" {
			return &Refusal{Reason: ReasonNoKey}
		}
		return nil
	}}
	noPrivateKey = Guard{"A4", func(c *Facts) *Refusal {
		if v := c.Instance.Current(); v == nil || v.KeyID != "" {
			return &Refusal{Reason: ReasonHasKey}
		}
		return nil
	}}
	hasCurrent = Guard{"D3", func(c *Facts) *Refusal {
		if c.Instance.Current() == nil {
			return &Refusal{Reason: ReasonAllRevoked}
		}
		return nil
	}}
	notExpired = Guard{"D3", func(c *Facts) *Refusal {
		if c.Instance.PastExpiry(c.Now) {
			return &Refusal{Reason: ReasonExpired, Args: Args{"at": c.Instance.Newest().NotAfter}}
		}
		return nil
	}}
	unexpiredForHosting = Guard{"H1", notExpired.Check}
	validNow            = Guard{"D3", func(c *Facts) *Refusal {
		if v := c.Instance.Current(); v != nil && c.Now.Before(v.NotBefore) {
			return &Refusal{Reason: ReasonNotYetValid, Args: Args{"at": v.NotBefore}}
		}
		return nil
	}}
	isDeployed = Guard{"D8", func(c *Facts) *Refusal {
		switch {
		case len(c.Resources) > 0:
			return nil
		case c.Instance.State.Group() == model.GroupEnded || c.Instance.PastExpiry(c.Now): // it cannot be deployed either
			return &Refusal{Reason: ReasonNoDeployments}
		}
		return &Refusal{Reason: ReasonNotDeployed}
	}}
	drifts = Guard{"P8", func(c *Facts) *Refusal {
		if slices.ContainsFunc(c.Resources, func(r model.Resource) bool { return r.Drifts() }) {
			return nil
		}
		return &Refusal{Reason: ReasonNoDrift}
	}}
	notDeployed = Guard{"I5", func(c *Facts) *Refusal {
		there := slices.DeleteFunc(slices.Clone(c.Resources), func(r model.Resource) bool { return !r.HasDeployment() })
		if len(there) > 0 {
			return &Refusal{Reason: ReasonUndeployFirst, Args: Args{"resources": resourceNames(there)}}
		}
		return nil
	}}
	isHosted = Guard{"D5", func(c *Facts) *Refusal {
		if !c.Instance.Hosting.On {
			return &Refusal{Reason: ReasonNotHosted}
		}
		return nil
	}}
	renewalsLeft = Guard{"H4", func(c *Facts) *Refusal {
		if c.Instance.Hosting.RenewalsLeft < 1 {
			return &Refusal{Reason: ReasonNoRenewals}
		}
		return nil
	}}
	notHosted = Guard{"H4", func(c *Facts) *Refusal {
		if c.Instance.Hosting.On && c.Instance.Hosting.RenewalsLeft > 0 {
			return &Refusal{Reason: ReasonHosted}
		}
		return nil
	}}
	notHostedDelete = Guard{"I5", func(c *Facts) *Refusal {
		if c.Instance.Hosting.On {
			return &Refusal{Reason: ReasonStopHosting}
		}
		return nil
	}}
	hostingStopped = Guard{"I4", notHostedDelete.Check}
	hostingOff     = Guard{"I6", func(c *Facts) *Refusal {
		if c.Instance.Hosting.On && c.Instance.Hosting.RenewalsLeft > 0 {
			return &Refusal{Reason: ReasonHostedRenews}
		}
		return nil
	}}
	notRenewed = Guard{"I6", func(c *Facts) *Refusal {
		if c.Successor != nil {
			return &Refusal{
				Reason: ReasonRenewed, Args: Args{"other": c.Successor.ID},
				Instead: []Suggestion{{Show, []string{string(c.Successor.ID)}}},
			}
		}
		return nil
	}}
	notReplaced = Guard{"I9", func(c *Facts) *Refusal {
		if c.Instance.Replaced {
			return notRenewed.Check(c)
		}
		return nil
	}}
	// hasSuperseded refuses where only all versions could be revoked, for the reason that
	// stands against that.
	hasSuperseded = Guard{"I4", func(c *Facts) *Refusal {
		current := c.Instance.Current()
		for n := range c.Instance.Versions {
			if v := &c.Instance.Versions[n]; v != current && c.Revocable(v) {
				return nil
			}
		}
		if f := hostingStopped.Check(c); f != nil {
			return f
		}
		return &Refusal{Reason: ReasonAlreadyRevoked}
	}}
	notReordered = Guard{"I11", notRenewed.Check}
	appliedFor   = Guard{"I11", func(c *Facts) *Refusal {
		if len(c.Instance.Domains()) == 0 {
			return &Refusal{Reason: ReasonNeverApplied, Instead: []Suggestion{buyAgain(c.Instance)}}
		}
		return nil
	}}
	expiredOrEnded = Guard{"I11", func(c *Facts) *Refusal {
		i := c.Instance
		if i.State.Group() == model.GroupEnded || i.PastExpiry(c.Now) || !i.ServiceEnd.IsZero() && !c.Now.Before(i.ServiceEnd) {
			return nil
		}
		instead := Suggestion{Renew, []string{i.ID.Short()}}
		if i.Origin == model.OriginUpload {
			instead.Action = Host
		}
		return &Refusal{Reason: ReasonStillValid, Args: Args{"at": i.Newest().NotAfter}, Instead: []Suggestion{instead}}
	}}
	serviceWindow = Guard{"I6", func(c *Facts) *Refusal {
		if f := insideService.Check(c); f != nil {
			return f
		}
		if c.Now.Before(c.Instance.ServiceWindow()) {
			return &Refusal{Reason: ReasonTooEarly, Args: Args{"at": c.Instance.ServiceWindow()}}
		}
		return nil
	}}
	insideService = Guard{"I7", func(c *Facts) *Refusal {
		if !c.Now.Before(c.Instance.ServiceEnd) {
			return &Refusal{
				Reason: ReasonServiceOver, Args: Args{"at": c.Instance.ServiceEnd},
				Instead: []Suggestion{{Reorder, []string{c.Instance.ID.Short()}}},
			}
		}
		return nil
	}}
	laterEnd         = Guard{"T5", func(c *Facts) *Refusal { return endsLater(c, false) }}
	laterYearEnd     = Guard{"T5", func(c *Facts) *Refusal { return endsLater(c, true) }}
	issuerConfigured = Guard{"I7", func(c *Facts) *Refusal {
		if c.Issuer == nil {
			return &Refusal{Reason: ReasonNoIssuer, Args: Args{"brand": c.Instance.Spec.Brand}}
		}
		return nil
	}}
	canRevoke = Guard{"I4", func(c *Facts) *Refusal {
		switch {
		case c.Issuer == nil:
			return &Refusal{Reason: ReasonNoIssuer, Args: Args{"brand": c.Instance.Spec.Brand}}
		case !c.Issuer.Revocation:
			return &Refusal{Reason: ReasonNoRevocation, Args: Args{"brand": c.Instance.Spec.Brand}}
		}
		return nil
	}}
	notBusy = Guard{"S2", func(c *Facts) *Refusal {
		if c.Job != nil {
			return &Refusal{Reason: ReasonBusy, Args: Args{"job": c.Job.Kind}}
		}
		return nil
	}}
	// notRenewing lets a hosted renewal finish, unless it waits or is failing. Other
	// jobs do not concern hosting (spec H10).
	notRenewing = Guard{"H10", func(c *Facts) *Refusal {
		if c.Job != nil && c.Job.Kind == model.JobRenew && c.Job.Next.IsZero() {
			return &Refusal{Reason: ReasonBusy, Args: Args{"job": c.Job.Kind}}
		}
		return nil
	}}
	notFinalized = Guard{"A9", func(c *Facts) *Refusal {
		if c.Job != nil && c.Job.Finalized() {
			return &Refusal{Reason: ReasonFinalized}
		}
		return nil
	}}
	needsReview = Guard{"A8", func(c *Facts) *Refusal {
		if c.Job == nil || c.Job.Step != model.StepReview {
			return &Refusal{Reason: ReasonNoReview}
		}
		return nil
	}}
	hostable = Guard{"H7", func(c *Facts) *Refusal {
		if c.Instance.Origin == model.OriginPack && !c.Instance.Hosting.FromPack {
			return &Refusal{Reason: ReasonPackNotHosted}
		}
		return nil
	}}
)

// endsLater keeps the scheduler from making a version that would not end later than now and
// the present one, of the same service period or of one that is a year longer: near the end of
// the CA it would do so again and again (spec T5). A year more is worth a version that ends
// earlier, because the CA issues for a shorter time than before.
func endsLater(c *Facts, yearly bool) *Refusal {
	v := c.Instance.Current()
	if c.Actor != model.Scheduler || c.Issuer == nil || v == nil {
		return nil
	}
	end := RequestedNotAfter(c.Instance, *c.Issuer, c.Now, yearly)
	if end.After(v.NotAfter) && end.After(c.Now) || yearly && !end.Equal(c.Issuer.Ends) {
		return nil
	}
	return &Refusal{Reason: ReasonNoGain, Args: Args{"at": end}}
}

// orderingTime is how much earlier than the service period a version may end without being
// replaced for it. The period begins when the first version does, but the end of that was
// asked for before it was issued: most end some seconds too early.
const orderingTime = time.Hour

// reissueAt returns when a version that ends before the service period is
// replaced (spec T5, I8); one that has a successor is not (I9).
func reissueAt(i *model.Instance) time.Time {
	v := i.Current()
	if v == nil || i.Replaced || i.ServiceEnd.IsZero() || !v.NotAfter.Before(i.ServiceEnd.Add(-orderingTime)) ||
		i.Hosting.On && i.Hosting.RenewalsLeft > 0 && !v.Window().Before(i.ServiceWindow()) {
		return time.Time{}
	}
	if v.SuggestedStart.IsZero() {
		return v.Window().Add(model.Jitter(i.ID, v.Number, v.Validity()))
	}
	return model.StableTimeBetween(i.ID, v.Number, v.SuggestedStart, v.SuggestedEnd)
}

// hostedRenewalAt returns when managed hosting renews: in the service window,
// while renewals are left (spec T5, H4).
func hostedRenewalAt(i *model.Instance) time.Time {
	v := i.Current()
	if v == nil || !i.Hosting.On || i.Hosting.RenewalsLeft < 1 || i.ServiceEnd.IsZero() {
		return time.Time{}
	}
	return i.ServiceWindow().Add(model.Jitter(i.ID, v.Number, v.Validity()))
}

// hostingEndsAt returns when hosting without renewals left ends (spec H4).
func hostingEndsAt(i *model.Instance) time.Time {
	if !i.Hosting.On || i.Hosting.RenewalsLeft > 0 {
		return time.Time{}
	}
	return i.ServiceEnd
}

// buyAgain suggests to buy the same specification again, as far as it is known:
// that of an upload is incomplete.
func buyAgain(i *model.Instance) Suggestion {
	if i.Spec.Brand == "" {
		return Suggestion{Action: Buy}
	}
	return Suggestion{Buy, SpecFlags(i.Spec)}
}

// SpecFlags returns the command-line flags of a specification.
func SpecFlags(s model.Specification) []string {
	return []string{"--level", string(s.Level), "--type", string(s.Type), "--brand", s.Brand, "--grade", string(s.Grade)}
}

// resourceNames joins the names of resources for a message.
func resourceNames(rs []model.Resource) string {
	var names []string
	for n := range rs {
		names = append(names, rs[n].Place())
	}
	return strings.Join(names, ", ")
}

// Strings converts values of a string type.
func Strings[T ~string](values []T) []string {
	all := make([]string, len(values))
	for n, v := range values {
		all[n] = string(v)
	}
	return all
}

// RevokeAction returns the action that revokes some versions of an instance, none
// meaning all: [RevokeVersion] if the current version is not among them.
func RevokeAction(i *model.Instance, versions []int) Action {
	if v := i.Current(); len(versions) > 0 && v != nil && !slices.Contains(versions, v.Number) {
		return RevokeVersion
	}
	return Revoke
}

// Numbers converts version numbers for a message that lists them.
func Numbers(versions []int) []string {
	all := make([]string, len(versions))
	for n, v := range versions {
		all[n] = strconv.Itoa(v)
	}
	return all
}

// Revocable reports whether the CA can revoke a version: it issued it, and the
// version is neither expired nor revoked.
func (c *Facts) Revocable(v *model.Version) bool {
	return v.Issuer != "" && v.RevokedAt.IsZero() && !c.Now.After(v.NotAfter)
}

// PresentsRevocable reports whether a resource presents a version that revoking
// would revoke (spec I4).
func (c *Facts) PresentsRevocable(r *model.Resource) bool {
	v := c.Instance.ByFingerprint(r.Presented)
	return v != nil && c.Revocable(v)
}
