package runner_test

import (
	"os"
	"path/filepath"
	"testing"

	"certquay/lifecycle/runner"
)

// The first smoke of Local: the suite of package runnertest has the rest.
func TestLocalWritesAndRuns(t *testing.T) {
	t.Parallel()
	var l runner.Local
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := l.WriteFile(t.Context(), path, []byte("secret"), runner.Attributes{Mode: 0o640}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	out, err := l.Run(t.Context(), runner.Command{Argv: []string{"cat", path}})
	if err != nil || string(out.Stdout) != "secret" {
		t.Errorf("%q, %v", out.Stdout, err)
	}
}
