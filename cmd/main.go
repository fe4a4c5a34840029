// Package cmd is the command line of certquay: a tree of commands, called verbs, that
// works the same locally, over the owner's socket and over SSH.
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
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"certquay/cmd/app"
	"certquay/cmd/attach"
	"certquay/cmd/config"
	"certquay/cmd/out"
	"certquay/cmd/owner"
	"certquay/cmd/peer"
	"certquay/cmd/session"
	"certquay/lifecycle/bundle/decode"
	"certquay/lifecycle/child"
	"certquay/lifecycle/notify"
	"certquay/model"
	"certquay/store"
	"certquay/store/engine"
)

// needsNoStore are the verbs that run without opening the store.
var needsNoStore = map[string]bool{
	"backup verify": true, "restore": true, "config": true, "product drivers": true, "check": true,
	"rules": true, "man": true, "version": true,
	"completion": true, "help": true, "__complete": true, "__completeNoDesc": true,
}

// createsStore are the verbs that create the store if it does not exist; the dashboard
// does so too. For other verbs a missing store is an error if it was named, and for those
// that copy it always.
var createsStore = map[string]bool{
	"buy": true, "buy-pack": true, "upload": true, "contact add": true, "company add": true, "watch add": true, serveName: true,
}

var copiesStore = map[string]bool{"backup": true, "copy": true}

// mayCreateStore reports whether a verb may create its store. With --sandbox every verb
// may, with --read-only none.
func mayCreateStore(verb *cobra.Command, g *globalFlags) bool {
	return !g.readOnly && (!verb.HasParent() || g.sandbox || createsStore[nameOf(verb)])
}

// nameOf returns a verb as it is typed, such as "contact add"; "" is the dashboard.
func nameOf(verb *cobra.Command) string {
	_, name, _ := strings.Cut(verb.CommandPath(), " ")
	return name
}

