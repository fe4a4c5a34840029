package embedded

import (
	"errors"
	"time"

	"github.com/fxamacker/cbor/v2"

	"certquay/model"
)

// space is the storage space of the CA's cells.
const space = "embedded"

// orderRecord is the result of an order. It holds no chain, which follows from
// the number of the issuing CA.
type orderRecord struct {
	Leaf      []byte `cbor:"1,keyasint,omitempty"` // DER
	CA        int    `cbor:"2,keyasint,omitempty"`
	Cancelled bool   `cbor:"3,keyasint,omitempty"`
	// Names whose control is to be proved, while nothing is signed.
	Names []string `cbor:"4,keyasint,omitempty"`
}

// open reports whether an order is neither signed nor cancelled.
func (o *orderRecord) open() bool { return len(o.Leaf) == 0 && !o.Cancelled }

// serialRecord is an issued certificate.
type serialRecord struct {
	CA          int    `cbor:"1,keyasint"`
	Fingerprint []byte `cbor:"2,keyasint"` // SHA-256 of the DER
	NotAfter    int64  `cbor:"3,keyasint"` // Unix seconds
}

// revokedRecord is a revocation. Seq is its number among those of its CA.
type revokedRecord struct {
	CA       int    `cbor:"1,keyasint"`
	At       int64  `cbor:"2,keyasint"` // Unix seconds
	Reason   int    `cbor:"3,keyasint"` // RFC 5280 section 5.3.1
	NotAfter int64  `cbor:"4,keyasint"`
	Seq      uint64 `cbor:"5,keyasint"`
}

// counter counts revocations of one CA.
type counter struct {
	N uint64 `cbor:"1,keyasint"`
}

// crlRecord is the newest CRL of a CA and how many revocations it knows.
type crlRecord struct {
	Number     uint64 `cbor:"1,keyasint"`
	Seq        uint64 `cbor:"2,keyasint"`
	ThisUpdate int64  `cbor:"3,keyasint"`
	NextUpdate int64  `cbor:"4,keyasint"`
	DER        []byte `cbor:"5,keyasint"`
}

func get(r model.Reader, name string, v any) error {
	c := &model.KV{Namespace: space, Name: name}
	if err := r.Get(c); err != nil {
		return err
	}
	if err := cbor.Unmarshal(c.Data, v); err != nil {
		return model.Fail("ca.record-damaged", "name", name)
	}
	return nil
}

func put(tx model.Tx, name string, v any) error {
	data, err := cbor.Marshal(v)
	if err != nil {
		return err
	}
	return tx.Put(&model.KV{Namespace: space, Name: name, Data: data})
}

// exists reports whether a cell exists.
func exists(r model.Reader, name string) (bool, error) {
	err := r.Get(&model.KV{Namespace: space, Name: name})
	if errors.Is(err, model.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func unix(s int64) time.Time { return time.Unix(s, 0).UTC() }
