package lifecycle

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"strings"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// HostRequest enables managed hosting (spec H1, H2).
type HostRequest struct {
	Contact model.ID
	// Spec completes the specification of an uploaded certificate. A part that is
	// known must be the same or empty.
	Spec model.Specification
	// FromPack takes a unit of a resource pack and of a hosting pack instead of
	// money, for an instance whose hosting came from packs (spec H4).
	FromPack bool
	// DifferentIssuer accepts that a CA that is not public renews the certificate
	// of a public one.
	DifferentIssuer bool
	// Application and Documents are what an upload is renewed with: its level and
	// grade determine what is required, as for an application (spec A1). Empty
	// fields keep their earlier values; names and keys are those of the certificate.
	Application model.Application
	Documents   []NewDocument
}

// HostingQuote is the price of hosting, and what to know before buying it.
type HostingQuote struct {
	Quote
	Spec    model.Specification // that is bought
	Credits int                 // automatic deployments included (spec H3)
	// PublicIssuer is the public CA whose certificate a CA that is not public will
	// replace; "" if that does not happen.
	PublicIssuer string
	// Proof is how control of Names has to be proved for each renewal: "dns" or
	// "http"; "" if nobody has to do anything (spec H5).
	Proof string
	Names []string
	// Itself are the names whose control certquay proves by itself, Not those of which it
	// cannot be proved until the issuer has a challenge for them.
	Itself, Not []string
}

// completeSpec returns the specification that an action, by a rule, buys again for the
// instance, or a refusal that names what was stated otherwise than it is, or not stated
// at all (spec H2).
func completeSpec(
	action rules.Action, rule string, i *model.Instance, stated model.Specification,
) (model.Specification, error) {
	s := i.Spec
	stated.Brand = model.NormalizeName(stated.Brand)
	var unknown []string
	var differs model.Text
	part := func(name, has, given string) string {
		switch {
		case has == "" && given == "":
			unknown = append(unknown, "--"+name)
		case has != "" && given != "" && has != given:
			if name == "level" {
				has, given = strings.ToUpper(has), strings.ToUpper(given)
			}
			differs = model.Texts(differs, model.Say("differs."+name, "stated", given, "has", has))
		case has == "":
			return given
		}
		return has
	}
	s.Level = model.Level(part("level", string(s.Level), string(stated.Level)))
	s.Type = model.DomainType(part("type", string(s.Type), string(stated.Type)))
	s.Brand = part("brand", s.Brand, stated.Brand)
	s.Grade = model.Grade(part("grade", string(s.Grade), string(stated.Grade)))
	refusal := &rules.Refusal{Action: action, State: i.State, Instance: i.ID, Rule: rule}
	switch {
	case differs != "":
		refusal.Reason, refusal.Args = rules.ReasonOtherSpec, rules.Args{"differs": differs}
	case len(unknown) > 0:
		refusal.Reason = rules.ReasonStateSpec
		refusal.Instead = []rules.Suggestion{{Action: action, Args: append([]string{i.ID.Short()}, unknown...)}}
	default:
		return s, nil
	}
	return s, refusal
}

// uploadedSpec returns what the current certificate of an upload tells of its
// specification.
func uploadedSpec(r model.Reader, i *model.Instance) (model.Specification, error) {
	chain, err := currentChain(r, i)
	if err != nil || len(chain) == 0 {
		return model.Specification{}, err
	}
	return bundle.Specification(chain[0]), nil
}

// currentChain reads the chain of the current version, the leaf first; empty if
// there is no version.
func currentChain(r model.Reader, i *model.Instance) (chain []*x509.Certificate, err error) {
	v := i.Current()
	if v == nil {
		return nil, nil
	}
	m, err := model.Get[model.Chain](r, model.ChainKey(i.ID, v.Number))
	if err != nil {
		return nil, rules.ReadError("certificate", v.Number, err)
	}
	for _, der := range m.Certificates {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, rules.ReadError("certificate", v.Number, err)
		}
		chain = append(chain, c)
	}
	return chain, nil
}

