package names

import "certquay/model"

// Error is a rejected name or list of names, with the rule and an example.
type Error struct {
	Field string     // "domains" or "type": where a form shows it
	Name  string     // as it was typed, not escaped; "" when the list as a whole is refused
	Rule  model.Text // a clause, no full stop
	Hint  model.Text // an example that would do
}

func (e *Error) Error() string { return e.AsText().String() }

// AsText is the name, the rule and the example.
func (e *Error) AsText() model.Text {
	return model.Texts(e.Why(), model.Say("names.example", "example", e.Hint))
}

// Why is the name and the rule.
func (e *Error) Why() model.Text {
	if e.Name == "" {
		return e.Rule
	}
	return model.Say("names.named", "name", short(e.Name), "rule", e.Rule)
}

// refuse says by a code why a name is refused, with an example that is typed as
// it stands.
func refuse(name, example, code string, args ...any) *Error {
	return &Error{Field: "domains", Name: name, Rule: model.Say(code, args...), Hint: model.Quoted("", example)}
}

// short is what was typed, cut.
func short(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}
