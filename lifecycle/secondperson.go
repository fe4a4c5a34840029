package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"certquay/lifecycle/directory"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// How long a request waits for a second person, and for how long what it permits may be
// used once it is approved.
const (
	requestWaits = 7 * 24 * time.Hour
	requestUsed  = time.Hour
)

// ask is an action that may need a second person.
type ask struct {
	Action   rules.Action
	Instance model.ID
	Name     string
	Data     any // arguments
}

// userRequest are the arguments of a change of a user.
type userRequest struct {
	Add, Remove bool               `json:",omitempty"`
	Edit        directory.UserEdit `json:",omitzero"`
}

// downloadRequest are the arguments of the download of a private key.
type downloadRequest struct {
	Version int    `json:",omitempty"`
	Format  string `json:",omitempty"`
}

// secondPerson returns nil if the policy lets the actor do it alone, or if another has
// approved it; then the approval is used up. Otherwise it raises a task for a second
// person and returns a refusal that names it (spec G3). What would be refused anyway is
// refused at once.
func (e *Engine) secondPerson(ctx context.Context, actor model.Actor, q *ask) error {
	if !e.policy.NeedsSecondPerson(q.Action) || actor == model.Scheduler {
		return nil
	}
	if q.Instance != "" {
		c, err := e.readFacts(actor, q.Instance)
		if err != nil {
			return err
		}
		q.Name = c.Instance.Name
		if f := e.table.Check(transitionOf(q.Action), c); f != nil {
			return e.journal.LogRefusal(ctx, actor, f)
		}
	}
	if q.Action == rules.ActionUser { // the first users are made by one person
		alone, err := e.nobodyElseMay(actor, q.Action)
		if err != nil || alone {
			return err
		}
	}
	data, err := json.Marshal(q.Data)
	if err != nil {
		return err
	}
	waits := &rules.Refusal{Action: q.Action, Instance: q.Instance, Reason: rules.ReasonSecondPerson, Rule: "G3", Args: rules.Args{}}
	err = e.journal.Update(ctx, func(tx model.Tx) error {
		old, err := e.requestLike(tx, actor, q, data)
		switch {
		case err != nil:
			return err
		case old != nil && old.Outcome == model.RequestApproved:
			old.Outcome = model.RequestUsed
			waits = nil
			return tx.Put(old)
		case old != nil:
			waits.Args["task"] = old.ID.Short()
			return nil
		}
		r := &model.Request{
			ID: e.journal.NewID(), Action: string(q.Action), Instance: q.Instance, Name: q.Name, Data: data,
			At: e.Now(), By: actor.Person(), Until: e.Now().Add(requestWaits),
		}
		r.Text = requestText(r, q)
		waits.Args["task"] = r.ID.Short()
		ev := e.requestEvent(actor, r)
		ev.Action, ev.Result, ev.Detail = string(q.Action), journal.ResultWaiting, model.Say("log.second-person")
		return errors.Join(tx.Put(r), tx.Append(ev), tx.Put(&model.Task{
			ID: r.ID, Kind: model.TaskApprove, Instance: q.Instance, About: string(r.ID), Created: r.At, Until: r.Until, Text: r.Text,
			Detail: model.Say("todo.approve-how", "task", r.ID.Short()),
		}))
	})
	if err != nil || waits == nil {
		return err
	}
	return waits
}

// nobodyElseMay reports whether no other enabled user could approve an action.
func (e *Engine) nobodyElseMay(actor model.Actor, a rules.Action) (bool, error) {
	all, err := e.directory.Users()
	needed := max(e.table.Role(a), e.table.Role(rules.ActionApprove))
	for _, u := range all {
		if u.Enabled() && u.Role >= needed && !strings.EqualFold(u.Name, actor.Name) {
			return false, nil
		}
	}
	return true, err
}

// transitionOf returns the action of the transition table that a request waits for.
func transitionOf(a rules.Action) rules.Action {
	if a == rules.ActionDownloadKey {
		return rules.Download
	}
	return a
}

