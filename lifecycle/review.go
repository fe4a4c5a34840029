package lifecycle

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"certquay/lifecycle/directory"
	"certquay/lifecycle/document"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// reviewPause is the pause of a job that waits for a review.
const reviewPause = 24 * time.Hour

// missingFields lists what an application of the instance's level and grade lacks
// besides names and key (spec A1).
func (e *Engine) missingFields(i *model.Instance, a model.Application) []rules.Invalid {
	var missing []rules.Invalid
	need := func(value, field string, like model.Text) {
		if strings.TrimSpace(value) == "" {
			why := model.Say("apply.needs", "level", strings.ToUpper(string(i.Spec.Level)), "grade", i.Spec.Grade)
			missing = append(missing, rules.Invalid{Field: field, Why: why, Example: like})
		}
	}
	verified := i.Spec.Level != model.DV
	if verified || i.Spec.Grade == model.Professional {
		need(a.ApplicantName, "applicant", rules.Example("Anna Berg"))
		need(a.Phone, "phone", rules.Example("+49 30 123456"))
		need(a.Email, "email", rules.Example("anna@example.com"))
	} else {
		return missing
	}
	if verified {
		need(a.IDNumber, "id number", model.Say("apply.id-number"))
	}
	c := a.Company
	need(c.Name, "company", rules.Example("Example GmbH"))
	need(c.Type, "company type", rules.Example(model.OrganizationTypes[0]))
	need(c.Phone, "company phone", rules.Example("+49 30 123400"))
	need(c.OrganizationID, "organization id", rules.Example("HRB 12345"))
	need(c.Country, "country", rules.Example("DE"))
	need(c.Province, "province", rules.Example("Berlin"))
	need(c.City, "city", rules.Example("Berlin"))
	need(c.Address, "address", rules.Example("Example Street 1"))
	need(c.Zip, "zip code", rules.Example("10115"))
	if c.Type != "" && !slices.Contains(model.OrganizationTypes, c.Type) {
		missing = append(missing, rules.Invalid{Field: "company type", Why: model.Say("invalid.not-listed", "value", c.Type),
			Example: rules.OneOf(model.OrganizationTypes)})
	}
	if c.Country != "" && !rules.IsCountry(c.Country) {
		why := model.Say("invalid.no-country", "value", c.Country)
		missing = append(missing, rules.Invalid{Field: "country", Why: why, Example: rules.Example("DE")})
	}
	if verified && len(a.Documents) == 0 {
		missing = append(missing, rules.Invalid{Field: "document", Why: model.Say("document.needed"), Example: model.Say("document.how")})
	}
	return missing
}

func mergeCompany(to *model.Organization, given model.Organization, set func(*string, string)) {
	set(&to.Name, given.Name)
	set(&to.Type, given.Type)
	set(&to.Phone, given.Phone)
	set(&to.OrganizationID, given.OrganizationID)
	set(&to.Country, given.Country)
	set(&to.Province, given.Province)
	set(&to.City, given.City)
	set(&to.Address, given.Address)
	set(&to.Zip, given.Zip)
}

// maxDocuments is the maximum of documents of one application.
const maxDocuments = 20

// uploadDocument is [Access.AddDocument].
func (e *Engine) uploadDocument(ctx context.Context, actor model.Actor, id model.ID, name string, data []byte) (model.Document, error) {
	d, err := e.newDocument(id, name, data)
	if err != nil {
		return d, e.journal.LogRefusal(ctx, actor, err)
	}
	return d, e.addDocument(ctx, actor, &d)
}

// newDocument checks a document by its content. It does not store it.
func (e *Engine) newDocument(id model.ID, name string, data []byte) (model.Document, error) {
	d := model.Document{ID: e.journal.NewID(), Instance: id, Name: name, Size: len(data), Added: e.Now(), Data: model.NewSecret(data)}
	if wrong := rules.CheckPrintable("document", name, rules.Example("passport.png")); wrong != nil {
		return d, wrong
	}
	var err error
	if d.Format, err = document.Check(data); err != nil {
		return d, &rules.Refusal{Action: rules.Apply, Instance: id, Reason: rules.ReasonDocument, Rule: "A5",
			Args: rules.Args{"why": model.Say("file.why", "file", name, "why", err), "hint": model.Say("document.kinds")}}
	}
	return d, nil
}

