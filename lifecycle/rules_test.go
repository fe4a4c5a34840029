package lifecycle_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/rules"
	"certquay/model"
)

const days = 24 * time.Hour

// spec: B1
func TestWhatCannotExistCannotBeBought(t *testing.T) {
	w := newWorld(t)
	with := func(change func(*lifecycle.BuyRequest)) lifecycle.BuyRequest {
		r := lifecycle.BuyRequest{Spec: spec, Years: 1, Quantity: 1}
		change(&r)
		return r
	}
	for name, c := range map[string]struct {
		r    lifecycle.BuyRequest
		want rules.Reason
	}{
		"EV wildcard": {with(func(r *lifecycle.BuyRequest) { r.Spec.Level, r.Spec.Type = model.EV, model.Wildcard }),
			rules.ReasonNotForSale},
		"a level not offered": {with(func(r *lifecycle.BuyRequest) { r.Spec.Level = model.OV }), rules.ReasonNotForSale},
		"an unknown brand":    {with(func(r *lifecycle.BuyRequest) { r.Spec.Brand = "nobody" }), rules.ReasonNotForSale},
		"none":                {with(func(r *lifecycle.BuyRequest) { r.Quantity = 0 }), rules.ReasonQuantity},
		"one too many":        {with(func(r *lifecycle.BuyRequest) { r.Quantity = 101 }), rules.ReasonQuantity},
		"no year":             {with(func(r *lifecycle.BuyRequest) { r.Years = 0 }), rules.ReasonYears},
		"one year too many":   {with(func(r *lifecycle.BuyRequest) { r.Years = 3 }), rules.ReasonYears},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := w.engine.By(operator).Buy(w.ctx(), c.r)
			w.refused(err, c.want)
		})
	}
	q, err := w.engine.By(model.Scheduler).Quote(lifecycle.BuyRequest{Spec: spec, Years: 2, Quantity: 3})
	w.check(err)
	if len(q.Lines) != 3 || q.Total != 3*2*100_00 {
		t.Errorf("3 for 2 years cost %d in %d lines", q.Total, len(q.Lines))
	}
}

// spec: B2
func TestAPurchaseIsOneTransaction(t *testing.T) {
	w := newWorld(t)
	o, made, err := w.engine.By(operator).Buy(w.ctx(), lifecycle.BuyRequest{Spec: spec, Years: 1, Quantity: 100})
	w.check(err)
	if len(made) != 100 || len(o.Lines) != 100 {
		t.Fatalf("%d instances, %d lines", len(made), len(o.Lines))
	}
	for n, i := range made {
		if o.Lines[n].Instance != i.ID || i.Order != o.ID || i.Line != n {
			t.Fatalf("line %d and its instance do not name each other", n)
		}
	}
	costs, err := w.engine.By(model.Scheduler).SpentByCurrency()
	w.check(err)
	if costs["EUR"] != 100*100_00 {
		t.Errorf("the ledger says %v", costs)
	}
	w.fsck() // the entries sum to zero and to the accounts
}

// spec: B5
func TestRefundEndsAfterThirtyTimesTwentyFourHours(t *testing.T) {
	for name, c := range map[string]struct {
		policy rules.RefundPolicy
		after  time.Duration
		issue  bool
		paid   bool
	}{
		"issued-30d one second before": {rules.RefundIssued30d, 30*days - time.Second, true, true},
		"issued-30d at the second":     {rules.RefundIssued30d, 30 * days, true, true},
		"issued-30d one second after":  {rules.RefundIssued30d, 30*days + time.Second, true, false},
		"issued-30d closed late":       {rules.RefundIssued30d, 300 * days, false, true},
		"paid-7d one second before":    {rules.RefundPaid7d, 7*days - time.Second, true, true},
		"paid-7d one second after":     {rules.RefundPaid7d, 7*days + time.Second, true, false},
		"paid-7d closed late":          {rules.RefundPaid7d, 8 * days, false, false},
		"none":                         {rules.RefundNone, 0, true, false},
		"none, closed":                 {rules.RefundNone, 0, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.engine.Close()
			w.policy.Refund = c.policy
			w.start(w.store)
			var id model.ID
			if c.issue {
				id = w.issued("a.example.com")
			} else {
				id = w.bought()
			}
			w.clock.MoveTo(epoch.Add(c.after))
			preview, err := w.engine.By(model.Scheduler).Refund(id)
			w.check(err)
			if (preview.Amount > 0) != c.paid || preview.Why == "" {
				t.Errorf("the preview says %d: %q", preview.Amount, preview.Why)
			}
			if c.issue {
				w.done(w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{}))
			} else {
				w.check(w.engine.By(operator).CloseInstance(w.ctx(), id))
			}
			want := map[[2]bool]string{{true, true}: "refunded", {true, false}: "revoked", {false, true}: "refunded",
				{false, false}: "closed"}[[2]bool{c.issue, c.paid}]
			if got := string(w.get(id).State); got != want {
				t.Errorf("it is %s, want %s", got, want)
			}
			costs, err := w.engine.By(model.Scheduler).SpentByCurrency()
			w.check(err)
			if spent := costs["EUR"]; (spent == 0) != c.paid {
				t.Errorf("spent %d", spent)
			}
			w.fsck()
		})
	}
}

