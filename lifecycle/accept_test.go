package lifecycle_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"math/big"
	"slices"
	"testing"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// pair is the certificate of an instance with its chain.
func (w *world) pair(id model.ID) ports.KeyPair {
	w.t.Helper()
	i := w.get(id)
	v := i.Current()
	m, err := w.engine.By(operator).Material(id, v.Number)
	w.check(err)
	return ports.KeyPair{Chain: m.Certificates, Fingerprint: v.Fingerprint}
}

// drifts has somebody put another certificate where one is deployed, and looks.
func (w *world) drifts(pair ports.KeyPair) lifecycle.ResourceView {
	w.t.Helper()
	r := w.resource(0)
	w.product.Put(ports.Target{Region: r.Region, Name: r.Name}, pair)
	w.wait(mustJob(w.engine.By(operator).Verify(w.ctx(), r.ID)).ID)
	if r = w.resource(0); r.State != model.ResourceDrifted || r.DriftSince.IsZero() {
		w.t.Fatalf("it is %s since %s", r.State, r.DriftSince)
	}
	return r
}

func mustJob(j model.Job, err error) model.Job {
	if err != nil {
		panic(err)
	}
	return j
}

// What is presented in place of what was deployed is a task, which either way settles.
//
// spec: P8, D9
func TestDriftIsATaskThatIsPutRightOrAccepted(t *testing.T) {
	w := newWorld(t)
	id, other := w.issued("a.example.com"), w.issued("a.example.com")
	w.deploy(id)
	w.done(w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{}))
	w.deploy(id)
	w.check(w.store.View(func(r model.Reader) error { // a deployment under way is none
		for k, err := range model.All[model.Task](r, model.Scan{}) {
			if err != nil || k.Kind == model.TaskDrift {
				t.Errorf("a deployment raised %+v, %v", k, err)
			}
		}
		return nil
	}))
	r := w.drifts(w.pair(other))
	tasks := w.openTasks(model.TaskDrift)
	if len(tasks) != 1 || tasks[0].Resource != r.ID || tasks[0].Instance != id {
		t.Fatalf("the tasks are %+v", tasks)
	}
	ways, err := w.engine.By(operator).Settling(tasks[0])
	w.check(err)
	if len(ways) != 2 || ways[0].Action != rules.Deploy || ways[1].Action != rules.Accept ||
		!slices.Equal(ways[1].Args, []string{r.ID.Short()}) {
		t.Errorf("it is settled by %+v", ways)
	}
	w.deploy(id) // put right
	if r := w.resource(0); r.State != model.ResourceDeployed || len(w.openTasks(model.TaskDrift)) != 0 {
		t.Errorf("put right: %s, %+v", r.State, w.openTasks(model.TaskDrift))
	}
	w.refused(ignore(w.engine.By(operator).Accept(w.ctx(), r.ID)), rules.ReasonNoDrift)

	w.drifts(w.pair(other))
	owner, err := w.engine.By(operator).Accept(w.ctx(), r.ID)
	w.check(err)
	r = w.resource(0)
	if owner.ID != other || r.Instance != other || r.State != model.ResourceDeployed || !r.DriftSince.IsZero() {
		t.Errorf("accepted: of %s, %s", r.InstanceName, r.State)
	}
	if tasks := w.openTasks(model.TaskDrift); len(tasks) != 0 {
		t.Errorf("accepted: %+v", tasks)
	}
	if d := w.get(id).Deployments; d.Total != 0 {
		t.Errorf("the former one counts %+v", d)
	}
	for _, i := range []model.ID{id, other} {
		events, err := w.engine.By(operator).Activity(lifecycle.ActivityFilter{Instance: i, Limit: 1})
		w.check(err)
		if len(events) != 1 || events[0].Action != string(rules.Accept) || events[0].Resource != r.ID {
			t.Errorf("the log says %+v", events)
		}
	}
	w.fsck()
}

// strange is a certificate of a.example.com for a year that certquay does not hold.
func strange(t *testing.T, from time.Time) ports.KeyPair {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := lifecycletest.Sign(public, big.NewInt(77), from, from.AddDate(1, 0, 0), "a.example.com")
	if err != nil {
		t.Fatal(err)
	}
	return ports.KeyPair{Chain: [][]byte{der, lifecycletest.Root().Raw}, Fingerprint: bundle.Fingerprint(der)}
}

func ignore[T any](_ T, err error) error { return err }

