package lifecycle

import (
	"fmt"
	"maps"
	"sort"
	"strings"

	"certquay/model"
)

// Reason is a word of the vocabulary in which certquay says why it refuses.
// The same one shows on the dashboard, on the command line and in the log
// (spec S3).
type Reason string

// Args fill the {names} in a reason's text.
type Args map[string]string

// Reasons.
const (
	ReasonState          Reason = "state"
	ReasonRole           Reason = "role"
	ReasonReadOnly       Reason = "read-only"
	ReasonNothing        Reason = "nothing-selected"
	ReasonNotApplied     Reason = "not-applied-for"
	ReasonNotIssued      Reason = "not-issued-yet"
	ReasonWithdrawFirst  Reason = "withdraw-first"
	ReasonWithdrawClose  Reason = "withdraw-then-close"
	ReasonReissueInstead Reason = "reissue-instead"
	ReasonUploadedApply  Reason = "uploaded-not-applied-for"
	ReasonRevokeInstead  Reason = "revoke-instead"
	ReasonDeleteInstead  Reason = "delete-instead"
	ReasonCloseInstead   Reason = "close-instead"
	ReasonCloseFirst     Reason = "close-first"
	ReasonEnded          Reason = "ended"
	ReasonAlreadyRevoked Reason = "already-revoked"
	ReasonUploadHost     Reason = "upload-needs-hosting"
	ReasonNoKey          Reason = "no-key"
	ReasonHasKey         Reason = "has-key"
	ReasonAllRevoked     Reason = "all-versions-revoked"
	ReasonExpired        Reason = "expired"
	ReasonNotYetValid    Reason = "not-yet-valid"
	ReasonNotDeployed    Reason = "not-deployed"
	ReasonNowhere        Reason = "deployed-nowhere"
	ReasonUndeployFirst  Reason = "undeploy-first"
	ReasonNotHosted      Reason = "not-hosted"
	ReasonHosted         Reason = "already-hosted"
	ReasonHostedRenews   Reason = "hosting-renews"
	ReasonStopHosting    Reason = "stop-hosting-first"
	ReasonRenewed        Reason = "already-renewed"
	ReasonServiceOver    Reason = "service-period-over"
	ReasonTooEarly       Reason = "before-service-window"
	ReasonNoIssuer       Reason = "no-such-issuer"
	ReasonNoRevocation   Reason = "issuer-cannot-revoke"
	ReasonBusy           Reason = "busy"
	ReasonNotAside       Reason = "not-set-aside"
	ReasonFinalized      Reason = "finalize-sent"
	ReasonNoReview       Reason = "no-review-needed"
	ReasonRevokeFirst    Reason = "revoke-first"
	ReasonNotForSale     Reason = "not-for-sale"
	ReasonQuantity       Reason = "quantity"
	ReasonYears          Reason = "years"
	ReasonNames          Reason = "names"
	ReasonOffer          Reason = "offer"
	ReasonRegion         Reason = "region-needed"
	ReasonNoRegion       Reason = "no-such-region"
	ReasonNotCovered     Reason = "name-not-covered"
	ReasonNoTarget       Reason = "nothing-to-deploy-to"
	ReasonCertificate    Reason = "certificate-refused"
	ReasonHeld           Reason = "certificate-already-held"
	ReasonNotSandbox     Reason = "not-a-sandbox"
	ReasonClockBack      Reason = "clock-never-back"
	ReasonClockFar       Reason = "clock-too-far"
	ReasonNoGain         Reason = "no-later-end"
	ReasonInUse          Reason = "in-use"
	ReasonNameTaken      Reason = "name-taken"
	ReasonPackQuantity   Reason = "pack-quantity"
	ReasonStateSpec      Reason = "specification-unknown"
	ReasonPackNotHosted  Reason = "from-pack-without-hosting"
	ReasonHostingPacks   Reason = "hosting-packs"
	ReasonNoUnits        Reason = "no-unit-available"
	ReasonFromPack       Reason = "pack-is-one-year"
	ReasonHostingYears   Reason = "hosting-is-one-year"
	ReasonNoRenewals     Reason = "no-renewals-left"
	ReasonDocument       Reason = "document-refused"
	ReasonDocuments      Reason = "too-many-documents"
)

type reasonText struct{ text, hint string }

