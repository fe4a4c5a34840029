package lifecycle_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/directory"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// person is an actor over SSH with a role.
func person(name string, role model.Role) model.Actor {
	return model.Actor{Name: name, Role: role, Via: "ssh", Key: "SHA256:" + name}
}

// sshKey is a new public key as a line of authorized_keys.
func sshKey(t testing.TB, comment string) string {
	t.Helper()
	pub, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + " " + comment
}

// invalid expects an error about a field.
func (w *world) invalid(err error, field string) {
	w.t.Helper()
	var i *rules.Invalid
	if !errors.As(err, &i) || i.Field != field {
		w.t.Errorf("want an invalid %s, got %v", field, err)
	}
}

// spec: G1
func TestUsersOfTheStore(t *testing.T) {
	w := newWorld(t)
	owner, admin := w.engine.By(operator), w.engine.By(person("ada", model.Admin))
	line := sshKey(t, "ben@laptop")
	ben, err := admin.AddUser(w.ctx(), " Ben ", directory.UserEdit{AddKeys: []string{line}, AddPrincipals: []string{"ben@example.com"}})
	w.check(err)
	if ben.Name != "Ben" || ben.Role != model.Viewer || ben.By != "ada" || len(ben.Keys) != 1 || ben.Keys[0].Comment != "ben@laptop" {
		t.Errorf("added: %+v", ben)
	}
	_, err = admin.AddUser(w.ctx(), "BEN", directory.UserEdit{})
	w.refused(err, rules.ReasonNameTaken)
	_, err = admin.AddUser(w.ctx(), "carl", directory.UserEdit{AddKeys: []string{line}})
	w.invalid(err, "key")
	_, err = admin.AddUser(w.ctx(), "carl", directory.UserEdit{AddPrincipals: []string{"ben@example.com"}})
	w.invalid(err, "principal")
	for field, e := range map[string]directory.UserEdit{
		"key":       {AddKeys: []string{"-----BEGIN OPENSSH PRIVATE KEY-----"}},
		"principal": {AddPrincipals: []string{"a\x1b[2J"}},
	} {
		_, err = admin.EditUser(w.ctx(), "ben", e)
		w.invalid(err, field)
	}
	_, err = admin.EditUser(w.ctx(), "ben", directory.UserEdit{AddKeys: []string{`role="owner" ` + sshKey(t, "x")}})
	w.invalid(err, "key")
	for _, name := range []string{"", "certquay", strings.Repeat("n", 65), "a\x07"} {
		_, err = admin.AddUser(w.ctx(), name, directory.UserEdit{})
		w.invalid(err, "name")
	}

	// Nobody gives, takes or changes a role above their own.
	_, err = admin.EditUser(w.ctx(), "ben", directory.UserEdit{Role: model.Owner})
	w.refused(err, rules.ReasonRole)
	_, err = owner.EditUser(w.ctx(), "ben", directory.UserEdit{Role: model.Owner})
	w.check(err)
	w.refused(admin.RemoveUser(w.ctx(), "ben"), rules.ReasonRole)
	_, err = admin.EditUser(w.ctx(), "ben", directory.UserEdit{Role: model.Viewer})
	w.refused(err, rules.ReasonRole)

	found, err := w.engine.UserByKey(ben.Keys[0].Fingerprint)
	w.check(err)
	other, err := w.engine.UserByPrincipals([]string{"nobody", "ben@example.com"})
	w.check(err)
	if found.ID != ben.ID || other.ID != ben.ID || found.Role != model.Owner {
		t.Errorf("found by key %+v and by principal %+v", found, other)
	}
	off := true
	u, err := owner.EditUser(w.ctx(), "ben", directory.UserEdit{
		Disable:          &off,
		RemoveKeys:       []string{strings.TrimPrefix(ben.Keys[0].Fingerprint, "SHA256:")[:8]},
		RemovePrincipals: []string{"ben@example.com"},
	})
	w.check(err)
	if u.Enabled() || len(u.Keys)+len(u.Principals) != 0 {
		t.Errorf("disabled: %+v", u)
	}
	if _, err := w.engine.UserByKey(ben.Keys[0].Fingerprint); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("a removed key is still found: %v", err)
	}
	w.check(owner.RemoveUser(w.ctx(), "ben"))
	all, err := owner.Users()
	w.check(err)
	events, err := owner.Activity(lifecycle.ActivityFilter{Actions: []string{"user"}, Results: []string{journal.ResultOK}})
	w.check(err)
	if len(all) != 0 || len(events) != 4 {
		t.Errorf("%d users are left, %d events", len(all), len(events))
	}
	w.fsck()
}

