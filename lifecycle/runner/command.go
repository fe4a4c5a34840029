package runner

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"certquay/model"
)

// grace is how long outputs are read on after a command has ended. A daemon that it started
// may hold them open for good.
const grace = time.Second

// systemPath holds the directories of servers, which the PATH of other users than root
// often lacks.
const systemPath = "/usr/local/sbin:/usr/sbin:/sbin"

// Run runs a command in a process group of its own, all of which is killed when ctx ends.
// Messages of commands are in English: LC_ALL is C.
func (Local) Run(ctx context.Context, c Command) (Output, error) {
	if len(c.Argv) == 0 {
		return Output{}, errNoCommand("", fs.ErrInvalid)
	}
	program, err := lookPath(c.Argv[0])
	if err != nil {
		return Output{}, err
	}
	stdout, stderr := newCapture(c.Limit), newCapture(c.Limit)
	status, err := execLocal(ctx, program, c.Argv, c.Stdin, stdout, stderr)
	if err != nil {
		return Output{stdout.kept(), stderr.kept()}, err
	}
	return outcome(ctx, c.Argv[0], status, stdout, stderr)
}

// execLocal runs a program and returns its status, -1 if a signal ended it.
func execLocal(ctx context.Context, program string, argv []string, stdin []byte, stdout, stderr io.Writer) (int, error) {
	cmd := exec.CommandContext(ctx, program)
	cmd.Args = argv
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "LC_ALL=C", "PATH="+searchPath())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = grace
	if stdin != nil {
		cmd.Stdin = bytes.NewReader(stdin)
	}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		return 0, err
	}
	return cmd.ProcessState.ExitCode(), nil
}

// outcome is what [Runner.Run] returns for a command that ended with a status.
func outcome(ctx context.Context, program string, status int, stdout, stderr *capture) (Output, error) {
	out := Output{stdout.kept(), stderr.kept()}
	if status == 0 {
		return out, nil
	}
	if ctx.Err() != nil {
		return out, ctx.Err()
	}
	return out, &ExitError{Command: program, Status: status, Said: cmp.Or(stderr.end(), stdout.end())}
}

func searchPath() string { return os.Getenv("PATH") + ":" + systemPath }

// lookPath finds a program in [searchPath].
func lookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, executable(name)
	}
	err := errNoCommand(name, fs.ErrNotExist)
	for _, dir := range filepath.SplitList(searchPath()) {
		if !filepath.IsAbs(dir) {
			continue
		}
		program := filepath.Join(dir, name)
		switch e := executable(program); {
		case e == nil:
			return program, nil
		case !errors.Is(e, fs.ErrNotExist):
			err = e
		}
	}
	return "", err
}

func executable(program string) error {
	info, err := os.Stat(program)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errNoCommand(program, fs.ErrNotExist)
	case err != nil:
		return err
	case info.IsDir() || info.Mode()&0o111 == 0:
		return errNoCommand(program, fs.ErrPermission)
	}
	return nil
}

// errNoCommand says that a host has no such program, or may not run it.
func errNoCommand(program string, why error) error {
	if errors.Is(why, fs.ErrPermission) {
		return model.Fail("runner.not-executable", "command", program).Wrapping(why)
	}
	return model.Fail("runner.no-command", "command", program).Wrapping(why)
}
