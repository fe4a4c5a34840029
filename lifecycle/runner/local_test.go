package runner_test

import (
	"os"
	"testing"

	"certquay/lifecycle/runner"
	"certquay/lifecycle/runner/runnertest"
)

func TestLocal(t *testing.T) {
	t.Parallel()
	runnertest.Suite(t, runner.Local{})
}

// Without SSH, sudo is the one of this machine.
func TestLocalSudo(t *testing.T) {
	t.Setenv("PATH", runnertest.SudoDir(t, runnertest.SudoGranted)+":"+os.Getenv("PATH"))
	runnertest.Suite(t, runnertest.Open(t, runner.Settings{Sudo: true}))
}

// spec: P1
func TestSSH(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]runnertest.Options{
		"plain": {}, "with sudo": {Sudo: runnertest.SudoGranted},
		"with few sessions": {MaxSessions: 2}, "with a noisy login": {Noise: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := runnertest.SSHD(t, o).Settings()
			settings.Sudo = o.Sudo != runnertest.SudoNone
			runnertest.Suite(t, runnertest.Open(t, settings))
		})
	}
}
