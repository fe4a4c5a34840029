package text

import "strings"

// Words are other words by which people look for an action, by its ID. They are
// those of all languages, since a person may type in any.
func Words(id string) []string {
	var all []string
	for _, lang := range Languages() {
		all = append(all, strings.Fields(texts(lang)["also."+id])...)
	}
	return all
}