// spec: T1, T2
func TestServicePeriodStartsWithTheFirstVersion(t *testing.T) {
	w := newWorld(t)
	w.issuer.Can.MaxValidity = 200 * days
	id := w.bought()
	if i := w.get(id); !i.ServiceStart.IsZero() || !i.ServiceEnd.IsZero() {
		t.Error("there is a service period before anything is issued")
	}
	w.forward(10 * days)
	w.done(
		w.engine.By(operator).
			Apply(w.ctx(), id, lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"a.example.com"}}}),
	)
	i := w.get(id)
	start := epoch.Add(10 * days)
	if !i.ServiceStart.Equal(start) || !i.ServiceEnd.Equal(start.AddDate(1, 0, 0)) {
		t.Errorf("service period %s to %s", i.ServiceStart, i.ServiceEnd)
	}
	if v := i.Current(); v.Validity() != 200*days {
		t.Errorf("the version is valid for %s, want the issuer's 200 days", v.Validity())
	}
}

// spec: T5, T7, I8
func TestOneYearOfA200DayIssuerIsTwoVersions(t *testing.T) {
	w := newWorld(t)
	w.issuer.Can.MaxValidity = 200 * days
	id := w.issued("a.example.com")
	label := func(day int) string {
		w.forward(epoch.Add(time.Duration(day)*days + 12*time.Hour).Sub(w.clock.Now()))
		i := w.get(id)
		return i.Status(w.clock.Now())
	}
	if got := label(169); got != "issued" || len(w.get(id).Versions) != 1 {
		t.Errorf("day 169: %s, %d versions", got, len(w.get(id).Versions))
	}
	if got := label(171); got != "issued" || len(w.get(id).Versions) != 2 {
		t.Errorf("day 171: %s, %d versions, want it reissued within a day of the window's opening", got, len(w.get(id).Versions))
	}
	i := w.get(id)
	if v := i.Current(); v.NotAfter.Add(time.Second) != i.ServiceEnd || v.KeyID != i.Versions[0].KeyID {
		t.Errorf("version 2 ends %s with another key, the service period %s", v.NotAfter, i.ServiceEnd)
	}
	if got := label(334); got != "issued" {
		t.Errorf("day 334: %s", got)
	}
	_, _, err := w.engine.By(operator).Renew(w.ctx(), id)
	w.refused(err, rules.ReasonTooEarly)
	if got := label(335); got != "expiring" {
		t.Errorf("day 335: %s", got)
	}
	if got := label(364); got != "expiring" || len(w.get(id).Versions) != 2 {
		t.Errorf("day 364: %s", got)
	}
	tasks := func() (kinds []model.TaskKind) {
		ts, err := w.engine.By(model.Scheduler).Tasks(0)
		w.check(err)
		for _, task := range ts {
			kinds = append(kinds, task.Kind)
		}
		return kinds
	}
	if got := tasks(); !slices.Equal(got, []model.TaskKind{model.TaskInstall, model.TaskExpiry}) {
		t.Errorf("tasks %s, want one to install version 2 and one about its end", got)
	}
	if got := label(366); got != "expired" {
		t.Errorf("day 366: %s", got)
	}
	if got := tasks(); !slices.Equal(got, []model.TaskKind{model.TaskExpiry}) { // nobody can install it any more
		t.Errorf("tasks about what has expired: %s", got)
	}
	_, _, err = w.engine.By(operator).Renew(w.ctx(), id)
	if f := w.refused(err, rules.ReasonServiceOver); !strings.Contains(wayOut(f), "certquay reorder "+id.Short()) {
		t.Errorf("the way out is %q, want the command that orders it again", wayOut(f))
	}
}

