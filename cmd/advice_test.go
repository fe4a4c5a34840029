package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"certquay/cmd/config"
	"certquay/cmd/out"
	"certquay/cmd/session"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/store"
)

// advised finds the command lines that a message tells people to type.
var advised = regexp.MustCompile(`certquay [^;,():]+`)

// damaged are stores that do not open, by what happened to them, with what is
// told of each.
func damaged(t *testing.T) map[string]error {
	t.Helper()
	told := map[string]error{}
	for what, spoil := range map[string]func(dir, key string) error{
		"manifest lost":        func(dir, _ string) error { return os.Remove(filepath.Join(dir, "db", "MANIFEST")) },
		"database lost":        func(dir, _ string) error { return os.RemoveAll(filepath.Join(dir, "db")) },
		"mark lost":            func(dir, _ string) error { return os.Remove(filepath.Join(dir, "STORE-ID")) },
		"mark damaged":         func(dir, _ string) error { return os.WriteFile(filepath.Join(dir, "STORE-ID"), []byte("?"), 0o600) },
		"high-water mark lost": func(dir, _ string) error { return os.Remove(filepath.Join(dir, "high-water")) },
		"high-water mark damaged": func(dir, _ string) error {
			return os.WriteFile(filepath.Join(dir, "high-water"), []byte("?"), 0o600)
		},
		"table damaged": func(dir, _ string) error {
			return os.Truncate(filepath.Join(dir, "db", "000001.sst"), 100)
		},
		"key lost": func(_, key string) error { return os.Remove(key) },
		"restored half way": func(dir, _ string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "STORE-ID")), os.Mkdir(filepath.Join(dir, "restoring"), 0o700))
		},
		"database of another": func(dir, key string) error {
			other := filepath.Join(t.TempDir(), "other")
			s, err := store.Open(other, store.Options{KeyFile: key, Reserve: -1})
			if err != nil {
				return err
			}
			return errors.Join(s.Close(), os.RemoveAll(filepath.Join(dir, "db")),
				os.Rename(filepath.Join(other, "db"), filepath.Join(dir, "db")))
		},
	} {
		root := t.TempDir()
		dir, file := filepath.Join(root, "data"), filepath.Join(root, "config", "config.yaml")
		s, err := store.Open(dir, store.Options{KeyFile: config.KeyFile(file), Reserve: -1})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Close(), spoil(dir, config.KeyFile(file))); err != nil {
			t.Fatal(err)
		}
		_, err = store.Open(dir, store.Options{KeyFile: config.KeyFile(file), Reserve: -1})
		told[what] = &out.StoreError{Err: err}
		if err == nil {
			t.Errorf("%s: it opens", what)
		}
		if !store.Exists(dir) {
			told[what+", and a verb that begins none"] = noStore(dir, file)
		}
	}
	return told
}

// What a message about a store that does not open, or gives no keys, says to do
// can be done: there is such a verb, with these flags.
// finding: R-M13
// spec: O1
func TestWhatMessagesAdviseCanBeDone(t *testing.T) {
	told := damaged(t)
	told["sealed"] = fmt.Errorf("a key: %w", store.ErrSealed)
	told["sealed at the start"] = &out.StoreError{Err: fmt.Errorf("the embedded CA: %w", store.ErrSealed)}
	told["a damaged record"] = fmt.Errorf("read instance: %w", store.ErrCorrupt)
	told["a damaged CA"] = &out.StoreError{Err: fmt.Errorf("the embedded CA: %w", store.ErrCorrupt)}
	for what, err := range told {
		p := out.ProblemOf(err)
		text := out.English(p.Message) + "\n" + out.English(p.Hint)
		commands := advised.FindAllString(text, -1)
		if len(commands) == 0 {
			t.Errorf("%s: no command is named in %q", what, text)
		}
		for _, line := range commands {
			verb, err := parse(newInvocation(&session.Session{}, nil), strings.Fields(line)[1:])
			if err != nil || verb == nil || !verb.HasParent() {
				t.Errorf("%s: %q cannot be typed: %v, %v", what, line, verb, err)
			} else if mayCreateStore(verb, &globalFlags{}) && verb.Name() != "serve" {
				t.Errorf("%s: %q would begin a store over what is left of one", what, line)
			}
		}
	}
}

// A backup holds every key, so that nobody but an owner restores one, and no session that is
// read-only. Who makes one is among what each role may not.
// spec: O1, V7
func TestOnlyOwnersRestore(t *testing.T) {
	try := func(actor model.Actor, want rules.Reason) {
		t.Helper()
		c := newInvocation(&session.Session{Actor: actor}, nil)
		err := c.restore(context.Background(), "x", &identityFlags{}, "", "")
		var refused *rules.Refusal
		if !errors.As(err, &refused) || refused.Reason != want {
			t.Errorf("%+v: %v", actor, err)
		}
	}
	for role := model.NoRole; role < model.Owner; role++ {
		try(model.Actor{Name: "x", Role: role}, rules.ReasonRole)
	}
	try(model.Actor{Role: model.Owner, ReadOnly: true}, rules.ReasonReadOnly)
}
