package outbox

import (
	"errors"
	"strings"

	"certquay/lifecycle/directory"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Actions of events that are no actions of the transition table.
const (
	actionTask   = "task"   // a task was raised; not in the log
	actionExpiry = "expiry" // a notice of expiry is due
	actionNotify = "notify" // a notice could not be delivered, or finally was
)

// Reasons of events that noticeRules distinguishes.
const (
	ReasonProof = "issue.proof"
	ReasonDrift = "verify.another-certificate"
)

// noticeRules determine which events produce a notice, and of which kind (spec
// N1); the first match counts. Every kind of job has a rule for its failure, so
// that none is silent (spec N2).
var noticeRules = []struct {
	action, result string
	why, reason    string // "" for any
	moved          bool   // only if the state has changed
	kind           model.NoticeKind
}{
	{action: string(model.JobIssue), result: journal.ResultOK, kind: model.NoticeIssued},
	{action: string(model.JobIssue), result: journal.ResultFailed, kind: model.NoticeIssueFailed},
	{action: string(model.JobIssue), result: journal.ResultWaiting, reason: ReasonProof, kind: model.NoticeProof},
	{action: string(rules.Reject), result: journal.ResultFailed, kind: model.NoticeRejected},
	{action: string(model.JobReissue), result: journal.ResultOK, kind: model.NoticeRenewed},
	{action: string(model.JobReissue), result: journal.ResultFailed, kind: model.NoticeRenewalFailed},
	{action: string(model.JobReissue), result: journal.ResultWaiting, reason: ReasonProof, kind: model.NoticeProof},
	// A manual renewal has the same action but another cause: it only buys.
	{action: string(model.JobRenew), result: journal.ResultOK, why: journal.CauseScheduled, kind: model.NoticeRenewed},
	{action: string(model.JobRenew), result: journal.ResultFailed, kind: model.NoticeHostingFailing},
	{action: string(model.JobRenew), result: journal.ResultWaiting, reason: ReasonProof, kind: model.NoticeProof},
	{action: string(model.JobDeploy), result: journal.ResultOK, kind: model.NoticeDeployed},
	{action: string(model.JobDeploy), result: journal.ResultFailed, kind: model.NoticeDeploymentFailed},
	{action: string(model.JobUndeploy), result: journal.ResultFailed, kind: model.NoticeUndeployFailed},
	{action: string(model.JobClean), result: journal.ResultFailed, kind: model.NoticeCleanFailed},
	{action: string(model.JobVerify), result: journal.ResultFailed, reason: ReasonDrift, kind: model.NoticeDrift},
	{action: string(model.JobVerify), result: journal.ResultFailed, kind: model.NoticeVerifyFailed},
	{action: string(model.JobRevoke), result: journal.ResultOK, moved: true, kind: model.NoticeRevoked},
	{action: string(model.JobRevoke), result: journal.ResultOK, why: journal.CauseCARevoked, kind: model.NoticeRevoked},
	{action: string(model.JobRevoke), result: journal.ResultFailed, kind: model.NoticeRevokeFailed},
	{action: string(rules.AutoDeploy), result: journal.ResultWaiting, kind: model.NoticeWaiting},
	{action: string(rules.Host), result: journal.ResultOK, kind: model.NoticeHosting},
	// The unused renewal that becomes an instance of its own is part of the stop.
	{action: string(rules.StopHosting), result: journal.ResultOK, moved: true, kind: ""},
	{action: string(rules.StopHosting), result: journal.ResultOK, kind: model.NoticeHostingStopped},
	{action: string(rules.EndHosting), result: journal.ResultOK, kind: model.NoticeHostingStopped},
	// The job's own event reports a required proof.
	{action: actionTask, result: journal.ResultWaiting, reason: string(model.TaskProve), kind: ""},
	// The event of the probe reports a watched endpoint.
	{action: actionTask, result: journal.ResultWaiting, reason: string(model.TaskWatch), kind: ""},
	{action: actionTask, result: journal.ResultWaiting, reason: string(model.TaskDrift), kind: ""},
	// The event of the verification reports a resource that presents nothing.
	{action: actionTask, result: journal.ResultWaiting, reason: string(model.TaskAddress), kind: ""},
	// The notices of expiry and of the first failure report these.
	{action: actionTask, result: journal.ResultWaiting, reason: string(model.TaskExpiry), kind: ""},
	{action: actionTask, result: journal.ResultWaiting, reason: string(model.TaskHostingEnds), kind: ""},
	{action: actionTask, result: journal.ResultWaiting, reason: string(model.TaskFailing), kind: ""},
	// What cannot be delivered is no reason for further notices.
	{action: actionTask, result: journal.ResultWaiting, reason: string(model.TaskContact), kind: ""},
	{action: actionTask, result: journal.ResultWaiting, reason: string(model.TaskChannel), kind: ""},
	// The event of the first failure reports a failing backup.
	{action: actionTask, result: journal.ResultWaiting, reason: string(model.TaskBackup), kind: ""},
	{action: string(journal.Backup), result: journal.ResultFailed, why: journal.CauseScheduled, kind: model.NoticeBackupFailed},
	{action: actionTask, result: journal.ResultWaiting, kind: model.NoticeTask},
	{action: actionExpiry, result: journal.ResultOK, kind: model.NoticeExpiry},
	{action: rules.ActionWatch, result: journal.ResultOK, kind: model.NoticeWatch},
	{action: rules.ActionWatch, result: journal.ResultFailed, kind: model.NoticeWatch},
}

// noticeOf returns the kind of notice that an event produces; "" for none. A
// repeated failure produces none (spec H9).
func noticeOf(ev *model.Event) model.NoticeKind {
	if ev.SuppressNotice {
		return ""
	}
	for _, n := range noticeRules {
		if n.action == ev.Action && n.result == ev.Result &&
			(n.why == "" || n.why == ev.Why) && (n.reason == "" || n.reason == ev.Reason.Code()) && (!n.moved || ev.To != "") {
			return n.kind
		}
	}
	return ""
}

// noticeTx is a transaction that collects the events that produce notices.
type noticeTx struct {
	model.Tx
	events []model.Event
	// watches are the watched endpoints of events, by the index of the event.
	watches map[int]*model.Watch
	// waiting are the events of applications that wait for something.
	waiting []model.Event
}

// Append appends the event and collects it if it produces a notice.
func (t *noticeTx) Append(ev model.Event) error {
	if err := t.Tx.Append(ev); err != nil {
		return err
	}
	t.collect(ev)
	return nil
}

// AppendWatchEvent appends an event about a watched endpoint.
func AppendWatchEvent(tx model.Tx, ev model.Event, w *model.Watch) error {
	if t, ok := tx.(*noticeTx); ok {
		if t.watches == nil {
			t.watches = map[int]*model.Watch{}
		}
		t.watches[len(t.events)] = w
	}
	return tx.Append(ev)
}

func (t *noticeTx) collect(ev model.Event) {
	if ev.Action == string(model.JobIssue) && ev.Result == journal.ResultWaiting {
		t.waiting = append(t.waiting, ev)
	}
	if noticeOf(&ev) != "" {
		t.events = append(t.events, ev)
	}
}

// Put writes the record. A new task counts as an event.
func (t *noticeTx) Put(r model.Record) error {
	if task, ok := r.(*model.Task); ok && task.Done.IsZero() {
		err := t.Get(&model.Task{ID: task.ID})
		if errors.Is(err, model.ErrNotFound) {
			t.collect(model.Event{
				At: task.Created, Action: actionTask, Result: journal.ResultWaiting, Reason: model.Say(string(task.Kind)),
				Instance: task.Instance, Resource: task.Resource, Detail: model.Texts(task.Text, task.Detail),
			})
		} else if err != nil {
			return err
		}
	}
	return t.Tx.Put(r)
}

// wrap returns a function that runs write and then writes the notices of its
// events; after wakes the outbox if there were any.
func (o *Outbox) wrap(write func(model.Tx) error) (wrapped func(model.Tx) error, after func()) {
	wrote := 0
	return func(tx model.Tx) error {
			t := &noticeTx{Tx: tx}
			if err := write(t); err != nil {
				return err
			}
			n, err := o.write(t)
			wrote = n
			for k := range t.waiting {
				if err == nil {
					var mailed bool
					mailed, err = o.writeVerification(t.Tx, &t.waiting[k])
					wrote += map[bool]int{true: 1}[mailed]
				}
			}
			return err
		}, func() {
			if wrote > 0 {
				o.Wake()
			}
		}
}

// write writes a notice for each channel of the recipients of each collected
// event, in the transaction of the events. It returns their number.
func (o *Outbox) write(t *noticeTx) (wrote int, err error) {
	for n := range t.events {
		ev := &t.events[n]
		var i *model.Instance
		if ev.Instance != "" {
			got, err := model.Get[model.Instance](t, string(ev.Instance))
			if err != nil {
				return wrote, rules.ReadError("instance", ev.Instance, err)
			}
			i = &got
		}
		var contact, watch model.ID
		switch w := t.watches[n]; {
		case i != nil:
			contact = i.Contact
		case w != nil:
			contact, watch = w.Contact, w.ID
		}
		who, err := o.recipients(t, contact)
		if err != nil {
			return wrote, err
		}
		if len(who) == 0 {
			continue
		}
		subject, text, err := o.compose(t, ev, i)
		if err != nil {
			return wrote, err
		}
		for c := range who {
			for number, shown := range o.directory.ChannelsOf(&who[c]) {
				notice := model.Notice{
					ID:       o.journal.NewID(),
					Kind:     noticeOf(ev),
					At:       ev.At,
					Instance: ev.Instance,
					Resource: ev.Resource,
					Watch:    watch,
					Name:     o.nameOf(ev),
					Contact:  who[c].ID,
					Channel:  model.ChannelKey(who[c].ID, number),
					To:       who[c].Name + ", " + shown,
					Subject:  subject,
					Text:     text,
					Next:     ev.At,
				}
				if i != nil {
					notice.Name = i.Name
				}
				if err := t.Tx.Put(&notice); err != nil {
					return wrote, err
				}
				wrote++
			}
		}
	}
	return wrote, nil
}

// recipients returns the contact with an ID, or else the configured default
// contacts.
func (o *Outbox) recipients(r model.Reader, id model.ID) (who []model.Contact, err error) {
	if id != "" {
		c, err := model.Get[model.Contact](r, string(id))
		if err == nil {
			return []model.Contact{c}, nil
		}
		if !errors.Is(err, model.ErrNotFound) {
			return nil, rules.ReadError("contact", id, err)
		}
	}
	for _, name := range o.policy.Default {
		c, err := directory.ContactNamed(r, name)
		if errors.Is(err, model.ErrNotFound) {
			continue // not created yet, or removed
		}
		if err != nil {
			return nil, rules.ReadError("contact", name, err)
		}
		who = append(who, c)
	}
	return who, nil
}

// compose renders the subject and text of a notice, a fact a line. Text from
// outside stays on its line and holds no control characters.
func (o *Outbox) compose(r model.Reader, ev *model.Event, i *model.Instance) (subject, text string, err error) {
	kind, name := noticeOf(ev), o.nameOf(ev)
	if i != nil {
		name = i.Name
	}
	title := model.Say("notice.subject", "name", name, "kind", kind)
	switch {
	case name == "": // about certquay itself
		title = model.Say("notice.subject-own", "kind", kind)
	case kind == model.NoticeExpiry || kind == model.NoticeWatch:
		title = model.Say("notice.subject-detail", "name", name, "detail", ev.Detail)
	}
	facts := []model.Text{model.Say("notice.what", "kind", kind)}
	add := func(all ...model.Text) { facts = append(facts, all...) }
	if i != nil {
		add(model.Say("notice.certificate", "name", i.Name, "id", i.ID))
		if names := i.Domains(); len(names) > 0 {
			add(model.Say("notice.names", "names", names))
		}
	} else if name != "" {
		add(model.Say("notice.about", "name", name))
	}
	if ev.Resource != "" {
		res, err := model.Get[model.Resource](r, string(ev.Resource))
		switch {
		case err == nil:
			add(model.Say("notice.resource", "place", res.Place()))
			add(nextAttempt(&res.Operation)...)
		case !errors.Is(err, model.ErrNotFound):
			return "", "", rules.ReadError("resource", ev.Resource, err)
		}
	}
	for line := range strings.SplitSeq(o.say(ev.Detail), "\n") {
		if line != "" {
			add(model.Say("notice.detail", "detail", line))
		}
	}
	if ev.Action != actionTask && ev.Reason != "" {
		add(model.Say("notice.reason", "reason", ev.Reason))
	}
	if i != nil {
		add(factsOf(i, kind)...)
	}
	add(model.Say("notice.at", "at", ev.At))
	if i != nil {
		add(model.Say("notice.see", "id", i.ID.Short()))
	}
	var b strings.Builder
	for _, f := range facts {
		b.WriteString(ports.SanitizeLine(o.say(f)) + "\n")
	}
	return ports.SanitizeLine(o.say(title)), b.String(), nil
}

// nameOf returns the name of what an event is about.
func (o *Outbox) nameOf(ev *model.Event) string {
	if journal.AboutStore(ev) {
		return o.say(model.Say("thing.store"))
	}
	return ev.Name
}

// say renders a message in the language of notices.
func (o *Outbox) say(t model.Text) string {
	if o.words == nil || t == "" {
		return t.String()
	}
	return o.words(t)
}

// factsOf returns the facts about the instance that a kind of notice states.
func factsOf(i *model.Instance, kind model.NoticeKind) []model.Text {
	facts := nextAttempt(&i.Operation)
	if kind == model.NoticeProof {
		facts = append(facts, proofsOf(i)...)
	}
	if v := i.Current(); v != nil {
		facts = append(facts, model.Say("notice.valid-to", "at", v.NotAfter))
	}
	if i.Hosting.On {
		facts = append(facts, model.Say("notice.hosted", "n", i.Hosting.RenewalsLeft))
	}
	return facts
}

// nextAttempt states when a failed operation is retried, if it is.
func nextAttempt(o *model.Operation) []model.Text {
	if o.Active() && o.Error != "" && !o.Next.IsZero() && !o.Aside() {
		return []model.Text{model.Say("notice.again", "at", o.Next)}
	}
	return nil
}
