package action

import "strings"

// splitList splits a list that was typed with commas, semicolons or blanks.
func splitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(", ;\n\t，、；", r) })
}
