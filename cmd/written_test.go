package cmd_test

import (
	"encoding/json"
	"strings"
	"testing"

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
			// What was dismissed stays so.
			if out := p.must("tasks"); name == storetest.WrittenDismissed && !strings.Contains(out, "nothing needs a person") {
				t.Errorf("tasks: %s", out)
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