// publicIssuer returns the name of the public CA that issued an upload which an
// issuer that is not public would renew; "" for any other instance.
func (e *Engine) publicIssuer(
	i *model.Instance, renewedBy rules.Capabilities, read func(*model.Instance) ([]*x509.Certificate, error),
) (string, error) {
	if !i.IssuedElsewhere() || renewedBy.Public {
		return "", nil
	}
	chain, err := read(i)
	if err != nil || len(chain) == 0 || !bundle.PubliclyTrusted(chain, e.publicRoots()) {
		return "", err
	}
	by := chain[0].Issuer
	if by.CommonName != "" {
		return by.CommonName, nil
	}
	return by.String(), nil
}

// needsContact is the error of hosting without a contact.
func needsContact() *rules.Invalid {
	return &rules.Invalid{Field: "contact", Why: model.Say("hosting.needs-contact"), Example: model.Say("hosting.contact-how")}
}

// hostedApplication returns the application that an upload is renewed with, and the
// first thing that it lacks; other instances keep theirs.
func (e *Engine) hostedApplication(i *model.Instance, s model.Specification, r HostRequest) (model.Application, error) {
	if !i.IssuedElsewhere() {
		return i.Application, nil
	}
	given := r.Application
	given.Domains, given.CSR, given.Documents = nil, nil, nil
	a := mergeApplication(i.Application, given)
	complete, like := a, *i
	complete.Documents = append(slices.Clip(a.Documents), make([]model.ID, len(r.Documents))...)
	like.Spec = s
	for _, m := range e.missing(&like, complete) {
		return a, m
	}
	return a, nil
}

// quoteHosting is [Access.QuoteHosting].
func (e *Engine) quoteHosting(id model.ID, r HostRequest) (HostingQuote, error) {
	i, err := e.reader.instance(id)
	if err != nil {
		return HostingQuote{}, err
	}
	return e.quoteHostingOf(&i, r, func(i *model.Instance) (chain []*x509.Certificate, err error) {
		err = e.store.View(func(r model.Reader) (err error) { chain, err = currentChain(r, i); return err })
		return chain, err
	})
}

// quoteHostingOf is quoteHosting of an instance that may not be stored yet; read reads its
// chain.
func (e *Engine) quoteHostingOf(
	i *model.Instance, r HostRequest, read func(*model.Instance) ([]*x509.Certificate, error),
) (HostingQuote, error) {
	id := i.ID
	s, err := completeSpec(rules.Host, "H2", i, r.Spec)
	if err != nil {
		return HostingQuote{}, err
	}
	refuse := func(reason rules.Reason, rule string, args rules.Args, instead ...rules.Suggestion) (HostingQuote, error) {
		return HostingQuote{}, &rules.Refusal{
			Action: rules.Host, State: i.State, Instance: id, Reason: reason, Rule: rule, Args: args, Instead: instead,
		}
	}
	bought, err := e.quote(BuyRequest{Spec: s, Years: 1, Quantity: 1})
	if f := (*rules.Refusal)(nil); errors.As(err, &f) {
		return refuse(rules.ReasonNotForSale, "H2",
			rules.Args{"what": model.Say("sale.spec", "spec", s), "why": f.Args["why"], "possible": f.Args["possible"]})
	}
	if err != nil {
		return HostingQuote{}, err
	}
	if r.FromPack && !i.Hosting.FromPack {
		return refuse(rules.ReasonHostingPaid, "H4", nil)
	}
	is, ok := e.issuers.Port(s.Brand)
	if !ok { // it was removed since the quote
		return HostingQuote{}, &rules.Refusal{Action: rules.Host, Reason: rules.ReasonNoIssuer, Args: rules.Args{"brand": s.Brand}}
	}
	caps := is.Capabilities(e.Now())
	q := HostingQuote{Quote: bought, Spec: s, Credits: HostingCredits}
	if q.PublicIssuer, err = e.publicIssuer(i, caps, read); err != nil {
		return q, err
	}
	if q.PublicIssuer != "" && !r.DifferentIssuer {
		again := append([]string{id.Short(), "--different-issuer"}, rules.SpecFlags(s)...)
		return refuse(rules.ReasonPublicIssuer, "H2",
			rules.Args{"issuer": q.PublicIssuer, "brand": s.Brand}, rules.Suggestion{Action: rules.Host, Args: again})
	}
	if _, err := e.hostedApplication(i, s, r); err != nil {
		return q, err
	}
	if err := e.quoteProofs(&q, is, i.Domains()); err != nil {
		return q, err
	}
	e.priceHosting(&q, id, r.FromPack)
	return q, nil
}

