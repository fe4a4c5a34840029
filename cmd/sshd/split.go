package sshd

import (
	"strings"

	"certquay/model"
)

// splitCommand splits the command of an SSH client into arguments by the quoting rules
// of the POSIX shell: blanks, backslash, single and double quotes. An empty pair of
// quotes is an empty argument. Nothing is expanded, and other special characters are
// taken literally.
func splitCommand(command string) ([]string, error) {
	var args []string
	var word strings.Builder
	var quote rune
	open, escaped := false, false
	for _, r := range command {
		switch {
		case escaped:
			if quote == '"' && !strings.ContainsRune("\"\\$`\n", r) {
				word.WriteByte('\\')
			}
			if r != '\n' {
				word.WriteRune(r)
			}
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, open = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, open = r, true
		case strings.ContainsRune(" \t\r\n", r):
			if open {
				args = append(args, word.String())
				word.Reset()
				open = false
			}
		default:
			word.WriteRune(r)
			open = true
		}
	}
	switch {
	case quote != 0:
		return nil, model.Fail("session.quote")
	case escaped:
		return nil, model.Fail("session.backslash")
	case open:
		args = append(args, word.String())
	}
	return args, nil
}
