package ui

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"certquay/ui/kit"
)

// reserved are keys that always mean the same, so that there is a way out of
// everything.
var reserved = map[string]string{
	"ctrl+c": "closes a dialog, else asks to quit, and quits when pressed again", "ctrl+z": "is not used: a suspended certquay would serve and renew nothing", "ctrl+s": "sends a form",
}

// DefaultKeys lists the actions that can be given other keys, by their IDs,
// with the keys they have. Actions for the palette only have none.
func DefaultKeys() map[string][]string {
	keys := map[string][]string{}
	for _, s := range surfaces(bare()) {
		for _, a := range s.as {
			if _, ok := keys[a.ID]; ok || a.ID == "ask-quit" || a.ID == "" {
				continue
			}
			keys[a.ID] = nil
			if a.Key != "" {
				keys[a.ID] = append([]string{a.Key}, a.Also...)
			}
		}
	}
	return keys
}

// CheckKeys says what is wrong with keys that a person has chosen: by the ID of
// the action, what is wrong and what there is. Confirmations belong to actions
// and not to keys, so what ends or takes away asks on any key.
func CheckKeys(keys kit.Keymap) map[string]string {
	wrong := map[string]string{}
	known := DefaultKeys()
	for id, ks := range keys {
		if _, ok := known[id]; !ok {
			wrong[id] = "is no action; there are " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")
			continue
		}
		if len(ks) == 0 {
			wrong[id] = "has no key; leave it out to keep " + orNone(known[id])
		}
		for _, k := range ks {
			if !kit.IsKey(k) {
				wrong[id] = fmt.Sprintf("has %q, which is no key; for example x, X, ctrl+x, alt+x, f5, enter or space", k)
			} else if does, ok := reserved[k]; ok {
				wrong[id] = fmt.Sprintf("has %s, which is reserved: it %s", k, does)
			}
		}
	}
	c := bare()
	c.Keymap = keys
	all := surfaces(c)
	for _, s := range all {
		as := s.as
		for _, o := range all { // those of everywhere are on each page as well
			if o.global && o.where != s.where {
				as = append(as, o.as...)
			}
		}
		taken := map[string]string{}
		for _, a := range c.Keyed(as) {
			for _, k := range append([]string{a.Key}, a.Also...) {
				other, clash := taken[k]
				taken[k] = a.ID
				if !clash || k == "" || other == a.ID {
					continue
				}
				id, with := a.ID, other // the one that was moved is to blame
				if keys[id] == nil {
					id, with = other, a.ID
				}
				if wrong[id] == "" && keys[id] != nil {
					wrong[id] = fmt.Sprintf("has %s, which is the key of %s on the page %s; give that another one too", k, with, s.where)
				}
			}
		}
	}
	return wrong
}

func orNone(keys []string) string {
	if len(keys) == 0 {
		return "none"
	}
	return strings.Join(keys, ", ")
}
