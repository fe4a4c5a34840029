package cmd

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"certquay/cmd/attach"
	"certquay/cmd/config"
	"certquay/cmd/out"
	"certquay/cmd/owner"
	"certquay/cmd/peer"
	"certquay/cmd/session"
	"certquay/model"
	"certquay/store"
)

// candidate is something that a word of the command line may stand for. It is completed
// by its name if no other has it, and by its id.
type candidate struct {
	ID, Name string // either may be ""
	About    string
}

// completer returns the candidates for a word.
type completer func(cmd *cobra.Command, typed string) []candidate

// completionTimeout bounds the question to the store: a person is waiting for the shell.
const completionTimeout = 3 * time.Second

// words completes fixed words.
func words[T ~string](all []T) completer {
	return func(*cobra.Command, string) (some []candidate) {
		for _, w := range all {
			some = append(some, candidate{Name: string(w)})
		}
		return some
	}
}

// either completes what one or the other does.
func either(a, b completer) completer {
	return func(cmd *cobra.Command, typed string) []candidate { return append(a(cmd, typed), b(cmd, typed)...) }
}

// addCompletions sets the completion of the arguments and flags of all verbs. What
// stands in no table takes files if it is among those for files, and no completion
// otherwise. Cobra keeps completions of flags for ever, so only a process that answers
// a shell and ends may call it.
func (c *invocation) addCompletions(root *cobra.Command) {
	args, flags := c.argCompletions(), c.flagCompletions()
	eachVerb(root, func(cmd *cobra.Command) {
		verb := nameOf(cmd)
		if cmd.ValidArgsFunction == nil && len(cmd.ValidArgs) == 0 && !takesFiles[verb] {
			cmd.ValidArgsFunction = completeArgs(args[verb], repeats[verb], endInFiles[verb])
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			list, known := flags[verb+" --"+f.Name]
			if !known {
				list, known = flags["--"+f.Name]
			}
			var complete cobra.CompletionFunc
			switch {
			case known:
				complete = completeFlag(list, strings.HasSuffix(f.Value.Type(), "Slice"))
			case directoryFlags[f.Name]:
				complete = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
			case f.NoOptDefVal == "" && !fileFlags[f.Name]:
				complete = cobra.NoFileCompletions
			default:
				return
			}
			if err := cmd.RegisterFlagCompletionFunc(f.Name, complete); err != nil {
				panic(err) // the flag has a completion already
			}
		})
	})
}

func eachVerb(cmd *cobra.Command, fn func(*cobra.Command)) {
	fn(cmd)
	for _, sub := range cmd.Commands() {
		eachVerb(sub, fn)
	}
}

// completeArgs completes the arguments of a verb by their positions; the last completer
// serves all that follow if they repeat. If a file may come last, the shell completes files
// where no candidate fits.
func completeArgs(lists []completer, repeat, file bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		n, directive := len(args), cobra.ShellCompDirectiveNoFileComp
		if file && n > 0 {
			directive = cobra.ShellCompDirectiveDefault
		}
		if repeat {
			n = min(n, len(lists)-1)
		}
		if n >= len(lists) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return matching(lists[n](cmd, typed), typed, ""), directive
	}
}

// completeFlag completes the value of a flag, or the last one of a list with commas.
func completeFlag(list completer, isList bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		before := ""
		if end := strings.LastIndexByte(typed, ','); isList && end >= 0 {
			before, typed = typed[:end+1], typed[end+1:]
		}
		return matching(list(cmd, typed), typed, before), cobra.ShellCompDirectiveNoFileComp
	}
}

// matching returns the candidates that begin with what was typed, ignoring case: by
// name, or by id if the id was typed or the name stands for several.
func matching(all []candidate, typed, before string) (found []cobra.Completion) {
	named := map[string]int{}
	for _, x := range all {
		named[model.NormalizeName(x.Name)]++
	}
	begins := func(s string) bool {
		return s != "" && len(s) >= len(typed) && strings.EqualFold(s[:len(typed)], typed) && session.Escape(s, len(s)) == s
	}
	for _, x := range all {
		unique := x.Name != "" && named[model.NormalizeName(x.Name)] == 1
		if unique && begins(x.Name) {
			found = append(found, cobra.CompletionWithDesc(before+x.Name, session.Escape(x.About, 80)))
		}
		if begins(x.ID) && (!unique || typed != "") {
			found = append(found, cobra.CompletionWithDesc(before+x.ID, session.Escape(strings.TrimSpace(x.Name+" "+x.About), 80)))
		}
	}
	return found
}

// wordsRequest is the command line by which a completion asks the process with the
// store: the kind of candidates, what was typed, and the product on the command line.
const wordsRequest = "__words"

// fromStore completes candidates of a kind that are in the store. The store is asked
// through its owner, or else opened for this moment without listening for other
// processes. If that fails there are none, and nothing is said.
func (c *invocation) fromStore(kind string) completer {
	return func(cmd *cobra.Command, typed string) (found []candidate) {
		answer, err := c.askStore(cmd.Context(), []string{wordsRequest, kind, typed, flagValue(cmd, "product")})
		if err != nil || json.Unmarshal(answer, &found) != nil {
			return nil
		}
		return found
	}
}

// flagValue returns the value of a flag that was typed already; "" if the verb has no
// such flag.
func flagValue(cmd *cobra.Command, flag string) string {
	if f := cmd.Flags().Lookup(flag); f != nil {
		return f.Value.String()
	}
	return ""
}

// answerWords answers a [wordsRequest] with JSON and returns the exit code.
func (c *invocation) answerWords(args []string) int {
	if len(args) != 3 || storeCandidates[args[0]] == nil {
		return out.ExitUsage
	}
	found, err := storeCandidates[args[0]](c, args[1], args[2])
	if err == nil {
		err = json.NewEncoder(c.Out).Encode(found)
	}
	if err != nil {
		return out.ExitCode(err)
	}
	return out.ExitOK
}

// askStore runs a command line with the store and returns its output: nothing if there
// is no store, or it cannot be opened now.
func (c *invocation) askStore(ctx context.Context, args []string) (answer []byte, err error) {
	w, err := placesOf(c.g)
	if err != nil || !store.Exists(w.data) && owner.PID(w.data) == 0 {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = null.Close() }()
	from, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	read := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(from) // an answer that is cut is no JSON
		read <- b
		_ = from.Close()
	}()
	code := attach.Run(ctx, w.data, attach.Options{
		Args: args, Version: Version, ReadOnly: true, In: null, Out: to, Err: null, Timeout: time.Second,
		PrintErr: func(int, error) {},
		BecomeOwner: func(lock *owner.Lock) (int, *peer.Peer) {
			s := session.NewLocalSession()
			s.In, s.Out, s.Err, s.Interactive = null, to, io.Discard, false
			own := newInvocation(s, nil)
			own.g.readOnly, own.g.unattended = true, true
			return runAsOwner(ctx, lock, own, config.DefaultPaths(), w.config, args)
		},
	})
	err = to.Close()
	if b := <-read; code == out.ExitOK {
		answer = b
	}
	return answer, err
}
