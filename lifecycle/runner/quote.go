package runner

import (
	"strings"
)

// quote makes one line of a list of arguments that shells take apart into the same list: sh,
// bash, dash, ksh, zsh, fish and, if no argument has a line break, csh.
func quote(argv []string) string {
	quoted := make([]string, len(argv))
	for n, arg := range argv {
		quoted[n] = quoteOne(arg)
	}
	return strings.Join(quoted, " ")
}

func quoteOne(arg string) string {
	if arg == "" {
		return "''"
	}
	var b strings.Builder
	inside := false // of quotation marks
	between := func(want bool) {
		if inside != want {
			b.WriteByte('\'')
			inside = want
		}
	}
	for _, c := range []byte(arg) {
		switch {
		case strings.IndexByte(`'\!`, c) >= 0:
			// A backslash within quotation marks means itself to sh, but not to fish; an
			// exclamation mark within them recalls history in csh.
			between(false)
			b.WriteByte('\\')
		case !plain(c):
			between(true)
		}
		b.WriteByte(c)
	}
	between(false)
	return b.String()
}

// plain reports whether a byte means itself to every shell, wherever it stands.
func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_-./:,+@", c) >= 0
}
