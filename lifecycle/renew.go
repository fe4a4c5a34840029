package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"certquay/lifecycle/bundle"
	"certquay/model"
)

// Renew buys a new instance of the same specification, linked to this one, and
// submits the old application with a new key, or the same manual request
// (spec I6). It is all one transaction.
func (e *Engine) Renew(ctx context.Context, actor model.Actor, id model.ID) (model.Instance, model.Job, error) {
	var next model.Instance
	var j model.Job
	c, err := e.Case(actor, id)
	if err != nil {
		return next, j, err
	}
	if f := e.table.Check(Renew, c); f != nil {
		return next, j, e.noteRefusal(ctx, actor, f)
	}
	q, err := e.Quote(BuyRequest{Spec: c.Instance.Spec, Years: max(c.Instance.Years, 1), Quantity: 1})
	if err != nil {
		return next, j, e.noteRefusal(ctx, actor, err)
	}
	key, err := e.newKey("", c.Instance.Application)
	if err != nil {
		return next, j, err
	}
	err = e.begin(ctx, actor, Renew, id, func(tx model.Tx, c *Case, ev *model.Event) error {
		old := c.Instance
		o, made, err := e.purchase(tx, actor, q, Renew, func(i *model.Instance) error {
			i.Origin, i.RenewalOf, i.Contact = model.OriginRenewal, old.ID, old.Contact
			i.Application = old.Application
			i.Application.Saved, i.Application.Submitted = c.Now, c.Now
			i.Name = nameFor(i)
			if e.policy.CarryDays {
				i.Carried = max(old.ServiceEnd.Sub(c.Now), 0)
			}
			return nil
		})
		if err != nil {
			return err
		}
		next = made[0]
		if key != nil {
			key.Instance = next.ID
		}
		nc, err := e.caseOf(tx, actor, next.ID)
		if err != nil {
			return err
		}
		if f := e.table.Check(Apply, nc); f != nil {
			return f
		}
		if err := e.startIssue(tx, nc, Apply, model.JobIssue, actor, key, &j); err != nil {
			return err
		}
		if err := e.put(tx, nc.Instance); err != nil {
			return err
		}
		applied := e.event(actor, string(Apply), nc.Instance)
		applied.From, applied.To, applied.Detail = string(next.State), string(nc.Instance.State), joinAnd(next.Application.Domains)
		if err := tx.Append(applied); err != nil {
			return err
		}
		next = *nc.Instance
		old.RenewedBy = next.ID
		ev.Detail = fmt.Sprintf("by %s, order %s, %s", next.ID.Short(), o.ID.Short(), Money(q.Total, q.Currency))
		return nil
	})
	if err == nil {
		e.kick(j.ID, true)
	}
	return next, j, err
}

// Reissue adds a version that runs to the end of what the issuer signs or of
// the service period, at no cost (spec I7).
func (e *Engine) Reissue(ctx context.Context, actor model.Actor, id model.ID, r ReissueRequest) (model.Job, error) {
	var j model.Job
	c, err := e.Case(actor, id)
	if err != nil {
		return j, err
	}
	if f := e.table.Check(Reissue, c); f != nil {
		return j, e.noteRefusal(ctx, actor, f)
	}
	app := c.Instance.Application
	if len(r.CSR) > 0 {
		if err := checkCSR(r.CSR, app.Domains); err != nil {
			return j, &Invalid{"csr", err.Error(), "a request for " + joinAnd(app.Domains), ""}
		}
		app.CSR, app.KeyType = r.CSR, ""
	}
	if r.NewKey && app.Manual() {
		// The request named the old key; from now on certquay makes them.
		app.CSR, app.KeyType = nil, model.ECDSAP256
	}
	if app.KeyType == "" && !app.Manual() {
		app.KeyType = model.ECDSAP256
	}
	var key *model.Key
	current := c.Instance.Current()
	if r.NewKey || !app.Manual() && (current == nil || current.KeyID == "") {
		if key, err = e.newKey(id, app); err != nil {
			return j, err
		}
	}
	err = e.begin(ctx, actor, Reissue, id, func(tx model.Tx, c *Case, ev *model.Event) error {
		i := c.Instance
		i.Application.CSR, i.Application.KeyType = app.CSR, app.KeyType
		if err := e.startIssue(tx, c, Reissue, model.JobReissue, actor, key, &j); err != nil {
			return err
		}
		if key == nil && !app.Manual() {
			j.KeyID = i.Current().KeyID
		}
		ev.Result, ev.Detail = ResultBegun, fmt.Sprintf("version %d", j.Version)
		return tx.Put(&j)
	})
	if err == nil {
		e.kick(j.ID, true)
	}
	return j, err
}