// spec: A1, A2, A6, S3
func TestWrongNamesAreRefusedAndTheDraftIsKept(t *testing.T) {
	w := newWorld(t)
	id := w.bought()
	wrong := lifecycle.ApplyRequest{
		Application: model.Application{Domains: []string{"a.example.com", "b.example.com"}, Email: "anna@example.com"},
	}
	refused := func(r lifecycle.ApplyRequest) {
		t.Helper()
		_, err := w.engine.By(operator).Apply(w.ctx(), id, r)
		var inv *rules.Invalid
		if !errors.As(err, &inv) || inv.Rule != "A2" || inv.Example == "" {
			t.Fatalf("two names for a single: %v", err)
		}
	}
	w.check(w.engine.By(operator).SaveDraft(w.ctx(), id, model.Application{Domains: []string{"good.example.com"}}))
	before := w.get(id)
	refused(wrong)
	if i := w.get(id); !reflect.DeepEqual(i, before) {
		t.Errorf("a refused application left %+v", i)
	}
	wrong.DraftOnly = true
	refused(wrong)
	i := w.get(id)
	if i.State.Group() != model.GroupUnissued || i.Application.Email != "anna@example.com" || len(i.Application.Domains) != 2 {
		t.Errorf("the draft is %+v", i.Application)
	}
	w.done(
		w.engine.By(operator).
			Apply(w.ctx(), id, lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"BÜCHER.example"}}}),
	)
	i = w.get(id)
	if got := i.Domains(); !slices.Equal(got, []string{"xn--bcher-kva.example"}) {
		t.Errorf("the certificate is for %v", got)
	}
}

// spec: A7, A9
func TestAnApplicationCanBeWithdrawnUntilFinalize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.issuer.Pending = 100
		id := w.bought()
		j, err := w.engine.By(operator).Apply(
			w.ctx(),
			id,
			lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"a.example.com"}}},
		)
		w.check(err)
		w.wait(j.ID)
		if i := w.get(id); i.ExpectedIssue.IsZero() || i.Operation.WaitFor == "" {
			t.Error("what is awaited, and when it should be issued, is not shown")
		}
		w.check(w.engine.By(operator).Withdraw(w.ctx(), id))
		i := w.get(id)
		if string(i.State) != "paid" || len(i.Application.Domains) != 1 || i.Operation.Active() {
			t.Errorf("after the withdrawal: %+v", i)
		}
		w.forward(20 * days)
		if len(w.issuer.Signed) != 0 {
			t.Error("a withdrawn order was signed")
		}
		if synctest.Wait(); !slices.Contains(w.issuer.Calls(), "cancel ref-"+string(j.ID)) {
			t.Fatal("the CA was not told")
		}

		// After finalize it is too late, even while the CA is silent.
		w.issuer.Pending = 0
		w.issuer.Plan("finalize", lifecycletest.Fails)
		j, err = w.engine.By(operator).Apply(w.ctx(), id, lifecycle.ApplyRequest{})
		w.check(err)
		w.wait(j.ID)
		w.refused(w.engine.By(operator).Withdraw(w.ctx(), id), rules.ReasonFinalized)
	})
}

// spec: A8, S2
func TestAFinalNoTakesTheApplicationBackWithItsReason(t *testing.T) {
	w := newWorld(t)
	w.issuer.Plan("order", lifecycletest.Refuses)
	id := w.bought()
	j, err := w.engine.By(operator).Apply(
		w.ctx(),
		id,
		lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"a.example.com"}}},
	)
	w.check(err)
	if p := w.wait(j.ID); !p.Done || p.Job.Result != journal.ResultFailed {
		t.Fatalf("the job is %+v", p)
	}
	if i := w.get(id); string(i.State) != "paid" || inWords(i.Reason) != lifecycletest.ErrScripted.Error() ||
		len(i.Application.Domains) != 1 {
		t.Errorf("it is %s, reason %q", i.State, i.Reason)
	}
}

