// Package cmd is the command line of certquay: a tree of verbs that answers in
// the same way locally, over the owner's socket and over SSH.
package cmd

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"certquay/cmd/app"
	"certquay/cmd/attach"
	"certquay/cmd/config"
	"certquay/cmd/out"
	"certquay/cmd/owner"
	"certquay/cmd/session"
	"certquay/lifecycle/bundle/decode"
	"certquay/lifecycle/notify"
	"certquay/model"
	"certquay/store"
)

// Version is what certquay calls itself. Processes with the same major and
// minor version attach to each other.
var Version = version()

func version() string {
	const base = "0.1.0"
	if bi, ok := debug.ReadBuildInfo(); ok {
		for _, s := range bi.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return base + "+" + s.Value[:12]
			}
		}
	}
	return base
}

// needsNoStore are the verbs that need no store, or none that is open. What the
// configuration says is in its file.
var needsNoStore = map[string]bool{
	"backup verify": true, "restore": true, "config": true, "product drivers": true, "version": true,
	"completion": true, "help": true, "__complete": true, "__completeNoDesc": true,
}

// createsStore are the verbs that may make the store they work on; the dashboard
// does so as well. To the others, one that is named and is not there is a
// mistake.
var createsStore = map[string]bool{
	"buy": true, "buy-pack": true, "upload": true, "contact add": true, "company add": true, "watch add": true, serveName: true,
}

// mayCreateStore reports whether a verb may make its store. A sandbox is always meant, and
// who only looks makes nothing.
func mayCreateStore(verb *cobra.Command, g *globalFlags) bool {
	return !g.readOnly && (!verb.HasParent() || g.sandbox || createsStore[nameOf(verb)])
}

// nameOf is a verb as it is typed, such as "contact add"; "" is the dashboard.
func nameOf(verb *cobra.Command) string {
	_, name, _ := strings.Cut(verb.CommandPath(), " ")
	return name
}

// Main does what the command line of this process asks for and returns the
// exit code.
func Main() int {
	decode.RunIfChild() // key stores are opened in a limited child process
	notify.RunIfChild() // and chats written to in another
	syscall.Umask(0o077)
	// No core file: what is typed and what keys are used would stand in it.
	core := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	args := os.Args[1:]
	s := session.NewLocalSession()
	s.Lang = cmp.Or(languageOf(args), s.Lang)
	s.Out, s.Err = session.Writer(ctx, s.Out), session.Writer(ctx, s.Err)
	c := newInvocation(s, nil)

	if core != nil {
		c.PrintError(model.Fail("verb.core-files", "cause", core))
		return out.ExitFailed
	}

	// Wrong usage and what needs no store are settled before it is touched.
	g := c.g
	verb, err := parse(c, args)
	if err != nil {
		c.PrintError(err)
		return out.ExitCode(err)
	}
	if verb == nil || needsNoStore[nameOf(verb)] || verb.Parent() != nil && needsNoStore[nameOf(verb.Parent())] {
		return run(ctx, newInvocation(s, nil), args)
	}
	if verb.Name() == demoName {
		return runDemo(ctx, c, args)
	}
	g.dashboard, g.serve = !verb.HasParent(), verb.Name() == serveName
	paths := config.DefaultPaths()
	w, err := placesOf(g)
	if err != nil {
		c.PrintError(err)
		return out.ExitUsage
	}
	dir, file := w.data, w.config
	printErr := func(code int, err error) {
		if code == out.ExitStore {
			err = &out.StoreError{Err: err}
		} else {
			err = &out.FailedError{What: model.TextOf(err)}
		}
		c.PrintError(err)
	}
	// A directory that cannot be ours is found out before anything is put
	// into it, the lock included.
	if _, err := os.Lstat(filepath.Join(dir, owner.LockName)); errors.Is(err, fs.ErrNotExist) {
		if err := store.Usable(dir, w.key); err != nil {
			printErr(out.ExitStore, err)
			return out.ExitStore
		}
	}
	if (g.data != "" || g.readOnly) && !mayCreateStore(verb, g) && !store.Exists(dir) && owner.PID(dir) == 0 {
		err := noStore(dir, file)
		c.PrintError(err)
		return out.ExitCode(err)
	}
	return attach.Run(ctx, dir, attach.Options{
		PrintErr: printErr,
		Args:     args, Version: Version, Dashboard: g.dashboard, ReadOnly: g.readOnly,
		BecomeOwner: func(lock *owner.Lock) int { return runAsOwner(ctx, lock, c, paths, file, args) },
	})
}

