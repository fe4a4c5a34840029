package setting

import (
	"strings"

	"certquay/model"
)

// SplitCommand splits a command line into arguments as a POSIX shell quotes them: blanks
// separate, ' and " hold together, and \ takes the next character as it is, inside " only
// before " and \. Nothing is expanded. An open quote is a rule that is violated.
func SplitCommand(line string) (args []string, wrong model.Text) {
	var (
		b     strings.Builder
		quote rune // that is open; 0 for none
		begun bool // an argument
		taken bool // the next character is taken as it is
	)
	for _, r := range line {
		switch {
		case taken:
			if quote == '"' && r != '"' && r != '\\' {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
			taken = false
		case r == '\\' && quote != '\'':
			taken, begun = true, true
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				b.WriteRune(r)
			}
		case r == '\'' || r == '"':
			quote, begun = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if begun {
				args = append(args, b.String())
			}
			b.Reset()
			begun = false
		default:
			b.WriteRune(r)
			begun = true
		}
	}
	if quote != 0 || taken {
		return nil, model.Say("value.open-quote")
	}
	if begun {
		args = append(args, b.String())
	}
	return args, ""
}

// JoinCommand writes arguments so that [SplitCommand] splits them again.
func JoinCommand(args []string) string {
	quoted := make([]string, len(args))
	for n, a := range args {
		quoted[n] = a
		if a == "" || strings.ContainsAny(a, " \t\n'\"\\$`*?;&|<>()#~") {
			quoted[n] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