// A certificate whose principals mean two users means neither. spec: G1
func TestACertificateOfTwoUsersIsNobody(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"ben", "carl"} {
		_, err := w.engine.By(operator).AddUser(w.ctx(), name, directory.UserEdit{AddPrincipals: []string{name}})
		w.check(err)
	}
	if u, err := w.engine.UserByPrincipals([]string{"ben", "carl"}); err == nil || errors.Is(err, model.ErrNotFound) {
		t.Errorf("it means %+v, %v", u, err)
	}
}

// An action without a role is nobody's, and fails loudly. spec: G2
func TestAnActionWithoutARoleFails(t *testing.T) {
	table := rules.NewTransitionTable()
	all := table.Actions()
	if len(all) < 45 {
		t.Errorf("only %d actions", len(all))
	}
	for _, a := range all {
		for _, role := range append([]model.Role{model.NoRole}, model.Roles...) {
			may := table.May(model.Actor{Role: role}, a) == nil
			if may != (role >= table.Role(a)) || may && role == model.NoRole {
				t.Errorf("%s may %s: %v", role, a, may)
			}
		}
	}
	table.Transition(rules.Deploy).Role = model.NoRole
	defer func() {
		if recover() == nil {
			t.Error("an action without a role is permitted")
		}
	}()
	_ = table.May(operator, rules.Deploy)
}

// spec: G2
func TestARefusalNamesWhoMay(t *testing.T) {
	w := newWorld(t)
	for name, role := range map[string]model.Role{"carla": model.Owner, "ben": model.Reviewer, "dora": model.Operator} {
		_, err := w.engine.By(operator).AddUser(w.ctx(), name, directory.UserEdit{Role: role})
		w.check(err)
	}
	f := w.refused(w.engine.By(person("dora", model.Operator)).Approve(w.ctx(), w.bought()), rules.ReasonRole)
	if said := inWords(f.InsteadText()); said != "ask ben or carla" {
		t.Errorf("it says %q", said)
	}
	for _, c := range []struct {
		role   model.Role
		action rules.Action
		said   string
	}{
		{model.NoRole, rules.Review, "ask a person with that role"}, // names nobody to whoever may not read
		{model.Viewer, rules.Review, "ask ben or carla"}, {model.Reviewer, rules.ActionUser, "ask carla"},
	} {
		a := w.engine.By(person("x", c.role))
		if said := inWords(a.WhoMay(a.May(c.action)).InsteadText()); said != c.said {
			t.Errorf("%s of a %s: it says %q", c.action, c.role, said)
		}
	}
	_, err := w.engine.By(operator).EditUser(w.ctx(), "carla", directory.UserEdit{Role: model.Reviewer})
	w.check(err)
	a := w.engine.By(person("x", model.Viewer))
	if said := inWords(a.WhoMay(a.May(rules.ActionUser)).InsteadText()); said != "ask the owner on the server itself" {
		t.Errorf("of nobody it says %q", said)
	}
}

