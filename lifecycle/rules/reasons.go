package rules

import (
	"slices"
	"strings"

	"certquay/model"
)

// Reason is the code of a refusal. The message catalogue holds its message as
// refused.REASON and the advice as instead.REASON, the same for dashboard,
// command line and log (spec S3).
type Reason string

// Args fill the placeholders of a reason's message, as those of [model.Say].
type Args map[string]any

// Reasons.
const (
	ReasonState           Reason = "state"
	ReasonRole            Reason = "role"
	ReasonReadOnly        Reason = "read-only"
	ReasonNothing         Reason = "nothing-selected"
	ReasonNotApplied      Reason = "not-applied-for"
	ReasonNotIssued       Reason = "not-issued-yet"
	ReasonWithdrawFirst   Reason = "withdraw-first"
	ReasonWithdrawClose   Reason = "withdraw-then-close"
	ReasonReissueInstead  Reason = "reissue-instead"
	ReasonUploadedApply   Reason = "uploaded-not-applied-for"
	ReasonRevokeInstead   Reason = "revoke-instead"
	ReasonDeleteInstead   Reason = "delete-instead"
	ReasonCloseInstead    Reason = "close-instead"
	ReasonCloseFirst      Reason = "close-first"
	ReasonEnded           Reason = "ended"
	ReasonAlreadyRevoked  Reason = "already-revoked"
	ReasonUploadHost      Reason = "upload-needs-hosting"
	ReasonNoKey           Reason = "no-key"
	ReasonHasKey          Reason = "has-key"
	ReasonAllRevoked      Reason = "all-versions-revoked"
	ReasonExpired         Reason = "expired"
	ReasonNotYetValid     Reason = "not-yet-valid"
	ReasonNotDeployed     Reason = "not-deployed"
	ReasonOlder           Reason = "newer-deployed"
	ReasonNoDeployments   Reason = "deployed-nowhere"
	ReasonUndeployFirst   Reason = "undeploy-first"
	ReasonNotHosted       Reason = "not-hosted"
	ReasonHosted          Reason = "already-hosted"
	ReasonHostedRenews    Reason = "hosting-renews"
	ReasonStopHosting     Reason = "stop-hosting-first"
	ReasonRenewed         Reason = "already-renewed"
	ReasonStillValid      Reason = "still-valid"
	ReasonNeverApplied    Reason = "never-applied-for"
	ReasonServiceOver     Reason = "service-period-over"
	ReasonTooEarly        Reason = "before-service-window"
	ReasonNoIssuer        Reason = "no-such-issuer"
	ReasonNoRevocation    Reason = "issuer-cannot-revoke"
	ReasonBusy            Reason = "busy"
	ReasonNotAside        Reason = "not-set-aside"
	ReasonFinalized       Reason = "finalize-sent"
	ReasonNoReview        Reason = "no-review-needed"
	ReasonRevokeFirst     Reason = "revoke-first"
	ReasonNotForSale      Reason = "not-for-sale"
	ReasonQuantity        Reason = "quantity"
	ReasonYears           Reason = "years"
	ReasonRegion          Reason = "region-needed"
	ReasonNoRegion        Reason = "no-such-region"
	ReasonNotCovered      Reason = "name-not-covered"
	ReasonNoTarget        Reason = "nothing-to-deploy-to"
	ReasonCertificate     Reason = "certificate-refused"
	ReasonDuplicate       Reason = "certificate-already-held"
	ReasonNotSandbox      Reason = "not-a-sandbox"
	ReasonClockBack       Reason = "clock-never-back"
	ReasonClockFar        Reason = "clock-too-far"
	ReasonNoGain          Reason = "no-later-end"
	ReasonInUse           Reason = "in-use"
	ReasonChanged         Reason = "changed-meanwhile"
	ReasonNameTaken       Reason = "name-taken"
	ReasonConfigured      Reason = "configured"
	ReasonIssuerInUse     Reason = "issuer-in-use"
	ReasonProductInUse    Reason = "product-in-use"
	ReasonNotFound        Reason = "nothing-discovered"
	ReasonFoundChanged    Reason = "changed-since-discovery"
	ReasonFoundBroken     Reason = "found-broken"
	ReasonAdopted         Reason = "adopted-already"
	ReasonNotAdopted      Reason = "not-adopted"
	ReasonRenewedSince    Reason = "renewed-since-adoption"
	ReasonUndeployFailed  Reason = "undeploy-failed"
	ReasonNoStore         Reason = "product-without-store"
	ReasonKeepsSuperseded Reason = "superseded-kept"
	ReasonNoAccount       Reason = "issuer-without-account"
	ReasonViewExists      Reason = "view-exists"
	ReasonPackQuantity    Reason = "pack-quantity"
	ReasonStateSpec       Reason = "specification-unknown"
	ReasonOtherSpec       Reason = "specification-differs"
	ReasonPublicIssuer    Reason = "public-issuer"
	ReasonHostingPaid     Reason = "hosting-not-from-packs"
	ReasonPackNotHosted   Reason = "from-pack-without-hosting"
	ReasonHostingPacks    Reason = "hosting-packs"
	ReasonNoUnits         Reason = "no-unit-available"
	ReasonFromPack        Reason = "pack-is-one-year"
	ReasonHostingYears    Reason = "hosting-is-one-year"
	ReasonNoRenewals      Reason = "no-renewals-left"
	ReasonDocument        Reason = "document-refused"
	ReasonDocuments       Reason = "too-many-documents"
	ReasonNoDrift         Reason = "no-drift"
	ReasonUnacceptable    Reason = "unacceptable"
	ReasonOwnReview       Reason = "own-application"
	ReasonOwnRequest      Reason = "own-request"
	ReasonSecondPerson    Reason = "second-person"
	ReasonNoRequest       Reason = "no-request"
)

