package acme

import (
	"context"
	"crypto"
	"encoding/base64"
	"errors"

	"github.com/fxamacker/cbor/v2"
	"github.com/go-acme/lego/v5/acme"
	"github.com/go-acme/lego/v5/acme/api"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/model"
)

// client is a [api.Core] of an account.
type client struct {
	*api.Core
	account string // URL
}

// Account is the account at the CA, for people.
type Account struct {
	URL       string
	Contact   []string
	Terms     string // what was agreed to
	Directory string
	External  string // key identifier of the external account; "" for none
	Rolling   bool   // a rollover was begun and not proven
}

// Account returns the account; [model.ErrNotFound] before there is one.
func (i *Issuer) Account() (Account, error) {
	var rec accountRecord
	if _, err := i.get(i.accountCell(), &rec); err != nil {
		return Account{}, err
	}
	if rec.URL == "" {
		return Account{}, model.ErrNotFound
	}
	_, err := i.get(i.rolloverCell(), nil)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return Account{}, err
	}
	return Account{
		URL: rec.URL, Contact: rec.Contact, Terms: rec.Terms, Directory: rec.Directory, External: rec.EAB, Rolling: err == nil,
	}, nil
}

// connect returns the client of the account, which is made on first use (spec C2).
func (i *Issuer) connect(ctx context.Context) (*client, error) {
	i.accountMu.Lock()
	defer i.accountMu.Unlock()
	if _, err := i.fetchDirectory(ctx, false); err != nil {
		return nil, err
	}
	i.mu.Lock()
	c := i.core
	i.mu.Unlock()
	if c != nil {
		return c, nil
	}
	var rec accountRecord
	secret, err := i.get(i.accountCell(), &rec)
	known := err == nil
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return nil, err
	}
	if known {
		if secret, err = i.settleRollover(ctx, &rec, secret); err != nil {
			return nil, err
		}
	}
	if rec.URL == "" {
		if secret, err = i.makeAccount(ctx, &rec, secret); err != nil {
			return nil, err
		}
	}
	key, err := bundle.UnmarshalKey(secret)
	if err != nil {
		return nil, model.Fail("acme.account-key", "cause", err)
	}
	core, err := i.newCore(ctx, rec.URL, key)
	if err != nil {
		return nil, err
	}
	c = &client{core, rec.URL}
	if known {
		if err := i.updateContact(ctx, c, &rec, secret); err != nil {
			return nil, err
		}
	}
	i.mu.Lock()
	i.core = c
	i.mu.Unlock()
	return c, nil
}

// makeAccount registers the key of a record, or a new one, which is stored before the
// CA hears of it. If the answer to an earlier registration was lost, the account is
// found by its key.
func (i *Issuer) makeAccount(ctx context.Context, rec *accountRecord, secret model.Secret) (model.Secret, error) {
	if wait := unixMilli(rec.NotBefore).Sub(i.now()); rec.NotBefore != 0 && wait > 0 {
		return secret, &ports.RetryAfterError{Err: &ports.DownError{Err: model.Fail("acme.busy", "host", i.host())}, After: wait}
	}
	d, err := i.fetchDirectory(ctx, false)
	if err != nil {
		return secret, err
	}
	if err := i.mayRegister(d); err != nil {
		return secret, err
	}
	asked := !secret.Empty()
	if !asked {
		key, err := bundle.GenerateKey(model.ECDSAP256)
		if err != nil {
			return secret, err
		}
		if secret, err = bundle.MarshalKey(key); err != nil {
			return secret, err
		}
	}
	rec.Directory, rec.Contact, rec.Terms, rec.EAB = i.directory, i.contact(), d.Meta.TermsOfService, i.opt.EABKeyID
	rec.Agreed = i.now().Unix()
	if err := i.put(ctx, i.accountCell(), rec, secret); err != nil {
		return secret, err
	}
	key, err := bundle.UnmarshalKey(secret)
	if err != nil {
		return secret, model.Fail("acme.account-key", "cause", err)
	}
	var a acme.ExtendedAccount
	if asked {
		a, err = i.findAccount(ctx, key)
	}
	if !asked || hasKind(err, accountDoesNotExist) {
		a, err = i.register(ctx, key)
	}
	if err == nil && a.Location == "" {
		err = model.Fail("acme.no-account-url", "host", i.host())
	}
	if err != nil {
		var pause *ports.RetryAfterError
		if errors.As(err, &pause) {
			rec.NotBefore = i.now().Add(pause.After).UnixMilli()
			err = errors.Join(err, i.put(context.WithoutCancel(ctx), i.accountCell(), rec, secret))
		}
		return secret, err
	}
	rec.URL, rec.NotBefore = a.Location, 0
	return secret, i.put(context.WithoutCancel(ctx), i.accountCell(), rec, secret)
}

