package text

// Name is what an action is called: texts of the catalogue with their arguments.
// Each language makes its own words of it. The zero Name has none.
type Name []namePart

// namePart is one of several things that an action does, by its key in the catalogue.
type namePart struct {
	key  string
	args []any
}

// NewName is a name by its key in the catalogue. Its arguments, for the verbs of
// package fmt in the text, may be names themselves.
func NewName(key string, args ...any) Name { return Name{{key, args}} }

// Name says a name in this language, its parts with a stroke between them.
func (c *Catalogue) Name(n Name) string {
	said := ""
	for i, p := range n {
		args := make([]any, len(p.args))
		for k, a := range p.args {
			if inside, ok := a.(Name); ok {
				a = c.Name(inside)
			}
			args[k] = a
		}
		if i > 0 {
			said += " / "
		}
		said += c.T(p.key, args...)
	}
	return said
}
