package cmd

import (
	"strings"

	"certquay/model"
	"certquay/ui/text"
)

// words is the catalogue of the session's language.
func (c *call) words() *text.Catalogue { return text.New(c.language()) }

// english says a message in English, as it stands in JSON and in the log in
// every language; "" for none.
func english(t model.Text) string { return strings.Join(text.New("en").Lines(t), "\n") }
