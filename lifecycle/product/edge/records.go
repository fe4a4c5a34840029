package edge

import (
	"net/url"

	"github.com/fxamacker/cbor/v2"

	"certquay/model"
)

const space = "edge"

// binding is the chain and key presented for a name. The key is the cell's sealed
// part.
type binding struct {
	Chain       [][]byte `cbor:"1,keyasint,omitempty"` // DER, leaf first
	Fingerprint string   `cbor:"2,keyasint,omitempty"`
	Absent      bool     `cbor:"3,keyasint,omitempty"` // in a former cell: nothing was presented
	key         model.Secret
}

func bindCell(product, region, host string) string {
	return "bind/" + url.PathEscape(product) + "/" + url.PathEscape(region) + "/" + url.PathEscape(host)
}

func formerCell(product, region, host string) string {
	return "former/" + url.PathEscape(product) + "/" + url.PathEscape(region) + "/" + url.PathEscape(host)
}

func portCell(product, region string) string {
	return "port/" + url.PathEscape(product) + "/" + url.PathEscape(region)
}

func (b *binding) get(r model.Reader, name string) error {
	c := &model.KV{Namespace: space, Name: name}
	if err := r.Get(c); err != nil {
		return err
	}
	*b = binding{}
	if err := cbor.Unmarshal(c.Data, b); err != nil || !b.Absent && len(b.Chain) == 0 {
		return model.Fail("edge.record-damaged", "name", name)
	}
	b.key = c.Secret
	return nil
}

func (b *binding) put(tx model.Tx, name string) error {
	data, err := cbor.Marshal(b)
	if err != nil {
		return err
	}
	return tx.Put(&model.KV{Namespace: space, Name: name, Data: data, Secret: b.key})
}

func remove(tx model.Tx, name string) error {
	return tx.Delete(&model.KV{Namespace: space, Name: name})
}
