package acme

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"certquay/lifecycle/challenge"
	"certquay/model"
)

// space is the storage space of this kind of issuer.
const space = "acme"

// accountRecord is an account at a CA. The cell's secret is its key.
type accountRecord struct {
	Directory string   `cbor:"1,keyasint"`
	URL       string   `cbor:"2,keyasint,omitempty"` // "" until the CA has told it
	Contact   []string `cbor:"3,keyasint,omitempty"`
	Terms     string   `cbor:"4,keyasint,omitempty"` // what was agreed to
	Agreed    int64    `cbor:"5,keyasint,omitempty"` // when, Unix seconds
	EAB       string   `cbor:"6,keyasint,omitempty"` // key identifier of the external account
	NotBefore int64    `cbor:"7,keyasint,omitempty"` // as in orderRecord
}

// Steps of an order of ours. Each is stored before what it names is sent.
const (
	stepNew        = ""           // nothing was sent
	stepOrdering   = "ordering"   // newOrder was sent, its answer is not known
	stepOpen       = "open"       // the order has a URL
	stepFinalizing = "finalizing" // the CSR was sent
	stepIssued     = "issued"
	stepFailed     = "failed"
	stepCancelled  = "cancelled"
)

// orderRecord is what is known of an order: enough to go on with it in another
// process at every step (spec C3).
type orderRecord struct {
	Key      string   `cbor:"1,keyasint"`
	Names    []string `cbor:"2,keyasint"`
	CSR      []byte   `cbor:"3,keyasint"` // the same at each finalize
	NotAfter int64    `cbor:"4,keyasint,omitempty"`
	Profile  string   `cbor:"5,keyasint,omitempty"`
	Replaces string   `cbor:"6,keyasint,omitempty"` // certificate identifier of RFC 9773 section 4.1

	Step     string `cbor:"10,keyasint,omitempty"`
	Account  string `cbor:"11,keyasint,omitempty"` // URL of the account that ordered
	URL      string `cbor:"12,keyasint,omitempty"`
	Sent     int    `cbor:"13,keyasint,omitempty"` // newOrder requests that may have made an order
	Finalize int    `cbor:"14,keyasint,omitempty"` // finalize requests sent
	// NotBefore is the earliest time of the next request that the CA allows by
	// Retry-After, Unix milliseconds; 0 for any.
	NotBefore      int64                 `cbor:"15,keyasint,omitempty"`
	Authorizations []authorizationRecord `cbor:"16,keyasint,omitempty"`
	Certificate    string                `cbor:"17,keyasint,omitempty"` // URL
	Chain          [][]byte              `cbor:"18,keyasint,omitempty"`
	Root           []byte                `cbor:"19,keyasint,omitempty"`
	Problem        string                `cbor:"20,keyasint,omitempty"` // a model.Text
	Left           []challenge.Proof     `cbor:"21,keyasint,omitempty"` // proofs that could not be removed
	Made           int64                 `cbor:"22,keyasint,omitempty"` // when it was made, Unix seconds
	Ended          int64                 `cbor:"24,keyasint,omitempty"` // when it became final, Unix seconds
	Renews         bool                  `cbor:"23,keyasint,omitempty"` // a certificate for the same names was issued before
	NeededBy       int64                 `cbor:"25,keyasint,omitempty"` // as in ports.CertificateRequest, Unix seconds
	Urgent         bool                  `cbor:"26,keyasint,omitempty"`
	Again          bool                  `cbor:"27,keyasint,omitempty"` // the order before was lost with a port, see Issuer.lostPort
}

// authorizationRecord is one authorization of an order, and how it is shown.
type authorizationRecord struct {
	URL       string          `cbor:"1,keyasint"`
	Name      string          `cbor:"2,keyasint,omitempty"` // with "*." for a wildcard
	Rule      string          `cbor:"3,keyasint,omitempty"`
	Challenge string          `cbor:"4,keyasint,omitempty"` // URL
	Proof     challenge.Proof `cbor:"5,keyasint,omitempty"`
	Manual    bool            `cbor:"6,keyasint,omitempty"`
	// Presenting is stored before the proof is presented, Presented after.
	Presenting bool  `cbor:"7,keyasint,omitempty"`
	Presented  int64 `cbor:"8,keyasint,omitempty"` // Unix seconds
	// Asking is stored before the CA is asked to look, Asked after it has answered.
	Asking  bool `cbor:"9,keyasint,omitempty"`
	Asked   bool `cbor:"10,keyasint,omitempty"`
	Done    bool `cbor:"11,keyasint,omitempty"` // nothing is to be shown any more
	Cleaned bool `cbor:"12,keyasint,omitempty"`
	// Unseen says that the CA was asked although the proof could not be seen from here.
	Unseen bool `cbor:"13,keyasint,omitempty"`
	// Reopened says that a process presented it anew after another one had asked the CA.
	Reopened bool `cbor:"14,keyasint,omitempty"`
	seen     bool
	busy     bool // there is no place for it beside another proof
}

func (o *orderRecord) final() bool {
	return o.Step == stepIssued || o.Step == stepFailed || o.Step == stepCancelled
}

// refOf returns the reference of an order: a hash of issuer and idempotency key.
func refOf(issuer, key string) string {
	h := sha256.Sum256([]byte(issuer + "\x00" + key))
	return hex.EncodeToString(h[:16])
}

func hashOf(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:8])
}

func (i *Issuer) orderCell(ref string) string { return i.opt.Name + "/order/" + ref }

func (i *Issuer) doneCell(ref string) string { return i.opt.Name + "/done/" + ref }