// mayRegister reports what an account needs and the settings do not give.
func (i *Issuer) mayRegister(d *directory) error {
	switch {
	case !i.opt.AgreeTerms && d.Meta.TermsOfService != "":
		return permanent("acme.terms", "url", d.Meta.TermsOfService)
	case d.Meta.ExternalAccountRequired && (i.opt.EABKeyID == "" || i.opt.EABMAC == nil):
		return permanent("acme.eab-missing", "host", i.host())
	}
	return nil
}

func (i *Issuer) contact() []string {
	if i.opt.Email == "" {
		return nil
	}
	return []string{"mailto:" + i.opt.Email}
}

func (i *Issuer) register(ctx context.Context, key crypto.Signer) (acme.ExtendedAccount, error) {
	core, err := i.newCore(ctx, "", key)
	if err != nil {
		return acme.ExtendedAccount{}, err
	}
	req := acme.Account{Contact: i.contact(), TermsOfServiceAgreed: i.opt.AgreeTerms}
	a, _, err := try(ctx, i, whatAccount, func(ctx context.Context) (acme.ExtendedAccount, error) {
		if i.opt.EABKeyID == "" {
			return core.Accounts.New(ctx, req)
		}
		secret, err := i.opt.EABMAC()
		if err != nil {
			return acme.ExtendedAccount{}, err
		}
		mac, err := decodeMAC(secret)
		if err != nil {
			return acme.ExtendedAccount{}, err
		}
		return core.Accounts.NewEAB(ctx, req, i.opt.EABKeyID, mac)
	})
	if err != nil && i.opt.EABKeyID != "" && isEABRefusal(err) {
		said := model.TextOf(err) // whose advice is for names, so the CA's own words are better
		if p := (*answerError)(nil); errors.As(err, &p) && p.Problem != nil && p.Problem.Detail != "" {
			said = model.Quoted("ca", p.Problem.Detail)
		}
		return a, &ports.PermanentError{Err: model.Fail("acme.eab-refused", "kid", i.opt.EABKeyID, "cause", said)}
	}
	if i.opt.EABKeyID != "" && hasKind(err, "serverInternal") { // so step-ca answers to a wrong one
		err = model.Fail("acme.eab-perhaps", "kid", i.opt.EABKeyID, "cause", err)
	}
	return a, err
}

// isEABRefusal reports whether a refused registration with an external account is
// most likely refused because of that: CAs answer with various types.
func isEABRefusal(err error) bool {
	var a *answerError
	if !errors.As(err, &a) {
		return false
	}
	switch a.kind() {
	case "unauthorized", "malformed", "externalAccountRequired", "userActionRequired":
		return true
	}
	return false
}

// decodeMAC returns the key of an external account in the encoding that the library
// takes, from any base64 that CAs hand out.
func decodeMAC(mac model.Secret) (string, error) {
	s := string(mac.Reveal())
	for _, e := range []*base64.Encoding{base64.RawURLEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.StdEncoding} {
		if b, err := e.DecodeString(s); err == nil {
			return base64.RawURLEncoding.EncodeToString(b), nil
		}
	}
	return "", permanent("acme.eab-mac")
}

// findAccount returns the account of a key, by a client that has none.
func (i *Issuer) findAccount(ctx context.Context, key crypto.Signer) (acme.ExtendedAccount, error) {
	core, err := i.newCore(ctx, "", key)
	if err != nil {
		return acme.ExtendedAccount{}, err
	}
	a, _, err := try(ctx, i, whatAccount, func(ctx context.Context) (acme.ExtendedAccount, error) {
		return core.Accounts.New(ctx, acme.Account{OnlyReturnExisting: true})
	})
	return a, err
}

// forgetAccount forgets where the account is after the CA said that it has none, as one
// that was set up anew: the next call registers the key again.
func (i *Issuer) forgetAccount(ctx context.Context) error {
	i.accountMu.Lock()
	defer i.accountMu.Unlock()
	var rec accountRecord
	secret, err := i.get(i.accountCell(), &rec)
	if err != nil {
		return err
	}
	i.mu.Lock()
	i.core = nil
	i.mu.Unlock()
	rec.URL = ""
	return i.put(context.WithoutCancel(ctx), i.accountCell(), &rec, secret)
}