// newDocuments checks documents and returns their records. It stores nothing.
func (e *Engine) newDocuments(id model.ID, all []NewDocument) (docs []model.Document, err error) {
	docs = make([]model.Document, len(all))
	for n, d := range all {
		if docs[n], err = e.newDocument(id, d.Name, d.Data); err != nil {
			return nil, err
		}
	}
	return docs, nil
}

// addDocuments stores all documents or none. Each is a transaction of its own, since
// they are large.
func (e *Engine) addDocuments(ctx context.Context, actor model.Actor, docs []model.Document) error {
	for n := range docs {
		if err := e.addDocument(ctx, actor, &docs[n]); err != nil {
			return errors.Join(err, e.removeDocuments(ctx, actor, docs[:n]))
		}
	}
	return nil
}

// documentAction returns the action that documents of an instance are for: hosting
// for an upload, which is not applied for, and otherwise the application.
func (e *Engine) documentAction(id model.ID) (rules.Action, error) {
	i, err := e.reader.instance(id)
	if err != nil {
		return "", err
	}
	if i.IssuedElsewhere() {
		return rules.Host, nil
	}
	return rules.Apply, nil
}

func (e *Engine) addDocument(ctx context.Context, actor model.Actor, d *model.Document) error {
	action, err := e.documentAction(d.Instance)
	if err != nil {
		return err
	}
	return e.transition(ctx, actor, action, d.Instance, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		a := &c.Instance.Application
		if len(a.Documents) >= maxDocuments {
			return &rules.Refusal{
				Action:   rules.Apply,
				State:    c.Instance.State,
				Instance: d.Instance,
				Reason:   rules.ReasonDocuments,
				Rule:     "A5",
				Args:     rules.Args{"most": maxDocuments},
			}
		}
		a.Documents = append(a.Documents, d.ID)
		a.Saved = c.Now
		ev.Action, ev.Detail = "draft", model.Say("log.document", "name", d.Name, "format", d.Format, "bytes", d.Size)
		return tx.Put(d)
	})
}

// removeDocuments removes the documents of an application that was refused after
// they had been stored.
func (e *Engine) removeDocuments(ctx context.Context, actor model.Actor, docs []model.Document) error {
	var errs []error
	for n := range docs {
		errs = append(errs, e.removeDocument(ctx, actor, docs[n].Instance, docs[n].ID))
	}
	return errors.Join(errs...)
}

// removeDocument is [Access.RemoveDocument].
func (e *Engine) removeDocument(ctx context.Context, actor model.Actor, id, doc model.ID) error {
	action, err := e.documentAction(id)
	if err != nil {
		return err
	}
	return e.transition(ctx, actor, action, id, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		a := &c.Instance.Application
		n := slices.Index(a.Documents, doc)
		if n < 0 {
			return &rules.NotFound{What: "document", Name: string(doc)}
		}
		a.Documents = slices.Delete(a.Documents, n, n+1)
		ev.Action, ev.Detail = "draft", model.Say("log.document-removed")
		return tx.Delete(&model.Document{ID: doc})
	})
}

// documents is [Access.Documents].
func (e *Engine) documents(id model.ID) (all []model.Document, err error) {
	err = e.store.View(func(r model.Reader) error {
		c, err := e.loadFacts(r, model.Scheduler, id)
		if err != nil {
			return err
		}
		for _, d := range c.Instance.Application.Documents {
			doc, err := model.Get[model.Document](r, string(d))
			if err != nil {
				return rules.ReadError("document", d, err)
			}
			all = append(all, doc)
		}
		return nil
	})
	return all, err
}

// readDocuments is [Access.ReadDocuments].
func (e *Engine) readDocuments(ctx context.Context, actor model.Actor, id model.ID) ([]model.Document, error) {
	all, err := e.documents(id)
	if err != nil || len(all) == 0 {
		return all, err
	}
	return all, e.journal.Update(ctx, func(tx model.Tx) error {
		i, err := model.Get[model.Instance](tx, string(id))
		if err != nil {
			return rules.ReadError("instance", id, err)
		}
		ev := e.journal.Event(actor, rules.ActionReadDocument, &i)
		ev.Detail = model.Say("log.documents-read", "n", len(all))
		return tx.Append(ev)
	})
}

