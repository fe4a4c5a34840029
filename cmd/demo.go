package cmd

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"certquay/cmd/config"
	"certquay/cmd/demo"
	"certquay/cmd/out"
	"certquay/cmd/owner"
	"certquay/cmd/session"
	"certquay/model"
)

const demoName = "demo"

// demoPrefix is the prefix of the directories of demos.
const demoPrefix = "certquay-demo-"

func demoCmd(c *invocation) *cobra.Command {
	return &cobra.Command{
		Use:  demoName,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.Kind != session.Local {
				return out.Usage("usage.demo-remote")
			}
			return dashboard(cmd.Context(), c)
		},
	}
}

// runDemo creates a store in a temporary directory, shows the dashboard on it and
// removes it.
func runDemo(ctx context.Context, c *invocation, args []string) (code int) {
	tell := func(err error) int {
		c.PrintError(err)
		return out.ExitCode(err)
	}
	if c.g.data != "" || c.g.config != "" {
		return tell(out.Usage("usage.demo-place"))
	}
	if !c.Interactive {
		return tell(out.Usage("usage.demo-terminal"))
	}
	removeKilled()
	dir, err := os.MkdirTemp("", demoPrefix)
	if err != nil {
		return tell(model.Fail("demo.place", "cause", err))
	}
	// The directory is removed before the lock is released, so that no attached process
	// takes over.
	var lock *owner.Lock
	defer func() {
		if lock != nil {
			_ = lock.Release()
		}
	}()
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			code = tell(model.Fail("demo.remove", "cause", err))
		}
	}()
	paths := config.Paths{Data: filepath.Join(dir, "data"), Config: filepath.Join(dir, "config"), State: filepath.Join(dir, "state")}
	if err := errors.Join(os.Mkdir(paths.Config, 0o700), os.WriteFile(paths.ConfigFile(), []byte(demo.Config), 0o600)); err != nil {
		return tell(model.Fail("demo.config", "cause", err))
	}
	if lock, err = owner.Acquire(paths.Data); err != nil {
		return tell(&out.StoreError{Err: err})
	}
	c.g.demo = true
	code, _ = runAsOwner(ctx, lock, c, paths, paths.ConfigFile(), args) // nobody else owns it
	return code
}

// removeKilled removes the directories of this user's demos that were killed: those
// whose lock nobody holds, and those without a lock that are an hour old. Errors are
// ignored, because the new demo does not need the space.
func removeKilled() {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), demoPrefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		st, err := os.Lstat(dir)
		if err != nil || !st.IsDir() {
			continue
		}
		if sys, ok := st.Sys().(*syscall.Stat_t); !ok || int(sys.Uid) != os.Geteuid() {
			continue
		}
		lock, err := owner.TakeOver(filepath.Join(dir, "data"))
		switch {
		case err == nil:
			_ = os.RemoveAll(dir)
			_ = lock.Release()
		case errors.Is(err, owner.ErrStoreRemoved) && time.Since(st.ModTime()) > time.Hour:
			_ = os.RemoveAll(dir)
		}
	}
}