// noStore says that there is none where the command line says it is, unless the
// configuration is wrong, which comes first.
func noStore(dir, file string) error {
	if _, err := app.LoadConfig(file); err != nil {
		return err
	}
	if st, err := os.Stat(dir); err == nil && !st.IsDir() || errors.Is(err, syscall.ENOTDIR) {
		err := model.Fail("verb.no-store.not-directory", "dir", dir).Wrapping(owner.ErrNotDirectory)
		return &out.StoreError{Err: err, Hint: model.Say("verb.no-store.not-directory.hint")}
	}
	if store.HasRemains(dir) {
		return &out.StoreError{Err: store.Usable(dir, config.KeyFile(file))}
	}
	return &out.StoreError{Err: model.Fail("verb.no-store", "dir", dir), Hint: model.Say("verb.no-store.hint", "dir", dir)}
}

// parse checks a command line without running it: which verb, and whether its
// flags and arguments would do. The verb is nil when help was asked for.
func parse(c *invocation, args []string) (*cobra.Command, error) {
	if completes(args) {
		return nil, nil // cobra adds these when it runs them
	}
	root := newRoot(c)
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	verb, rest, err := root.Find(args)
	if err != nil {
		return nil, err
	}
	if verb.DisableFlagParsing {
		return verb, nil
	}
	verb.InitDefaultHelpFlag()
	if err := verb.ParseFlags(rest); err != nil {
		return nil, verb.FlagErrorFunc()(verb, err)
	}
	if help, _ := verb.Flags().GetBool("help"); help {
		return nil, nil
	}
	if err := verb.ValidateArgs(verb.Flags().Args()); err != nil {
		return nil, err
	}
	return verb, nil
}

// completes reports whether a shell asks what a command line may go on with.
func completes(args []string) bool {
	return len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

// dirCheckInterval is how often an owner looks whether its data directory is there.
const dirCheckInterval = time.Second

// watchDirectory ends the context of an owner whose data directory is removed: what it
// would do from then on is kept nowhere. gone stops looking and says whether it
// was.
func watchDirectory(ctx context.Context, lock *owner.Lock) (_ context.Context, gone func() error) {
	ctx, end := context.WithCancelCause(ctx)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(dirCheckInterval):
				if err := lock.CheckHeld(); err != nil {
					end(err)
				}
			}
		}
	}()
	return ctx, func() error {
		lost := lock.CheckHeld()
		end(nil)
		return lost
	}
}

// runAsOwner does the work of this process as the owner of the store.
func runAsOwner(ctx context.Context, lock *owner.Lock, c *invocation, paths config.Paths, file string, args []string) int {
	if err := owner.SetUndumpable(); err != nil { // an attached process stays open to its owner, which reads its pipes
		c.PrintError(model.Fail("verb.conceal", "cause", err))
		return out.ExitFailed
	}
	ctx, gone := watchDirectory(ctx, lock)
	a, err := app.Open(ctx, lock, app.Options{
		Console: c.Console, Paths: paths, ConfigFile: file, Version: Version, Answer: answer, VerbOf: verbOf,
		ReadOnly: c.g.readOnly, MakeSandbox: c.g.sandbox, Demo: c.g.demo, AcceptLoss: c.g.acceptLoss, Plain: c.g.plain,
		Dashboard: c.g.dashboard, Serve: c.g.serve,
	})
	if err != nil {
		c.PrintError(err)
		return out.ExitCode(err)
	}
	jctx, leave := a.Sessions.Register(ctx, c.Session)
	code := answer(jctx, a, c.Session, args)
	leave()
	err = a.Close()
	if lost := gone(); lost != nil {
		err = lost // of what else went wrong it is the cause
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		c.PrintError(&out.StoreError{Err: err})
		return out.ExitStore
	}
	return code
}

// answer does what a session asks for, whichever way it came.
func answer(ctx context.Context, a *app.App, s *session.Session, args []string) int {
	return run(ctx, newInvocation(s, a), args)
}
