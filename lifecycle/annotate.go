package lifecycle

import (
	"context"
	"slices"
	"strings"

	"certquay/lifecycle/directory"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// Annotation changes what people note about an instance (spec Q4). What is nil or empty
// stays as it is.
type Annotation struct {
	Add, Remove []string // tags, in any case
	Owner       *string  // the name of a contact; "" for none
	Note        *string  // "" for none
}

// Annotate changes tags, owner and note of an instance in any state, and returns it. If
// nothing changes nothing is logged.
func (a *Access) Annotate(ctx context.Context, id model.ID, n Annotation) (model.Instance, error) {
	return asActor(ctx, a, rules.Annotate, id, func(by model.Actor) (model.Instance, error) { return a.e.annotate(ctx, by, id, n) })
}

// annotate is [Access.Annotate].
func (e *Engine) annotate(ctx context.Context, actor model.Actor, id model.ID, n Annotation) (i model.Instance, err error) {
	if err := checkAnnotation(&n); err != nil {
		return i, err
	}
	err = e.transition(ctx, actor, rules.Annotate, id, func(tx model.Tx, c *rules.Facts, ev *model.Event) error {
		changes, err := n.apply(tx, c.Instance)
		if ev.Detail = model.Texts(changes...); ev.Detail == "" {
			ev.Action = ""
		}
		i = *c.Instance
		return err
	})
	return i, err
}

// checkAnnotation normalizes and checks what was typed.
func checkAnnotation(n *Annotation) error {
	for _, list := range []*[]string{&n.Add, &n.Remove} {
		tags := make([]string, len(*list))
		for k, tag := range *list {
			tags[k] = model.NormalizeName(tag)
			if wrong := rules.CheckTag(tags[k]); wrong != nil {
				return wrong
			}
		}
		*list = tags
	}
	if n.Note != nil {
		note := strings.TrimSpace(*n.Note)
		if wrong := rules.CheckNote(note); wrong != nil {
			return wrong
		}
		n.Note = &note
	}
	return nil
}

// apply changes the instance and returns what has changed.
func (n *Annotation) apply(tx model.Reader, i *model.Instance) (changes []model.Text, err error) {
	tags := slices.Concat(i.Tags, n.Add)
	tags = slices.DeleteFunc(tags, func(tag string) bool { return slices.Contains(n.Remove, tag) })
	slices.Sort(tags)
	if tags = slices.Compact(tags); len(tags) == 0 {
		tags = nil
	}
	if wrong := rules.CheckTags(tags); wrong != nil {
		return nil, wrong
	}
	if !slices.Equal(tags, i.Tags) {
		i.Tags = tags
		changes = append(changes, saySet("log.tags", "log.no-tags", strings.Join(tags, " ")))
	}
	if n.Owner != nil {
		owner := model.Contact{}
		if *n.Owner != "" {
			if owner, err = directory.ContactNamed(tx, *n.Owner); err != nil {
				return nil, err
			}
		}
		if owner.ID != i.Owner {
			i.Owner = owner.ID
			changes = append(changes, saySet("log.owner", "log.no-owner", owner.Name))
		}
	}
	if n.Note != nil && *n.Note != i.Note {
		i.Note = *n.Note
		changes = append(changes, saySet("log.note", "log.no-note", i.Note))
	}
	return changes, nil
}

// saySet says what a text was set to, or that there is none any more.
func saySet(code, none, value string) model.Text {
	if value == "" {
		return model.Say(none)
	}
	return model.Say(code, "value", value)
}
