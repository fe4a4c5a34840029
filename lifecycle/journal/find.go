package journal

import (
	"slices"

	"certquay/model"
)

// Find collects the IDs that a typed text can mean: by whole ID, else by tail,
// else by name.
func Find(r model.Reader, kind model.Kind, typed string, found *[]model.ID) error {
	add := func(s model.Scan) error {
		s.Kind, s.Limit = kind, 20
		for key, err := range r.Keys(s) {
			if err != nil {
				return err
			}
			if id := model.ID(key); !slices.Contains(*found, id) {
				*found = append(*found, id)
			}
		}
		return nil
	}
	if len(typed) >= model.MinTail {
		if err := add(model.Scan{Index: "tail", Prefix: model.TailPrefix(typed)}); err != nil || len(*found) > 0 {
			return err
		}
	}
	name := model.NormalizeName(typed)
	return add(model.Scan{Index: "name", From: name, To: name + "\x00"})
}
