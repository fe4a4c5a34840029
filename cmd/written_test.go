package cmd_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"certquay/lifecycle/journal"
	"certquay/model"
	"certquay/store"
	"certquay/store/storetest"
)

// Stores that earlier versions wrote are listed, checked and gone on with by
// the program.
func TestStoresWrittenBeforeAreUsed(t *testing.T) {
	for name, want := range map[string]struct{ instances int }{
		storetest.WrittenFleet: {58}, storetest.WrittenDismissed: {3},
	} {
		t.Run(name, func(t *testing.T) {
			data, _, config := storetest.Written(t, name)
			p := newPerson(t)
			p.flag = []string{"--data", data, "--config", config}
			var all []instance
			if err := json.Unmarshal([]byte(p.must("list", "--json")), &all); err != nil {
				t.Fatal(err)
			}
			if len(all) != want.instances {
				t.Errorf("%d instances, want %d", len(all), want.instances)
			}
			if out := p.must("fsck"); !strings.HasPrefix(out, "clean") {
				t.Errorf("fsck: %s", out)
			}
			// What was dismissed stays so, but the version that wrote the store had forgotten
			// that of a watched server, since the task was 90 days old.
			for _, task := range decode[[]struct{ Kind model.TaskKind }](t, p.must("tasks", "--json")) {
				newer := task.Kind == model.TaskExpiry || task.Kind == model.TaskContact || task.Kind == model.TaskWatch
				if name == storetest.WrittenDismissed && !newer {
					t.Errorf("a task of kind %s is open again", task.Kind)
				}
			}
			p.must("activity")
			p.must("show", all[0].ID)
			p.must("clock", "+1d")
			p.must("buy", "--level", "dv", "--type", "single", "--yes")
			if out := p.must("fsck"); !strings.HasPrefix(out, "clean") {
				t.Errorf("fsck afterwards: %s", out)
			}
		})
	}
}

// Events say what they are about and why in the words of each language, those of
// before that was a code as well, which are never written anew.
// spec: S4 V5
func TestEventsWrittenBeforeAreSaid(t *testing.T) {
	data, key, config := storetest.Written(t, storetest.WrittenDismissed)
	s, err := store.Open(data, store.Options{KeyFile: key})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(context.Background(), func(tx model.Tx) error {
		for _, e := range []model.Event{
			{Actor: "root", Action: "unseal", Name: "the store", Result: journal.ResultOK, Why: journal.CauseRequested},
			{Actor: "root", Action: "unseal", Result: journal.ResultOK, Why: journal.CauseRequested},
			{Actor: "certquay", Action: "revoke", Name: "a.example.com", Result: journal.ResultOK, Why: "the CA revoked it by itself"},
			{Actor: "certquay", Action: "revoke", Name: "a.example.com", Result: journal.ResultOK, Why: journal.CauseCARevoked},
		} {
			if err := tx.Append(e); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	p := newPerson(t)
	p.flag = []string{"--data", data, "--config", config}
	for lang, want := range map[string]string{"en": "the store", "zh": "存储"} {
		if out := p.must("--lang", lang, "activity"); strings.Count(out, "  "+want+"\n") != 2 {
			t.Errorf("%s: two events are about the store:\n%s", lang, out)
		}
	}
	var all []struct{ Action, Name, Why string }
	if err := json.Unmarshal([]byte(p.must("activity", "--json", "--limit", "4")), &all); err != nil {
		t.Fatal(err)
	}
	for n, e := range all {
		if n < 2 && e.Name != "the store" || n >= 2 && e.Why != journal.CauseCARevoked {
			t.Errorf("%+v", e)
		}
	}
	if out := p.must("fsck"); !strings.HasPrefix(out, "clean") {
		t.Errorf("fsck: %s", out)
	}
}
