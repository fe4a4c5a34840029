package ui

import (
	"maps"
	"slices"

	"certquay/model"
	"certquay/ui/app"
)

// reserved are keys that always keep their meaning, so that every screen can be left.
var reserved = []string{"ctrl+c", "ctrl+z", "ctrl+s"}

// DefaultKeys returns the default keys by action ID for every action whose keys can be
// changed. Actions that exist in the palette only have none.
func DefaultKeys() map[string][]string {
	keys := map[string][]string{}
	for _, s := range keyScopes(offlineContext()) {
		for _, a := range s.actions {
			if _, ok := keys[a.ID]; ok || a.ID == "ask-quit" || a.ID == "" {
				continue
			}
			keys[a.ID] = a.Keys()
		}
	}
	return keys
}

// KeyTaken is an action that has no key by default, because a configuration gives its new
// default key to another one.
type KeyTaken struct{ Action, Key, By string }

// KeysTaken lists the actions whose new default keys a configuration gives to others.
func KeysTaken(keys app.Keymap) (taken []KeyTaken) {
	known := DefaultKeys()
	for _, id := range slices.Sorted(maps.Keys(known)) {
		for _, k := range known[id] {
			if by := keys.Beats(id, k); by != "" {
				taken = append(taken, KeyTaken{id, k, by})
			}
		}
	}
	return taken
}

// CheckKeys returns what is wrong with configured keys, by action ID, with the valid
// alternatives. Confirmations belong to actions, not keys, so destructive actions ask
// on any key.
func CheckKeys(keys app.Keymap) map[string]model.Text {
	wrong := map[string]model.Text{}
	known := DefaultKeys()
	for id, ks := range keys {
		if _, ok := known[id]; !ok {
			wrong[id] = model.Say("config.no-action", "words", slices.Sorted(maps.Keys(known)))
			continue
		}
		switch {
		case len(ks) > 0:
		case len(known[id]) == 0:
			wrong[id] = model.Say("config.no-keys-at-all")
		default:
			wrong[id] = model.Say("config.no-keys", "keys", known[id])
		}
		for _, k := range ks {
			if !app.IsKey(k) {
				wrong[id] = model.Say("config.no-key", "key", k)
			} else if slices.Contains(reserved, k) {
				wrong[id] = model.Say("config.reserved", "key", k, "does", model.Say("reserved."+k))
			}
		}
	}
	c := offlineContext()
	c.Keymap = keys
	all := keyScopes(c)
	for _, s := range all {
		as := s.actions
		for _, o := range all { // global actions are on every page too
			if o.global && o.where != s.where {
				as = append(as, o.actions...)
			}
		}
		taken := map[string]string{}
		for _, a := range c.ApplyKeymap(as) {
			for _, k := range a.Keys() {
				other, clash := taken[k]
				taken[k] = a.ID
				if !clash || other == a.ID {
					continue
				}
				id, with := a.ID, other // blame the action whose keys were changed
				if keys[id] == nil {
					id, with = other, a.ID
				}
				if wrong[id] == "" && keys[id] != nil {
					wrong[id] = model.Say("config.key-taken", "key", k, "action", with, "page", s.where)
				}
			}
		}
	}
	return wrong
}