// requestText describes what was asked for.
func requestText(r *model.Request, q *ask) model.Text {
	if u, ok := q.Data.(userRequest); ok {
		return model.Say("todo.approve-user", "by", r.By.Name, "user", r.Name, "what", u.text())
	}
	why := ""
	switch d := q.Data.(type) {
	case RevokeRequest:
		why = d.Reason
	case downloadRequest:
		why = d.Format
	}
	if why == "" {
		return model.Say("todo.approve", "by", r.By.Name, "action", r.Action, "name", r.Name)
	}
	return model.Say("todo.approve-what", "by", r.By.Name, "action", r.Action, "name", r.Name, "what", why)
}

// text describes a change of a user.
func (u *userRequest) text() model.Text {
	var parts []model.Text
	switch {
	case u.Remove:
		return model.Say("log.removed")
	case u.Add:
		parts = append(parts, model.Say("log.added"))
	}
	say := func(code, name string, values []string) {
		for _, v := range values {
			parts = append(parts, model.Say(code, name, v))
		}
	}
	if u.Edit.Role != model.NoRole {
		parts = append(parts, model.Say("user.edit-role", "role", u.Edit.Role))
	}
	for _, line := range u.Edit.AddKeys {
		if k, err := directory.ParseUserKey(line); err == nil {
			say("log.user-key-added", "fingerprint", []string{k.Fingerprint})
		}
	}
	say("log.user-key-removed", "fingerprint", u.Edit.RemoveKeys)
	say("log.user-principal-added", "principal", u.Edit.AddPrincipals)
	say("log.user-principal-removed", "principal", u.Edit.RemovePrincipals)
	if d := u.Edit.Disable; d != nil && *d {
		parts = append(parts, model.Say("log.user-disabled"))
	} else if d != nil {
		parts = append(parts, model.Say("log.user-enabled"))
	}
	return model.Texts(parts...)
}

// requestLike returns the actor's own request for the same, which waits or may be used;
// nil if there is none.
func (e *Engine) requestLike(r model.Reader, actor model.Actor, q *ask, data []byte) (*model.Request, error) {
	key := string(q.Action) + "/" + string(q.Instance)
	for old, err := range model.All[model.Request](r, model.Scan{Index: "pending", From: key, To: key + "\x00"}) {
		switch {
		case err != nil:
			return nil, err
		case old.By.Name != actor.Name, old.By.Key != actor.Key, old.Name != q.Name, e.Now().After(old.Until):
		case string(old.Data) == string(data):
			return &old, nil
		}
	}
	return nil, nil
}

// requestEvent is an event about a request.
func (e *Engine) requestEvent(actor model.Actor, r *model.Request) model.Event {
	ev := e.journal.Event(actor, rules.ActionApprove, nil)
	ev.Instance, ev.Name, ev.Detail = r.Instance, r.Name, r.Text
	return ev
}

// Approved is what an approval has led to.
type Approved struct {
	Request model.Request
	Job     model.Job // that the action started, if any
}

// ApproveRequest lets what another person asked for be done (spec G3), and does it: it
// returns what that started. A private key is not sent to who approves; the person who
// asked downloads it within the hour. Who approves must have the role of the action and
// at least that of a reviewer.
func (a *Access) ApproveRequest(ctx context.Context, typed string) (Approved, error) {
	return asActor(ctx, a, rules.ActionApprove, "", func(by model.Actor) (Approved, error) {
		r, err := a.e.decide(ctx, by, typed, model.RequestApproved)
		if err != nil {
			return Approved{}, a.e.journal.LogRefusal(ctx, by, err)
		}
		return a.e.carryOut(context.WithoutCancel(ctx), r)
	})
}

// RejectRequest ends what another person asked for.
func (a *Access) RejectRequest(ctx context.Context, typed string) (model.Request, error) {
	return asActor(ctx, a, rules.ActionApprove, "", func(by model.Actor) (model.Request, error) {
		r, err := a.e.decide(ctx, by, typed, model.RequestRejected)
		return r, a.e.journal.LogRefusal(ctx, by, err)
	})
}