// endedPrefix begins the cells that list ended orders by the day of their end.
func (i *Issuer) endedPrefix() string { return i.opt.Name + "/ended/" }

// accountCell is the cell of the account at the directory of the settings; another
// directory has another account.
func (i *Issuer) accountCell() string { return i.opt.Name + "/account/" + hashOf(i.directory) }

// rolloverCell holds the key that replaces the account's, while that is under way.
func (i *Issuer) rolloverCell() string { return i.opt.Name + "/rollover/" + hashOf(i.directory) }

// problemRecord is why the last call to the CA failed.
type problemRecord struct {
	Problem string `cbor:"1,keyasint"`           // a model.Text
	At      int64  `cbor:"2,keyasint"`           // Unix seconds
	NextTry int64  `cbor:"3,keyasint,omitempty"` // before which the CA wants no call, Unix seconds
}

// problemCell is the cell of the problem with the directory of the settings.
func (i *Issuer) problemCell() string { return i.opt.Name + "/problem/" + hashOf(i.directory) }

func (i *Issuer) leftPrefix() string { return i.opt.Name + "/left/" }

// get reads a cell and returns its secret; [model.ErrNotFound] if there is none.
func (i *Issuer) get(name string, v any) (secret model.Secret, err error) {
	c := &model.KV{Namespace: space, Name: name}
	if err := i.store.View(func(r model.Reader) error { return r.Get(c) }); err != nil {
		if errors.Is(err, model.ErrNotFound) {
			return secret, err
		}
		return secret, model.Fail("acme.unreadable-record", "name", name, "cause", err)
	}
	if v != nil {
		if err := cbor.Unmarshal(c.Data, v); err != nil {
			return secret, model.Fail("acme.damaged-record", "name", name)
		}
	}
	return c.Secret, nil
}

// readOrder reads an order's record by the key of its cell.
func readOrder(r model.Reader, key string) (rec orderRecord, err error) {
	var c model.KV
	if err := r.Load(key, &c); err != nil {
		return rec, err
	}
	return rec, cbor.Unmarshal(c.Data, &rec)
}

// put makes a cell durable.
func (i *Issuer) put(ctx context.Context, name string, v any, secret model.Secret) error {
	data, err := cbor.Marshal(v)
	if err != nil {
		return err
	}
	c := &model.KV{Namespace: space, Name: name, Data: data, Secret: secret}
	if err := i.store.Update(ctx, func(tx model.Tx) error { return tx.Put(c) }); err != nil {
		return model.Fail("acme.not-kept", "name", name, "cause", err)
	}
	return nil
}

func (i *Issuer) remove(ctx context.Context, name string) error {
	return i.store.Update(ctx, func(tx model.Tx) error { return tx.Delete(&model.KV{Namespace: space, Name: name}) })
}

// save makes an order's record durable. What was done outside is recorded even if
// ctx has ended meanwhile. One that is final is put aside, so that what is under way is
// found without reading what has ended.
func (i *Issuer) save(ctx context.Context, o *orderRecord) error {
	ref := refOf(i.opt.Name, o.Key)
	ctx = context.WithoutCancel(ctx)
	if !o.final() {
		return i.put(ctx, i.orderCell(ref), o, model.Secret{})
	}
	if o.Ended == 0 {
		o.Ended = i.now().Unix()
	}
	data, err := cbor.Marshal(o)
	if err != nil {
		return err
	}
	err = i.store.Update(ctx, func(tx model.Tx) error {
		ended := i.endedPrefix() + unix(o.Ended).Format(time.DateOnly) + "/" + ref
		for _, c := range []*model.KV{
			{Namespace: space, Name: i.doneCell(ref), Data: data}, {Namespace: space, Name: ended},
		} {
			if err := tx.Put(c); err != nil {
				return err
			}
		}
		return tx.Delete(&model.KV{Namespace: space, Name: i.orderCell(ref)})
	})
	if err != nil {
		return model.Fail("acme.not-kept", "name", ref, "cause", err)
	}
	return nil
}

// keepEnded is how long ended orders are kept: much longer than any attempt is repeated.
const keepEnded = 90 * day

// Prune implements [ports.Pruner]: it removes orders that ended long ago, and what counts
// against no limit any more.
func (i *Issuer) Prune(ctx context.Context, most int) (more bool, err error) {
	orders, err := i.pruneOrders(ctx, most)
	if err != nil {
		return false, err
	}
	a, err := i.Account()
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return false, err
	}
	counts, err := i.budgetOf(a.URL).Prune(ctx, most)
	return orders || counts, err
}

func (i *Issuer) pruneOrders(ctx context.Context, most int) (more bool, err error) {
	limit := space + "/" + i.endedPrefix() + i.now().UTC().Add(-keepEnded).Format(time.DateOnly)
	err = i.store.Update(ctx, func(tx model.Tx) error {
		more = false
		var old []string
		for key, err := range tx.Keys(model.Scan{Kind: model.KindKV, Prefix: space + "/" + i.endedPrefix(), Limit: most + 1}) {
			if err != nil {
				return err
			}
			if key >= limit {
				break
			}
			old = append(old, strings.TrimPrefix(key, space+"/"))
		}
		if more = len(old) > most; more {
			old = old[:most]
		}
		for _, name := range old {
			ref := name[strings.LastIndexByte(name, '/')+1:]
			for _, cell := range []string{name, i.doneCell(ref)} {
				if err := tx.Delete(&model.KV{Namespace: space, Name: cell}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return more, err
}

func unix(s int64) time.Time { return time.Unix(s, 0).UTC() }
