package forecast_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"certquay/lifecycle/ledger"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// house deploys instances in any way, and knows what of packs that reserves.
type house struct {
	rnd   *rand.Rand
	tidy  bool
	n     int            // resources
	units map[string]int // reserved
}

// tidyUp makes an instance one that is hosted, at an issuer that takes every order. The
// service of some ends at the same moment.
func (h *house) tidyUp(i *model.Instance) {
	v := &i.Versions[0]
	i.State, i.Origin, i.Years, i.Failure = model.Issued, model.OriginBought, 1, model.Failure{}
	i.Spec.Level, i.Spec.Brand = model.DV, []string{"embedded", "unlimited", "unlimited", "shrinking", "short"}[h.rnd.IntN(5)]
	i.Application.Domains = []string{fmt.Sprintf("%s.example.com", i.ID[len(i.ID)-4:])}
	i.Hosting = model.Hosting{On: h.rnd.IntN(8) > 0, RenewalsLeft: h.rnd.IntN(3)}
	v.KeyID, v.Issuer, v.RevokedAt, v.RevokedReason, v.Number = "key", i.Spec.Brand, time.Time{}, "", 2
	if v.NotAfter.Before(epoch) {
		v.NotBefore, v.NotAfter = epoch.Add(-20*day), epoch.Add(40*day)
	}
	i.ServiceStart = v.NotBefore
	if i.ServiceEnd = model.AddYears(v.NotBefore, 1); h.rnd.IntN(4) == 0 {
		i.ServiceEnd = epoch.Add(time.Duration(60+50*h.rnd.IntN(4)) * day)
	}
}

// deploy puts resources of an instance: at one place or several, with windows or without,
// automatic or not, up to date or not, waiting or not. A few are at a product that is not
// configured any more, or have failed before.
func (h *house) deploy(tx model.Tx, i *model.Instance) error {
	v := i.Newest()
	v.AnnualRenewal = i.Hosting.On && h.rnd.IntN(2) == 0
	if i.Hosting.On && h.rnd.IntN(4) == 0 && i.Spec.Brand != "" {
		i.Hosting.FromPack = true
		h.units[ledger.CertificateUnit(i.Spec)] += i.Hosting.RenewalsLeft
	}
	old := *v
	if v.Number > 1 && h.rnd.IntN(2) == 0 {
		old.Number, old.Fingerprint, old.NotAfter = v.Number-1, "old "+v.Fingerprint, v.NotBefore.Add(v.Validity()/2)
		i.Versions = append([]model.Version{old}, i.Versions...)
		v = i.Newest()
	}
	for range []int{1, 1, 1, 2, 3, 6}[h.rnd.IntN(6)] {
		h.n++
		r := model.Resource{
			ID: model.ID(fmt.Sprintf("01RES%021d", h.n*7919%100_000)), Region: "global", Name: fmt.Sprintf("r%d.example.com", h.n),
			Product:  []string{"CDN", "CDN", "cdn", "Weekly", "Weekly", "Monthly", "Unread"}[h.rnd.IntN(7)],
			Instance: i.ID, Version: old.Number, Deployed: old.Fingerprint, Presented: old.Fingerprint, NotAfter: old.NotAfter,
			DeployedAt: old.Issued, AutoDeploy: i.Hosting.On && h.rnd.IntN(4) > 0,
		}
		if !h.tidy && h.rnd.IntN(60) == 0 {
			r.Product = "Gone"
		}
		if r.Reserved = r.AutoDeploy && h.rnd.IntN(2) == 0; r.Reserved {
			h.units[ledger.UnitCredit]++
		}
		odd := h.rnd.IntN(30)
		if h.tidy {
			odd = 3 + odd%8
		}
		switch odd {
		case 0:
			r.Failure = model.Failure{Kind: model.JobDeploy, At: epoch, Message: model.Say("issue.service-ended")}
		case 1:
			r.Presented = "somebody else's"
		case 2:
			r.Deployed, r.Presented = "", ""
		case 3, 4, 5:
			r.Waiting = r.AutoDeploy && !r.Reserved && v.AnnualRenewal && old.Number < v.Number
		case 6:
			r.Waiting = r.AutoDeploy
			r.WindowAt = epoch.Add(day)
		}
		i.Deployments.Total++
		if r.Failure.Kind != "" {
			i.Deployments.Failing++
		}
		if err := tx.Put(&r); err != nil {
			return err
		}
	}
	return nil
}

// buy buys what is reserved, and of credits some more.
func (h *house) buy(tx model.Tx) error {
	more := []int{0, 1, 3, 6, 10, 1000}[h.rnd.IntN(6)]
	for unit, reserved := range h.units {
		if err := ledger.AddUnits(tx, epoch, "bought "+unit, "", unit, reserved); err != nil {
			return err
		}
		if err := ledger.Reserve(tx, epoch, "reserved "+unit, rules.AutoDeploy, "", unit, reserved); err != nil {
			return err
		}
	}
	return ledger.AddUnits(tx, epoch, "more", "", ledger.UnitCredit, more)
}

// same fails unless two lists of events are equal.
func same(t *testing.T, said, was []string) {
	t.Helper()
	for k := range min(len(said), len(was)) {
		if said[k] != was[k] {
			t.Fatalf("first difference:\nforecast %s\nfact     %s\n%d events were forecast, %d happened",
				said[k], was[k], len(said), len(was))
		}
	}
	if len(said) != len(was) {
		t.Fatalf("%d events were forecast, %d happened", len(said), len(was))
	}
}