// spec: A3, A4
func TestAManualRequestMeansNoKeyAndNoDeployment(t *testing.T) {
	w := newWorld(t)
	id := w.bought()
	csr, _ := requestAndKey(t, "a.example.com")
	_, err := w.engine.By(operator).Apply(
		w.ctx(),
		id,
		lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"b.example.com"}, CSR: csr}},
	)
	var inv *rules.Invalid
	if !errors.As(err, &inv) || inv.Field != "csr" {
		t.Fatalf("a request for another name: %v", err)
	}
	w.done(
		w.engine.By(operator).Apply(
			w.ctx(),
			id,
			lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"a.example.com"}, CSR: csr}},
		),
	)
	if v := w.get(id); v.Current().KeyID != "" {
		t.Error("certquay claims to hold the key")
	}
	_, err = w.engine.By(operator).Deploy(w.ctx(), id, lifecycle.DeployRequest{Product: "CDN"})
	w.refused(err, rules.ReasonNoKey)
	files, err := w.engine.By(operator).Download(w.ctx(), id, "nginx")
	w.check(err)
	for _, f := range files {
		if f.Secret {
			t.Errorf("%s holds a key", f.Name)
		}
	}
	w.done(w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{}))
	w.done(w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{NewKey: true}))
	if w.get(id).Versions[2].KeyID == "" {
		t.Error("a reissue with a new key has none")
	}
}

// spec: A4
func TestTheKeyCanBeAddedLater(t *testing.T) {
	w := newWorld(t)
	id := w.bought()
	csr, key := requestAndKey(t, "a.example.com")
	w.done(
		w.engine.By(operator).Apply(
			w.ctx(),
			id,
			lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"a.example.com"}, CSR: csr}},
		),
	)
	_, other := requestAndKey(t, "a.example.com")
	w.refused(w.engine.By(operator).UploadKey(w.ctx(), id, bundle.File{Data: other}), rules.ReasonCertificate)
	w.refused(w.engine.By(operator).UploadKey(w.ctx(), id, bundle.File{Data: []byte("garbage")}), rules.ReasonCertificate)
	w.check(w.engine.By(operator).UploadKey(w.ctx(), id, bundle.File{Data: key}))
	w.deploy(id)
	w.refused(w.engine.By(operator).UploadKey(w.ctx(), id, bundle.File{Data: key}), rules.ReasonHasKey)
}

// spec: I4
func TestRevokingEndsEveryUnexpiredVersion(t *testing.T) {
	w := newWorld(t)
	id := w.issued("a.example.com")
	w.done(w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{NewKey: true}))
	_, err := w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{Reason: "because"})
	var inv *rules.Invalid
	if !errors.As(err, &inv) || !strings.Contains(inWords(inv.Example), "keyCompromise") {
		t.Fatalf("an unknown reason: %v", err)
	}
	w.done(w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{Reason: "superseded", Versions: []int{1}}))
	if i := w.get(id); i.State.Group() != model.GroupIssued || i.Versions[0].RevokedAt.IsZero() {
		t.Errorf("with one version left it is %s", i.State)
	}
	w.done(w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{Reason: "keycompromise"}))
	if i := w.get(id); i.State.Group() != model.GroupEnded {
		t.Errorf("with none left it is %s", i.State)
	}
	if len(w.issuer.Reasons) != 2 ||
		!slices.Contains([]string{"keyCompromise", "superseded"}, w.issuer.Reasons[w.get(id).Versions[1].Serial]) {
		t.Errorf("the CA revoked %v", w.issuer.Reasons)
	}
	_, err = w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{})
	w.refused(err, rules.ReasonAlreadyRevoked)
}