// copyDocuments is [Access.CopyDocuments].
func (e *Engine) copyDocuments(ctx context.Context, actor model.Actor, to, from model.ID) ([]model.Document, error) {
	missing, err := e.missingDocuments(to, from)
	if err != nil {
		return nil, err
	}
	docs, err := e.newDocuments(to, missing)
	if err != nil {
		return nil, err
	}
	return docs, e.addDocuments(ctx, actor, docs)
}

// missingDocuments returns the documents of an instance that another does not have.
func (e *Engine) missingDocuments(to, from model.ID) (missing []NewDocument, err error) {
	mine, err := e.documents(to)
	if err != nil {
		return nil, err
	}
	theirs, err := e.documents(from)
	for _, d := range theirs {
		if !slices.ContainsFunc(mine, func(m model.Document) bool { return bytes.Equal(m.Data.Reveal(), d.Data.Reveal()) }) {
			missing = append(missing, NewDocument{d.Name, d.Data.Reveal()})
		}
	}
	return missing, err
}

// approvalSubject returns what an approval is valid for: the level, the
// organization and the names.
func approvalSubject(i *model.Instance) string {
	ns := slices.Clone(i.Application.Domains)
	slices.Sort(ns)
	c := i.Application.Company
	of := []string{string(i.Spec.Level), model.NormalizeName(c.Name), model.NormalizeName(c.Country), model.NormalizeName(c.OrganizationID)}
	return strings.Join(append(of, ns...), "|")
}

// reviewed reports whether the application needs no review or has a valid
// approval (spec A8).
func (e *Engine) reviewed(r model.Reader, i *model.Instance, caps rules.Capabilities) (bool, error) {
	if !slices.Contains(caps.Reviewed, i.Spec.Level) {
		return true, nil
	}
	s := approvalSubject(i)
	for a, err := range model.All[model.Approval](r, model.Scan{Index: "subject", From: s, To: s + "\x00"}) {
		if err != nil {
			return false, err
		}
		if e.Now().Before(a.Until) {
			return true, nil
		}
	}
	return false, nil
}

// reviewStep raises the review task once and postpones the job. Approval resumes
// it.
func (w *worker) reviewStep(context.Context, model.Job, bool) (func(model.Tx, *model.Job) error, error) {
	return func(tx model.Tx, j *model.Job) error {
		i, err := model.Get[model.Instance](tx, string(j.Instance))
		if err != nil {
			return rules.ReadError("instance", j.Instance, err)
		}
		if j.WaitFor == "" && i.Operation.WaitFor == "" {
			t := model.Task{ID: w.journal.NewID(), Kind: model.TaskReview, Instance: i.ID, Created: w.Now(),
				Text: model.Say("todo.review", "level", strings.ToUpper(string(i.Spec.Level)), "name", i.Name)}
			if err := tx.Put(&t); err != nil {
				return err
			}
		}
		return w.suspend(tx, j, model.StepReview, model.Say(model.AwaitReviewer), reviewPause, nil)
	}, nil
}

// approve is [Access.Approve].
func (e *Engine) approve(ctx context.Context, actor model.Actor, id model.ID) error {
	var next model.ID
	err := e.transition(ctx, actor, rules.Review, id, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		i := c.Instance
		own, err := e.ownReview(tx, actor, c.Job)
		if err != nil {
			return err
		}
		a := model.Approval{
			ID:       e.journal.NewID(),
			Instance: id,
			Subject:  approvalSubject(i),
			By:       actor.Name,
			At:       c.Now,
			Until:    c.Now.Add(e.policy.ReviewReuse),
		}
		if err := tx.Put(&a); err != nil {
			return err
		}
		if err := closeTasks(tx, id, c.Now, resolutions{model.TaskReview: "approved"}); err != nil {
			return err
		}
		j := c.Job
		j.Step, j.StepStarted, j.WaitFor, j.Next = model.StepOrder, true, "", time.Time{}
		i.Operation.WaitFor, i.Operation.Next = "", time.Time{}
		i.ExpectedIssue = c.Now.Add(expectedIssue)
		next, ev.Detail = j.ID, model.Say("log.approved")
		if own {
			ev.Detail = model.Say("log.approved-own")
		}
		return tx.Put(j)
	})
	if err == nil {
		e.worker.enqueue(next, true)
	}
	return err
}