// Refusal is the error of an action that the rules do not allow. Nothing was
// changed (spec S3).
type Refusal struct {
	Action   Action
	State    model.State // "" when there is no instance
	Instance model.ID
	Reason   Reason
	Rule     string // the spec's id, if one rule decides it
	Args     Args
	// Instead holds the suggestions if they depend on more than the reason; see
	// [Refusal.Suggestions].
	Instead []Suggestion
}

// Error returns the code and its arguments, for logs.
func (r *Refusal) Error() string { return r.AsText().String() }

// AsText returns the message: what was refused, of which instance, and why.
func (r *Refusal) AsText() model.Text { return r.text(refusedCode) }

// InsteadText returns the advice. Its placeholders {1} and {2} stand for the
// suggestions, and {do} for a first one that is the whole advice.
func (r *Refusal) InsteadText() model.Text { return r.text("instead.") }

func (r *Refusal) text(prefix string) model.Text {
	args := []any{"action", r.Action, "state", r.State, "id", r.Instance.Short()}
	for name, value := range r.Args {
		args = append(args, name, value)
	}
	return model.Say(prefix+string(r.Reason), args...)
}

// ReasonOf returns the reason of a refusal's message; ok is false for other
// texts.
func ReasonOf(t model.Text) (r Reason, ok bool) {
	code, ok := strings.CutPrefix(t.Code(), refusedCode)
	return Reason(code), ok
}

// refusedCode is the prefix of the codes of refusals in the message catalogue.
const refusedCode = "refused."

// Suggestion is an action to take instead of the refused one: a command line for
// the command line, a key for the dashboard.
type Suggestion struct {
	Action Action   // of a transition, or another verb such as [Show]
	Args   []string // the rest of the command line, such as an id
}

// Show is the verb that shows all details of an instance.
const Show Action = "show"

// selfID stands for the ID of the refused instance in [suggestionsFor].
const selfID = "ID"

// suggestionsFor holds the suggestions that depend on the reason alone.
var suggestionsFor = map[Reason][]Suggestion{
	ReasonNotApplied:     {{Apply, []string{selfID, "--domain", "NAME"}}},
	ReasonNotIssued:      {{Show, []string{selfID}}},
	ReasonWithdrawFirst:  {{Withdraw, []string{selfID}}},
	ReasonWithdrawClose:  {{Withdraw, []string{selfID}}, {Close, []string{selfID}}},
	ReasonReissueInstead: {{Reissue, []string{selfID}}},
	ReasonUploadedApply:  {{Buy, nil}},
	ReasonRevokeInstead:  {{Revoke, []string{selfID, "--reason", "REASON"}}},
	ReasonDeleteInstead:  {{Delete, []string{selfID}}},
	ReasonCloseInstead:   {{Close, []string{selfID}}},
	ReasonCloseFirst:     {{Close, []string{selfID}}},
	ReasonEnded:          {{Reorder, []string{selfID}}, {Delete, []string{selfID}}},
	ReasonAlreadyRevoked: {{Delete, []string{selfID}}},
	ReasonUploadHost:     {{Host, []string{selfID}}},
	ReasonNoKey:          {{UploadKey, []string{selfID, "FILE"}}},
	ReasonAllRevoked:     {{Reorder, []string{selfID}}},
	ReasonExpired:        {{Reorder, []string{selfID}}},
	ReasonNotDeployed:    {{Deploy, []string{selfID, "--product", "PRODUCT"}}},
	ReasonNoDeployments:  {{Reorder, []string{selfID}}, {Delete, []string{selfID}}},
	ReasonNoDrift:        {{Verify, []string{"RESOURCE"}}},
	ReasonUnacceptable:   {{Deploy, []string{"ID"}}},
	ReasonUndeployFirst:  {{Undeploy, []string{"RESOURCE"}}},
	ReasonProductInUse:   {{Undeploy, []string{"RESOURCE"}}},
	ReasonNotFound:       {{ActionDiscover, nil}},
	ReasonFoundChanged:   {{ActionDiscover, nil}},
	ReasonFoundBroken:    {{ActionDiscover, nil}},
	ReasonAdopted:        {{Show, []string{selfID}}},
	ReasonNotAdopted:     {{ActionAdopt, []string{"FINDING"}}},
	ReasonUndeployFailed: {{Show, []string{selfID}}},
	ReasonRenewedSince:   {{Undeploy, []string{"RESOURCE"}}},
	ReasonNoStore:        {{"product", []string{"drivers"}}},
	ReasonNotHosted:      {{Host, []string{selfID}}},
	ReasonHosted:         {{Show, []string{selfID}}},
	ReasonHostedRenews:   {{StopHosting, []string{selfID}}},
	ReasonStopHosting:    {{StopHosting, []string{selfID}}},
	ReasonTooEarly:       {{Host, []string{selfID}}},
	ReasonNoIssuer:       {{"config", nil}},
	ReasonBusy:           {{Show, []string{selfID}}},
	ReasonFinalized:      {{Revoke, []string{selfID, "--reason", "REASON"}}},
	ReasonNoReview:       {{Show, []string{selfID}}},
	ReasonRevokeFirst:    {{Revoke, []string{selfID, "--reason", "REASON"}}},
	ReasonNotSandbox:     {{"clock", []string{"--data", "NEWDIR", "--sandbox"}}},
	ReasonClockBack:      {{"clock", []string{"+30d"}}},
	ReasonNoGain:         {{Reissue, []string{selfID}}},
	ReasonOtherSpec:      {{Show, []string{selfID}}},
	ReasonHostingPaid:    {{Host, []string{selfID}}},
	ReasonPackNotHosted:  {{Buy, []string{"--from-pack"}}},
	ReasonNoRenewals:     {{Host, []string{selfID, "--contact", "NAME"}}},
}

