package cmd_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"certquay/store"
	"certquay/store/storetest"
)

// fleetNow is the moment at which the recorded fleet is looked at: the noon after
// its last event.
var fleetNow = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// timeOfDay is what a forecast has anew each time, because its clock runs.
var timeOfDay = regexp.MustCompile(`T\d\d:\d\d:\d\d(\.\d+)?Z`)

// fleetJSON are command lines by the file of testdata/json that has their answer.
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
	for _, lang := range []string{"en", "zh"} {
		p := newPerson(t)
		p.flag = []string{"--data", data, "--config", config, "--read-only", "--json", "--lang", lang}
		for name, line := range fleetJSON {
			r := p.try(strings.Fields(line)...)
			got := fmt.Sprintf("exit %d\n%s%s", r.code, r.out, r.err)
			if name == "forecast" {
				got = timeOfDay.ReplaceAllString(got, "Thh:mm:ssZ")
			}
			file := filepath.Join("testdata", "json", name+".golden")
			if os.Getenv("UPDATE") != "" && lang == "en" {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file) //nolint:gosec // one of ours
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("--lang %s %s:\n%s\nwant\n%s", lang, line, got, want)
			}
		}
	}
}
