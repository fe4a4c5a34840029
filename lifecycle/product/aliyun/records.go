package aliyun

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"certquay/lifecycle/ports"
	"certquay/model"
)

const space = "aliyun"

// ref is a certificate as a service refers to it.
type ref struct {
	ID string `cbor:"1,keyasint,omitempty"` // as the service wants it; "" for none
	// Name is its name in the certificate service, and Region where that is; for the
	// services that want them.
	Name        string `cbor:"2,keyasint,omitempty"`
	Region      string `cbor:"3,keyasint,omitempty"`
	Fingerprint string `cbor:"4,keyasint,omitempty"` // of the leaf; "" if not known
	// Chain is known of what certquay deployed. The services tell it only with the key.
	Chain [][]byte `cbor:"5,keyasint,omitempty"`
}

// same reports whether two refer to the same certificate.
func (r ref) same(o ref) bool { return r.ID == o.ID && (r.ID != "" || r.Name == o.Name) }

// none reports whether it refers to no certificate.
func (r ref) none() bool { return r.ID == "" && r.Name == "" }

// record is what certquay keeps of a target.
type record struct {
	Before   *ref `cbor:"1,keyasint,omitempty"` // configured before certquay came
	Former   *ref `cbor:"2,keyasint,omitempty"` // configured before a Deploy that is not committed
	First    bool `cbor:"3,keyasint,omitempty"` // that Deploy was the first there
	Deployed *ref `cbor:"4,keyasint,omitempty"` // by the last Deploy
	Gone     bool `cbor:"5,keyasint,omitempty"` // Undeploy has put Before back
}

func (d *Driver) recordCell(p ports.Target) string {
	return "target/" + url.PathEscape(d.opt.Product) + "/" + url.PathEscape(p.Region) + "/" + url.PathEscape(p.Name)
}

// record returns what is kept of a target, nothing if that is none.
func (d *Driver) record(p ports.Target) (rec record, err error) {
	err = d.opt.Store.View(func(r model.Reader) error {
		c := &model.KV{Namespace: space, Name: d.recordCell(p)}
		if err := r.Get(c); err != nil {
			return err
		}
		return decode(c, &rec)
	})
	if errors.Is(err, model.ErrNotFound) {
		return record{}, nil
	}
	return rec, err
}

func decode(c *model.KV, rec *record) error {
	if cbor.Unmarshal(c.Data, rec) != nil {
		return model.Fail("aliyun.record-damaged", "name", c.Name)
	}
	return nil
}

// keep stores what is kept of a target; an empty record deletes it.
func (d *Driver) keep(ctx context.Context, p ports.Target, rec record) error {
	data, err := cbor.Marshal(rec)
	if err != nil {
		return err
	}
	return d.opt.Store.Update(ctx, func(tx model.Tx) error {
		c := &model.KV{Namespace: space, Name: d.recordCell(p), Data: data}
		if rec == (record{}) {
			return tx.Delete(c)
		}
		return tx.Put(c)
	})
}

// records calls fn for what is kept of each target of all products at Alibaba Cloud.
func (d *Driver) records(fn func(target string, rec record)) error {
	const prefix = space + "/target/"
	return d.opt.Store.View(func(r model.Reader) error {
		for key, err := range r.Keys(model.Scan{Kind: model.KindKV, Prefix: prefix}) {
			if err != nil {
				return err
			}
			var rec record
			c := &model.KV{Namespace: space, Name: strings.TrimPrefix(key, space+"/")}
			if err := r.Get(c); err != nil {
				return err
			}
			if err := decode(c, &rec); err != nil {
				return err
			}
			name, err := url.PathUnescape(strings.TrimPrefix(key, prefix))
			if err != nil {
				return model.Fail("aliyun.record-damaged", "name", key)
			}
			fn(name, rec)
		}
		return nil
	})
}
