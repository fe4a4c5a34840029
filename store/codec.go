package store

import (
	"bytes"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"certquay/model"
)

// recordVersion is the schema version of the records that are written, their first
// byte.
const recordVersion = 1

// enc is deterministic (RFC 8949 section 4.2.1), so that equal records have equal
// encodings. Times are encoded as texts in UTC, because the binary forms either round
// or cannot represent the year 9999 of certificates without an expiration date.
var enc, dec = modes()

func modes() (cbor.UserBufferEncMode, cbor.DecMode) {
	eo := cbor.CoreDetEncOptions()
	eo.Time = cbor.TimeRFC3339NanoUTC
	eo.TextMarshaler = cbor.TextMarshalerTextString
	e, err := eo.UserBufferEncMode()
	if err != nil {
		panic(err) // the options are constant
	}
	d, err := cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		MaxArrayElements: 1 << 20,
		UTF8:             cbor.UTF8DecodeInvalid, // what was written must be readable
		TextUnmarshaler:  cbor.TextUnmarshalerTextString,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return e, d
}

// newRecord returns an empty record of a kind.
func newRecord(kind model.Kind) (model.Record, error) {
	switch kind {
	case model.KindInstance:
		return &model.Instance{}, nil
	case model.KindChain:
		return &model.Chain{}, nil
	case model.KindKey:
		return &model.Key{}, nil
	case model.KindOrder:
		return &model.Order{}, nil
	case model.KindEntry:
		return &model.Entry{}, nil
	case model.KindAccount:
		return &model.Account{}, nil
	case model.KindResource:
		return &model.Resource{}, nil
	case model.KindJob:
		return &model.Job{}, nil
	case model.KindEvent:
		return &model.Event{}, nil
	case model.KindContact:
		return &model.Contact{}, nil
	case model.KindTask:
		return &model.Task{}, nil
	case model.KindKV:
		return &model.KV{}, nil
	case model.KindCompany:
		return &model.Company{}, nil
	case model.KindDocument:
		return &model.Document{}, nil
	case model.KindApproval:
		return &model.Approval{}, nil
	case model.KindNotice:
		return &model.Notice{}, nil
	case model.KindChannel:
		return &model.Channel{}, nil
	case model.KindWatch:
		return &model.Watch{}, nil
	case model.KindView:
		return &model.SavedView{}, nil
	case model.KindRollout:
		return &model.Rollout{}, nil
	case model.KindReceipt:
		return &model.Receipt{}, nil
	case model.KindUser:
		return &model.User{}, nil
	case model.KindRequest:
		return &model.Request{}, nil
	}
	return nil, fmt.Errorf("there are no records of kind %q", kind)
}

// kinds lists every kind there is.
var kinds = []model.Kind{
	model.KindInstance, model.KindChain, model.KindKey, model.KindOrder, model.KindEntry,
	model.KindAccount, model.KindResource, model.KindJob, model.KindEvent, model.KindContact,
	model.KindTask, model.KindKV, model.KindCompany, model.KindDocument, model.KindApproval,
	model.KindNotice, model.KindChannel, model.KindWatch, model.KindView,
	model.KindRollout, model.KindReceipt, model.KindUser, model.KindRequest,
}

// buffers are those in which records are encoded.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// encode encodes a record, with room for the authentication code behind it. sealed is its
// encrypted secret, if it has one.
func encode(r model.Record, sealed []byte) ([]byte, error) {
	w, err := toWire(r, sealed)
	if err != nil {
		return nil, err
	}
	body := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(body)
	body.Reset()
	body.WriteByte(recordVersion)
	if err = enc.MarshalToBuffer(w, body); err == nil {
		err = readable(reflect.ValueOf(w))
	}
	if err != nil {
		return nil, model.Fail("store.encoding", "kind", r.RecordKind(), "key", r.RecordKey(), "cause", err)
	}
	return append(make([]byte, 0, body.Len()+macSize), body.Bytes()...), nil
}

var timeType = reflect.TypeFor[time.Time]()

// readable returns an error if a value could be encoded but not decoded: RFC 3339
// allows only years of four digits.
func readable(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == timeType {
			if t, _ := reflect.TypeAssert[time.Time](v); t.UTC().Year() < 0 || t.UTC().Year() > 9999 {
				return model.Fail("store.year", "year", t.UTC().Year())
			}
			return nil
		}
		for n := range v.NumField() {
			if err := readable(v.Field(n)); err != nil {
				return err
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Struct {
			return nil
		}
		for n := range v.Len() {
			if err := readable(v.Index(n)); err != nil {
				return err
			}
		}
	}
	return nil
}

// decode fills a record and returns its encrypted secret. key is the storage key, for
// errors.
func decode(key string, b []byte, r model.Record) (sealed []byte, err error) {
	if err := checkVersion(key, b); err != nil {
		return nil, err
	}
	sealed, err = fromWire(b[1:], r)
	if err != nil {
		return nil, withCause(corruptError(key, "damage.undecoded"), err)
	}
	return sealed, nil
}

// checkVersion returns an error if a record does not have the present schema version.
func checkVersion(key string, b []byte) error {
	switch {
	case len(b) == 0:
		return corruptError(key, "damage.empty")
	case b[0] > recordVersion:
		return model.Fail("store.newer-key", "key", key, "has", b[0], "knows", recordVersion).Wrapping(ErrNewerSchema)
	case b[0] < recordVersion:
		return corruptError(key, "damage.no-schema", "schema", b[0])
	}
	return nil
}

// secretOf returns where a record holds its secret; nil for kinds of records that have
// none.
func secretOf(r model.Record) *model.Secret {
	switch r := r.(type) {
	case *model.Key:
		return &r.PKCS8
	case *model.KV:
		return &r.Secret
	case *model.Document:
		return &r.Data
	case *model.Channel:
		return &r.URL
	}
	return nil
}
