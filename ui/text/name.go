package text

// Name is the name of an action as catalogue keys with arguments, so that each language
// forms its own. The zero Name is empty.
type Name []namePart

// namePart is one of the things that an action does.
type namePart struct {
	key  string
	args []any
}

// NewName returns a name with one catalogue key. Arguments fill the verbs of package
// fmt in the text, and may be names themselves.
func NewName(key string, args ...any) Name { return Name{{key, args}} }

// Name returns a name in this language, its parts separated by strokes.
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
