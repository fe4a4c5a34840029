package store

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"certquay/model"
	"certquay/store/search"
)

// sparse leaves out some fields of a random record.
func sparse(r *rand.Rand, v reflect.Value) {
	if v.Type() == timeType || v.Type() == reflect.TypeFor[model.Text]() || v.Kind() != reflect.Struct {
		if r.IntN(3) == 0 {
			v.SetZero()
		}
		return
	}
	for n := range v.NumField() {
		sparse(r, v.Field(n))
	}
}

// What the table learns of the fields that are decoded for rows is what it learns
// of the whole instance, whichever fields are there, and however odd they are.
// spec: S5
func TestRowFieldsAreThoseOfTheRecord(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	var used model.Instance // by all, as in a batch
	for n := range 3000 {
		var i model.Instance
		randomize(t, r, reflect.ValueOf(&i).Elem())
		i.Versions = make([]model.Version, r.IntN(4))
		for k := range i.Versions {
			randomize(t, r, reflect.ValueOf(&i.Versions[k]).Elem())
			sparse(r, reflect.ValueOf(&i.Versions[k]).Elem())
			if k > 0 && r.IntN(2) == 0 {
				i.Versions[k].Domains, i.Versions[k].KeyID = i.Versions[k-1].Domains, i.Versions[k-1].KeyID
			}
		}
		if n > 0 { // the first has every field
			sparse(r, reflect.ValueOf(&i).Elem())
			i.Deleted = r.IntN(10) == 0
		} else {
			i.Deleted = false
		}
		switch r.IntN(20) {
		case 0:
			i.Name, i.ExpectedIssue = "not \xff UTF-8", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
		case 1:
			i.Hosting.RenewalsLeft, i.Deployments.Total, i.Operation.Attempt = -1, -1<<40, 300
		}
		b, err := encode(&i, nil)
		if err != nil {
			t.Fatal(err)
		}
		var whole model.Instance
		if _, err := decode("key", b, &whole); err != nil {
			t.Fatal(err)
		}
		if err := decodeRowFields("key", b, &used); err != nil {
			t.Fatalf("%+v: %v", i, err)
		}
		if got, want := search.ChangeOf(&used), search.ChangeOf(&whole); !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v:\ngot  %+v\nwant %+v", i, used, whole)
		}
		if at := r.IntN(len(b)); at > 0 {
			if err := decodeRowFields("key", b[:at], &used); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("cut off at byte %d of %d: %v", at, len(b), err)
			}
		}
	}
}

func TestRowFieldsOfAnUnknownFormAreRefused(t *testing.T) {
	var i model.Instance
	for _, b := range []string{
		"",
		"\x01",
		"\x01\xa0\x00",         // something after the record
		"\x01\xa1\x02\x01",     // a name that is a number
		"\x01\xbf\xff",         // of indefinite length
		"\x01\xa1\x0d\x61x",    // a time that is none
		"\x01\xa1\x02\x7b\xff", // a text of unknown length
		"\x01\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x02\x60", // more fields than there are bytes
	} {
		if err := decodeRowFields("key", []byte(b), &i); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: %v", b, err)
		}
	}
	if err := decodeRowFields("key", []byte{recordVersion + 1, 0xa0}, &i); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("a newer record: %v", err)
	}
}
