package cmd

import (
	"runtime/debug"
	"testing"
)

// spec: O3
func TestCommitOfABuild(t *testing.T) {
	t.Parallel()
	id, modified := commitOf([]debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"}})
	if id != "0123456789abcdef" || !modified {
		t.Errorf("%q, %v", id, modified)
	}
	if id, modified := commitOf([]debug.BuildSetting{{Key: "vcs.modified", Value: "false"}}); id != "" || modified {
		t.Errorf("%q, %v", id, modified)
	}
}
