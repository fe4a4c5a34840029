package cmd_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// spec: O1, E1 - a store in a database is backed up while it is served, and restored into
// another database or a directory; fsck says the same of all.
func TestAStoreInADatabaseIsBackedUpAndRestored(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, fresh func(*testing.T) string) {
		first := newMachine(t, fresh(t), nil)
		id := first.issue("shop.example.com").ID
		r := first.deploy(id, "CDN")
		s := first.stand()
		s.says(t, "serving", 1)
		file := filepath.Join(first.home, "certquay.backup")
		passphrase := written(t, filepath.Join(first.home, "pass.txt"), "correct horse\n")
		with := []string{"--passphrase-file", passphrase}
		first.must(append([]string{"backup", file}, with...)...)
		first.must(append([]string{"backup", "verify", file}, with...)...)
		second := newMachine(t, fresh(t), nil)
		bad := filepath.Join(first.home, "bad.backup")
		whole, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(bad, whole[:len(whole)-100], 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		restore := func(file string, more ...string) []string {
			return append(append([]string{"restore", file}, more...), with...)
		}
		second.refuse(1, restore(bad, "--to", second.database)...)
		if said := second.refuse(5, "list"); !strings.Contains(said, "there is no store in this database") {
			t.Errorf("after a restore that failed: %s", said)
		}
		second.refuse(2, restore(file, "--to", second.database, "--data", second.data)...)
		type summary struct { // what fsck says when it is restored
			Records, Events, Pairs int
			Problems               []string
		}
		inDatabase := decode[summary](t, second.must(restore(file, "--to", second.database, "--json")...))
		if said := second.refuse(5, restore(file, "--to", second.database)...); !strings.Contains(said, "is not empty") {
			t.Errorf("restored twice: %s", said)
		}
		if said := second.refuse(5, restore(file, "--to", first.database)...); !strings.Contains(said, "owns the database") {
			t.Errorf("restored where a store is served: %s", said)
		}
		got, want := decode[[]resource](t, second.must("resources", "--json")), []resource{r}
		if len(got) != 1 || got[0].Fingerprint != want[0].Fingerprint || got[0].Instance != id {
			t.Errorf("restored, there are %+v, want %+v", got, want)
		}
		key, err := os.ReadFile(first.key())
		other, err2 := os.ReadFile(second.key())
		if err != nil || err2 != nil || !reflect.DeepEqual(key, other) {
			t.Errorf("the key file: %v, %v", err, err2)
		}
		dir := filepath.Join(second.home, "directory")
		inDirectory := decode[summary](t, second.must(restore(file, "--data", dir, "--json")...))
		if !reflect.DeepEqual(inDatabase, inDirectory) || inDatabase.Records == 0 || len(inDatabase.Problems) > 0 {
			t.Errorf("restored into a database: %+v, into a directory: %+v", inDatabase, inDirectory)
		}
		second.must("fsck")
		second.configure("engine: badger")
		second.must("--data", dir, "fsck")
	})
}
