package rules

import (
	"maps"
	"slices"

	"certquay/model"
)

// NewTransitionTable returns the transition table of certquay (spec 2).
func NewTransitionTable() *TransitionTable {
	var (
		issued      = []model.State{model.Issued}
		live        = []model.State{model.Issued, model.Uploaded}
		endedStates = []model.State{model.Revoked, model.Refunded, model.Closed}
		paidOnly    = []model.State{model.Paid}
		verify      = []model.State{model.Verifying}
	)
	ended := map[model.State]Reason{
		model.Revoked: ReasonEnded, model.Refunded: ReasonEnded, model.Closed: ReasonEnded,
	}
	with := func(m, more map[model.State]Reason) map[model.State]Reason {
		r := maps.Clone(m)
		maps.Copy(r, more)
		return r
	}
	notIssued := map[model.State]Reason{model.Paid: ReasonNotApplied, model.Verifying: ReasonNotIssued}
	return &TransitionTable{transitions: []*Transition{
		{
			Action:   Buy,
			To:       model.Paid,
			Severity: SeverityInfo,
			Role:     model.Operator,
			Key:      "b",
			Verb:     "buy",
		},
		{
			Action:   BuyPack,
			Severity: SeverityInfo,
			Role:     model.Operator,
			Key:      "b",
			Verb:     "buy-pack",
		},
		{
			Action: Upload,
			To:     model.Uploaded,
			Role:   model.Operator,
			Key:    "i",
			Verb:   "upload",
		},
		{
			Action: Apply,
			From:   paidOnly,
			To:     model.Verifying,
			Role:   model.Operator,
			Key:    "a",
			Verb:   "apply",
			Instead: with(ended, map[model.State]Reason{
				model.Verifying: ReasonWithdrawFirst,
				model.Issued:    ReasonReissueInstead,
				model.Uploaded:  ReasonUploadedApply,
			}),
		},
		{
			Action:     Close,
			From:       paidOnly,
			To:         model.Closed,
			ToRefunded: model.Refunded,
			Severity:   SeverityDanger,
			Role:       model.Operator,
			Key:        "ctrl+k",
			Verb:       "close",
			Instead: with(ended, map[model.State]Reason{
				model.Verifying: ReasonWithdrawClose,
				model.Issued:    ReasonRevokeInstead,
				model.Uploaded:  ReasonDeleteInstead,
			}),
		},
		// A renewal or reissue waits for a reviewer too, once the approval has
		// ended (spec A8); the certificate stays issued meanwhile.
		{
			Action: Review,
			From:   append(slices.Clone(verify), live...),
			Guards: []Guard{needsReview},
			Role:   model.Reviewer,
			Key:    "R",
			Verb:   "review",
		},
		{
			Action:   Withdraw,
			From:     verify,
			To:       model.Paid,
			Guards:   []Guard{notFinalized},
			Severity: SeverityWarning,
			Role:     model.Operator,
			Key:      "w",
			Verb:     "withdraw",
			Instead: map[model.State]Reason{
				model.Paid:   ReasonNotApplied,
				model.Issued: ReasonRevokeInstead,
			},
		},
		{
			Action: Issue,
			From:   verify,
			To:     model.Issued,
			Role:   model.Owner,
		},
		{
			Action: Reject,
			From:   verify,
			To:     model.Paid,
			Role:   model.Owner,
		},
		{
			Action:  Deploy,
			From:    live,
			Guards:  []Guard{hasPrivateKey, notExpired, validNow, hasCurrent},
			Role:    model.Operator,
			Key:     "d",
			Verb:    "deploy",
			Instead: with(ended, notIssued),
		},
		{
			Action:   Undeploy,
			From:     append(slices.Clone(live), model.Revoked, model.Refunded),
			Guards:   []Guard{isDeployed},
			Severity: SeverityWarning,
			Role:     model.Operator,
			Key:      "D",
			Verb:     "undeploy",
			Instead:  notIssued,
		},
		// What a server presents instead becomes what it should present (spec P8).
		{
			Action:   Accept,
			From:     append(slices.Clone(live), model.Revoked, model.Refunded),
			Guards:   []Guard{isDeployed, drifts},
			Severity: SeverityWarning,
			Role:     model.Operator,
			Key:      "=",
			Verb:     "accept",
			Instead:  notIssued,
		},
		{
			Action:  Verify,
			From:    live,
			Guards:  []Guard{isDeployed},
			Role:    model.Operator,
			Key:     "V",
			Verb:    "verify",
			Instead: with(ended, notIssued),
		},
		{
			Action:   AutoDeploy,
			From:     live,
			Guards:   []Guard{isDeployed, isHosted},
			Severity: SeverityCaution,
			Role:     model.Operator,
			Key:      "t",
			Verb:     "auto-deploy",
			Instead:  with(ended, notIssued),
		},
		{
			Action:  Download,
			From:    live,
			Role:    model.Operator,
			Key:     "s",
			Verb:    "download",
			Instead: with(ended, notIssued),
		},
		{
			Action:  UploadKey,
			From:    live,
			Guards:  []Guard{noPrivateKey},
			Role:    model.Operator,
			Verb:    "upload-key",
			Instead: with(ended, notIssued),
		},
		{
			Action:   Renew,
			From:     issued,
			Guards:   []Guard{notRenewed, hostingOff, serviceWindow, notBusy},
			Severity: SeverityInfo,
			Role:     model.Operator,
			Key:      "r",
			Verb:     "renew",
			Instead: with(with(ended, notIssued), map[model.State]Reason{
				model.Uploaded: ReasonUploadHost,
			}),
		},
		{
			Action: Reissue,
			From:   issued,
			Guards: []Guard{notBusy, insideService, issuerConfigured, laterEnd},
			Due:    reissueAt,
			Role:   model.Operator,
			Key:    "n",
			Verb:   "reissue",
			Instead: with(with(ended, notIssued), map[model.State]Reason{
				model.Uploaded: ReasonUploadHost,
			}),
		},
		{
			Action:   Reorder,
			From:     append(slices.Clone(endedStates), live...),
			Guards:   []Guard{notReordered, appliedFor, expiredOrEnded, notBusy},
			Severity: SeverityInfo,
			Role:     model.Operator,
			Key:      "B",
			Verb:     "reorder",
			Instead:  notIssued,
		},
		{
			Action:   Rekey,
			From:     issued,
			Guards:   []Guard{notBusy, insideService, issuerConfigured, canRevoke},
			Severity: SeverityWarning,
			Role:     model.Operator,
			Key:      "N",
			Verb:     "rekey",
			Instead: with(with(ended, notIssued), map[model.State]Reason{
				model.Uploaded: ReasonUploadHost,
			}),
		},
		{
			Action: RenewHosted,
			From:   live,
			To:     model.Issued,
			Guards: []Guard{isHosted, renewalsLeft, notBusy, issuerConfigured, laterYearEnd},
			Due:    hostedRenewalAt,
			Role:   model.Owner,
		},
		{
			Action:   Host,
			From:     live,
			Guards:   []Guard{notHosted, notReplaced, unexpiredForHosting, hostable, notBusy},
			Severity: SeverityCaution,
			Role:     model.Operator,
			Key:      "m",
			Verb:     "host",
			Instead:  with(ended, notIssued),
		},
		{
			Action: EndHosting,
			From:   live,
			Guards: []Guard{isHosted},
			Due:    hostingEndsAt,
			Role:   model.Owner,
		},
		{
			Action:   StopHosting,
			From:     live,
			Guards:   []Guard{isHosted, notRenewing},
			Severity: SeverityWarning,
			Role:     model.Operator,
			Key:      "m",
			Verb:     "host --stop",
			Instead:  with(ended, notIssued),
		},
		{
			Action:     Revoke,
			From:       issued,
			To:         model.Revoked,
			ToRefunded: model.Refunded,
			Guards:     []Guard{hostingStopped, notExpired, canRevoke, notBusy},
			Severity:   SeverityDanger,
			Role:       model.Operator,
			Key:        "ctrl+k",
			Verb:       "revoke",
			Instead: map[model.State]Reason{
				model.Paid:      ReasonCloseInstead,
				model.Verifying: ReasonWithdrawClose,
				model.Uploaded:  ReasonDeleteInstead,
				model.Revoked:   ReasonAlreadyRevoked,
				model.Refunded:  ReasonAlreadyRevoked,
				model.Closed:    ReasonEnded,
			},
		},
		// A superseded version is revoked on its own at any time, hosted or not, and
		// beside whatever is under way (spec I4, I12).
		{
			Action:   RevokeVersion,
			From:     issued,
			Guards:   []Guard{canRevoke, hasSuperseded},
			Severity: SeverityDanger,
			Role:     model.Operator,
			Key:      "ctrl+k",
			Verb:     "revoke --version-number",
			Instead:  with(ended, notIssued),
		},
		{
			Action:   Delete,
			From:     append(slices.Clone(endedStates), model.Uploaded, model.Issued),
			Guards:   []Guard{endedOrExpired, notHostedDelete, notDeployed, notBusy},
			Severity: SeverityDanger,
			Role:     model.Operator,
			Key:      "ctrl+x",
			Verb:     "delete",
			Instead: map[model.State]Reason{
				model.Paid:      ReasonCloseFirst,
				model.Verifying: ReasonWithdrawClose,
			},
		},
		// In every state, so that a contact can always be relieved of all it has.
		{
			Action: Assign,
			From:   model.States,
			Role:   model.Operator,
			Key:    "c",
			Verb:   "contact assign",
		},
		// What people note is of use after the end too (spec Q4).
		{
			Action: Annotate,
			From:   model.States,
			Role:   model.Operator,
			Key:    "e",
			Verb:   "tag",
		},
	}}
}

// endedOrExpired refuses to delete a valid certificate issued by a CA (spec I5).
var endedOrExpired = Guard{"I5", func(c *Facts) *Refusal {
	if c.Instance.State == model.Issued && !c.Instance.PastExpiry(c.Now) {
		return &Refusal{Reason: ReasonRevokeFirst}
	}
	return nil
}}
