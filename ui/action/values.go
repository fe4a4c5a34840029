package action

import "strings"

// toStrings converts a list of a string type.
func toStrings[T ~string](list []T) []string {
	out := make([]string, len(list))
	for n, w := range list {
		out[n] = string(w)
	}
	return out
}

// splitList splits a list that was typed with commas, semicolons or blanks.
func splitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(", ;\n\t，、；", r) })
}
