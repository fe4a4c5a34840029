package text

import "strings"

// SearchWords returns synonyms by which people search an action, by its ID, in all
// languages.
func SearchWords(id string) []string {
	var all []string
	for _, lang := range Languages() {
		all = append(all, strings.Fields(texts(lang)["also."+id])...)
	}
	return all
}
