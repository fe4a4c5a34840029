package store_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
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

// Sentences that an earlier version stored are quotes now, and what waits for a
// reviewer is known by its code. spec: S4
func TestSentencesWrittenBeforeAreMigrated(t *testing.T) {
	dir, key, _ := storetest.Written(t, "fleet")
	s, err := store.Open(dir, store.Options{KeyFile: key})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	waiting, quotes := 0, 0
	err = s.View(func(r model.Reader) error {
		for i, err := range model.All[model.Instance](r, model.Scan{}) {
			if err != nil {
				return err
			}
			if i.AwaitsReview() {
				waiting++
			}
		}
		for e, err := range model.All[model.Event](r, model.Scan{}) {
			if err != nil {
				return err
			}
			if e.Detail.Code() != "" {
				t.Errorf("event %d has the code %s", e.Seq, e.Detail.Code())
			}
			if e.Detail.Message().Quote.Words != "" {
				quotes++
			}
		}
		return nil
	})
	if err != nil || waiting == 0 || quotes < 100 {
		t.Errorf("%d instances wait for a reviewer, %d events have details, %v", waiting, quotes, err)
	}
}

// What an earlier version deployed is found by the names of resources and regions, though
// it did not keep them with the certificates.
// spec: Q1
func TestResourcesWrittenBeforeAreFound(t *testing.T) {
	dir, key, _ := storetest.Written(t, storetest.WrittenFleet)
	s, err := store.Open(dir, store.Options{KeyFile: key})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.WaitForTable(t.Context()); err != nil {
		t.Fatal(err)
	}
	deployed := 0
	err = s.View(func(r model.Reader) error {
		for res, err := range model.All[model.Resource](r, model.Scan{}) {
			if err != nil {
				return err
			}
			if res.Deployed == "" || res.Instance == "" {
				continue
			}
			deployed++
			page, err := s.Query(model.Query{Filter: model.Filter{Where: "on:" + res.Name + " region:" + res.Region}})
			if err != nil || !slices.ContainsFunc(page.Rows, func(r model.InstanceRow) bool { return r.ID == res.Instance }) {
				t.Errorf("%s finds %d rows without %s (%v)", res.Place(), page.Total, res.Instance, err)
			}
		}
		return nil
	})
	if err != nil || deployed == 0 {
		t.Errorf("%d deployed resources, %v", deployed, err)
	}
}

// Values that an earlier version kept in a log of their own, and that are gone
// or damaged, are found by whoever looks: the records that are left do not hide
// it.
//
// finding: R-M14
func TestLostKeysAreFound(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"deleted":   os.Remove,
		"truncated": func(path string) error { return os.Truncate(path, 1<<20) },
		"flipped": func(path string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			b[len(b)/2] ^= 4
			return os.WriteFile(path, b, 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, key, _ := storetest.Written(t, storetest.WrittenFleet)
			if err := damage(filepath.Join(dir, "db", "000001.vlog")); err != nil {
				t.Fatal(err)
			}
			s, err := store.Open(dir, store.Options{KeyFile: key})
			if err != nil {
				return // refused, which is found as well
			}
			defer s.Close()
			r, err := s.Fsck(context.Background())
			if err == nil && r.Sound() {
				t.Error("fsck finds nothing")
			}
		})
	}
}
