package app

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/text"
)

// Order is the sort order of a list.
type Order struct {
	Sort model.Sort
	Desc bool
}

// By returns the order after a click on a column: sorted by it, or reversed if it is
// already.
func (o Order) By(s model.Sort) Order {
	return Order{s, o.Sort == s && !o.Desc}
}

// SortActions returns the keys that change the order of a list, and one action in the
// palette for each order; none for a list without orders. The key for the next order goes
// through those of the shown columns. If there is a single order it can be reversed, and
// the key for another order says so.
func (c *Context) SortActions(sorts, shown []model.Sort, now func() Order, set func(Order) tea.Cmd) Actions {
	if len(sorts) == 0 {
		return nil
	}
	if len(shown) == 0 {
		shown = sorts
	}
	as := Actions{
		{ID: "sort", Name: text.NewName("act.sort"), Binding: Keys("S"), Group: View, Run: func() tea.Cmd {
			n := slices.Index(shown, now().Sort)
			return set(Order{Sort: shown[(n+1)%len(shown)]})
		}},
		{ID: "sort-reverse", Name: text.NewName("act.sort.reverse"), Binding: Keys("O"), Group: View, Run: func() tea.Cmd {
			o := now()
			return set(Order{o.Sort, !o.Desc})
		}},
	}
	if len(sorts) == 1 {
		as[0] = as[0].DisableIf(
			Disabled(
				c.T("sort.one"), c.T("sort.one.hint", c.KeyFor("sort-reverse", "O")),
				KeyHint{c.KeyFor("sort-reverse", "O"), c.T("act.sort.reverse")},
			),
		)
	}
	for _, s := range sorts {
		as = append(as, Action{ID: "sort-" + string(s), Name: text.NewName("act.sort." + string(s)), Group: View, Run: func() tea.Cmd {
			return set(Order{Sort: s})
		}})
	}
	return as
}
