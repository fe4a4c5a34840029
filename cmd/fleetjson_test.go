package cmd_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"certquay/store"
	"certquay/store/storetest"
)

// fleetNow is the moment at which the recorded fleet is looked at: the noon after
// its last event.
var fleetNow = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// timeOfDay is what a forecast has anew each time, because its clock runs.
var timeOfDay = regexp.MustCompile(`T\d\d:\d\d:\d\d(\.\d+)?Z`)

// fleetJSON are command lines by what their answers are called in
// testdata/fleet.txtar.
var fleetJSON = map[string]string{
	"list":          "list --limit 4",
	"list-filtered": "list --state paid,verifying,closed,revoked --sort name",
	"show":          "show cart.example.com",
	"tasks":         "tasks",
	"activity":      "activity --limit 30",
	"activity-of":   "activity --id bank.example.com",
	"explain":       "explain shop.example.com",
	"explain-wait":  "explain bank.example.com",
	"explain-old":   "explain old.example.org",
	"resources":     "resources --product CDN",
	"balance":       "balance",
	"by-month":      "balance --by-month",
	"forecast":      "forecast --months 1",
	"contacts":      "contact",
	"companies":     "company",
	"notices":       "notices --limit 8",
	"watches":       "watch",
	"products":      "product",
	"driver":        "product drivers edge",
	"ca":            "ca show",
	"missing":       "show nothing",
	"refused":       "deploy bank.example.com --product CDN",
	"unknown-word":  "buy --level xv",
	"unknown-flag":  "list --frobnicate",
	"unknown-verb":  "aply",
	"no-value":      "list --limit",
	"bad-value":     "list --limit many",
	"no-argument":   "show",
	"both-flags":    "balance --by-order --by-month",
}

// portTaken is the problem of a product one of whose ports, which stand in the recorded
// store, another test has at the moment.
var portTaken = regexp.MustCompile(`"problem": "127\.0\.0\.1:[0-9]+, the address of [^\n]*"`)

// TestJSONIsAsRecorded compares what verbs print of a store that does not change
// with what they printed before they spoke more than English: names, values and
// exit codes are the same in every language. UPDATE=1 records them anew.
// spec: V5
func TestJSONIsAsRecorded(t *testing.T) {
	data, key, config := storetest.Written(t, storetest.WrittenFleet)
	s, err := store.Open(data, store.Options{KeyFile: key})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetMeta(context.Background(), func(m *store.Meta) error {
		m.Sandbox, m.ClockOffset = true, time.Until(fleetNow)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	const file = "testdata/fleet.txtar"
	recorded, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, f := range recorded.Files {
		want[f.Name] = string(f.Data)
	}
	recorded.Files = nil
	for _, lang := range []string{"en", "zh"} {
		p := newPerson(t)
		p.flag = []string{"--data", data, "--config", config, "--read-only", "--json", "--lang", lang}
		for _, name := range slices.Sorted(maps.Keys(fleetJSON)) {
			r := p.try(strings.Fields(fleetJSON[name])...)
			got := fmt.Sprintf("exit %d\n%s%s", r.code, r.out, r.err)
			got = portTaken.ReplaceAllString(got, `"problem": null`)
			if name == "forecast" {
				got = timeOfDay.ReplaceAllString(got, "Thh:mm:ssZ")
			}
			if os.Getenv("UPDATE") != "" && lang == "en" {
				recorded.Files = append(recorded.Files, txtar.File{Name: name, Data: []byte(got)})
				want[name] = got
			}
			if got != want[name] {
				t.Errorf("--lang %s %s:\n%s\nwant\n%s", lang, fleetJSON[name], got, want[name])
			}
		}
	}
	if recorded.Files != nil {
		if err := os.WriteFile(file, txtar.Format(recorded), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