// ownReview reports whether an actor approves their own application, and refuses it once
// another enabled user is a reviewer or above (spec G3).
func (e *Engine) ownReview(r model.Reader, actor model.Actor, j *model.Job) (own bool, err error) {
	if own = strings.EqualFold(j.Actor, actor.Name) && j.Via != model.Scheduler.Via; !own || e.policy.FourEyes == rules.FourEyesNever {
		return own, nil
	}
	all, err := directory.AllUsers(r)
	if err != nil {
		return own, err
	}
	var others []string
	for _, u := range all {
		if u.Enabled() && u.Role >= model.Reviewer && !strings.EqualFold(u.Name, actor.Name) {
			others = append(others, u.Name)
		}
	}
	if len(others) == 0 && e.policy.FourEyes != rules.FourEyesAlways {
		return own, nil
	}
	who := model.Say("who.has-role")
	if len(others) > 0 {
		who = model.Say("who.named", "names", others)
	}
	return own, &rules.Refusal{
		Action: rules.Review, Instance: j.Instance, Reason: rules.ReasonOwnReview, Rule: "G3", Args: rules.Args{"who": who},
	}
}

// failReview fails a renewal that a reviewer rejected. The caller saves the
// instance.
func (e *Engine) failReview(tx model.Tx, c *rules.Facts) error {
	if err := closeTasks(tx, c.Instance.ID, c.Now, resolutions{model.TaskReview: "rejected"}); err != nil {
		return err
	}
	c.Job.WaitFor = ""
	if err := e.worker.recordFailure(
		tx, c.Job, &ports.RetryAfterError{Err: &model.Error{Text: c.Job.Error}, After: reviewPause},
	); err != nil {
		return err
	}
	// recordFailure saved the instance: the caller's copy must not overwrite it.
	i, err := model.Get[model.Instance](tx, string(c.Instance.ID))
	if err != nil {
		return rules.ReadError("instance", c.Instance.ID, err)
	}
	i.Operation.WaitFor = ""
	*c.Instance = i
	if !c.Job.Live() {
		return nil
	}
	return tx.Put(c.Job)
}

// rejectApplication is [Access.RejectApplication].
func (e *Engine) rejectApplication(ctx context.Context, actor model.Actor, id model.ID, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return &rules.Invalid{Field: "reason", Why: model.Say("review.needs-reason"), Example: model.Say("review.reason-like")}
	}
	if wrong := rules.CheckPrintable("reason", reason, model.Say("review.reason-like")); wrong != nil {
		return wrong
	}
	return e.transition(ctx, actor, rules.Review, id, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		c.Job.Error = model.Say("review.refused", "why", reason)
		ev.Result, ev.Reason = journal.ResultFailed, model.Quoted("reviewer", reason)
		if c.Job.Kind != model.JobIssue {
			return e.failReview(tx, c)
		}
		if err := e.worker.reject(tx, c.Instance, c.Job); err != nil {
			return err
		}
		return e.worker.finish(tx, c.Job, journal.ResultFailed)
	})
}

// template is [Access.Template].
func (e *Engine) template(id model.ID) (model.Text, error) {
	i, err := e.reader.instance(id)
	if err != nil {
		return "", err
	}
	a, c := i.Application, i.Application.Company
	claim := "confirmation.ev"
	switch i.Spec.Level {
	case model.DV:
		claim = "confirmation.dv"
	case model.OV:
		claim = "confirmation.ov"
	}
	args := []any{"claim", model.Say(claim)}
	line := func(name, value string) {
		if value == "" {
			value = strings.Repeat("_", 44)
		}
		args = append(args, name, value)
	}
	line("application", string(i.ID))
	line("spec", i.Spec.String())
	line("names", strings.Join(a.Domains, ", "))
	line("organization", c.Name)
	line("type", c.Type)
	line("registered", c.OrganizationID)
	line("address", c.Address)
	line("city", strings.TrimSpace(c.Zip+" "+c.City))
	line("country", strings.Trim(c.Province+", "+c.Country, ", "))
	line("company-phone", c.Phone)
	line("applicant", a.ApplicantName)
	line("id-number", a.IDNumber)
	line("phone", a.Phone)
	line("email", a.Email)
	return model.Say("confirmation.form", args...), nil
}