// A certificate that nobody has uploaded is, without its key, and looked at from then on.
//
// spec: P8
func TestAStrangeCertificateIsAcceptedWithoutItsKey(t *testing.T) {
	w := newWorld(t)
	id := w.hosted("a.example.com")
	w.deploy(id)
	w.check(w.engine.By(operator).AutoDeploy(w.ctx(), w.resource(0).ID, true))
	other := strange(t, w.clock.Now())
	r := w.drifts(other)
	owner, err := w.engine.By(operator).Accept(w.ctx(), r.ID)
	w.check(err)
	if owner.State != model.Uploaded || owner.Current().KeyID != "" || owner.Current().Fingerprint != other.Fingerprint {
		t.Errorf("it is %s, %+v", owner.State, owner.Current())
	}
	r = w.resource(0)
	if r.Instance != owner.ID || r.AutoDeploy || r.Reserved || r.State != model.ResourceDeployed {
		t.Errorf("the resource is %+v", r.Resource)
	}
	if b := w.balance("credit"); b.Reserved != 0 {
		t.Errorf("the credit of the former one: %+v", b)
	}
	w.forward(2 * days)
	w.tick()
	if r := w.resource(0); w.clock.Now().Sub(r.ProbedAt) > 24*time.Hour {
		t.Errorf("it was last looked at %s", r.ProbedAt)
	}
	w.fsck()
}

// What cannot be accepted is refused with the reason, and changes nothing.
//
// spec: P8
func TestWhatCannotBeAccepted(t *testing.T) {
	w := newWorld(t)
	id, other := w.issued("a.example.com"), w.issued("a.example.com")
	w.deploy(id)
	why := func(err error) string {
		t.Helper()
		f := w.refused(err, rules.ReasonUnacceptable)
		said, _ := f.Args["why"].(model.Text)
		if said == "" {
			t.Error("no reason is given")
		}
		return said.Code()
	}
	r := w.drifts(w.pair(other))
	w.done(w.engine.By(operator).Revoke(w.ctx(), other, lifecycle.RevokeRequest{Reason: "superseded"}))
	if got := why(ignore(w.engine.By(operator).Accept(w.ctx(), r.ID))); got != "accept.revoked" {
		t.Errorf("a revoked one: %s", got)
	}
	w.product.Put(ports.Target{Region: r.Region, Name: r.Name}, w.pair(id)) // somebody put it right meanwhile
	if got := why(ignore(w.engine.By(operator).Accept(w.ctx(), r.ID))); got != "accept.as-deployed" {
		t.Errorf("the deployed one: %s", got)
	}
	expired := strange(t, w.clock.Now().AddDate(-2, 0, 0))
	w.product.Put(ports.Target{Region: r.Region, Name: r.Name}, expired)
	if got := why(ignore(w.engine.By(operator).Accept(w.ctx(), r.ID))); got != "accept.expired" {
		t.Errorf("an expired one: %s", got)
	}
	w.product.Mu.Lock()
	clear(w.product.Shown)
	w.product.Mu.Unlock()
	why(ignore(w.engine.By(operator).Accept(w.ctx(), r.ID)))
	if now := w.resource(0); now.Instance != id || now.Deployed != r.Deployed {
		t.Errorf("it changed: %+v", now.Resource)
	}
	w.fsck()
}

// What a product is configured with differs from what it presents, such as a file that was
// changed and not read yet.
//
// spec: P8
func TestAnotherConfigurationIsDrift(t *testing.T) {
	w := newWorld(t)
	id, other := w.issued("a.example.com"), w.issued("a.example.com")
	w.deploy(id)
	r := w.resource(0)
	pair := w.pair(other)
	w.product.Mu.Lock()
	w.product.Bound[ports.Target{Region: r.Region, Name: r.Name}] = &pair
	w.product.Mu.Unlock()
	w.wait(mustJob(w.engine.By(operator).Verify(w.ctx(), r.ID)).ID)
	r = w.resource(0)
	if r.State != model.ResourceDrifted || r.Presented != r.Deployed || r.Configured != pair.Fingerprint || r.DriftSince.IsZero() {
		t.Fatalf("it is %s, configured %s", r.State, r.Configured)
	}
	if tasks := w.openTasks(model.TaskDrift); len(tasks) != 1 || tasks[0].Text.Code() != "todo.drift-configured" {
		t.Errorf("the tasks are %+v", tasks)
	}
	w.refused(ignore(w.engine.By(operator).Accept(w.ctx(), r.ID)), rules.ReasonUnacceptable)
	w.deploy(id)
	if r := w.resource(0); r.State != model.ResourceDeployed || r.Configured != r.Deployed {
		t.Errorf("put right: %s, configured %s", r.State, r.Configured)
	}
	w.fsck()
}
