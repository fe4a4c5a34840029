package runner

import (
	"bytes"
	"cmp"
	"context"
	"errors"
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
	cmd := exec.CommandContext(ctx, program, c.Argv[1:]...)
	cmd.Args[0] = c.Argv[0]
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "LC_ALL=C", "PATH="+searchPath())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = grace
	if c.Stdin != nil {
		cmd.Stdin = bytes.NewReader(c.Stdin)
	}
	stdout, stderr := newCapture(c.Limit), newCapture(c.Limit)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err = cmd.Run()
	if cmd.ProcessState == nil {
		return Output{}, err
	}
	return outcome(ctx, c.Argv[0], cmd.ProcessState.ExitCode(), stdout, stderr)
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

// capture keeps the beginning of an output for the caller and its end for messages.
// It is not safe for concurrent use.
type capture struct {
	limit int
	begin []byte
	tail  []byte
}

const tailLength = 2 << 10

func newCapture(limit int) *capture { return &capture{limit: cmp.Or(limit, DefaultLimit)} }

func (c *capture) Write(b []byte) (int, error) {
	if room := c.limit - len(c.begin); room > 0 {
		c.begin = append(c.begin, b[:min(room, len(b))]...)
	}
	c.tail = append(c.tail, b[max(0, len(b)-tailLength):]...)
	c.tail = c.tail[max(0, len(c.tail)-tailLength):]
	return len(b), nil
}

func (c *capture) kept() []byte { return c.begin }

func (c *capture) end() string {
	return strings.TrimSpace(strings.ToValidUTF8(string(c.tail), "\uFFFD"))
}
