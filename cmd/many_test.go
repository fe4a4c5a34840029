package cmd_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestTwoHundredByOneVerb gives 200 deployed certificates new keys by one verb: each is
// issued again, deployed where it was, and its old version revoked. The work of all runs
// at once, so that it takes little longer than that of a few.
// spec: Q2, I12
// finding: U9
func TestTwoHundredByOneVerb(t *testing.T) {
	const many = 200
	p := newPerson(t)
	p.serve("--sandbox")
	var bought struct {
		Instances []struct{ ID string }
	}
	var ids []string
	for range many / 100 {
		if err := json.Unmarshal([]byte(p.must("buy", "--quantity", "100", "--json")), &bought); err != nil {
			t.Fatal(err)
		}
		for n := range bought.Instances {
			id := bought.Instances[n].ID
			ids = append(ids, id)
			p.must("apply", id, "--domain", fmt.Sprintf("site%d.example.com", len(ids)), "--no-wait")
		}
	}
	in := strings.Join(ids, "\n")
	deployed := p.tryIn(in, "deploy", "-", "--product", "CDN", "--yes")
	if deployed.code != 0 || !strings.Contains(deployed.out, fmt.Sprintf("deploy: %d done", many)) {
		t.Fatalf("deploy: %d\n%s%s", deployed.code, deployed.out, deployed.err)
	}
	listed := p.try("rekey", "--where", "product:CDN", "--reason", "keyCompromise", "--dry-run")
	if listed.code != 0 || strings.Count(listed.out, "\n") < many {
		t.Errorf("a dry run ends with %d and says:\n%s", listed.code, listed.out)
	}
	began := time.Now()
	done := p.try("rekey", "--where", "product:CDN", "--reason", "keyCompromise", "--yes", "--json")
	t.Logf("%d in %v", many, time.Since(began))
	var results []struct {
		ID     string
		Result struct{ Versions []any }
		Error  any
	}
	if err := json.Unmarshal([]byte(done.out), &results); err != nil || done.code != 0 || len(results) != many {
		t.Fatalf("rekey: %d, %v, %d results\n%s", done.code, err, len(results), done.err)
	}
	for _, r := range results { // each with the outcome of its own
		if r.Error != nil || len(r.Result.Versions) != 2 {
			t.Errorf("%s: %v, %d versions", r.ID, r.Error, len(r.Result.Versions))
		}
	}
	if left := p.must("resources", "--where", "!deployed", "--json"); strings.TrimSpace(left) != "[]" {
		t.Errorf("not deployed: %s", left)
	}
	var all []struct {
		Versions []struct {
			RevokedAt *string `json:"revoked_at"`
		}
	}
	p.must("tick")
	if err := json.Unmarshal([]byte(p.must("list", "--json")), &all); err != nil {
		t.Fatal(err)
	}
	for n := range all {
		if v := all[n].Versions; len(v) != 2 || v[0].RevokedAt == nil || v[1].RevokedAt != nil {
			t.Errorf("certificate %d: %v", n, v)
		}
	}
}
