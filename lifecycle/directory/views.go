package directory

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/model/where"
)

// Limits of a saved view.
const (
	MaxViewName    = 64 // characters
	maxViews       = 500
	maxColumnWidth = 200 // cells
)

// SaveView saves a query with its order and columns (spec Q4). Names are unique without
// regard to case: a view whose name is taken is refused, or replaces the other if replace
// is set. A mistake in the query is a [*where.Error].
func (d *Directory) SaveView(ctx context.Context, actor model.Actor, v model.SavedView, replace bool) (model.SavedView, error) {
	if err := checkView(&v); err != nil {
		return v, err
	}
	err := d.journal.Update(ctx, func(tx model.Tx) error {
		detail := model.Say("log.view-saved", "query", v.Query)
		other, err := viewNamed(tx, v.Name)
		switch {
		case err == nil && !replace:
			return &rules.Refusal{Action: rules.ActionView, Reason: rules.ReasonViewExists, Args: rules.Args{"name": other.Name}}
		case err == nil:
			v.ID, detail = other.ID, model.Say("log.view-replaced", "query", v.Query)
		case !errors.Is(err, model.ErrNotFound):
			return err
		default:
			if err := roomForView(tx); err != nil {
				return err
			}
			v.ID = d.journal.NewID()
		}
		ev := d.journal.Event(actor, rules.ActionView, nil)
		ev.Name, ev.Detail = v.Name, detail
		return errors.Join(tx.Append(ev), tx.Put(&v))
	})
	return v, err
}

// checkView trims the name and the query, and rejects what no list has.
func checkView(v *model.SavedView) error {
	v.Name, v.Query = strings.TrimSpace(v.Name), strings.TrimSpace(v.Query)
	switch n := utf8.RuneCountInString(v.Name); {
	case n == 0:
		return &rules.Invalid{Field: "name", Why: model.Say("view.needs-name"), Example: rules.Example("due-soon")}
	case n > MaxViewName:
		return &rules.Invalid{Field: "name", Why: model.Say("view.long-name", "max", MaxViewName), Example: rules.Example("due-soon")}
	}
	if wrong := rules.CheckPrintable("name", v.Name, rules.Example("due-soon")); wrong != nil {
		return wrong
	}
	if _, err := where.Instances.Parse(v.Query); err != nil {
		return err
	}
	if v.Sort == "" {
		v.Sort = model.Sorts[0]
	}
	if !slices.Contains(model.Sorts, v.Sort) {
		return &rules.Invalid{Field: "sort", Why: model.Say("view.no-sort", "sort", v.Sort, "sorts", model.Sorts)}
	}
	seen := map[string]bool{}
	for _, c := range v.Columns {
		if !slices.Contains(model.ListColumns, c.ID) || seen[c.ID] {
			return &rules.Invalid{Field: "columns", Why: model.Say("view.no-column", "column", c.ID, "columns", model.ListColumns)}
		}
		if c.Width < 0 || c.Width > maxColumnWidth {
			return &rules.Invalid{Field: "columns", Why: model.Say("view.width", "width", strconv.Itoa(c.Width), "max", maxColumnWidth)}
		}
		seen[c.ID] = true
	}
	return nil
}

// roomForView refuses more views than a person can choose from.
func roomForView(r model.Reader) error {
	n := 0
	for _, err := range r.Keys(model.Scan{Kind: model.KindView}) {
		if err != nil {
			return err
		}
		n++
	}
	if n >= maxViews {
		return &rules.Invalid{Field: "name", Why: model.Say("view.many", "max", maxViews)}
	}
	return nil
}

func viewNamed(r model.Reader, name string) (model.SavedView, error) {
	fold := model.NormalizeName(name)
	for v, err := range model.All[model.SavedView](r, model.Scan{Index: "name", From: fold, To: fold + "\x00"}) {
		return v, err
	}
	return model.SavedView{}, &rules.NotFound{What: "view", Name: name}
}

// SavedView finds a saved view by name.
func (d *Directory) SavedView(name string) (v model.SavedView, err error) {
	err = d.journal.Store.View(func(r model.Reader) error {
		v, err = viewNamed(r, name)
		return err
	})
	return v, err
}

// SavedViews lists all saved views by name.
func (d *Directory) SavedViews() (all []model.SavedView, err error) {
	err = d.journal.Store.View(func(r model.Reader) error {
		for v, err := range model.All[model.SavedView](r, model.Scan{Index: "name"}) {
			if err != nil {
				return err
			}
			all = append(all, v)
		}
		return nil
	})
	slices.SortStableFunc(all, func(a, b model.SavedView) int {
		return strings.Compare(model.NaturalKey(a.Name), model.NaturalKey(b.Name))
	})
	return all, err
}

// RemoveView removes a saved view.
func (d *Directory) RemoveView(ctx context.Context, actor model.Actor, name string) error {
	return d.journal.Update(ctx, func(tx model.Tx) error {
		v, err := viewNamed(tx, name)
		if err != nil {
			return err
		}
		ev := d.journal.Event(actor, rules.ActionView, nil)
		ev.Name, ev.Detail = v.Name, model.Say("log.removed")
		return errors.Join(tx.Append(ev), tx.Delete(&v))
	})
}
