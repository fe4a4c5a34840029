package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"certquay/model"
	"certquay/store/search"
)

// A field that the mirrors forget is lost when a record is stored. Every field
// of every record is filled here, so that losing one fails.
func TestEveryFieldOfEveryRecordIsStored(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, kind := range kinds {
		want, err := newRecord(kind)
		if err != nil {
			t.Fatal(err)
		}
		if want.RecordKind() != kind {
			t.Errorf("a new %s is a %s", kind, want.RecordKind())
		}
		randomize(t, r, reflect.ValueOf(want).Elem())
		var secret []byte
		if at := secretOf(want); at != nil {
			secret = at.Reveal()
		}
		b, err := encode(want, secret)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := newRecord(kind)
		sealed, err := decode("key", b, got)
		if err != nil {
			t.Fatal(err)
		}
		if at := secretOf(got); at != nil {
			*at = model.NewSecret(sealed)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", kind, got, want)
		}
		again, err := encode(want, sealed)
		if err != nil || string(again) != string(b) {
			t.Errorf("%s: encoding is not deterministic", kind)
		}
		// And an empty one stays empty.
		empty, _ := newRecord(kind)
		if b, err = encode(empty, nil); err != nil {
			t.Fatal(err)
		}
		if sealed, err := decode("key", b, got); err != nil || sealed != nil || !reflect.DeepEqual(got, empty) {
			t.Errorf("%s: an empty record came back as %+v, %v", kind, got, err)
		}
	}
}

func randomize(t *testing.T, r *rand.Rand, v reflect.Value) {
	t.Helper()
	switch x := v.Addr().Interface().(type) {
	case *model.Text:
		*x = model.Texts(
			model.Say(fmt.Sprint("code.", r.Int()), "a", r.Int(), "b", model.Quoted("ca", fmt.Sprint("no ", r.Int()))),
			model.Quoted("", fmt.Sprint("\x00", r.Int())))
		return
	case *time.Time:
		*x = time.Unix(r.Int64N(1<<33), r.Int64N(1e9)).UTC()
		return
	case *model.Secret:
		*x = model.NewSecret([]byte("secret"))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(string(rune('a' + r.IntN(26))))
	case reflect.Int, reflect.Int64:
		v.SetInt(r.Int64()>>1 + 1)
	case reflect.Uint64:
		v.SetUint(r.Uint64()>>1 + 1)
	case reflect.Uint8:
		v.SetUint(uint64(r.IntN(255) + 1))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for n := range v.Len() {
			randomize(t, r, v.Index(n))
		}
	case reflect.Struct:
		for n := range v.NumField() {
			randomize(t, r, v.Field(n))
		}
	default:
		t.Fatalf("a field of type %s needs a case here", v.Type())
	}
}

// What is written can be read, however odd it is, or is not written.
func TestOddTextsAndTimesAreNotLost(t *testing.T) {
	for _, at := range []time.Time{
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1601, 1, 1, 0, 0, 0, 1, time.FixedZone("x", 3600)),
	} {
		want := model.Order{ID: "x", By: "not \xff UTF-8", At: at}
		b, err := encode(&want, nil)
		if err != nil {
			continue
		}
		var got model.Order
		if _, err := decode("key", b, &got); err != nil || got.By != want.By || !got.At.Equal(at) {
			t.Errorf("got %+v, want %+v (%v)", got, want, err)
		}
	}
}

func TestNewerRecordIsRefused(t *testing.T) {
	_, err := decode("rorder\x00x", []byte{recordVersion + 1, 0xa0}, &model.Order{})
	if !errors.Is(err, ErrNewerSchema) {
		t.Errorf("got %v", err)
	}
}

func TestRowsSurviveEncoding(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for n := range 2000 {
		var want model.InstanceRow
		randomize(t, r, reflect.ValueOf(&want).Elem())
		want.State = model.States[r.IntN(len(model.States))]
		for _, at := range rowTimes(&want) {
			*at = time.Unix(r.Int64N(1<<38)-1<<36, 0).UTC()
			if r.IntN(3) == 0 {
				*at = time.Time{}
			}
			if n == 0 {
				*at = time.Unix(0, 0).UTC() // the epoch is not "no time"
			}
		}
		if n%2 == 0 {
			want.Domain = want.Name
		}
		want.ReplacedBy = "" // the engine fills it in
		b := encodeRow(want)
		got, err := decodeRow(want.ID, string(b))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v (%v)", got, want, err)
		}
		// Cut anywhere it is an error, never a panic or half a row.
		if _, err := decodeRow(want.ID, string(b[:r.IntN(len(b))])); err == nil {
			t.Fatal("a cut row decoded")
		}
	}
}

func TestTypicalRowHasAtMostHundredBytes(t *testing.T) {
	start := time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)
	i := model.Instance{
		Name: "shop.example.com", State: model.Issued, Origin: model.OriginBought,
		Spec:        model.Specification{Level: model.DV, Type: model.Single, Brand: "embedded", Grade: model.Standard},
		Application: model.Application{Domains: []string{"shop.example.com"}},
		Versions:    []model.Version{{NotBefore: start, NotAfter: start.Add(199 * 24 * time.Hour), Domains: []string{"shop.example.com"}}},
		ServiceEnd:  start.AddDate(1, 0, 0), ServiceStart: start, Due: start.Add(170 * 24 * time.Hour),
		Deployments: model.Deployments{Total: 3, Deployed: 3, Products: []string{"CDN", "nginx"}},
	}
	if n := len(encodeRow(search.RowOf(&i))) + macSize; n > 100 {
		t.Errorf("%d bytes", n)
	}
}

func TestCountersOfAnySizeSurvive(t *testing.T) {
	for _, n := range []int{0, 1, -1, math.MaxInt64, math.MinInt64} {
		if got, _ := binary.Varint(encodeCount(n)); int(got) != n {
			t.Errorf("%d came back as %d", n, got)
		}
	}
}
