package lifecycle_test

import (
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

// why is what the explanation of an instance gives as reasons.
func (w *world) why(id model.ID) string {
	w.t.Helper()
	x, err := w.engine.By(model.Scheduler).Explain(id)
	w.check(err)
	var all []string
	for _, s := range x.Why {
		all = append(all, text.New("en").Statement(s, nil))
	}
	return strings.Join(all, "\n")
}

// An explanation says of each server what it presents, and not that all present
// the certificate because something was deployed to them once. A task about a
// version that is revoked asks nobody any more. spec: V3, D4, D7
func TestAnExplanationTellsWhatIsPresented(t *testing.T) {
	w := newWorld(t)
	id := w.issued("a.example.com")
	w.deploy(id)
	if why := w.why(id); !strings.Contains(why, "1 of 1 resource presents it, verified by handshake: CDN") {
		t.Errorf("deployed:\n%s", why)
	}
	w.done(w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{}))
	why := w.why(id)
	if strings.Contains(why, "verified by handshake") || !strings.Contains(why, "is presented in place of version 2: CDN") ||
		!strings.Contains(why, "(D4)") {
		t.Errorf("outdated:\n%s", why)
	}
	installs := func() (versions []int) {
		ts, err := w.engine.By(model.Scheduler).Tasks(0)
		w.check(err)
		for _, t := range ts {
			if t.Kind == model.TaskInstall {
				versions = append(versions, t.Version)
			}
		}
		return versions
	}
	if got := installs(); !slices.Equal(got, []int{2}) {
		t.Fatalf("tasks for versions %v, want one for 2", got)
	}
	w.done(w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{Versions: []int{2}}))
	if got := installs(); got != nil {
		t.Errorf("version 2 is revoked and tasks ask for %v", got)
	}
	w.done(w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{}))
	why = w.why(id)
	if strings.Contains(why, "verified by handshake") || !strings.Contains(why, "a revoked version is still presented: CDN") ||
		!strings.Contains(why, "version 2 was revoked at") {
		t.Errorf("revoked:\n%s", why)
	}
}

// A version that had expired before the newest was revoked does not come back.
// spec: I4, I8
func TestWhatHadExpiredIsNotCurrentAgain(t *testing.T) {
	at := epoch
	i := model.Instance{Versions: []model.Version{
		{Number: 1, NotBefore: at, NotAfter: at.Add(10 * days)},
		{Number: 2, NotBefore: at.Add(8 * days), NotAfter: at.Add(18 * days), RevokedAt: at.Add(9 * days)},
	}}
	if v := i.Current(); v == nil || v.Number != 1 {
		t.Errorf("revoked while version 1 was valid: %+v", v)
	}
	i.Versions[1].RevokedAt = at.Add(11 * days)
	if v := i.Current(); v != nil {
		t.Errorf("revoked after version 1 had expired: version %d", v.Number)
	}
}

// replacing are the open tasks about servers that present what is no good.
func (w *world) replacing() (texts []string) {
	w.t.Helper()
	ts, err := w.engine.By(model.Scheduler).Tasks(0)
	w.check(err)
	for _, t := range ts {
		if t.Kind == model.TaskReplace {
			texts = append(texts, inWords(t.Text))
		}
	}
	return texts
}

// looked asks a resource and gives how that ended and what the log says of it.
func (w *world) looked(r model.ID) (result, detail string) {
	w.t.Helper()
	j, err := w.engine.By(operator).Verify(w.ctx(), r)
	w.check(err)
	all, err := w.engine.By(model.Scheduler).Wait(w.ctx(), j.ID)
	w.check(err)
	evs, err := w.engine.By(model.Scheduler).Activity(lifecycle.ActivityFilter{Limit: 1})
	w.check(err)
	return all[0].Job.Result, inWords(evs[0].Detail)
}

// renewedByHosting switches hosting on and lives to the renewal.
func (w *world) renewedByHosting(id model.ID) {
	w.t.Helper()
	c, err := w.engine.By(operator).AddContact(w.ctx(), model.Contact{Name: "Web", Email: "web@example.com"})
	w.check(err)
	w.check(w.engine.By(operator).Host(w.ctx(), id, lifecycle.HostRequest{Contact: c.ID}))
	w.forward(345 * days)
	if n := len(w.get(id).Versions); n != 2 {
		w.t.Fatalf("%d versions, want 2", n)
	}
}

// revokes says whether the only resource presents what revoking would revoke.
func (w *world) revokes(id model.ID) bool {
	w.t.Helper()
	cs, err := w.engine.By(operator).Facts(id)
	w.check(err)
	r := w.resource(0)
	return cs.PresentsRevocable(&r.Resource)
}

