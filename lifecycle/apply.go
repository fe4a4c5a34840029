package lifecycle

import (
	"cmp"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net"
	"slices"
	"time"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/names"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// makeCSRBy is an example of a command line that makes a manual request.
const makeCSRBy = "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -addext subjectAltName=DNS:www.example.com"

// missing lists what an application lacks before it can be submitted, a message
// for each field; empty when it is complete (spec A1, A2, A3).
func (e *Engine) missing(i *model.Instance, a model.Application) []*rules.Invalid {
	var missing []*rules.Invalid
	add := func(rule, field string, why, example model.Text) {
		missing = append(missing, &rules.Invalid{Field: field, Why: why, Example: example, Rule: rule})
	}
	caps := rules.Capabilities{}
	if is, ok := e.issuers.Port(i.Spec.Brand); ok {
		caps = is.Capabilities(e.Now())
	}
	if err := caps.CheckNames(i.Spec.Type, a.Domains); err != nil {
		if n, ok := names.IsError(err); ok {
			add("A2", n.Field, n.Why(), n.Hint)
		} else {
			add("A2", "domains", model.TextOf(err), rules.Example("www.example.com"))
		}
	}
	for _, f := range e.missingFields(i, a) {
		add("A1", f.Field, f.Why, f.Example)
	}
	if caps.NeedsEmail && a.Email == "" {
		add("A1", "email", model.Say("apply.issuer-needs-email"), rules.Example("ops@example.com"))
	}
	for _, wrong := range []*rules.Invalid{
		rules.CheckEmail("email", a.Email), rules.CheckPhone("phone", a.Phone), rules.CheckPhone("company phone", a.Company.Phone),
		rules.CheckPrintable("applicant", a.ApplicantName, rules.Example("Anna Example")),
		rules.CheckPrintable("id number", a.IDNumber, rules.Example("X1234567")), rules.CheckCompany("company", &a.Company),
	} {
		if wrong != nil {
			missing = append(missing, wrong)
		}
	}
	switch {
	case a.Manual():
		if err := checkCSR(a.CSR, a.Domains); err != nil {
			add("A3", "csr", model.TextOf(err), rules.Example(makeCSRBy))
		}
	case !slices.Contains(model.KeyTypes, a.KeyType):
		add("", "key type", model.Say("invalid.no-key-type", "value", a.KeyType), rules.OneOf(model.KeyTypes))
	}
	return missing
}

// checkCSR returns why a manual request does not match the names, or nil (spec
// A3).
func checkCSR(der []byte, domains []string) error {
	csr, err := bundle.ParseCSR(der)
	if err != nil {
		return err
	}
	return bundle.CheckCSRNames(csr, domains)
}

// sameNames reports whether two lists hold the same names in any order.
func sameNames(a, b []string) bool {
	if slices.Equal(a, b) {
		return true
	}
	canonical := func(list []string) []string {
		out := make([]string, len(list))
		for n, s := range list {
			out[n] = model.NormalizeName(s)
			if p, err := names.Parse(s); err == nil {
				out[n] = p.ASCII
			}
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	return slices.Equal(canonical(a), canonical(b))
}

// domainsText is the message that lists the names of an application.
func domainsText(list []string) model.Text {
	if len(list) == 0 {
		return model.Say("log.no-domains")
	}
	return model.Say("log.domains", "names", list)
}

// mergeApplication overlays the given fields on the saved draft.
func mergeApplication(draft, given model.Application) model.Application {
	m := draft
	set := func(to *string, from string) {
		if from != "" {
			*to = from
		}
	}
	if len(given.Domains) > 0 {
		m.Domains = slices.Clone(given.Domains)
	}
	set(&m.ApplicantName, given.ApplicantName)
	set(&m.Phone, given.Phone)
	set(&m.Email, given.Email)
	set(&m.IDNumber, given.IDNumber)
	mergeCompany(&m.Company, given.Company, set)
	if given.Documents != nil {
		m.Documents = slices.Clone(given.Documents)
	}
	if given.KeyType != "" {
		m.KeyType, m.CSR = given.KeyType, nil
	}
	if len(given.CSR) > 0 {
		m.CSR, m.KeyType = given.CSR, ""
	}
	if m.KeyType == "" && !m.Manual() {
		m.KeyType = model.ECDSAP256
	}
	for n, d := range m.Domains {
		if p, err := names.Parse(d); err == nil {
			m.Domains[n] = p.ASCII
		}
	}
	return m
}

// saveDraft is [Access.SaveDraft].
func (e *Engine) saveDraft(ctx context.Context, actor model.Actor, id model.ID, a model.Application) error {
	return e.transition(ctx, actor, rules.Apply, id, func(_ model.Tx, c *rules.Facts, ev *model.Event) error {
		kept := c.Instance.Application.Documents
		c.Instance.Application = mergeApplication(model.Application{}, a)
		c.Instance.Application.Documents = kept
		c.Instance.Application.Saved = c.Now
		c.Instance.Name = displayName(c.Instance)
		ev.Action, ev.Detail = "draft", domainsText(c.Instance.Application.Domains)
		return nil
	})
}

// displayName returns the first name of the application, or the name an upload
// was given.
func displayName(i *model.Instance) string {
	if len(i.Application.Domains) == 0 || i.Origin == model.OriginUpload {
		return i.Name
	}
	return i.Application.Domains[0]
}

// apply is [Access.Apply].
func (e *Engine) apply(ctx context.Context, actor model.Actor, id model.ID, r ApplyRequest) (model.Job, error) {
	c, err := e.readFacts(actor, id)
	if err != nil {
		return model.Job{}, err
	}
	if f := e.table.Check(rules.Apply, c); f != nil {
		return model.Job{}, e.journal.LogRefusal(ctx, actor, f)
	}
	if r.DocumentsOf != "" {
		copied, err := e.missingDocuments(id, r.DocumentsOf)
		if err != nil {
			return model.Job{}, err
		}
		r.Documents = slices.Concat(r.Documents, copied)
	}
	docs, err := e.newDocuments(id, r.Documents)
	if err != nil {
		return model.Job{}, e.journal.LogRefusal(ctx, actor, err)
	}
	draft := c.Instance.Application
	if r.Whole {
		draft = model.Application{}
	}
	app := mergeApplication(draft, r.Application)
	app.Documents = c.Instance.Application.Documents
	for n := range docs {
		app.Documents = append(slices.Clip(app.Documents), docs[n].ID)
	}
	missing := e.missing(c.Instance, app)
	if len(missing) > 0 && !r.DraftOnly {
		return model.Job{}, missing[0]
	}
	if err := e.addDocuments(ctx, actor, docs); err != nil {
		return model.Job{}, err
	}
	j, err := e.submit(ctx, actor, id, app, r)
	if err != nil {
		return j, errors.Join(err, e.removeDocuments(ctx, actor, docs))
	}
	if len(missing) > 0 {
		return j, missing[0]
	}
	return j, nil
}

// submit commits a complete application and starts its issuance; with DraftOnly
// it commits only the draft, which may be incomplete.
func (e *Engine) submit(ctx context.Context, actor model.Actor, id model.ID, app model.Application, r ApplyRequest) (model.Job, error) {
	var j model.Job
	if r.DraftOnly {
		return j, e.saveDraft(ctx, actor, id, app)
	}
	key, err := e.newKey(id, app)
	if err != nil {
		return j, err
	}
	err = e.transition(ctx, actor, rules.Apply, id, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		i := c.Instance
		i.Application = app
		i.Application.Saved, i.Application.Submitted = c.Now, c.Now
		i.Name, i.Reason = displayName(i), ""
		if r.Contact != "" {
			i.Contact = r.Contact
		}
		if err := e.reservePacks(tx, i, r.HostingPacks, i.Contact); err != nil {
			return err
		}
		ev.Detail = domainsText(app.Domains)
		if err := e.startIssue(tx, c, rules.Apply, model.JobIssue, actor, key, &j); err != nil {
			return err
		}
		return tx.Put(&j)
	})
	if err == nil {
		e.worker.enqueue(j.ID, true)
	}
	return j, err
}

// newKey generates the key of an application; nil for a manual request.
func (e *Engine) newKey(id model.ID, a model.Application) (*model.Key, error) {
	if a.Manual() {
		return nil, nil
	}
	secret, public, err := e.makeKey(a.KeyType)
	if err != nil {
		return nil, model.Fail("key.make", "cause", err)
	}
	return &model.Key{ID: e.journal.NewID(), Instance: id, Type: a.KeyType, Public: public, PKCS8: secret}, nil
}

// generateKey generates a private key (PKCS#8 DER) and its SubjectPublicKeyInfo
// (DER).
func generateKey(t model.KeyType) (model.Secret, []byte, error) {
	signer, err := bundle.GenerateKey(t)
	if err != nil {
		return model.Secret{}, nil, err
	}
	return encodeKey(signer)
}

func encodeKey(signer crypto.Signer) (secret model.Secret, public []byte, err error) {
	if secret, err = bundle.MarshalKey(signer); err != nil {
		return secret, nil, err
	}
	if public, err = x509.MarshalPKIXPublicKey(signer.Public()); err != nil {
		return secret, nil, model.Fail("key.encode-public", "cause", err)
	}
	return secret, public, nil
}

// newKeyRecord returns the record of a key that was uploaded. It does not store
// it.
func (e *Engine) newKeyRecord(id model.ID, signer crypto.Signer) (*model.Key, error) {
	secret, public, err := encodeKey(signer)
	if err != nil {
		return nil, err
	}
	return &model.Key{
		ID: e.journal.NewID(), Instance: id, Type: model.KeyType(bundle.KeyTypeName(signer.Public())),
		Public: public, PKCS8: secret,
	}, nil
}

// startIssue starts to issue a version: it writes the key and sets the instance's operation
// and the job, which the caller writes. A job that has an ID keeps it.
func (e *Engine) startIssue(
	tx model.Tx, c *rules.Facts, a rules.Action, kind model.JobKind, actor model.Actor, key *model.Key, j *model.Job,
) error {
	i := c.Instance
	is, err := e.issuerOf(i, i.Spec.Brand)
	if err != nil {
		return err
	}
	id := j.ID
	*j = e.issueJob(i, kind, actor, key)
	j.ID = cmp.Or(id, j.ID)
	reviewed, err := e.reviewed(tx, i, is.Capabilities(c.Now))
	if err != nil {
		return err
	}
	if !reviewed {
		j.Step = model.StepReview
	}
	if key != nil {
		if err := tx.Put(key); err != nil {
			return err
		}
	}
	i.Operation = model.Operation{Kind: kind, Job: j.ID, Since: c.Now, Attempt: 1}
	i.ExpectedIssue = c.Now.Add(expectedIssue)
	if kind == model.JobIssue { // the others move with their new version
		e.table.Transition(a).Apply(i, false)
	}
	return nil
}

// issueJob returns the job that orders the next version of an instance, with a new key or
// with that of the current version.
func (e *Engine) issueJob(i *model.Instance, kind model.JobKind, actor model.Actor, key *model.Key) model.Job {
	j := e.worker.newJob(kind, i, actor)
	j.Step, j.CSR, j.AnnualRenewal, j.Version = model.StepOrder, i.Application.CSR, kind == model.JobRenew, 1
	if v := i.Newest(); v != nil {
		j.Version = v.Number + 1
	}
	if key != nil {
		j.KeyID = key.ID
	} else if v := i.Current(); v != nil && !i.Application.Manual() {
		j.KeyID = v.KeyID // a reissue for the same key
	}
	return j
}

// destroyKey destroys the key of a job that produced no certificate.
func destroyKey(tx model.Tx, j *model.Job) error {
	if j.KeyID == "" {
		return nil
	}
	return tx.Delete(&model.Key{ID: j.KeyID})
}

// withdraw is [Access.Withdraw].
func (e *Engine) withdraw(ctx context.Context, actor model.Actor, id model.ID) error {
	var job model.Job
	err := e.transition(ctx, actor, rules.Withdraw, id, func(tx model.Tx, c *rules.Facts, _ *model.Event) error {
		i := c.Instance
		if c.Job != nil {
			job = *c.Job
			if err := e.worker.finish(tx, c.Job, "withdrawn"); err != nil {
				return err
			}
			if err := destroyKey(tx, c.Job); err != nil {
				return err
			}
		}
		i.Operation, i.ExpectedIssue, i.Proofs = model.Operation{}, time.Time{}, nil
		if err := closeTasks(tx, id, c.Now, resolutions{model.TaskReview: "withdrawn"}); err != nil {
			return err
		}
		if err := e.releasePacks(tx, i); err != nil {
			return err
		}
		e.table.Transition(rules.Withdraw).Apply(i, false)
		return nil
	})
	if err == nil && job.IssuerRef != "" {
		e.worker.cancelOrder(job)
	}
	return err
}

// makeCSR signs a PKCS#10 request (RFC 2986) for names with a sealed key.
func makeCSR(key model.Secret, names []string) ([]byte, error) {
	signer, err := x509.ParsePKCS8PrivateKey(key.Reveal())
	if err != nil {
		return nil, model.Fail("key.decode", "cause", err)
	}
	t := x509.CertificateRequest{}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	if len(names) > 0 && len(names[0]) <= 64 {
		t.Subject = pkix.Name{CommonName: names[0]}
	}
	return x509.CreateCertificateRequest(rand.Reader, &t, signer)
}
