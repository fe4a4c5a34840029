package lifecycle_test

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"slices"
	"strings"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/text"
)

var berlin = model.Organization{
	Name: "Example GmbH", Type: "company", Phone: "+49 30 123400", OrganizationID: "HRB 12345",
	Country: "DE", Province: "Berlin", City: "Berlin", Address: "Example Street 1", Zip: "10115",
}

func ovApplication(name string) model.Application {
	return model.Application{
		Domains:       []string{name},
		ApplicantName: "Anna Berg",
		Phone:         "+49 30 1",
		Email:         "anna@example.com",
		IDNumber:      "L01X00T47",
		Company:       berlin,
	}
}

func picture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 200, 200))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// reviewedWorld offers OV with a reviewer, and has an OV instance.
func reviewedWorld(t *testing.T) (*world, func() model.ID) {
	w := newWorld(t)
	w.issuer.Can.Levels = model.Levels
	w.issuer.Can.Reviewed = []model.Level{model.OV, model.EV}
	return w, func() model.ID {
		ov := spec
		ov.Level = model.OV
		_, made, err := w.engine.By(operator).Buy(w.ctx(), lifecycle.BuyRequest{Spec: ov, Years: 1, Quantity: 1})
		w.check(err)
		return made[0].ID
	}
}

func (w *world) applyOV(id model.ID, name string) model.Job {
	w.t.Helper()
	_, err := w.engine.By(operator).AddDocument(w.ctx(), id, "register.png", picture(w.t.(*testing.T)))
	w.check(err)
	j, err := w.engine.By(operator).Apply(w.ctx(), id, lifecycle.ApplyRequest{Application: ovApplication(name)})
	w.check(err)
	return j
}

// spec: A1
func TestFieldsByLevelAndGrade(t *testing.T) {
	w, bought := reviewedWorld(t)
	id := bought()
	a := ovApplication("a.example.com")
	fields := func(i model.Instance, a model.Application) []string {
		var names []string
		for _, m := range w.engine.By(model.Scheduler).Missing(&i, a) {
			if m.Example == "" {
				t.Errorf("%s has no example", m.Field)
			}
			names = append(names, m.Field)
		}
		return names
	}
	i := w.get(id)
	a.KeyType = model.ECDSAP256
	if got := fields(i, a); !slices.Equal(got, []string{"document"}) {
		t.Errorf("a full OV application without a document lacks %v", got)
	}
	bare := model.Application{Domains: a.Domains, KeyType: model.ECDSAP256}
	if got := fields(i, bare); len(got) != 14 {
		t.Errorf("a bare OV application lacks %v", got)
	}
	i.Spec.Level, i.Spec.Grade = model.DV, model.Professional
	if got := fields(i, bare); len(got) != 12 || slices.Contains(got, "document") || slices.Contains(got, "id number") {
		t.Errorf("a bare professional DV application lacks %v", got)
	}
	i.Spec.Grade = model.Standard
	if got := fields(i, bare); len(got) != 0 {
		t.Errorf("a bare DV application lacks %v", got)
	}
	i.Spec.Level = model.OV
	a.Company.Type, a.Company.Country = "club", "Germany"
	if got := fields(i, a); !slices.Contains(got, "company type") || !slices.Contains(got, "country") {
		t.Errorf("a wrong type and country are taken: %v", got)
	}
}

// spec: A8
func TestAReviewerDecides(t *testing.T) {
	w, bought := reviewedWorld(t)
	id := bought()
	j := w.applyOV(id, "a.example.com")
	if p := w.wait(j.ID); !p.Blocked || inWords(p.Job.WaitFor) != "a reviewer" || len(w.issuer.Calls()) != 0 {
		t.Fatalf("before the review: %+v, calls %v", p, w.issuer.Calls())
	}
	tasks, err := w.engine.By(model.Scheduler).Tasks(0)
	w.check(err)
	if len(tasks) != 1 || tasks[0].Kind != model.TaskReview {
		t.Fatalf("tasks %+v", tasks)
	}
	w.forward(3 * days)
	if tasks, _ = w.engine.By(model.Scheduler).Tasks(0); len(tasks) != 1 {
		t.Errorf("after three days there are %d tasks", len(tasks))
	}
	if i := w.get(id); !i.AwaitsReview() || !i.ExpectedIssue.After(w.clock.Now()) {
		t.Errorf("under review the issue is expected %s", i.ExpectedIssue)
	}
	events, err := w.engine.By(model.Scheduler).Activity(lifecycle.ActivityFilter{Instance: id, Limit: 1})
	w.check(err)
	if e := events[0]; e.Result != journal.ResultWaiting || e.Name != "a.example.com" {
		t.Errorf("what waits is not named: %+v", e)
	}
	docs, err := w.engine.By(model.Scheduler).ReadDocuments(w.ctx(), id)
	w.check(err)
	if len(docs) != 1 || !bytes.Equal(docs[0].Data.Reveal(), picture(t)) || docs[0].Format != "png" {
		t.Errorf("the reviewer sees %+v", docs)
	}
	plain := operator
	plain.Role = model.Operator
	w.refused(w.engine.By(plain).Approve(w.ctx(), id), rules.ReasonRole)

	var inv *rules.Invalid
	if err := w.engine.By(operator).RejectApplication(w.ctx(), id, " "); !errors.As(err, &inv) {
		t.Errorf("rejected without a reason: %v", err)
	}
	w.check(w.engine.By(operator).RejectApplication(w.ctx(), id, "the stamp is missing"))
	i := w.get(id)
	if string(i.State) != "paid" || !strings.Contains(inWords(i.Reason), "the stamp is missing") || len(i.Application.Documents) != 1 ||
		i.Operation.Active() {
		t.Errorf("rejected: %s, %q, %+v", i.State, i.Reason, i.Operation)
	}
	if tasks, _ = w.engine.By(model.Scheduler).Tasks(0); len(tasks) != 0 {
		t.Error("the task is still open")
	}

	j, err = w.engine.By(operator).Apply(w.ctx(), id, lifecycle.ApplyRequest{})
	w.check(err)
	w.wait(j.ID)
	w.check(w.engine.By(operator).Approve(w.ctx(), id))
	w.done(j, nil)
	w.refused(w.engine.By(operator).Approve(w.ctx(), id), rules.ReasonNoReview)
	w.fsck()
}

