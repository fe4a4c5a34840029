package site

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"

	"certquay/lifecycle/runner"
)

// Running are the command lines of what runs on a host that begin as said, such as "nginx:
// master process ", without that beginning, or whose program has that base name. What the host
// does not tell is none. Words are split at blanks, as ps(1) prints no quotes.
func Running(ctx context.Context, host runner.Runner, program, title string) (all [][]string) {
	out, err := host.Run(ctx, runner.Command{Argv: []string{"ps", "-eo", "args="}})
	if err != nil { // a host without ps proposes less
		return nil
	}
	for line := range strings.Lines(string(out.Stdout)) {
		rest, titled := line, false
		if title != "" {
			rest, titled = strings.CutPrefix(line, title)
		}
		words := strings.Fields(rest)
		if len(words) > 0 && (titled || title == "" && path.Base(words[0]) == program) {
			all = append(all, words)
		}
	}
	return all
}

// Argument is the value of an option in a command line, as [Arguments]; "" for none.
func Argument(argv []string, option string) string {
	if all := Arguments(argv, option); len(all) > 0 {
		return all[0]
	}
	return ""
}

// Arguments are all values of an option of one letter, such as -c, which follow it or are
// joined to it.
func Arguments(argv []string, option string) (all []string) {
	for n, word := range argv {
		if rest, ok := strings.CutPrefix(word, option); ok && rest != "" {
			all = append(all, rest)
		} else if ok && n+1 < len(argv) {
			all = append(all, argv[n+1])
		}
	}
	return all
}

// Exists reports whether a path leads to something on a host, as far as that can be asked.
func Exists(ctx context.Context, host runner.Runner, file string) bool {
	_, err := host.Stat(ctx, file)
	return err == nil || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, runner.ErrUnreachable)
}
