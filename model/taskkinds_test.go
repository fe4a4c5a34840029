package model

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// Every kind of task is in the list of kinds, or it would be counted nowhere. spec: D9
func TestTaskKindsListsEveryKind(t *testing.T) {
	source, err := os.ReadFile("record.go")
	if err != nil {
		t.Fatal(err)
	}
	all := regexp.MustCompile(`(?m)^\tTask\w+ +TaskKind = "([^"]+)"`).FindAllSubmatch(source, -1)
	for _, m := range all {
		if !slices.Contains(TaskKinds, TaskKind(m[1])) {
			t.Errorf("%s is not listed", m[1])
		}
	}
	if len(all) != len(TaskKinds) {
		t.Errorf("%d kinds, %d listed", len(all), len(TaskKinds))
	}
}
