package text

import "strings"

// SearchWords are other words by which people look for an action, by its ID. They are
// those of all languages, since a person may type in any.
func SearchWords(id string) []string {
	var all []string
	for _, lang := range Languages() {
		all = append(all, strings.Fields(texts(lang)["also."+id])...)
	}
	return all
}