// Upload stores a certificate from elsewhere, or refuses it and stores nothing
// (spec I3).
func (e *Engine) Upload(ctx context.Context, actor model.Actor, r UploadRequest) (UploadResult, error) {
	var res UploadResult
	b, err := bundle.Options{Now: e.Now(), Roots: e.roots}.Parse(r.Files...)
	if err != nil {
		var be *bundle.Error
		if errors.As(err, &be) {
			err = &Refusal{Action: Upload, Reason: ReasonCertificate, Rule: "I3", Args: Args{"why": fileWhy(be), "hint": be.Hint, "code": string(be.Reason)}}
		}
		return res, e.noteRefusal(ctx, actor, err)
	}
	i := model.Instance{ID: e.newID(), Name: strings.TrimSpace(r.Name), Origin: model.OriginUpload, Created: e.Now()}
	v := b.Version(1, i.Created)
	var key *model.Key
	if b.Key != nil {
		if key, err = e.sealable(i.ID, b.Key); err != nil {
			return res, err
		}
		v.KeyID = key.ID
	}
	if i.Name == "" {
		i.Name = v.Subject
	}
	if i.Name == "" {
		i.Name = "upload-" + v.Fingerprint[:12]
	}
	i.Spec = bundle.Specification(b.Leaf)
	i.Application.Domains = v.Domains
	i.Versions = []model.Version{v}
	i.ServiceStart, i.ServiceEnd = v.NotBefore, v.NotAfter // spec T1: its own dates
	m := model.Material{Instance: i.ID, Number: 1, Chain: b.ChainDER(), Root: b.RootDER()}
	err = e.update(ctx, func(tx model.Tx) error {
		if f := e.table.Check(Upload, &Case{Actor: actor, Now: e.Now(), Policy: &e.policy}); f != nil {
			return f
		}
		for held, err := range model.All[model.Instance](tx, model.Scan{Index: "fingerprint", Prefix: v.Fingerprint}) {
			if err != nil {
				return err
			}
			return &Refusal{Action: Upload, Reason: ReasonHeld, Rule: "I3", Args: Args{"other": string(held.ID)}}
		}
		e.table.Row(Upload).move(&i, false)
		if key != nil {
			if err := tx.Put(key); err != nil {
				return err
			}
		}
		if err := tx.Put(&m); err != nil {
			return err
		}
		if err := e.put(tx, &i); err != nil {
			return err
		}
		ev := e.event(actor, string(Upload), &i)
		ev.To, ev.Detail = string(i.State), fmt.Sprintf("serial %s, valid to %s", v.Serial, stamp(v.NotAfter))
		return tx.Append(ev)
	})
	res = UploadResult{Instance: i, Warnings: b.Warnings}
	return res, e.noteRefusal(ctx, actor, err)
}

// fileWhy names the file that an upload was refused for.
func fileWhy(e *bundle.Error) string {
	if e.File == "" {
		return e.Why
	}
	return strconv.Quote(e.File) + ": " + e.Why
}

// Download makes the files of the current version for a server (spec I2). What
// holds a key says so.
func (e *Engine) Download(ctx context.Context, actor model.Actor, id model.ID, format string) ([]bundle.OutFile, error) {
	var files []bundle.OutFile
	err := e.begin(ctx, actor, Download, id, func(tx model.Tx, c *Case, ev *model.Event) error {
		v := c.Instance.Current()
		if v == nil {
			return &Refusal{Action: Download, State: c.Instance.State, Instance: id, Reason: ReasonAllRevoked, Rule: "I2"}
		}
		m, err := model.Get[model.Material](tx, model.MaterialKey(id, v.Number))
		if err != nil {
			return fmt.Errorf("read the certificate: %w", err)
		}
		var key model.Key
		if v.KeyID != "" {
			if key, err = model.Get[model.Key](tx, string(v.KeyID)); err != nil {
				return fmt.Errorf("read the key: %w", err)
			}
		}
		files, err = bundle.Files(format, bundle.Content{Name: v.Subject, Chain: m.Chain, Root: m.Root, PKCS8: key.PKCS8})
		var be *bundle.Error
		switch {
		case errors.As(err, &be) && be.Reason == bundle.UnknownFormat:
			return &Invalid{"format", fmt.Sprintf("%q is not a download format", format), joinOr(bundle.Formats()), ""}
		case be != nil:
			return &Refusal{Action: Download, State: c.Instance.State, Instance: id, Reason: ReasonCertificate, Rule: "I2", Args: Args{"why": be.Why, "hint": be.Hint}}
		}
		ev.Detail = format
		return err
	})
	return files, err
}