// updateContact tells the CA of another e-mail address in the settings.
func (i *Issuer) updateContact(ctx context.Context, c *client, rec *accountRecord, secret model.Secret) error {
	want := i.contact()
	if len(want) == 0 || len(rec.Contact) == 1 && rec.Contact[0] == want[0] {
		return nil
	}
	_, _, err := try(ctx, i, whatAccount, func(ctx context.Context) (acme.Account, error) {
		return c.Accounts.Update(ctx, c.account, acme.Account{Contact: want})
	})
	if err != nil {
		return err
	}
	rec.Contact = want
	return i.put(context.WithoutCancel(ctx), i.accountCell(), rec, secret)
}

// Rollover replaces the key of the account (RFC 8555 section 7.3.5). The new key is
// stored beside the old one before the CA hears of it, and both are kept until the CA
// has told which one holds.
func (i *Issuer) Rollover(ctx context.Context) error {
	c, err := i.connect(ctx)
	if err != nil {
		return err
	}
	d, err := i.fetchDirectory(ctx, false)
	if err != nil {
		return err
	}
	if d.KeyChangeURL == "" {
		return permanent("acme.no-rollover", "host", i.host())
	}
	key, err := bundle.GenerateKey(model.ECDSAP256)
	if err != nil {
		return err
	}
	secret, err := bundle.MarshalKey(key)
	if err != nil {
		return err
	}
	i.accountMu.Lock()
	if err := i.put(ctx, i.rolloverCell(), &accountRecord{Directory: i.directory}, secret); err != nil {
		i.accountMu.Unlock()
		return err
	}
	_, _, refused := try(ctx, i, whatRollover, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, c.Accounts.KeyChange(ctx, key)
	})
	i.mu.Lock()
	i.core = nil // settles which key holds
	i.mu.Unlock()
	i.accountMu.Unlock()
	if _, err := i.connect(ctx); err != nil {
		return errors.Join(refused, err)
	}
	var rec accountRecord
	held, err := i.get(i.accountCell(), &rec)
	if err != nil {
		return err
	}
	if now, err := bundle.UnmarshalKey(held); err != nil || !bundle.SamePublic(now.Public(), key.Public()) {
		return errors.Join(refused, err)
	}
	return nil
}

// settleRollover asks the CA which key holds if a rollover was begun, and forgets the
// other one.
func (i *Issuer) settleRollover(ctx context.Context, rec *accountRecord, old model.Secret) (model.Secret, error) {
	next, err := i.get(i.rolloverCell(), nil)
	if errors.Is(err, model.ErrNotFound) {
		return old, nil
	}
	if err != nil {
		return old, err
	}
	key, err := bundle.UnmarshalKey(next)
	if err != nil {
		return old, model.Fail("acme.account-key", "cause", err)
	}
	a, err := i.findAccount(ctx, key)
	held := next
	if hasKind(err, accountDoesNotExist) {
		held = old
		if key, err = bundle.UnmarshalKey(old); err != nil {
			return old, model.Fail("acme.account-key", "cause", err)
		}
		a, err = i.findAccount(ctx, key)
	}
	if hasKind(err, accountDoesNotExist) { // by neither: it is made anew
		rec.URL = ""
		return old, i.keepKey(context.WithoutCancel(ctx), rec, old)
	}
	if err != nil {
		return old, err
	}
	if rec.URL != "" && a.Location != rec.URL {
		return old, model.Fail("acme.other-account", "host", i.host())
	}
	rec.URL = a.Location
	return held, i.keepKey(context.WithoutCancel(ctx), rec, held)
}

// keepKey stores the key that holds and forgets the one of the rollover, in one
// transaction: there is never a moment without the key that holds.
func (i *Issuer) keepKey(ctx context.Context, rec *accountRecord, held model.Secret) error {
	data, err := cbor.Marshal(rec)
	if err != nil {
		return err
	}
	return i.store.Update(ctx, func(tx model.Tx) error {
		if err := tx.Put(&model.KV{Namespace: space, Name: i.accountCell(), Data: data, Secret: held}); err != nil {
			return err
		}
		return tx.Delete(&model.KV{Namespace: space, Name: i.rolloverCell()})
	})
}