// decide ends the task of a request with an outcome.
func (e *Engine) decide(ctx context.Context, by model.Actor, typed, outcome string) (r model.Request, err error) {
	err = e.journal.Update(ctx, func(tx model.Tx) error {
		t, err := openTask(tx, typed)
		if err != nil {
			return err
		}
		if t.Kind != model.TaskApprove {
			return &rules.Refusal{
				Action: rules.ActionApprove,
				Reason: rules.ReasonNoRequest,
				Rule:   "G3",
				Args:   rules.Args{"task": t.ID.Short()},
			}
		}
		if r, err = model.Get[model.Request](tx, t.About); err != nil {
			return rules.ReadError("task", model.ID(t.About), err)
		}
		if outcome == model.RequestApproved {
			if f := e.mayApprove(by, &r); f != nil {
				return f
			}
		}
		return e.endRequest(tx, by, &t, &r, outcome)
	})
	return r, err
}

// mayApprove refuses to approve one's own request, or what one may not do oneself.
func (e *Engine) mayApprove(by model.Actor, r *model.Request) *rules.Refusal {
	if strings.EqualFold(r.By.Name, by.Name) || r.By.Key != "" && r.By.Key == by.Key {
		return &rules.Refusal{Action: rules.ActionApprove, Instance: r.Instance, Reason: rules.ReasonOwnRequest, Rule: "G3"}
	}
	return e.whoMay(e.table.May(by, rules.Action(r.Action)))
}

// endRequest ends a request and its task.
func (e *Engine) endRequest(tx model.Tx, by model.Actor, t *model.Task, r *model.Request, outcome string) error {
	r.Done, r.Outcome, r.Decided = e.Now(), outcome, by.Person()
	if outcome == model.RequestApproved {
		r.Until = e.Now().Add(requestUsed)
	}
	t.Done, t.Outcome = e.Now(), outcome
	ev := e.requestEvent(by, r)
	said := model.Say("log.request-rejected")
	if outcome == model.RequestApproved {
		said = model.Say("log.request-approved")
	}
	ev.Detail = model.Texts(r.Text, said)
	return errors.Join(tx.Put(r), tx.Put(t), tx.Append(ev))
}

// carryOut does what was approved as the person who asked, with the role that they have
// now, which each action checks itself.
func (e *Engine) carryOut(ctx context.Context, r model.Request) (done Approved, err error) {
	done.Request = r
	if rules.Action(r.Action) == rules.ActionDownloadKey {
		return done, nil // the person who asked takes it
	}
	by, err := e.presentActor(r.By)
	if err == nil {
		done.Job, err = e.perform(ctx, by, &r)
	}
	r.Outcome = model.RequestUsed
	if err != nil {
		r.Outcome = model.RequestFailed
	}
	done.Request = r
	return done, errors.Join(err, e.journal.Update(ctx, func(tx model.Tx) error { return tx.Put(&r) }))
}

// perform does what a request asks for.
func (e *Engine) perform(ctx context.Context, by model.Actor, r *model.Request) (j model.Job, err error) {
	switch rules.Action(r.Action) {
	case rules.Revoke:
		var q RevokeRequest
		if err := json.Unmarshal(r.Data, &q); err != nil {
			return j, err
		}
		return e.revoke(ctx, by, r.Instance, q)
	case rules.Delete:
		return j, e.delete(ctx, by, r.Instance)
	case rules.ActionUser:
		var q userRequest
		if err := json.Unmarshal(r.Data, &q); err != nil {
			return j, err
		}
		switch {
		case q.Add:
			_, err = e.directory.AddUser(ctx, by, r.Name, q.Edit)
		case q.Remove:
			err = e.directory.RemoveUser(ctx, by, r.Name)
		default:
			_, err = e.directory.EditUser(ctx, by, r.Name, q.Edit)
		}
		return j, err
	}
	return j, model.Fail("error.no-such-request", "action", r.Action)
}

// withdrawRequest ends a request whose task is dismissed.
func (e *Engine) withdrawRequest(tx model.Tx, by model.Actor, t *model.Task) error {
	r, err := model.Get[model.Request](tx, t.About)
	if err != nil {
		return rules.ReadError("task", model.ID(t.About), err)
	}
	return e.endRequest(tx, by, t, &r, model.RequestRejected)
}