// vocabulary holds each reason's text and the way out. {names} are filled from
// the refusal's Args; {state}, {action} and {id} always are.
var vocabulary = map[Reason]reasonText{
	ReasonState:          {"cannot {action} an instance that is {state}: that needs {allowed}", "possible now: {possible}"},
	ReasonRole:           {"your role is {role}; {action} needs {needed}", "ask a person with that role"},
	ReasonNotAside:       {"the task {task} is about nothing that is set aside", "do what it says, or end it: certquay tasks dismiss {task}"},
	ReasonReadOnly:       {"this session is read-only, so nothing can be changed", "start without --read-only; where the owner of the store was started with it, that one"},
	ReasonNothing:        {"no certificate is selected", "select one, or buy one first"},
	ReasonNotApplied:     {"the instance is {state}: nothing has been applied for yet", "certquay apply {id} --domain NAME"},
	ReasonNotIssued:      {"the instance is {state}: the CA has not issued yet", "certquay show {id} tells what is awaited"},
	ReasonWithdrawFirst:  {"an application is already under way", "to change it, withdraw it first: certquay withdraw {id}"},
	ReasonWithdrawClose:  {"an application is under way, so {action} is not possible", "withdraw it first: certquay withdraw {id}; then close it: certquay close {id}"},
	ReasonReissueInstead: {"the certificate is issued already", "for a new version: certquay reissue {id}"},
	ReasonUploadedApply:  {"an uploaded certificate was issued elsewhere and is not applied for here", "buy a new one: certquay buy"},
	ReasonRevokeInstead:  {"the certificate is issued, so there is nothing left to {action}", "to end it: certquay revoke {id} --reason REASON"},
	ReasonDeleteInstead:  {"an uploaded certificate was issued elsewhere: certquay can delete it, not {action} it", "certquay delete {id}"},
	ReasonCloseInstead:   {"nothing is issued yet, so there is nothing to revoke", "to end it: certquay close {id}"},
	ReasonCloseFirst:     {"the instance is {state} and still usable", "close it first: certquay close {id}"},
	ReasonEnded:          {"the instance has ended: it is {state}", "buy a new one: certquay buy; or delete this one: certquay delete {id}"},
	ReasonAlreadyRevoked: {"the certificate is revoked already", "to remove it from the list: certquay delete {id}"},
	ReasonUploadHost:     {"an uploaded certificate is renewed by managed hosting only", "switch hosting on: certquay host {id}"},
	ReasonNoKey:          {"certquay does not hold the private key, so it cannot {action} this certificate", "add the key: certquay upload-key {id} FILE"},
	ReasonHasKey:         {"certquay holds the private key already", "nothing needs to be done"},
	ReasonAllRevoked:     {"every version is revoked", "buy a new one: certquay buy"},
	ReasonExpired:        {"the certificate expired at {at}", "buy a new one: certquay buy"},
	ReasonNotYetValid:    {"the certificate is not valid before {at}", "deploy it then"},
	ReasonNotDeployed:    {"it is not deployed anywhere", "deploy it first: certquay deploy {id} --product PRODUCT"},
	ReasonNowhere:        {"it is not deployed anywhere", "there is nothing to {action}; to remove it from the list: certquay delete {id}"},
	ReasonUndeployFirst:  {"it is still deployed on {resources}", "take it off first: certquay undeploy RESOURCE"},
	ReasonNotHosted:      {"{action} needs managed hosting, which is off", "switch hosting on first: certquay host {id}"},
	ReasonHosted:         {"it is hosted already, with renewals left", "certquay show {id} tells until when"},
	ReasonHostedRenews:   {"managed hosting renews it by itself", "to renew by hand, stop hosting first: certquay host {id} --stop"},
	ReasonStopHosting:    {"managed hosting is on", "stop hosting first: certquay host {id} --stop"},
	ReasonRenewed:        {"it is renewed already, by {other}", "certquay show {other}"},
	ReasonServiceOver:    {"its service period ended at {at}", "buy it again: {buy}"},
	ReasonTooEarly:       {"renewing opens at {at}, in the last 30 days of the service period", "to have it done by itself, switch on managed hosting: certquay host {id}"},
	ReasonNoIssuer:       {"no issuer named {brand} is configured", "add it to the configuration; certquay config shows it"},
	ReasonNoRevocation:   {"the issuer {brand} cannot revoke", "ask the CA itself"},
	ReasonBusy:           {"{job} is under way", "wait until it is done: certquay show {id}"},
	ReasonFinalized:      {"the CA has been asked to sign: the application cannot be withdrawn any more", "once it is issued: certquay revoke {id} --reason REASON"},
	ReasonNoReview:       {"the application does not wait for a reviewer", "certquay show {id} tells what is awaited"},
	ReasonRevokeFirst:    {"it is issued and still valid", "revoke it first: certquay revoke {id} --reason REASON"},
	ReasonNotForSale:     {"{what} cannot be bought: {why}", "what can be: {possible}"},
	ReasonQuantity:       {"{quantity} at once is not possible: an order has 1 to 100 certificates", "--quantity 1 to 100; order several times for more"},
	ReasonYears:          {"{years} years cannot be bought: a service period is 1 or 2 years", "--years 1 or --years 2"},
	ReasonNames:          {"{why}", "{hint}"},
	ReasonOffer:          {"{what} is an offer, and offers are not accepted by --yes", "{command}"},
	ReasonRegion:         {"{product} has several regions, and the region must be named", "--region, one of: {regions}"},
	ReasonNoRegion:       {"{product} has no region {region}", "--region, one of: {regions}"},
	ReasonNotCovered:     {"the certificate does not cover {name}", "it covers: {names}"},
	ReasonNoTarget:       {"{product} has no resource that the certificate covers", "name one: --resource NAME"},
	ReasonCertificate:    {"{why}", "{hint}"},
	ReasonHeld:           {"this certificate is held already, as {other}", "certquay show {other}"},
	ReasonNotSandbox:     {"this store is not a sandbox, so its clock is the real one", "make a sandbox: certquay --data NEWDIR --sandbox clock"},
	ReasonClockBack:      {"the clock is at {at} and never goes back", "certquay clock +30d moves it forward"},
	ReasonClockFar:       {"the clock can be moved to {at} at most, so it was not moved", "certquay clock {at} moves it there"},
	ReasonNoGain:         {"a new version would end {at}, no later than the present one", "certquay reissue {id} makes one all the same"},
	ReasonInUse:          {"{what} is still used by {users}", "change those first"},
	ReasonStateSpec:      {"the certificate does not tell its whole specification", "state the rest: certquay host {id} {unknown}"},
	ReasonPackNotHosted:  {"it was applied for from a pack without hosting, so it cannot be hosted", "for a hosted one, buy another: certquay buy --from-pack; then name hosting packs when applying for it"},
	ReasonHostingPacks:   {"{n} hosting packs cannot be used: {why}", "{hint}"},
	ReasonPackQuantity:   {"{quantity} units at once are not possible: 1 to {most} are", "--quantity 1"},
	ReasonNoUnits:        {"{needed} of {unit} needed, {free} available", "{buy}"},
	ReasonFromPack:       {"a unit of a pack is one certificate for one year, without hosting", "--years 1 and no --hosting; hosting packs are named when applying"},
	ReasonHostingYears:   {"hosting at purchase is for one year and its renewal", "--years 1"},
	ReasonNoRenewals:     {"there are no renewals left", "buy hosting again: certquay host {id} --contact NAME"},
	ReasonDocument:       {"{why}", "{hint}"},
	ReasonDocuments:      {"an application has at most {most} documents", "remove one first"},
	ReasonNameTaken:      {"the name {name} is taken", "choose another"},
}