// Suggestions returns what to do instead, in the order of the placeholders of
// [Refusal.InsteadText]. They name the instance by the tail of its ID.
func (r *Refusal) Suggestions() []Suggestion {
	if r.Instead != nil {
		return r.Instead
	}
	all := make([]Suggestion, len(suggestionsFor[r.Reason]))
	for n, s := range suggestionsFor[r.Reason] {
		all[n] = Suggestion{s.Action, slices.Clone(s.Args)}
		if r.Instance != "" && len(s.Args) > 0 && s.Args[0] == selfID {
			all[n].Args[0] = r.Instance.Short()
		}
	}
	return all
}

// NotFound is the error of a name that does not exist. There lists the existing
// names if they are few. What is a code for the kind of thing; the message
// catalogue holds its words as thing.WHAT.
type NotFound struct {
	What, Name string
	There      []string
}

// Error returns the message's code, for logs.
func (n *NotFound) Error() string { return n.AsText().String() }

// AsText is the message.
func (n *NotFound) AsText() model.Text {
	if len(n.There) > 0 {
		return model.Say("error.none-but", "what", n.What, "name", n.Name, "there", n.There)
	}
	return model.Say("error.none", "what", n.What, "name", n.Name)
}

// Unwrap returns [model.ErrNotFound].
func (n *NotFound) Unwrap() error { return model.ErrNotFound }

// Ambiguous is the error of a typed name that matches several things.
type Ambiguous struct {
	Name       string
	Candidates []string
}

// Error returns the message's code, for logs.
func (a *Ambiguous) Error() string { return a.AsText().String() }

// AsText is the message.
func (a *Ambiguous) AsText() model.Text {
	return model.Say("error.ambiguous", "name", a.Name, "candidates", a.Candidates)
}

// Invalid is the error of an unusable value: its field, why, and an example of a
// valid one. Field is a code; the message catalogue holds its words as
// field.FIELD. Rule is the spec's id if a rule of the life cycle rejects the
// value, and "" if its syntax is wrong.
type Invalid struct {
	Field        string
	Why, Example model.Text
	Rule         string
}

// Error returns the message's code, for logs.
func (i *Invalid) Error() string { return i.AsText().String() }

// AsText returns the message without the example.
func (i *Invalid) AsText() model.Text {
	return model.Say("error.invalid", "field", i.Field, "why", i.Why)
}

// Example is an example to type literally.
func Example(s string) model.Text { return model.Quoted("", s) }

// OneOf is an example that lists the valid values.
func OneOf[T ~string](values []T) model.Text {
	return model.Say("invalid.one-of", "these", Strings(values))
}

// ReadError is the error of an unreadable record; what is a code as in
// [NotFound].
func ReadError(what string, id any, err error) error {
	return model.Fail("error.read", "what", what, "id", id, "cause", err)
}

// RevocationReasons are the reasons a person may give for a leaf certificate
// (RFC 5280 section 5.3.1), the default first.
var RevocationReasons = []string{
	"unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation", "privilegeWithdrawn",
}

// RekeyReason is the reason for which versions are revoked when their key is replaced,
// unless another one is given (spec I12).
const RekeyReason = "keyCompromise"