// A server that presents what has expired is a person's task, the first of all,
// until it presents something else; asking it says so and is no success. What a
// person dismisses does not come back. spec: D4, D7, V2
func TestAServerWithAnExpiredCertificateIsATask(t *testing.T) {
	w := newWorld(t)
	id := w.issued("a.example.com")
	w.deploy(id)
	r := w.resource(0)
	if result, detail := w.looked(r.ID); result != journal.ResultOK || detail != "presents what was deployed" {
		t.Errorf("at first: %s, %s", result, detail)
	}
	w.renewedByHosting(id)
	i := w.get(id)
	if got := w.resource(0); got.Expected != i.Versions[1].Fingerprint || got.State != model.ResourceOutdated {
		t.Errorf("should present %s, state %s; version 2 is %s", got.Expected, got.State, i.Versions[1].Fingerprint)
	}
	if result, detail := w.looked(r.ID); result != journal.ResultOK || !strings.Contains(detail, "an earlier version than the current") {
		t.Errorf("outdated: %s, %s", result, detail)
	}
	if got := w.replacing(); got != nil {
		t.Errorf("too early: %q", got)
	}
	w.forward(r.NotAfter.Sub(w.engine.Now()) + 25*time.Hour)
	want := "presents a certificate that expired " + r.NotAfter.UTC().Format(time.DateOnly)
	if got := w.replacing(); len(got) != 1 || !strings.Contains(got[0], want) {
		t.Fatalf("a day after it has expired the tasks are %q", got)
	}
	if ts, err := w.engine.By(model.Scheduler).Tasks(1); err != nil || ts[0].Kind != model.TaskReplace {
		t.Errorf("the first task is %+v, %v", ts, err)
	}
	if got := w.resource(0).State; got != model.ResourceExpired { // finding: U17
		t.Errorf("its state is %s", got)
	}
	if result, detail := w.looked(r.ID); result != journal.ResultFailed || !strings.Contains(detail, "which expired") {
		t.Errorf("expired: %s, %s", result, detail)
	}
	w.deploy(id)
	if got := w.replacing(); got != nil {
		t.Errorf("after a deployment: %q", got)
	}

	w.check(w.engine.By(operator).StopHosting(w.ctx(), id))
	if !w.revokes(id) {
		t.Error("the server with what is to be revoked is not named")
	}
	w.done(w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{}))
	got := w.replacing()
	if len(got) != 1 || !strings.Contains(got[0], "presents a certificate that is revoked") {
		t.Fatalf("revoked: %q", got)
	}
	ts, err := w.engine.By(model.Scheduler).Tasks(1)
	w.check(err)
	_, err = w.engine.By(operator).DismissTask(w.ctx(), string(ts[0].ID))
	w.check(err)
	w.forward(3 * days)
	if got := w.replacing(); got != nil {
		t.Errorf("what was dismissed is back: %q", got)
	}
	w.done(w.engine.By(operator).Undeploy(w.ctx(), r.ID))
	w.fsck()
}

// Once the newest version is revoked, one before it that is still presented is
// no more what should be there than it was. spec: D4, I4
func TestWhatCameBeforeARevokedVersionStaysOutdated(t *testing.T) {
	w := newWorld(t)
	id := w.issued("a.example.com")
	w.deploy(id)
	w.renewedByHosting(id)
	w.forward(w.resource(0).NotAfter.Sub(w.engine.Now()) + time.Hour)
	w.check(w.engine.By(operator).StopHosting(w.ctx(), id))
	if w.revokes(id) {
		t.Error("revoking is said to concern a server with an expired version")
	}
	w.done(w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{}))
	if i := w.get(id); i.State.Group() != model.GroupEnded {
		t.Fatalf("state %s", i.State)
	}
	r := w.resource(0)
	i := w.get(id)
	if got := r.Presents(&i); got != model.ResourceOutdated || r.Expected != "" || r.State != model.ResourceExpired {
		t.Errorf("presents %s, state %s, should present %q", got, r.State, r.Expected)
	}
	if why := w.why(id); strings.Contains(why, "verified by handshake") {
		t.Errorf("explained:\n%s", why)
	}
}

// What is overdue has no date in the future to name: nothing is promised for a time
// that has passed.
// finding: M18
// spec: V3
func TestNothingIsPromisedForThePast(t *testing.T) {
	w := newWorld(t)
	i := w.get(w.hosted("a.example.com"))
	said := func(at time.Time) (all string) {
		x := rules.NewTransitionTable().Explain(&rules.Facts{Actor: operator, Instance: &i, Now: at})
		for _, s := range x.Next {
			all += text.New("en").Statement(s, nil) + "\n"
		}
		return all
	}
	if got := said(i.Due.Add(-time.Hour)); !strings.Contains(got, "automatically at ") {
		t.Errorf("before it is due: %s", got)
	}
	if got := said(i.Due.Add(time.Hour)); strings.Contains(got, "automatically at ") || !strings.Contains(got, "as soon as it runs") {
		t.Errorf("once it is due: %s", got)
	}
	i.Operation = model.Operation{Kind: model.JobRenew, Attempt: 2, Next: i.Due.Add(2 * time.Hour)}
	if got := said(i.Due.Add(time.Hour)); strings.Contains(got, "automatically") || !strings.Contains(got, "attempt 2") {
		t.Errorf("while it is done: %s", got)
	}
}
