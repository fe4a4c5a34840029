package lifecycle

import (
	"certquay/lifecycle/journal"
	"certquay/model"
)

// ReceiptFact is one line of a receipt.
type ReceiptFact struct {
	Label string // code of its words; "" for one that belongs to the line before
	Value model.Text
}

// ReceiptFacts says all that a receipt holds (spec P10). What it does not hold is left out.
func ReceiptFacts(r *model.Receipt) (all []ReceiptFact) {
	add := func(label string, value model.Text) { all = append(all, ReceiptFact{label, value}) }
	said := func(label, value string) {
		if value != "" {
			add(label, model.Quoted("", value))
		}
	}
	said("receipt.id", string(r.Job))
	add("receipt.place", model.Say("receipt.place-is", "product", r.Product, "region", r.Region, "name", r.Name))
	add("receipt.certificate", model.Say("receipt.version-of", "version", r.Version, "id", r.Instance))
	if add("receipt.began", model.Say("receipt.at", "at", r.Began)); !r.Ended.IsZero() {
		add("receipt.ended", model.Say("receipt.at", "at", r.Ended))
	}
	said("receipt.by", r.Actor)
	if r.Waves > 1 {
		add("receipt.in-wave", model.Say("receipt.wave-of", "wave", r.Wave, "waves", r.Waves))
	}
	label := "receipt.changes"
	for _, c := range r.Changes {
		add(label, ChangeText(c))
		label = ""
	}
	said("receipt.before", r.Before)
	said("receipt.after", r.After)
	switch {
	case r.Result != journal.ResultOK:
	case r.ReadBack:
		add("receipt.verified", model.Say("receipt.read-back"))
	case r.Address != "":
		add("receipt.verified", model.Say("receipt.handshake", "address", r.Address))
	}
	label = "receipt.presented"
	for _, s := range r.Seen {
		if s.Error != "" {
			add(label, model.Say("receipt.unseen", "address", s.Address, "algorithm", s.Algorithm, "cause", s.Error))
		} else {
			add(label, model.Say("receipt.seen", "address", s.Address, "algorithm", s.Algorithm, "fingerprint", s.Fingerprint))
		}
		label = ""
	}
	switch r.Result {
	case journal.ResultOK:
		add("receipt.result", model.Say("receipt.ok"))
	case journal.ResultFailed:
		add("receipt.result", model.Say("receipt.failed", "cause", r.Reason))
	default:
		add("receipt.result", model.Say("receipt.under-way"))
	}
	label = "receipt.removed"
	for _, x := range r.Removed {
		add(label, x.Proof)
		label = ""
	}
	return all
}
