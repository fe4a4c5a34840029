package lifecycle_test

import (
	"certquay/model"
	"certquay/ui/text"
)

// inWords is a message as a person reads it in English.
func inWords(t model.Text) string { return text.New("en").Text(t) }