// Main runs the command line of this process and returns the exit code.
func Main() int {
	decode.RunIfChild() // key stores are opened in a limited child process
	notify.RunIfChild() // chat services are called in another
	syscall.Umask(0o077)
	// Disable core files, because they would contain passwords and keys.
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

	// Check the command line before the store is touched.
	g := c.g
	verb, err := parse(c, args)
	if err == nil && verb != nil && nameOf(verb) != string(restore) { // which may put a key where there is no configuration yet
		err = checkConfigFile(g)
	}
	if err != nil {
		c.JSON = c.JSON || wantsJSON(args)
		c.PrintError(err)
		return out.ExitCode(err)
	}
	if verb == nil || g.version || needsNoStore[nameOf(verb)] || verb.Parent() != nil && needsNoStore[nameOf(verb.Parent())] {
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
	// Check that the directory is usable before anything, such as the lock, is created
	// in it.
	if _, err := os.Lstat(filepath.Join(dir, owner.LockName)); errors.Is(err, fs.ErrNotExist) {
		if err := store.Usable(dir, w.key); err != nil {
			printErr(out.ExitStore, err)
			return out.ExitStore
		}
	}
	g.mayCreate = mayCreateStore(verb, g)
	if (g.data != "" || g.readOnly || copiesStore[nameOf(verb)]) && !g.mayCreate && !store.Exists(dir) && owner.PID(dir) == 0 {
		if err := noStore(dir, file); err != nil {
			c.PrintError(err)
			return out.ExitCode(err)
		}
	}
	elsewhere, done := c.elsewhere(ctx, file)
	defer done()
	shared := elsewhere != nil
	if g.serve { // it stands by, and does not attach
		elsewhere = nil
	}
	return attach.Run(ctx, dir, attach.Options{
		PrintErr: printErr, Shared: shared, Elsewhere: elsewhere,
		Followed: func(p *peer.Peer) { c.Note("attach.follow", "holder", p.Holder) },
		Place:    s.Place,
		Args:     args, Version: Version, Dashboard: g.dashboard, ReadOnly: g.readOnly,
		BecomeOwner: func(lock *owner.Lock) (int, *peer.Peer) { return runAsOwner(ctx, lock, c, paths, file, args) },
	})
}

// noStore returns the error for a missing store, or for a wrong configuration, which
// takes precedence. A shared store is not kept in the directory.
func noStore(dir, file string) error {
	if conf, err := app.LoadConfig(file); err != nil || conf.Store.Shared() {
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

// elsewhere returns [attach.Options].Elsewhere if a configuration names a store that several
// machines share, else nil. What is wrong with it is said by what reads it next.
func (c *invocation) elsewhere(ctx context.Context, file string) (_ func(context.Context) (*peer.Peer, error), done func()) {
	conf, err := app.LoadConfig(file)
	if err != nil || !conf.Store.Shared() {
		return nil, func() {}
	}
	find := &app.Finder{
		KeyFile: config.KeyFile(file),
		Open:    func() (engine.Engine, error) { return app.OpenShared(conf, file, false, nil) },
	}
	if c.Interactive {
		find.Ask = func() (model.Secret, error) { return app.AskPassphrase(ctx, c.Console) }
	}
	return find.Find, func() { _ = find.Close() } // it has only read
}

// parse checks a command line without running it and returns the verb. The verb is nil
// if help was requested.
func parse(c *invocation, args []string) (*cobra.Command, error) {
	if isCompletion(args) {
		return nil, nil // cobra adds the completion commands when it runs
	}
	root := rootFor(c, args)
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	verb, rest, err := root.Find(spellTags(root, args))
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

// wantsJSON reports whether a command line that could not be parsed asks for JSON.
func wantsJSON(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.Contains(args, "--json") || slices.Contains(args, "--json=true")
}

// isCompletion reports whether the command line is a shell's request for completions.
func isCompletion(args []string) bool {
	return len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

// dirCheckInterval is how often an owner checks that its data directory exists.
const dirCheckInterval = time.Second

// watchStore returns a context that ends when the data directory of an owner is removed,
// because later writes would be lost, or when another process owns the store. lost ends
// the watch and returns an error if either has happened.
func watchStore(ctx context.Context, lock *owner.Lock) (_ context.Context, deposed func(*app.App), lost func() error) {
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
	deposed = func(a *app.App) {
		go func() {
			select {
			case <-ctx.Done():
			case <-a.Deposed():
				a.AwaitDatabase(ctx)
				end(store.ErrDeposed)
			}
		}()
	}
	return ctx, deposed, func() error {
		removed := lock.CheckHeld()
		end(nil)
		if errors.Is(context.Cause(ctx), store.ErrDeposed) {
			return store.ErrDeposed
		}
		return removed
	}
}

// runAsOwner runs the command line of this process as the owner of the store. If another
// machine becomes the owner of a shared store, a process that serves or shows the
// dashboard stands by until it is the owner again. It returns the owner on another machine
// if the command line is to be run there.
func runAsOwner(
	ctx context.Context, lock *owner.Lock, c *invocation, paths config.Paths, file string, args []string,
) (int, *peer.Peer) {
	if err := child.SetUndumpable(); err != nil { // attached processes stay readable: the owner opens their pipes in /proc
		c.PrintError(model.Fail("verb.conceal", "cause", err))
		return out.ExitFailed, nil
	}
	for again := false; ; again = true {
		code, err := ownOnce(ctx, lock, c, args, app.Options{
			Console: c.Console, Paths: paths, ConfigFile: file, Version: Version, Answer: answer, VerbOf: verbOf,
			ReadOnly: c.g.readOnly, MakeSandbox: c.g.sandbox, Demo: c.g.demo, AcceptLoss: c.g.acceptLoss, Plain: c.Plain,
			Dashboard: c.g.dashboard, Serve: c.g.serve, Unattended: c.g.unattended, MayCreate: c.g.mayCreate, Again: again,
		})
		if elsewhere := new(peer.ElsewhereError); errors.As(err, &elsewhere) {
			return 0, elsewhere.Peer
		}
		if err != nil {
			c.PrintError(err)
			code = out.ExitCode(err)
		}
		deposed := errors.Is(err, store.ErrDeposed) || errors.Is(err, engine.ErrNotOwner) || errors.As(err, new(*engine.AwayError))
		if !deposed || ctx.Err() != nil || !c.g.serve && !c.g.dashboard {
			return code, nil
		}
	}
}

// ownOnce opens the store, runs the command line and closes the store. The error is why
// it could not be opened or closed, or was lost.
func ownOnce(ctx context.Context, lock *owner.Lock, c *invocation, args []string, o app.Options) (int, error) {
	ctx, deposed, lost := watchStore(ctx, lock)
	defer func() { _ = lost() }()
	a, err := app.Open(ctx, lock, o)
	if err != nil {
		return 0, err
	}
	deposed(a)
	jctx, leave := a.Sessions.Register(ctx, c.Session, args)
	code := answer(jctx, a, c.Session, args)
	leave()
	err = errors.Join(a.Close(), lock.RemoveSocket())
	if lost := lost(); lost != nil {
		err = lost // other errors are consequences of this one
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return code, &out.StoreError{Err: err}
	}
	return code, nil
}

// answer runs the command line of a session, local or remote.
func answer(ctx context.Context, a *app.App, s *session.Session, args []string) int {
	c := newInvocation(s, a)
	if len(args) > 0 && args[0] == wordsRequest {
		return c.answerWords(args[1:])
	}
	return run(ctx, c, args)
}
