package lifecycle

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"strconv"
	"strings"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// prepared is an upload that is read and checked, and not stored.
type prepared struct {
	instance model.Instance
	chain    model.Chain
	key      *model.Key // nil if no file has it
	warnings []bundle.Warning
}

// prepareUpload reads and checks the files of an upload.
func (e *Engine) prepareUpload(r UploadRequest) (p prepared, err error) {
	if wrong := rules.CheckPrintable("name", r.Name, rules.Example("shop.example.com")); wrong != nil {
		return p, wrong
	}
	b, err := bundle.Options{Now: e.Now(), Roots: e.roots()}.Parse(r.Files...)
	if err != nil {
		return p, uploadRefusal(rules.Upload, err)
	}
	i := model.Instance{ID: e.journal.NewID(), Name: strings.TrimSpace(r.Name), Origin: model.OriginUpload, Created: e.Now()}
	v := b.Version(1, i.Created)
	if b.Key != nil {
		if p.key, err = e.newKeyRecord(i.ID, b.Key); err != nil {
			return p, err
		}
		v.KeyID = p.key.ID
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
	p.instance, p.warnings = i, b.Warnings
	p.chain = model.Chain{Instance: i.ID, Number: 1, Certificates: b.ChainDER(), Root: b.RootDER()}
	return p, nil
}

// heldAlready returns the refusal of a certificate that an instance has, or nil.
func heldAlready(r model.Reader, fingerprint string) error {
	for held, err := range model.All[model.Instance](r, model.Scan{Index: "fingerprint", Prefix: fingerprint}) {
		if err != nil {
			return err
		}
		return &rules.Refusal{Action: rules.Upload, Reason: rules.ReasonDuplicate, Rule: "I3", Args: rules.Args{"other": held.ID},
			Instead: []rules.Suggestion{{Action: rules.Show, Args: []string{string(held.ID)}}}}
	}
	return nil
}

// planUpload is [Access.PlanUpload].
func (e *Engine) planUpload(r UploadRequest) (res UploadResult, err error) {
	p, err := e.prepareUpload(r)
	if err != nil {
		return res, err
	}
	err = e.store.View(func(r model.Reader) error { return heldAlready(r, p.instance.Versions[0].Fingerprint) })
	if err != nil {
		return res, err
	}
	return UploadResult{p.instance, p.warnings}, nil
}

// upload is [Access.Upload].
func (e *Engine) upload(ctx context.Context, actor model.Actor, r UploadRequest) (UploadResult, error) {
	p, err := e.prepareUpload(r)
	if err != nil {
		return UploadResult{}, e.journal.LogRefusal(ctx, actor, err)
	}
	err = e.journal.Update(ctx, func(tx model.Tx) error {
		if err := heldAlready(tx, p.instance.Versions[0].Fingerprint); err != nil {
			return err
		}
		return e.storeUpload(tx, actor, &p)
	})
	return UploadResult{p.instance, p.warnings}, e.journal.LogRefusal(ctx, actor, err)
}

// storeUpload stores what was prepared, if the actor may upload.
func (e *Engine) storeUpload(tx model.Tx, actor model.Actor, p *prepared) error {
	i, v := &p.instance, &p.instance.Versions[0]
	if f := e.table.Check(rules.Upload, &rules.Facts{Actor: actor, Now: e.Now()}); f != nil {
		return f
	}
	e.table.Transition(rules.Upload).Apply(i, false)
	if p.key != nil {
		if err := tx.Put(p.key); err != nil {
			return err
		}
	}
	if err := tx.Put(&p.chain); err != nil {
		return err
	}
	if err := e.saveInstance(tx, i); err != nil {
		return err
	}
	ev := e.journal.Event(actor, string(rules.Upload), i)
	ev.To, ev.Detail = string(i.State), model.Say("log.uploaded", "serial", v.Serial, "at", v.NotAfter)
	return tx.Append(ev)
}

// uploadRefusal turns an error about uploaded files into a refusal.
func uploadRefusal(a rules.Action, err error) error {
	var be *bundle.Error
	if !errors.As(err, &be) {
		return err
	}
	return &rules.Refusal{
		Action: a,
		Reason: rules.ReasonCertificate,
		Rule:   "I3",
		Args:   rules.Args{"why": be.What(), "hint": be.Hint, "code": be.Reason},
	}
}

// download is [Access.Download].
func (e *Engine) download(ctx context.Context, actor model.Actor, id model.ID, version int, format string) ([]bundle.OutFile, error) {
	if e.policy.NeedsSecondPerson(rules.ActionDownloadKey) {
		secret, err := e.holdsSecret(actor, id, version, format)
		if err == nil && secret {
			q := &ask{Action: rules.ActionDownloadKey, Instance: id, Data: downloadRequest{version, format}}
			err = e.secondPerson(ctx, actor, q)
		}
		if err != nil {
			return nil, e.journal.LogRefusal(ctx, actor, err)
		}
	}
	var files []bundle.OutFile
	err := e.transition(ctx, actor, rules.Download, id, func(tx model.Tx, c *rules.Facts, ev *model.Event) (err error) {
		if files, err = filesOf(tx, c.Instance, version, format); err != nil {
			return err
		}
		ev.Detail = model.Say("log.format", "format", format)
		if anySecret(files) {
			if f := e.mayDownloadKey(actor); f != nil {
				return f
			}
			ev.Action = rules.ActionDownloadKey
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return files, nil
}

// mayDownloadKey refuses a download with a private key to an actor who may only download
// certificates (spec G2).
func (e *Engine) mayDownloadKey(actor model.Actor) *rules.Refusal {
	return e.whoMay(e.table.May(actor, rules.ActionDownloadKey))
}

// holdsSecret reports whether a download would hold a private key, or refuses it to an
// actor who may not have that.
func (e *Engine) holdsSecret(actor model.Actor, id model.ID, version int, format string) (secret bool, err error) {
	err = e.store.View(func(r model.Reader) error {
		i, err := model.Get[model.Instance](r, string(id))
		if err != nil {
			return err
		}
		files, err := filesOf(r, &i, version, format)
		if secret = anySecret(files); secret {
			if f := e.mayDownloadKey(actor); f != nil {
				return f
			}
		}
		return err
	})
	return secret, err
}

func anySecret(files []bundle.OutFile) bool {
	return slices.ContainsFunc(files, func(f bundle.OutFile) bool { return f.Secret })
}

// filesOf makes the files of a download of a version; 0 is the current one.
func filesOf(r model.Reader, i *model.Instance, version int, format string) ([]bundle.OutFile, error) {
	v := i.Current()
	if version > 0 {
		if v = i.Version(version); v == nil {
			return nil, &rules.NotFound{What: "version", Name: strconv.Itoa(version)}
		}
	}
	if v == nil || !v.RevokedAt.IsZero() {
		return nil, &rules.Refusal{Action: rules.Download, State: i.State, Instance: i.ID, Reason: rules.ReasonAllRevoked, Rule: "I2"}
	}
	m, err := model.Get[model.Chain](r, model.ChainKey(i.ID, v.Number))
	if err != nil {
		return nil, rules.ReadError("certificate", v.Number, err)
	}
	var key model.Key
	if v.KeyID != "" {
		if key, err = model.Get[model.Key](r, string(v.KeyID)); err != nil {
			return nil, rules.ReadError("key", v.KeyID, err)
		}
	}
	files, err := bundle.Files(format, bundle.Content{Name: v.Subject, Chain: m.Certificates, Root: m.Root, PKCS8: key.PKCS8})
	var be *bundle.Error
	switch {
	case errors.As(err, &be) && be.Reason == bundle.UnknownFormat:
		return nil, &rules.Invalid{
			Field:   "format",
			Why:     model.Say("invalid.no-format", "value", format),
			Example: rules.OneOf(bundle.Formats()),
		}
	case be != nil:
		return nil, &rules.Refusal{
			Action: rules.Download, State: i.State, Instance: i.ID, Reason: rules.ReasonCertificate, Rule: "I2",
			Args: rules.Args{"why": be.Why, "hint": be.Hint},
		}
	}
	return files, err
}

// uploadKey is [Access.UploadKey].
func (e *Engine) uploadKey(ctx context.Context, actor model.Actor, id model.ID, f bundle.File) error {
	signer, err := bundle.ParseKey(f)
	if err != nil {
		return e.journal.LogRefusal(ctx, actor, uploadRefusal(rules.UploadKey, err))
	}
	key, err := e.newKeyRecord(id, signer)
	if err != nil {
		return err
	}
	return e.transition(ctx, actor, rules.UploadKey, id, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		i := c.Instance
		matched := 0
		for n := range i.Versions {
			v := &i.Versions[n]
			m, err := model.Get[model.Chain](tx, model.ChainKey(id, v.Number))
			if err != nil {
				return model.Fail("error.read-version", "version", v.Number, "cause", err)
			}
			leaf, err := x509.ParseCertificate(m.Certificates[0])
			if err != nil {
				return model.Fail("error.decode-version", "version", v.Number, "cause", err)
			}
			if bundle.SamePublic(leaf.PublicKey, signer.Public()) {
				v.KeyID = key.ID
				matched++
			}
		}
		if matched == 0 {
			return &rules.Refusal{Action: rules.UploadKey, State: i.State, Instance: id, Reason: rules.ReasonCertificate, Rule: "A4",
				Args: rules.Args{"why": model.Say("key.of-no-version"), "hint": model.Say("key.of-request")}}
		}
		ev.Detail = model.Say("log.key-of-versions", "n", matched)
		return tx.Put(key)
	})
}
