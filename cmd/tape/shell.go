package tape

import (
	"fmt"
	"maps"
	"os/exec"
	"slices"
)

// shells are how each shell is started: without a person's own settings and
// history, and with a prompt of its own.
var shells = map[string]struct{ args, env []string }{
	"bash": {[]string{"--noprofile", "--norc", "+o", "history"}, []string{`PS1=\[\e[38;2;90;86;224m\]> \[\e[0m\]`, "PROMPT_COMMAND=", "BASH_SILENCE_DEPRECATION_WARNING=1"}},
	"zsh":  {[]string{"--no-rcs", "--no-global-rcs"}, []string{"PROMPT=%F{#5B56E0}> %F{reset_color}"}},
	"fish": {[]string{"--no-config", "--private", "-C", `function fish_greeting; end; function fish_prompt; set_color 5B56E0; echo -n "> "; set_color normal; end`}, nil},
	"sh":   {nil, []string{"PS1=> ", "ENV="}},
}

func shellNames() []string { return slices.Sorted(maps.Keys(shells)) }

// command is the shell of a tape, or the program in its place, and Requires
// checked.
func (t *Tape) command(program []string) (*exec.Cmd, error) {
	for _, need := range t.Requires {
		if _, err := exec.LookPath(need); err != nil {
			return nil, fmt.Errorf("%s requires %s: %w", t.Name, need, err)
		}
	}
	if len(program) > 0 {
		return exec.Command(program[0], program[1:]...), nil //nolint:noctx // Play ends it
	}
	s := shells[t.Settings.Shell]
	c := exec.Command(t.Settings.Shell, s.args...) //nolint:noctx // Play ends it
	c.Env = s.env
	return c, nil
}
