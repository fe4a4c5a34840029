package cmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// changes returns command lines that would change an instance.
func changes(id string) [][]string {
	return [][]string{
		{
			"buy",
			"--yes",
			"--json",
		},
		{"close", id, "--yes", "--json"},
		{"contact", "add", "--name", "N", "--email", "n@example.com", "--json"},
		{
			"company",
			"remove",
			"N",
			"--json",
		},
		{"revoke", id, "--reason", "superseded", "--yes", "--json"},
		{"delete", id, "--yes", "--json"},
		{"download", id, "--out", "-", "--json"},
		{"watch", "add", "127.0.0.1:1", "--json"},
		{"tick", "--json"},
		{"renew", id, "--json"},
		{"buy", "--read-only=false", "--yes", "--json"},
	}
}

// finding: R-H6
func TestNobodyChangesAReadOnlyOwnersStore(t *testing.T) {
	p := newPerson(t)
	id := p.issue("kept.example.com").ID
	p.flag = append(p.flag, "--read-only")
	d := p.listen()
	p.flag = nil
	before := p.must("list", "--json")
	for _, args := range changes(id) {
		if r := p.try(args...); r.code != 3 || !strings.Contains(r.err, `"reason":"read-only"`) {
			t.Errorf("attached: %q: exit %d\n%s%s", args, r.code, r.out, r.err)
		}
		if r := d.ssh("mine", "", args...); r.code != 3 || !strings.Contains(r.err, `"reason":"read-only"`) {
			t.Errorf("over SSH: %q: exit %d\n%s%s", args, r.code, r.out, r.err)
		}
	}
	if after := d.ssh("mine", "", "list", "--json").out; after != before {
		t.Errorf("it was\n%s\nand is\n%s", before, after)
	}
	dashboardOver(t, d.dial(t)).waitFor(t, "READ-ONLY")
}

// finding: R-H6
func TestAReadOnlyOwnerRenewsByItself(t *testing.T) {
	p := newPerson(t)
	p.flag = []string{"--sandbox"}
	i := p.issue("renewed.example.com")
	p.must("contact", "add", "--name", "Ops", "--email", "ops@example.com")
	p.must("host", i.ID, "--contact", "Ops", "--yes")
	p.must("clock", "+1d")
	versions := func() int { return len(decode[instance](t, p.must("show", i.ID, "--json")).Versions) }
	p.must("reissue", i.ID, "--no-wait") // due, and not done when its owner ends
	p.flag = nil
	s := p.serve("--read-only")
	defer s.kill()
	waitFor(t, "the work that was due", func() bool { return versions() >= 2 })
}

// finding: R-L8
func TestWhoOnlyLooksMakesNothing(t *testing.T) {
	p := newPerson(t)
	for _, args := range [][]string{{"list"}, {"buy"}, {"tasks"}, {"serve"}, {}} {
		r := p.try(append([]string{"--read-only"}, args...)...)
		if r.code != 5 || !strings.Contains(r.err, "there is no store") {
			t.Errorf("%q: exit %d, %s", args, r.code, r.err)
		}
	}
	if out := p.must("config"); !strings.Contains(out, "refund_policy") {
		t.Errorf("config: %q", out)
	}
	if _, err := os.Lstat(filepath.Join(p.home, ".local")); !os.IsNotExist(err) {
		t.Errorf("something was made: %v", err)
	}
	if names, err := os.ReadDir(p.home); err != nil || len(names) != 0 {
		t.Errorf("%v %v", names, err)
	}
}

// finding: R-L8
func TestAnOwnerThatOnlyLooksDoesNoWork(t *testing.T) {
	p := newPerson(t)
	b := decode[struct {
		Instances []instance `json:"instances"`
	}](t, p.must("buy", "--json"))
	id := b.Instances[0].ID
	p.must("apply", id, "--domain", "waits.example.com", "--no-wait")
	state := func() string {
		return decode[instance](t, p.must("--read-only", "show", id, "--json")).State
	}
	was := state()
	if was == "issued" {
		t.Skip("it was done before it could be looked at")
	}
	for range 5 {
		if now := state(); now != was {
			t.Fatalf("it was %s and is %s, and nobody worked", was, now)
		}
	}
	p.must("tick")
}

// finding: R-L4
func TestThePlaceOfTheStoreIsNotChosenOverSSH(t *testing.T) {
	d := listen(t)
	for _, args := range [][]string{{"list", "--data", "/other"}, {"list", "--config", "/other.yaml"}, {"buy", "--sandbox"}} {
		if r := d.ssh("mine", "", args...); r.code != 2 || !strings.Contains(r.err, "over SSH") {
			t.Errorf("%q: exit %d, %s%s", args, r.code, r.out, r.err)
		}
	}
	p := d.p
	if r := p.try("--data", p.data, "list"); r.code != 0 || r.err != "" {
		t.Errorf("attached: exit %d, %s", r.code, r.err)
	}
	other := filepath.Join(p.home, "other.yaml")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := p.try("--config", other, "list"); r.code != 0 || !strings.Contains(r.err, "is not used") {
		t.Errorf("attached with another configuration: exit %d, %s", r.code, r.err)
	}
}

// finding: R-L2
func TestTheLogNamesTheVerb(t *testing.T) {
	p := newPerson(t)
	p.serve()
	p.must("--data", p.data, "--lang", "en", "contact", "list")
	log, err := os.ReadFile(filepath.Join(p.home, ".local", "state", "certquay", "certquay.log"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(log), `"verb":"contact list"`) {
		t.Errorf("%s", log)
	}
}