// quoteProofs states how control of names is proved for each renewal.
func (e *Engine) quoteProofs(q *HostingQuote, is ports.Issuer, names []string) error {
	p, ok := ports.Extension[ports.NameProver](is)
	if !ok {
		if q.Proof = is.Capabilities(e.Now()).Proof; q.Proof != "" {
			q.Names = names
		}
		return nil
	}
	return e.journal.Guard("issuer.Provable", func() error {
		shown := p.Provable(names)
		q.Proof, q.Names, q.Itself, q.Not = shown.Method, shown.ByHand, shown.Itself, shown.Not
		return nil
	})
}

// priceHosting completes the lines of a quote of one certificate to those of
// hosting.
func (e *Engine) priceHosting(q *HostingQuote, id model.ID, fromPack bool) {
	q.Lines[0].Item = ledger.ItemRenewal
	q.Lines = append(q.Lines, model.OrderLine{
		Item: ledger.ItemHosting, Spec: q.Spec, Years: 1, Quantity: 1, Amount: e.policy.HostingFee, Currency: q.Currency,
	})
	if fromPack {
		q.Credits = 0
		for n := range q.Lines {
			q.Lines[n].Amount = 0
		}
	}
	q.Total = 0
	for n := range q.Lines {
		q.Lines[n].Instance = id
		q.Total += q.Lines[n].Amount
	}
}

// host is [Access.Host].
func (e *Engine) host(ctx context.Context, actor model.Actor, id model.ID, r HostRequest) error {
	c, err := e.readFacts(actor, id)
	if err != nil {
		return err
	}
	if f := e.table.Check(rules.Host, c); f != nil {
		return e.journal.LogRefusal(ctx, actor, f)
	}
	if r.Contact == "" {
		r.Contact = c.Instance.Contact
	}
	if r.Contact == "" {
		return needsContact()
	}
	docs, err := e.newDocuments(id, r.Documents)
	if err != nil {
		return e.journal.LogRefusal(ctx, actor, err)
	}
	q, err := e.quoteHosting(id, r)
	if err != nil {
		return e.journal.LogRefusal(ctx, actor, err)
	}
	if err := e.addDocuments(ctx, actor, docs); err != nil {
		return err
	}
	err = e.transition(ctx, actor, rules.Host, id, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		i := c.Instance
		if _, err := model.Get[model.Contact](tx, string(r.Contact)); err != nil {
			return &rules.NotFound{What: "contact", Name: string(r.Contact)}
		}
		app, err := e.hostedApplication(i, q.Spec, HostRequest{Application: r.Application})
		if err != nil {
			return err
		}
		i.Contact, i.Spec, i.Application = r.Contact, q.Spec, app
		if err := e.payHosting(tx, c, q, r.FromPack); err != nil {
			return err
		}
		i.Hosting = model.Hosting{On: true, RenewalsLeft: 1, FromPack: r.FromPack}
		ev.Detail = model.Say("log.hosting-bought", "spec", i.Spec, "price", ledger.Money(q.Total, q.Currency))
		return nil
	})
	if err != nil {
		return errors.Join(err, e.removeDocuments(ctx, actor, docs))
	}
	e.scheduler.wakeUp()
	return e.deployments.resumeWaitingDeploys(ctx)
}

// payHosting takes the units of hosting from packs, or charges its order and adds
// the credits that come with it.
func (e *Engine) payHosting(tx model.Tx, c *rules.Facts, q HostingQuote, fromPack bool) error {
	id := c.Instance.ID
	if !fromPack {
		o := model.Order{ID: e.journal.NewID(), At: c.Now, By: c.Actor.Name, Lines: q.Lines}
		if err := ledger.Purchase(tx, &o); err != nil {
			return err
		}
		if err := tx.Put(&o); err != nil {
			return err
		}
		return e.addCredits(tx, id, q.Credits)
	}
	unit := ledger.CertificateUnit(q.Spec)
	if err := ledger.Reserve(tx, c.Now, string(e.journal.NewID()), rules.Host, id, unit, 1); err != nil {
		return err
	}
	hosted := string(e.journal.NewID())
	if err := ledger.Reserve(tx, c.Now, hosted, rules.Host, id, ledger.UnitHosting, 1); err != nil {
		return err
	}
	return ledger.Consume(tx, c.Now, hosted, id, ledger.UnitHosting, 1)
}