// spec: I5
func TestDeletingDestroysTheKeysAndKeepsTheHistory(t *testing.T) {
	w := newWorld(t)
	id := w.issued("a.example.com")
	w.refused(w.engine.By(operator).Delete(w.ctx(), id), rules.ReasonRevokeFirst)
	w.deploy(id)
	w.done(w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{}))
	w.refused(w.engine.By(operator).Delete(w.ctx(), id), rules.ReasonUndeployFirst)
	rs, _, err := w.engine.By(model.Scheduler).Resources(lifecycle.ResourceFilter{Instance: id})
	w.check(err)
	w.done(w.engine.By(operator).Undeploy(w.ctx(), rs[0].ID))
	key := w.get(id).Versions[0].KeyID
	w.check(w.engine.By(operator).Delete(w.ctx(), id))
	if _, err := w.engine.By(model.Scheduler).Instance(id); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("a deleted instance is shown: %v", err)
	}
	w.check(w.store.View(func(r model.Reader) error {
		if _, err := model.Get[model.Key](r, string(key)); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("its key is there: %v", err)
		}
		return nil
	}))
	events, err := w.engine.By(model.Scheduler).Activity(lifecycle.ActivityFilter{Instance: id})
	w.check(err)
	if len(events) < 8 || events[0].Action != "delete" {
		t.Errorf("its activity has %d events", len(events))
	}
	w.fsck()
	// An expired one may go without being revoked.
	id = w.issued("b.example.com")
	w.forward(400 * days)
	w.check(w.engine.By(operator).Delete(w.ctx(), id))
}

// spec: I6
func TestRenewingBuysALinkedInstanceInTheServiceWindow(t *testing.T) {
	for _, carry := range []bool{false, true} {
		w := newWorld(t)
		w.engine.Close()
		w.policy.CarryDays = carry
		w.start(w.store)
		id := w.issued("a.example.com")
		w.deploy(id)
		w.forward(345 * days)
		next, j, err := w.engine.By(operator).Renew(w.ctx(), id)
		w.done(j, err)
		old, renewed := w.get(id), w.get(next.ID)
		if renewed.Origin != model.OriginRenewal || renewed.RenewalOf != id || old.RenewedBy != next.ID || renewed.Spec != old.Spec {
			t.Errorf("the two are not linked: %+v", renewed)
		}
		if renewed.Versions[0].KeyID == old.Versions[0].KeyID {
			t.Error("the renewal has the old key")
		}
		want := w.clock.Now().Truncate(time.Second).AddDate(1, 0, 0)
		if carry {
			want = want.Add(20 * days)
		}
		if d := renewed.ServiceEnd.Sub(want); d < -2*time.Second || d > 2*time.Second {
			t.Errorf("carry %v: the service period ends %s, want %s", carry, renewed.ServiceEnd, want)
		}
		if rs, _, _ := w.engine.By(model.Scheduler).Resources(lifecycle.ResourceFilter{}); rs[0].Instance != id {
			t.Error("the old one's resource was moved")
		}
		_, _, err = w.engine.By(operator).Renew(w.ctx(), id)
		w.refused(err, rules.ReasonRenewed)
		w.fsck()
	}
}

// spec: I7
func TestReissueKeepsTheServicePeriodAndCostsNothing(t *testing.T) {
	w := newWorld(t)
	id := w.issued("a.example.com")
	before := w.get(id)
	w.forward(100 * days)
	w.done(w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{NewKey: true}))
	after := w.get(id)
	if after.ServiceEnd != before.ServiceEnd || len(after.Versions) != 2 || after.Versions[0].KeyID == after.Versions[1].KeyID {
		t.Errorf("after a reissue with a new key: %+v", after)
	}
	if v := after.Current(); v.NotAfter.Add(time.Second) != after.ServiceEnd {
		t.Errorf("version 2 ends %s, the service period %s", v.NotAfter, after.ServiceEnd)
	}
	costs, err := w.engine.By(model.Scheduler).SpentByCurrency()
	w.check(err)
	if costs["EUR"] != 100_00 {
		t.Errorf("spent %v", costs)
	}
}

// spec: I3
func TestAnUploadIsHeldOnceOrNotAtAll(t *testing.T) {
	w := newWorld(t)
	id := w.issued("a.example.com")
	files, err := w.engine.By(operator).Download(w.ctx(), id, "pem")
	w.check(err)
	var up lifecycle.UploadRequest
	for _, f := range files {
		if strings.HasSuffix(f.Name, ".pem") || f.Secret {
			up.Files = append(up.Files, bundle.File{Name: f.Name, Data: f.Data})
		}
	}
	_, err = w.engine.By(operator).Upload(w.ctx(), up)
	if f := w.refused(err, rules.ReasonDuplicate); f.Args["other"] != id {
		t.Errorf("the one that is held is not named: %s", inWords(f.AsText()))
	}
	_, err = w.engine.By(operator).Upload(w.ctx(), lifecycle.UploadRequest{Files: []bundle.File{{Name: "x", Data: []byte("garbage")}}})
	w.refused(err, rules.ReasonCertificate)
	if page, _ := w.engine.By(model.Scheduler).Page(model.Query{}); page.Total != 1 {
		t.Errorf("there are %d instances", page.Total)
	}
}