// What is secret needs a role of its own, and is logged before it leaves. spec: G2
func TestSecretsNeedTheirOwnRole(t *testing.T) {
	w, bought := reviewedWorld(t)
	id := bought()
	j := w.applyOV(id, "a.example.com")
	w.wait(j.ID)
	vera, olga := w.engine.By(person("vera", model.Viewer)), w.engine.By(person("olga", model.Operator))
	if docs, err := vera.Documents(id); err == nil || docs != nil {
		t.Errorf("a viewer sees %+v", docs)
	}
	docs, err := olga.Documents(id)
	w.check(err)
	if len(docs) != 1 || !docs[0].Data.Empty() {
		t.Errorf("an operator sees the documents themselves: %+v", docs)
	}
	_, err = olga.ReadDocuments(w.ctx(), id)
	w.refused(err, rules.ReasonRole)
	docs, err = w.engine.By(person("rita", model.Reviewer)).ReadDocuments(w.ctx(), id)
	w.check(err)
	if len(docs) != 1 || docs[0].Data.Empty() {
		t.Errorf("a reviewer reads %+v", docs)
	}

	id = w.issued("b.example.com")
	secret := func(files []bundle.OutFile) bool {
		return slices.ContainsFunc(files, func(f bundle.OutFile) bool { return f.Secret })
	}
	for _, format := range bundle.Formats() {
		if format == "root" { // the scripted CA has none
			continue
		}
		files, err := olga.Download(w.ctx(), id, format)
		if secret(files) {
			t.Errorf("an operator has the key as %s", format)
		}
		all, aerr := w.engine.By(person("ada", model.Admin)).Download(w.ctx(), id, format)
		w.check(aerr)
		if held := secret(all); held == (err == nil) {
			t.Errorf("%s: holds a key %v, the operator gets %v", format, held, err)
		}
		if err != nil {
			w.refused(err, rules.ReasonRole)
		}
	}
	for who, action := range map[string]string{"rita": "read-document", "ada": "download-key", "olga": "download"} {
		events, err := w.engine.By(operator).Activity(lifecycle.ActivityFilter{
			Actors: []string{who}, Actions: []string{action}, Results: []string{journal.ResultOK},
		})
		w.check(err)
		if len(events) == 0 {
			t.Errorf("%s of %s is not logged", action, who)
		}
	}
}

// What cannot be logged does not leave. spec: G2
func TestWhatIsNotLoggedDoesNotLeave(t *testing.T) {
	w := newWorld(t)
	id := w.issued("a.example.com")
	ctx, cancel := context.WithCancel(w.ctx())
	cancel()
	if files, err := w.engine.By(operator).Download(ctx, id, "pem"); err == nil || files != nil {
		t.Errorf("without an event there are %d files, %v", len(files), err)
	}
}

// spec: G3
func TestAnApplicantDoesNotReview(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy rules.FourEyes
		second bool // another enabled reviewer
		may    bool
	}{
		{"alone", rules.FourEyesAuto, false, true},
		{"with another reviewer", rules.FourEyesAuto, true, false},
		{"always", rules.FourEyesAlways, false, false},
		{"never", rules.FourEyesNever, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, bought := reviewedWorld(t)
			w.engine.Close()
			w.policy.FourEyes = c.policy
			w.start(w.store)
			off := true
			for name, e := range map[string]directory.UserEdit{
				"rita": {Role: model.Reviewer}, "dis": {Role: model.Owner, Disable: &off}, "olga": {Role: model.Operator},
				"ANNA": {Role: model.Owner},
			} {
				if name == "rita" && !c.second {
					continue
				}
				_, err := w.engine.By(operator).AddUser(w.ctx(), name, e)
				w.check(err)
			}
			id := bought()
			w.wait(w.applyOV(id, "a.example.com").ID)
			err := w.engine.By(operator).Approve(w.ctx(), id)
			if !c.may {
				f := w.refused(err, rules.ReasonOwnReview)
				if said := inWords(f.InsteadText()); c.second && said != "ask rita" {
					t.Errorf("it says %q", said)
				}
				w.check(w.engine.By(person("rita", model.Reviewer)).Approve(w.ctx(), id))
				return
			}
			w.check(err)
			events, err := w.engine.By(operator).Activity(lifecycle.ActivityFilter{Instance: id, Actions: []string{"review"}})
			w.check(err)
			if said := inWords(events[0].Detail); said != "approved, reviewed by its applicant" {
				t.Errorf("the event says %q", said)
			}
		})
	}
}

// secondWorld demands a second person for everything that can.
func secondWorld(t *testing.T) *world {
	w := newWorld(t)
	w.engine.Close()
	w.policy.SecondPerson = rules.SecondPersonActions
	w.start(w.store)
	return w
}

