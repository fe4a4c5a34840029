package app

import (
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"

	"certquay/model"
	uiapp "certquay/ui/app"
)

// Layouts are those of each person after a restart, in a file for its user alone; a
// damaged file has none and is replaced, and without a directory nothing is kept.
// finding: U21
func TestLayoutsAreKept(t *testing.T) {
	dir := t.TempDir()
	mine := uiapp.ListLayout{Sort: model.SortName, Desc: true, View: "list", Columns: []uiapp.ListColumn{{ID: "name", On: true, Width: 9}}}
	var all sync.WaitGroup
	k := layoutsIn(dir)
	for who, l := range map[string]uiapp.ListLayout{"anna": mine, "jonas": {Sort: model.SortExpiry}} {
		for _, list := range []string{"overview", "hosting"} {
			all.Go(func() {
				if err := k.Save(who, list, l); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	again := layoutsIn(dir)
	if got := again.Of("anna"); len(got) != 2 || !reflect.DeepEqual(got["overview"], mine) {
		t.Errorf("anna has %+v", got)
	}
	if got := again.Of("jonas")["hosting"].Sort; got != model.SortExpiry {
		t.Errorf("jonas sorts by %q", got)
	}
	path := filepath.Join(dir, "lists.json")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".lists-*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
	for _, damaged := range []string{"", "null", "[1]", `{"anna": 3}`} {
		if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := layoutsIn(dir).Of("anna"); len(got) != 0 {
			t.Errorf("%q: %+v", damaged, got)
		}
		if err := again.Save("anna", "overview", mine); err != nil || !reflect.DeepEqual(again.Of("anna")["overview"], mine) {
			t.Errorf("%q: %v", damaged, err)
		}
	}
	if err := layoutsIn("").Save("anna", "overview", mine); err != nil {
		t.Error(err)
	}
	if err := layoutsIn(filepath.Join(dir, "missing")).Save("anna", "overview", mine); err == nil {
		t.Error("a directory that is not there takes a file")
	}
}