// Refusal is an action that the rules do not allow. Nothing was changed
// (spec S3).
type Refusal struct {
	Action   Action
	State    model.State // "" when there is no instance
	Instance model.ID
	Reason   Reason
	Rule     string // the spec's id, if one rule decides it
	Args     Args
}

func (r *Refusal) Error() string { return r.Message() }

// AsText is the message, with what was refused and of what.
func (r *Refusal) AsText() model.Text {
	t := model.Say(refusedCode+string(r.Reason), "action", r.Action, "state", r.State, "id", r.Instance.Short())
	maps.Copy(t.Args, r.Args)
	return t
}

// WayOut says what to do instead.
func (r *Refusal) WayOut() model.Text {
	t := r.AsText()
	t.Code = "instead." + string(r.Reason)
	return t
}

// RefusedFor is the reason of the refusal that a text tells; ok is false for
// other texts.
func RefusedFor(t model.Text) (r Reason, ok bool) {
	code, ok := strings.CutPrefix(t.Code, refusedCode)
	return Reason(code), ok
}

// refusedCode begins the codes of refusals in the message catalogue.
const refusedCode = "refused."

// Message says what was refused and why.
func (r *Refusal) Message() string { return r.fill(vocabulary[r.Reason].text) }

// Hint says what to do instead.
func (r *Refusal) Hint() string { return r.fill(vocabulary[r.Reason].hint) }

func (r *Refusal) fill(text string) string {
	pairs := []string{"{action}", string(r.Action), "{state}", string(r.State), "{id}", r.Instance.Short()}
	for k, v := range r.Args {
		pairs = append(pairs, "{"+k+"}", v)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// Vocabulary lists every reason with its unfilled text and hint, sorted.
func Vocabulary() [][3]string {
	var all [][3]string
	for r, t := range vocabulary {
		all = append(all, [3]string{string(r), t.text, t.hint})
	}
	sort.Slice(all, func(i, j int) bool { return all[i][0] < all[j][0] })
	return all
}

// NotFound says that what a person named does not exist, and where they are few,
// what there is.
type NotFound struct {
	What, Name string
	There      []string
}

func (n *NotFound) Error() string {
	if len(n.There) > 0 {
		return fmt.Sprintf("no %s %q; there are %s", n.What, n.Name, joinAnd(n.There))
	}
	return fmt.Sprintf("no %s %q", n.What, n.Name)
}

// Unwrap makes it a [model.ErrNotFound].
func (n *NotFound) Unwrap() error { return model.ErrNotFound }

// Ambiguous says that what a person typed names several things.
type Ambiguous struct {
	Name       string
	Candidates []string
}

func (a *Ambiguous) Error() string {
	return fmt.Sprintf("%q names several: %s", a.Name, strings.Join(a.Candidates, ", "))
}

// Invalid says that a value given by a person cannot be used: which field, why,
// and an example of what would do. Rule is the spec's id when a rule of the
// life cycle decides it, rather than how the value is written.
type Invalid struct{ Field, Why, Example, Rule string }

func (i *Invalid) Error() string { return i.Field + ": " + i.Why }
