package setting

import (
	"slices"

	"certquay/model"
)

// Group are settings that are declared in several structs and given as one. Their names
// differ. [Of], [Fill] and [Changed] take a Group in the place of a struct.
type Group []any

func (g Group) of() (all []Setting) {
	for _, part := range g {
		all = append(all, Of(part)...)
	}
	return all
}

func (g Group) fill(values map[string]any) (any, error) {
	filled, known := make(Group, len(g)), Names(g.of())
	for name := range values {
		if !slices.Contains(known, name) {
			return nil, &Error{Setting: name, Rule: model.Say("value.unknown", "names", known)}
		}
	}
	for n, part := range g {
		own := map[string]any{}
		for _, name := range Names(Of(part)) {
			if v, given := values[name]; given {
				own[name] = v
			}
		}
		var err error
		if filled[n], err = Fill(part, own); err != nil {
			return nil, err
		}
	}
	return filled, nil
}

func (g Group) changed(now Group) map[string]any {
	all := map[string]any{}
	for n, part := range g {
		for name, v := range Changed(part, now[n]) {
			all[name] = v
		}
	}
	return all
}

// Check implements [Checker].
func (g Group) Check() (all []Problem) {
	for _, part := range g {
		if c, ok := part.(Checker); ok {
			all = append(all, c.Check()...)
		}
	}
	return all
}
