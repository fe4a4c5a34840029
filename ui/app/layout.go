package app

import (
	"context"
	"maps"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/ui/style"
)

// ListLayout is how a person has arranged a list: its order and columns. It is personal:
// it is kept by the name of the person and of the list, and restored by the next
// dashboard of that person (see [Context.KeepLayout]).
type ListLayout struct {
	Sort    model.Sort   `json:"sort,omitempty"` // "" for the default
	Desc    bool         `json:"desc,omitempty"`
	Columns []ListColumn `json:"columns,omitempty"` // in order; none lets the list decide
	View    string       `json:"view,omitempty"`    // for a list that is drawn in several ways
}

// ListColumn is a column of a [ListLayout].
type ListColumn struct {
	ID    string `json:"id"`
	On    bool   `json:"on,omitempty"`
	Width int    `json:"width,omitempty"` // cells; 0 lets the list decide
}

// ColumnChoice is a column of a list with its title, as a person is asked for it.
type ColumnChoice struct {
	ListColumn
	Title string
}

// Order returns the order of the layout if the list has it, else its default, which is
// the first of its orders.
func (l ListLayout) Order(sorts []model.Sort) Order {
	for _, s := range sorts {
		if s == l.Sort {
			return Order{s, l.Desc}
		}
	}
	return Order{Sort: sorts[0]}
}

// KeepLayout changes how a list is arranged for this person, and returns the work that
// keeps it for the next dashboard. Update calls it.
func (c *Context) KeepLayout(list string, change func(*ListLayout)) tea.Cmd {
	l := c.Layouts[list]
	change(&l)
	c.Layouts = maps.Clone(c.Layouts)
	if c.Layouts == nil {
		c.Layouts = map[string]ListLayout{}
	}
	c.Layouts[list] = l
	if c.SaveLayout == nil {
		return nil
	}
	return c.Do(func(context.Context) tea.Msg {
		if err := c.SaveLayout(list, l); err != nil {
			return ToastMsg{Text: c.T("layout.unsaved", c.FormatError(err)), Tone: style.Warn}
		}
		return nil
	})
}
