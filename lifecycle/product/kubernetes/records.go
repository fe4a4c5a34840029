package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"

	"github.com/fxamacker/cbor/v2"

	"certquay/model"
)

const space = "kubernetes"

// state is a secret as it was at one moment. Its tls.key is the cell's sealed part.
type state struct {
	Absent bool     `cbor:"1,keyasint,omitempty"` // there was no secret
	Cert   []byte   `cbor:"2,keyasint,omitempty"` // tls.crt
	Label  string   `cbor:"3,keyasint,omitempty"` // managedBy; "" for none
	Fields [][]byte `cbor:"4,keyasint,omitempty"` // managedFields, JSON
	// First says, in a former cell, that certquay had never deployed there.
	First bool `cbor:"5,keyasint,omitempty"`
	key   model.Secret
}

// stateOf is what was read; nil for a secret that does not exist.
func stateOf(s *secret) state {
	if s == nil {
		return state{Absent: true}
	}
	was := state{Cert: s.Data[certKey], Label: s.Metadata.Labels[managedBy], key: model.NewSecret(s.Data[keyKey])}
	for _, f := range s.Metadata.ManagedFields {
		was.Fields = append(was.Fields, f)
	}
	return was
}

func (s *state) fields() []json.RawMessage {
	all := make([]json.RawMessage, 0, len(s.Fields))
	for _, f := range s.Fields {
		all = append(all, f)
	}
	if len(all) == 0 {
		all = append(all, json.RawMessage("{}")) // an empty list would change nothing
	}
	return all
}

func (p *Product) cell(kind, region string, r ref) string {
	return kind + "/" + url.PathEscape(p.opt.Product) + "/" + url.PathEscape(region) + "/" + r.String()
}

// Kinds of cells.
const (
	former = "former" // before a Deploy that is not committed
	origin = "origin" // before certquay
)

// read reads a cell; nil if there is none.
func read(r model.Reader, name string) (*state, error) {
	c := &model.KV{Namespace: space, Name: name}
	if err := r.Get(c); err != nil {
		if errors.Is(err, model.ErrNotFound) {
			return nil, nil
		}
		return nil, err
	}
	s := new(state)
	if cbor.Unmarshal(c.Data, s) != nil {
		return nil, model.Fail("kubernetes.record-damaged", "name", name)
	}
	s.key = c.Secret
	return s, nil
}

func (p *Product) stored(kind, region string, r ref) (s *state, err error) {
	err = p.opt.Store.View(func(rd model.Reader) (err error) { s, err = read(rd, p.cell(kind, region, r)); return err })
	return s, err
}

func put(tx model.Tx, name string, s state) error {
	data, err := cbor.Marshal(s)
	if err != nil {
		return err
	}
	return tx.Put(&model.KV{Namespace: space, Name: name, Data: data, Secret: s.key})
}

// keep stores what is there before it is replaced, for Rollback and for Undeploy.
func (p *Product) keep(ctx context.Context, region string, r ref, live *secret) error {
	return p.opt.Store.Update(ctx, func(tx model.Tx) error {
		before, err := read(tx, p.cell(former, region, r))
		if err != nil {
			return err
		}
		first, err := read(tx, p.cell(origin, region, r))
		if err != nil {
			return err
		}
		now := stateOf(live)
		// What an earlier try kept is outdated unless that try put there what is there now.
		retried := before != nil && before.First && (live == nil || !live.ours())
		if first == nil || retried {
			if err := put(tx, p.cell(origin, region, r), now); err != nil {
				return err
			}
			now.First = true
		} else {
			now.First = before != nil && before.First
		}
		return put(tx, p.cell(former, region, r), now)
	})
}

// forget drops cells.
func (p *Product) forget(ctx context.Context, region string, r ref, kinds ...string) error {
	return p.opt.Store.Update(ctx, func(tx model.Tx) error {
		for _, k := range kinds {
			if err := tx.Delete(&model.KV{Namespace: space, Name: p.cell(k, region, r)}); err != nil {
				return err
			}
		}
		return nil
	})
}