// spec: G3
func TestASecondPersonApproves(t *testing.T) {
	w := secondWorld(t)
	ada, rita, eve := w.engine.By(
		person("ada", model.Admin),
	), w.engine.By(
		person("rita", model.Owner),
	), w.engine.By(
		person("eve", model.Operator),
	)
	asked := func(err error) string {
		t.Helper()
		task, _ := w.refused(err, rules.ReasonSecondPerson).Args["task"].(string)
		return task
	}
	id := w.issued("a.example.com")

	// A key goes once to who asked for it, not to who approves.
	_, err := ada.Download(w.ctx(), id, "pem")
	task := asked(err)
	_, err = ada.Download(w.ctx(), id, "pem")
	if again := asked(err); again != task {
		t.Errorf("asking again is another task: %s, %s", task, again)
	}
	_, err = ada.ApproveRequest(w.ctx(), task)
	w.refused(err, rules.ReasonOwnRequest)
	_, err = eve.ApproveRequest(w.ctx(), task)
	w.refused(err, rules.ReasonRole)
	_, err = w.engine.By(person("rea", model.Reviewer)).ApproveRequest(w.ctx(), task) // has no right to keys herself
	w.refused(err, rules.ReasonRole)
	_, err = rita.ApproveRequest(w.ctx(), task)
	w.check(err)
	_, err = ada.Download(w.ctx(), id, "nginx") // was not asked for
	asked(err)
	files, err := ada.Download(w.ctx(), id, "pem")
	w.check(err)
	if len(files) == 0 {
		t.Error("there is no key")
	}
	_, err = ada.Download(w.ctx(), id, "pem")
	task = asked(err)
	_, err = rita.ApproveRequest(w.ctx(), task)
	w.check(err)
	w.forward(2 * time.Hour)
	_, err = ada.Download(w.ctx(), id, "pem")
	asked(err) // too late
	if _, err := ada.Download(w.ctx(), id, "chain"); err != nil {
		t.Errorf("without a key: %v", err)
	}

	// A user is changed as it was asked for, once there is somebody to approve it.
	_, err = ada.AddUser(w.ctx(), "rita", directory.UserEdit{Role: model.Admin})
	w.check(err)
	_, err = ada.AddUser(w.ctx(), "ben", directory.UserEdit{Role: model.Operator, AddKeys: []string{sshKey(t, "ben")}})
	_, err = rita.ApproveRequest(w.ctx(), asked(err))
	w.check(err)
	if u, err := rita.User("ben"); err != nil || u.Role != model.Operator || len(u.Keys) != 1 || u.By != "ada" {
		t.Errorf("approved: %+v %v", u, err)
	}

	// Revoking and deleting are done when they are approved, as whoever asked may still do it.
	_, err = eve.Revoke(w.ctx(), id, lifecycle.RevokeRequest{Reason: "superseded"})
	task = asked(err)
	if w.get(id).State != model.Issued {
		t.Error("it is revoked without a second person")
	}
	done, err := rita.ApproveRequest(w.ctx(), task)
	w.check(err)
	w.done(done.Job, nil)
	if i := w.get(id); i.State.Group() != model.GroupEnded {
		t.Errorf("approved and %s", i.State)
	}
	tasks, err := rita.Tasks(0)
	w.check(err)
	for _, k := range tasks {
		if k.Kind == model.TaskApprove && k.Instance == id && k.ID.HasTail(task) {
			t.Errorf("the task is open still: %+v", k)
		}
	}
	w.refused(eve.Delete(w.ctx(), w.issued("c.example.com")), rules.ReasonRevokeFirst) // would be refused anyway
	task = asked(eve.Delete(w.ctx(), id))
	r, err := rita.RejectRequest(w.ctx(), task)
	w.check(err)
	if w.get(id); r.Outcome != model.RequestRejected {
		t.Errorf("rejected: %+v", r)
	}
	_, err = rita.ApproveRequest(w.ctx(), task)
	if !errors.Is(err, model.ErrNotFound) {
		t.Errorf("what was rejected is approved: %v", err)
	}
	task = asked(eve.Delete(w.ctx(), id))
	_, err = eve.DismissTask(w.ctx(), task) // takes it back
	w.check(err)
	task = asked(eve.Delete(w.ctx(), id))
	_, err = rita.ApproveRequest(w.ctx(), task)
	w.check(err)
	if _, err := rita.Instance(id); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("approved and not deleted: %v", err)
	}
	w.fsck()
}

