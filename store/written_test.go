package store_test

import (
	"context"
	"testing"

	"certquay/model"
	"certquay/store"
	"certquay/store/storetest"
)

// Every store that an earlier version wrote opens, is sound and can be written.
func TestStoresWrittenBeforeOpen(t *testing.T) {
	for _, name := range storetest.WrittenStores {
		t.Run(name, func(t *testing.T) {
			dir, key, _ := storetest.Written(t, name)
			for range 2 { // as it was found, and as it was left
				s, err := store.Open(dir, store.Options{KeyFile: key})
				if err != nil {
					t.Fatal(err)
				}
				if _, sealed, err := s.Protection(); err != nil {
					t.Fatal(err)
				} else if sealed {
					if err := s.Unseal(model.NewSecret([]byte(storetest.WrittenPassphraseWords))); err != nil {
						t.Fatal(err)
					}
				}
				r, err := s.Fsck(context.Background())
				if err != nil || !r.Sound() || r.Records == 0 || r.Secrets == 0 {
					t.Errorf("%+v, %v", r, err)
				}
				if err := s.SetMeta(context.Background(), func(m *store.Meta) error { m.Sandbox = true; return nil }); err != nil {
					t.Error(err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
