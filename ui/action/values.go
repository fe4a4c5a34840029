package action

import "strings"

func words[T ~string](list []T) []string {
	out := make([]string, len(list))
	for n, w := range list {
		out[n] = string(w)
	}
	return out
}

// number is the key of a text for one, or for many.
func number(key string, n int) string {
	if n == 1 {
		return key + ".one"
	}
	return key
}

// split takes a list apart that a person typed with commas or blanks.
func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(", ;\n\t，、；", r) })
}