// spec: I4
func TestARevocationByTheCAItselfIsNoticed(t *testing.T) {
	w := newWorld(t)
	id := w.hosted("a.example.com")
	w.forward(2 * days)
	if i := w.get(id); i.State.Group() != model.GroupIssued {
		t.Fatalf("it is %s", i.State)
	}
	w.issuer.Mu.Lock()
	w.issuer.Reasons[w.get(id).Versions[0].Serial] = "keyCompromise"
	w.issuer.Mu.Unlock()
	w.forward(25 * time.Hour)
	i := w.get(id)
	if i.State.Group() != model.GroupEnded || i.Versions[0].RevokedReason != "keyCompromise" || i.Hosting.On {
		t.Errorf("after a day it is %s, %+v, %+v", i.State, i.Versions[0].RevokedReason, i.Hosting)
	}
	events, err := w.engine.By(model.Scheduler).Activity(lifecycle.ActivityFilter{Instance: id, Limit: 1})
	w.check(err)
	if events[0].Why != journal.CauseCARevoked {
		t.Errorf("the log says %+v", events[0])
	}
	w.fsck()
}

// spec: I6
func TestRenewingWithARequestOfOnesOwn(t *testing.T) {
	w := newWorld(t)
	id := w.issued("a.example.com")
	w.forward(345 * days)
	wrong, _ := requestAndKey(t, "b.example.com")
	var inv *rules.Invalid
	if _, _, err := w.engine.By(operator).RenewWithCSR(w.ctx(), id, wrong); !errors.As(err, &inv) {
		t.Fatalf("a request for another name: %v", err)
	}
	csr, _ := requestAndKey(t, "a.example.com")
	next, j, err := w.engine.By(operator).RenewWithCSR(w.ctx(), id, csr)
	w.done(j, err)
	if i := w.get(next.ID); i.Versions[0].KeyID != "" {
		t.Error("certquay claims to hold the key of a manual request")
	}
}

// spec: I1
func TestWhoSharesAKeyIsNamed(t *testing.T) {
	w := newWorld(t)
	csr, _ := requestAndKey(t, "a.example.com")
	var ids []model.ID
	for range 2 {
		id := w.bought()
		w.done(
			w.engine.By(operator).Apply(
				w.ctx(),
				id,
				lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"a.example.com"}, CSR: csr}},
			),
		)
		ids = append(ids, id)
	}
	w.issued("b.example.com")
	others, err := w.engine.By(model.Scheduler).SharesKey(ids[0])
	w.check(err)
	if len(others) != 1 || others[0].ID != ids[1] {
		t.Errorf("it shares its key with %+v", others)
	}
}

// spec: A6
func TestADraftIsReplacedAsAWhole(t *testing.T) {
	w := newWorld(t)
	id := w.bought()
	w.check(
		w.engine.By(operator).SaveDraft(
			w.ctx(),
			id,
			model.Application{Domains: []string{"a.example.com"}, Email: "a@example.com", Phone: "110"},
		),
	)
	w.check(w.engine.By(operator).SaveDraft(w.ctx(), id, model.Application{Domains: []string{"b.example.com"}, Phone: "112"}))
	if a := w.get(id).Application; a.Email != "" || a.Phone != "112" || a.Domains[0] != "b.example.com" {
		t.Errorf("what was cleared is still there: %+v", a)
	}
	// A verb that gives a part leaves the rest as it was.
	w.done(w.engine.By(operator).Apply(w.ctx(), id, lifecycle.ApplyRequest{Application: model.Application{Email: "c@example.com"}}))
	if a := w.get(id).Application; a.Email != "c@example.com" || a.Phone != "112" {
		t.Errorf("the draft was lost: %+v", a)
	}
}
