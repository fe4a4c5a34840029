package store

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"certquay/model"
)

// An instance that was reissued every three days for two years is a record that
// many fit into a transaction of, whatever names it has, and nothing is lost.
func TestManyVersionsAreASmallRecord(t *testing.T) {
	i := &model.Instance{ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Name: "www.example.com", State: model.Issued}
	var names []string
	for k := range 100 {
		names = append(names, fmt.Sprintf("host%d.example.com", k))
	}
	at := time.Date(2027, 1, 1, 3, 4, 5, 0, time.UTC)
	for k := range 250 {
		at = at.Add(72 * time.Hour)
		h := fmt.Sprintf("%064x", k*7919+1)
		v := model.Version{
			Number: k + 1, Serial: h[:32], Fingerprint: h, SPKI: h, Subject: names[0], Domains: names, KeyType: "ecdsa-p256",
			KeyID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", NotBefore: at, NotAfter: at.Add(144 * time.Hour), Issued: at, Issuer: "embedded",
		}
		switch { // some change, and back
		case k%10 == 3:
			v.Domains, v.Subject = names[1:], names[1]
		case k%10 == 5:
			v.Domains, v.KeyID, v.SPKI, v.Issuer = nil, "", "", ""
		case k%10 > 5:
			v.SPKI = fmt.Sprintf("%064x", 1)
		}
		i.Versions = append(i.Versions, v)
	}
	b, err := encode(i, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got model.Instance
	if _, err := decode("x", b, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Versions, i.Versions) {
		t.Error("what is read is not what was written")
	}
	if len(b) > 250_000 { // 550,000 if each had its names
		t.Errorf("the record has %d bytes", len(b))
	}
}

// Records of before have all of each version.
func TestVersionsThatStandAlone(t *testing.T) {
	type stored struct {
		Versions []version `cbor:"12,keyasint,omitzero"`
	}
	want := []version{{Number: 1, Domains: []string{"a.example.com"}, Issuer: "embedded"}, {Number: 2}}
	b, err := enc.Marshal(stored{want})
	if err != nil {
		t.Fatal(err)
	}
	var got instance
	if err := cbor.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	vs := versionsFromWire(got.Versions)
	if len(vs) != 2 || !reflect.DeepEqual(version(vs[0]), want[0]) || !reflect.DeepEqual(version(vs[1]), want[1]) {
		t.Errorf("%+v", vs)
	}
}
