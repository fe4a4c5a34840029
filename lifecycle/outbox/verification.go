package outbox

import (
	"strings"

	"certquay/lifecycle/directory"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// writeVerification writes a notice to the applicant's e-mail address about what an
// application waits for, with the records or files that prove control, and reports
// whether it did: not without an address or a mail server, and not while only the CA
// has something to do (spec A7).
func (o *Outbox) writeVerification(tx model.Tx, ev *model.Event) (bool, error) {
	i, err := model.Get[model.Instance](tx, string(ev.Instance))
	if err != nil {
		return false, rules.ReadError("instance", ev.Instance, err)
	}
	to := directory.Mailto(i.Application.Email)
	mailed := i.Application.Email != "" && (i.AwaitsReview() || i.AwaitsProof())
	if noMail := o.notifier.Check(to); !mailed || noMail != nil {
		return false, nil //nolint:nilerr // without a mail server nobody is written to
	}
	facts := []model.Text{
		model.Say("verification.what", "names", i.Domains()),
		model.Say("verification.waits", "waiting", i.Operation.WaitFor),
	}
	facts = append(facts, proofsOf(&i)...)
	if i.AwaitsReview() {
		facts = append(facts, model.Say("verification.review"))
	}
	if i.Application.Phone != "" {
		facts = append(facts, model.Say("verification.phone", "phone", i.Application.Phone))
	}
	facts = append(facts, model.Say("notice.at", "at", ev.At), model.Say("notice.see", "id", i.ID.Short()))
	var b strings.Builder
	for _, f := range facts {
		b.WriteString(ports.SanitizeLine(o.say(f)) + "\n")
	}
	return true, tx.Put(&model.Notice{
		ID: o.journal.NewID(), Kind: model.NoticeVerification, At: ev.At, Instance: i.ID, Name: i.Name,
		Channel: model.ChannelKey(i.ID, 0), To: i.Application.ApplicantName + ", " + directory.RedactURL(to),
		Subject: ports.SanitizeLine(o.say(model.Say("notice.subject", "name", i.Name, "kind", model.NoticeVerification))),
		Text:    b.String(), Next: ev.At,
	})
}

// proofsOf states the records and files that are still to be seen.
func proofsOf(i *model.Instance) (facts []model.Text) {
	for _, p := range i.Proofs {
		if !p.Seen {
			facts = append(facts, model.Say("notice.proof", "method", p.Method, "name", p.Name, "value", p.Value))
		}
	}
	return facts
}