// The days that a review takes are not taken off the certificate: it lasts to
// the end of the service period, which begins at issue, and is not reissued.
//
// spec: T1, T2
func TestAReviewTakesNothingOffTheCertificate(t *testing.T) {
	w, bought := reviewedWorld(t)
	id := bought()
	j := w.applyOV(id, "a.example.com")
	w.wait(j.ID)
	w.forward(3 * days)
	w.check(w.engine.By(operator).Approve(w.ctx(), id))
	w.done(j, nil)
	i := w.get(id)
	if v := i.Current(); !v.NotAfter.Equal(i.ServiceEnd.Add(-time.Second)) {
		t.Errorf("the version ends %s, the service period %s", v.NotAfter, i.ServiceEnd)
	}
	if !i.Due.IsZero() {
		t.Errorf("%s is due at %s", i.DueAction, i.Due)
	}
}

// spec: A8
func TestAnApprovalIsUsedAgainForTheSameNamesAndCompany(t *testing.T) {
	w, bought := reviewedWorld(t)
	id := bought()
	j := w.applyOV(id, "a.example.com")
	w.wait(j.ID)
	w.check(w.engine.By(operator).Approve(w.ctx(), id))
	w.done(j, nil)
	w.done(w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{NewKey: true}))
	// Another instance for the same names and company needs no reviewer, one
	// for other names does.
	w.done(w.applyOV(bought(), "a.example.com"), nil)
	if p := w.wait(w.applyOV(bought(), "b.example.com").ID); !p.Blocked {
		t.Error("other names were not reviewed")
	}
	// It counts for 398 days; then a task is raised.
	w.forward(360 * days)
	w.done(w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{}))
	w.forward(39 * days)
	if p := w.wait(w.applyOV(bought(), "a.example.com").ID); !p.Blocked {
		t.Error("an approval counts after 398 days")
	}
}

// spec: A5, A6
func TestDocumentsAreSealedAndDestroyed(t *testing.T) {
	w, bought := reviewedWorld(t)
	id := bought()
	_, err := w.engine.By(operator).AddDocument(w.ctx(), id, "text.png", []byte("not a picture"))
	if f := w.refused(err, rules.ReasonDocument); !strings.Contains(inWords(f.AsText()), "text.png") {
		t.Errorf("it says %q", inWords(f.AsText()))
	}
	d, err := w.engine.By(operator).AddDocument(w.ctx(), id, "scan.jpg", picture(t)) // a PNG by content
	w.check(err)
	if d.Format != "png" {
		t.Errorf("the format is %s", d.Format)
	}
	w.check(w.engine.By(operator).RemoveDocument(w.ctx(), id, d.ID))
	if docs, _ := w.engine.By(model.Scheduler).Documents(id); len(docs) != 0 {
		t.Error("a removed document is there")
	}
	w.check(w.store.View(func(r model.Reader) error {
		if _, err := model.Get[model.Document](r, string(d.ID)); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("its data are there: %v", err)
		}
		return nil
	}))
	form, err := w.engine.By(model.Scheduler).Template(id)
	w.check(err)
	for lang, wants := range map[string][]string{"en": {"OV single scripted standard", "Stamp"}, "zh": {"OV 单域名 scripted 标准级", "盖章"}} {
		page := string(text.New(lang).Page(form))
		for _, want := range wants {
			if !strings.Contains(page, want) || strings.Contains(page, "{") {
				t.Errorf("the template has no %s:\n%s", want, page)
			}
		}
	}
}