// Who has lost the role meanwhile does not get done what they asked for. spec: G3
func TestAnApprovalAsksForTheRoleAgain(t *testing.T) {
	off := true
	for what, edit := range map[string]directory.UserEdit{"another role": {Role: model.Viewer}, "disabled": {Disable: &off}} {
		w := newWorld(t)
		owner := w.engine.By(operator)
		_, err := owner.AddUser(w.ctx(), "eve", directory.UserEdit{Role: model.Operator})
		w.check(err)
		id := w.issued("a.example.com")
		w.engine.Close()
		w.policy.SecondPerson = []rules.Action{rules.Revoke}
		w.start(w.store)
		owner = w.engine.By(operator)
		_, err = w.engine.By(person("eve", model.Operator)).Revoke(w.ctx(), id, lifecycle.RevokeRequest{Reason: "superseded"})
		task, _ := w.refused(err, rules.ReasonSecondPerson).Args["task"].(string)
		_, err = owner.EditUser(w.ctx(), "eve", edit)
		w.check(err)
		_, err = owner.ApproveRequest(w.ctx(), task)
		w.refused(err, rules.ReasonRole)
		if w.get(id).State != model.Issued {
			t.Errorf("%s: it is revoked", what)
		}
	}
}

// Nor does who was to manage users, and no longer is. spec: G3
func TestAnApprovalOfAUserAsksForTheRoleAgain(t *testing.T) {
	w := newWorld(t)
	owner := w.engine.By(operator)
	for _, name := range []string{"ada", "bob"} {
		_, err := owner.AddUser(w.ctx(), name, directory.UserEdit{Role: model.Admin, AddKeys: []string{sshKey(t, name)}})
		w.check(err)
	}
	w.engine.Close()
	w.policy.SecondPerson = []rules.Action{rules.ActionUser}
	w.start(w.store)
	_, err := w.engine.By(person("ada", model.Admin)).AddUser(w.ctx(), "eve", directory.UserEdit{Role: model.Operator})
	task, _ := w.refused(err, rules.ReasonSecondPerson).Args["task"].(string)
	w.engine.Close()
	w.policy.SecondPerson = nil
	w.start(w.store)
	owner = w.engine.By(operator)
	_, err = owner.EditUser(w.ctx(), "ada", directory.UserEdit{Role: model.Viewer})
	w.check(err)
	_, err = owner.ApproveRequest(w.ctx(), task)
	w.refused(err, rules.ReasonRole)
	if _, err := owner.User("eve"); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("eve was added: %v", err)
	}
}

// Nobody approves what they may not do themselves. spec: G2 G3
func TestAnApprovalNeedsTheRoleOfTheAction(t *testing.T) {
	w := newWorld(t)
	id := w.issued("a.example.com")
	w.engine.Close()
	w.policy.SecondPerson = []rules.Action{rules.ActionDownloadKey}
	w.start(w.store)
	ada := w.engine.By(person("ada", model.Admin))
	_, err := ada.Download(w.ctx(), id, "nginx")
	task, _ := w.refused(err, rules.ReasonSecondPerson).Args["task"].(string)
	_, err = w.engine.By(person("rita", model.Reviewer)).ApproveRequest(w.ctx(), task)
	w.refused(err, rules.ReasonRole)
	_, err = ada.Download(w.ctx(), id, "nginx")
	w.refused(err, rules.ReasonSecondPerson)
	_, err = w.engine.By(operator).ApproveRequest(w.ctx(), task)
	w.check(err)
	_, err = ada.Download(w.ctx(), id, "nginx")
	w.check(err)
}

// A request that nobody decides ends after a week. spec: G3
func TestARequestEnds(t *testing.T) {
	w := secondWorld(t)
	id := w.issued("a.example.com")
	_, err := w.engine.By(person("eve", model.Operator)).Revoke(w.ctx(), id, lifecycle.RevokeRequest{Reason: "superseded"})
	task, _ := w.refused(err, rules.ReasonSecondPerson).Args["task"].(string)
	w.forward(8 * days)
	_, err = w.engine.By(operator).ApproveRequest(w.ctx(), task)
	if !errors.Is(err, model.ErrNotFound) {
		t.Errorf("approved after a week: %v", err)
	}
}
