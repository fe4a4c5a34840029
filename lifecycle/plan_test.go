package lifecycle_test

import (
	"slices"
	"testing"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
)

// TestAPlanChangesNothing plans a deployment to several regions. spec: P5
func TestAPlanChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.policy.Waves = rules.Waves{First: 1, Batch: 2}
	p := w.manyRegions(4)
	id := w.issued("a.example.com")
	places, err := w.engine.By(operator).PlanDeploy(w.ctx(), id, lifecycle.DeployRequest{Product: "cdn", Regions: p.RegionNames})
	w.check(err)
	var said []string
	for n := range places {
		for _, line := range places[n].Lines() {
			said = append(said, inWords(line))
		}
	}
	after := w.fingerprint(id)
	after = after[:4] + "…" + after[len(after)-4:]
	want := []string{
		"CDN r00 a.example.com (wave 1 of 3)", "write " + after + " to /etc/r00",
		"CDN r01 a.example.com (wave 2 of 3)", "write " + after + " to /etc/r01",
		"CDN r02 a.example.com (wave 2 of 3)", "write " + after + " to /etc/r02",
		"CDN r03 a.example.com (wave 3 of 3)", "write " + after + " to /etc/r03",
	}
	if !slices.Equal(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
	if len(p.order) > 0 || len(p.Bound) > 0 {
		t.Errorf("deployed to %v, bound %d", p.order, len(p.Bound))
	}
}
