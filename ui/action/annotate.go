package action

import (
	"context"
	"maps"
	"slices"
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"

	"certquay/lifecycle"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog/form"
	"certquay/ui/text"
)

// leaveEach is the choice to leave owners or notes that differ as they are.
const leaveEach = "leave"

// annotate edits tags, owner and note (spec Q4). Of several certificates it shows the
// tags that all have, and owner and note if they are the same everywhere; what differs
// stays as it is unless the person sets it. Undoing gives each what it had.
func annotate(q *request) tea.Msg {
	c := q.c
	contacts, err := c.Backend.Contacts()
	if err != nil {
		return failedMsg(c, q.row, err)
	}
	name := map[model.ID]string{"": ""}
	for n := range contacts {
		name[contacts[n].ID] = contacts[n].Name
	}
	common, some := tagsOf(q.cases)
	before := map[model.ID]lifecycle.Annotation{}
	for _, cs := range q.cases {
		i := cs.Instance
		owner, note := name[i.Owner], i.Note
		before[i.ID] = lifecycle.Annotation{Owner: &owner, Note: &note, Add: i.Tags}
	}
	q.undo = func() app.Undo {
		return app.Undo{
			Label: text.NewName("undo.annotate", q.names()),
			Run: q.restart(rules.Annotate, func(back *request) tea.Msg {
				msg, err := back.annotateEach(back.c.Ctx, func(i *model.Instance) lifecycle.Annotation {
					was := before[i.ID]
					was.Remove = without(i.Tags, was.Add)
					return was
				})
				if err != nil {
					return failedMsg(c, back.row, err)
				}
				return msg
			}),
		}
	}
	spec := form.Spec{
		Title:  c.T("annotate.title", q.names()),
		Submit: c.T("annotate.submit"),
		Intro:  append(q.hiddenLines(), q.skippedLines()...),
		Fields: append([]form.Field{tagField(c, common, some), ownerField(c, contacts, q.cases)}, noteFields(c, q.cases)...),
	}
	return q.formMsg(spec, func(ctx context.Context, v form.Values) (tea.Msg, error) {
		n := lifecycle.Annotation{Add: typedTags(v["tag"])}
		n.Remove = without(common, n.Add)
		if owner := v["owner"]; owner != leaveEach {
			n.Owner = new(name[model.ID(owner)])
		}
		if v["note-choice"] != leaveEach {
			n.Note = new(v["note"])
		}
		return q.annotateEach(ctx, func(*model.Instance) lifecycle.Annotation { return n })
	})
}

// annotateEach changes what is noted about each certificate.
func (q *request) annotateEach(ctx context.Context, to func(*model.Instance) lifecycle.Annotation) (tea.Msg, error) {
	return q.forEach(ctx, "annotate.done", func(ctx context.Context, cs *rules.Facts) error {
		_, err := q.c.Backend.Annotate(ctx, cs.Instance.ID, to(cs.Instance))
		return err
	})
}

// typedTags are the tags in a text, as they are compared.
func typedTags(typed string) []string {
	tags := strings.FieldsFunc(typed, func(r rune) bool { return unicode.IsSpace(r) || r == ',' })
	for n := range tags {
		tags[n] = model.NormalizeName(tags[n])
	}
	return tags
}

// without are the elements of a list that are not in another.
func without(list, others []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(others, s) })
}

// tagsOf returns the tags that all certificates have, and those that only some have.
func tagsOf(cases []*rules.Facts) (common, some []string) {
	have := map[string]int{}
	for _, cs := range cases {
		for _, tag := range cs.Instance.Tags {
			have[tag]++
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(have)) {
		if have[tag] == len(cases) {
			common = append(common, tag)
		} else {
			some = append(some, tag)
		}
	}
	return common, some
}

// tagField edits the tags that all certificates have.
func tagField(c *app.Context, common, some []string) form.Field {
	return form.Field{
		Key: "tag", Label: c.T("annotate.tags"), Initial: strings.Join(common, " "), Placeholder: c.T("optional"),
		Valid: func(typed string, _ form.Values) string {
			tags := typedTags(typed)
			for _, tag := range tags {
				if wrong := rules.CheckTag(tag); wrong != nil {
					return c.FormatInvalid(wrong)
				}
			}
			if wrong := rules.CheckTags(tags); wrong != nil {
				return c.FormatInvalid(wrong)
			}
			return ""
		},
		Hint: func(form.Values) string {
			if len(some) > 0 {
				return c.T("annotate.tags.some", text.Clean(strings.Join(some, " ")))
			}
			return c.T("annotate.tags.hint")
		},
	}
}

// ownerField chooses the owner among the contacts.
func ownerField(c *app.Context, contacts []model.Contact, cases []*rules.Facts) form.Field {
	owner := cases[0].Instance.Owner
	initial, options := string(owner), []form.Option{{Label: c.T("annotate.owner.none")}}
	if slices.ContainsFunc(cases, func(cs *rules.Facts) bool { return cs.Instance.Owner != owner }) {
		initial, options = leaveEach, append(options, form.Option{Value: leaveEach, Label: c.T("annotate.leave")})
	}
	for n := range contacts {
		options = append(options, form.Option{Value: string(contacts[n].ID), Label: contacts[n].Name})
	}
	return form.Field{
		Key: "owner", Label: c.T("annotate.owner"), Kind: form.Select, Initial: initial,
		Options: func(form.Values) []form.Option { return options },
		Hint:    func(form.Values) string { return c.T("annotate.owner.hint") },
	}
}

// noteFields edit the note. Where the notes differ they first ask whether to set one.
func noteFields(c *app.Context, cases []*rules.Facts) []form.Field {
	note := cases[0].Instance.Note
	differ := slices.ContainsFunc(cases, func(cs *rules.Facts) bool { return cs.Instance.Note != note })
	field := form.Field{
		Key: "note", Label: c.T("annotate.note"), Initial: note, Placeholder: c.T("optional"),
		Valid: func(typed string, _ form.Values) string {
			if wrong := rules.CheckNote(strings.TrimSpace(typed)); wrong != nil {
				return c.FormatInvalid(wrong)
			}
			return ""
		},
		Hint: func(form.Values) string { return c.T("annotate.note.hint") },
	}
	if !differ {
		return []form.Field{field}
	}
	field.Initial, field.Label = "", c.SubMark()+field.Label
	field.Show = func(v form.Values) bool { return v["note-choice"] != leaveEach }
	return []form.Field{{
		Key: "note-choice", Label: c.T("annotate.notes"), Kind: form.Select,
		Options: fixedOptions([]string{leaveEach, "set"}, []string{c.T("annotate.leave"), c.T("annotate.set")}),
	}, field}
}
