package store

import (
	"reflect"
	"testing"

	"certquay/model"
	"certquay/store/search"
)

// FuzzDecode gives every kind of record bytes that were never written: it is an
// error or a record that can be written and read again, never a panic. (In a
// store such bytes do not even get here: they fail authentication.)
func FuzzDecode(f *testing.F) {
	for n, kind := range kinds {
		r, err := newRecord(kind)
		if err != nil {
			f.Fatal(err)
		}
		b, err := encode(r, nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(n, b)
	}
	f.Fuzz(func(t *testing.T, n int, b []byte) {
		if n < 0 || n >= len(kinds) {
			return
		}
		r, err := newRecord(kinds[n])
		if err != nil {
			t.Fatal(err)
		}
		if kinds[n] == model.KindInstance {
			_ = decodeRowFields("key", b, &model.Instance{}) // it may be an error, and must not be a panic
		}
		sealed, err := decode("key", b, r)
		if err != nil {
			return
		}
		again, err := encode(r, sealed)
		if err != nil {
			return // for example a year that cannot be stored
		}
		second, _ := newRecord(kinds[n])
		if _, err := decode("key", again, second); err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		third, err := encode(second, sealed)
		if err != nil || !reflect.DeepEqual(third, again) {
			t.Fatalf("it is written differently the second time: %v", err)
		}
		if i, ok := second.(*model.Instance); ok {
			var seen model.Instance
			if err := decodeRowFields("key", again, &seen); err != nil || !reflect.DeepEqual(search.ChangeOf(&seen), search.ChangeOf(i)) {
				t.Fatalf("the row fields are others: %v", err)
			}
		}
	})
}