// spec: A7
func TestProofsAreShownWhileAwaited(t *testing.T) {
	w := newWorld(t)
	w.issuer.Pending = 2
	w.issuer.Proofs = []model.Proof{{Domain: "a.example.com", Method: "dns", Name: "_acme-challenge.a.example.com", Value: "x"}}
	id := w.bought()
	j, err := w.engine.By(operator).Apply(
		w.ctx(),
		id,
		lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"a.example.com"}}},
	)
	w.check(err)
	w.wait(j.ID)
	if i := w.get(id); len(i.Proofs) != 1 || i.Proofs[0].Name != "_acme-challenge.a.example.com" {
		t.Errorf("shown: %+v", i.Proofs)
	}
	w.forward(days)
	if i := w.get(id); len(i.Proofs) != 0 || len(i.Versions) != 1 {
		t.Errorf("after issue: %+v", i.Proofs)
	}
}

// spec: A8
func TestProofIsAwaitedForSevenDays(t *testing.T) {
	w := newWorld(t)
	w.issuer.Pending = 1 << 30
	id := w.bought()
	j, err := w.engine.By(operator).Apply(
		w.ctx(),
		id,
		lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"a.example.com"}}},
	)
	w.check(err)
	w.wait(j.ID)
	w.forward(2 * 3600e9)
	looks := 0
	for _, c := range w.issuer.Calls() {
		if strings.HasPrefix(c, "fetch") {
			looks++
		}
	}
	if looks < 12 {
		t.Errorf("in two hours it was looked for %d times, want every 10 minutes or more often", looks)
	}
	w.forward(6*days + 21*3600e9)
	if i := w.get(id); i.State.Group() != model.GroupUnissued || !i.Operation.Active() {
		t.Errorf("before the seven days are over it is %s", i.State)
	}
	w.forward(2 * 3600e9)
	if i := w.get(id); string(i.State) != "paid" || !strings.Contains(inWords(i.Reason), "7 days") {
		t.Errorf("after seven days it is %s, %q", i.State, i.Reason)
	}
}

// A yearly renewal whose approval has ended waits for a reviewer, as issued as
// before; a no leaves the certificate alone, a yes renews it.
//
// spec: A8
func TestARenewalWaitsForAReviewerOnceTheApprovalHasEnded(t *testing.T) {
	w, bought := reviewedWorld(t)
	w.policy.ReviewReuse = 300 * days
	w.engine.Close()
	w.start(w.store)
	id := bought()
	j := w.applyOV(id, "a.example.com")
	w.wait(j.ID)
	w.check(w.engine.By(operator).Approve(w.ctx(), id))
	w.done(j, nil)
	ops, err := w.engine.By(operator).AddContact(w.ctx(), model.Contact{Name: "Ops", Email: "ops@example.com"})
	w.check(err)
	w.check(w.engine.By(operator).Host(w.ctx(), id, lifecycle.HostRequest{Contact: ops.ID}))
	review := func() int {
		tasks, err := w.engine.By(model.Scheduler).Tasks(0)
		w.check(err)
		n := 0
		for _, k := range tasks {
			if k.Kind == model.TaskReview {
				n++
			}
		}
		return n
	}
	hosted := w.get(id)
	before := len(hosted.Versions)
	w.forward(hosted.ServiceWindow().Sub(w.clock.Now()) + 2*days)
	i := w.get(id)
	if i.State != model.Issued || i.Operation.Kind != model.JobRenew || inWords(i.Operation.WaitFor) != "a reviewer" || review() != 1 {
		t.Fatalf("state %s, %+v, %d tasks", i.State, i.Operation, review())
	}
	w.check(w.engine.By(operator).RejectApplication(w.ctx(), id, "the register is a year old"))
	if i = w.get(id); i.State != model.Issued || i.Failure.Kind != model.JobRenew || review() != 0 || !i.Hosting.On {
		t.Fatalf("after a no: state %s, failure %+v, %d tasks", i.State, i.Failure, review())
	}
	w.forward(25 * time.Hour)
	if review() != 1 {
		t.Fatalf("a day later %d tasks", review())
	}
	w.check(w.engine.By(operator).Approve(w.ctx(), id))
	w.forward(time.Hour)
	if i = w.get(id); len(i.Versions) != before+1 || i.Operation.Active() || i.Failure.Kind != "" || i.Hosting.RenewalsLeft != 0 {
		t.Fatalf("after a yes: %d versions, %+v, %+v", len(i.Versions), i.Operation, i.Failure)
	}
	w.fsck()
}

// Whoever comes in over SSH and is nobody in particular changes nothing.
// spec: V9, S3
func TestAViewerAddsNoCompanyAndDismissesNoTask(t *testing.T) {
	w := newWorld(t)
	id := w.issued("a.example.com")
	w.done(w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{}))
	tasks, err := w.engine.By(model.Scheduler).Tasks(0)
	w.check(err)
	viewer := model.Actor{Name: "guest", Role: model.Viewer, Via: "ssh"}
	_, err = w.engine.By(viewer).DismissTask(w.ctx(), string(tasks[0].ID))
	w.refused(err, rules.ReasonRole)
	_, err = w.engine.By(viewer).AddCompany(w.ctx(), model.Company{Organization: model.Organization{Name: "Example GmbH"}})
	w.refused(err, rules.ReasonRole)
	w.refused(w.engine.By(viewer).RemoveCompany(w.ctx(), "Example GmbH"), rules.ReasonRole)
	_, err = w.engine.By(operator).DismissTask(w.ctx(), string(tasks[0].ID))
	w.check(err)
}
