package dialog

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/model/where"
	"certquay/ui/app"
)

// A filter panel shows conditions of a query as choices. The key of a choice is its
// condition, as in "state:paid", or a kind and the condition, as in "within:expires<7d";
// a kind alone stands for no condition. Of one kind that is no radio any may hold if it
// is "state", and all must hold otherwise.

// QueryPanel is a filter panel that edits the query of a list.
type QueryPanel struct {
	Language *where.Language
	Choices  []Choice
	Query    *where.Expr
	// Count returns how many rows a query lists. It runs in a command.
	Count func(query string) (int, error)
	// Chosen gets the edited query, and the choices, of which those of the kind "sort"
	// are no conditions.
	Chosen func(query string, choices []Choice) tea.Cmd
}

// Open shows the panel. The count beside a choice is how many rows the list would have
// with it and the choices of other kinds unchanged, asked by the query that lists, so
// that the two cannot differ (spec S5).
func (p QueryPanel) Open(c *app.Context) tea.Cmd {
	rest := ChooseQuery(p.Choices, p.Query)
	count := func(cs []Choice) tea.Cmd {
		cs = slices.Clone(cs)
		return c.Do(func(context.Context) tea.Msg {
			counts := map[string]int{}
			for _, ch := range cs {
				kind, _, _ := strings.Cut(ch.Key, ":")
				if kind == "sort" {
					continue
				}
				with := slices.Clone(cs)
				for n := range with {
					if (ch.Radio || kind == "state") && strings.HasPrefix(with[n].Key, kind+":") {
						with[n].On = false
					}
					with[n].On = with[n].On || with[n].Key == ch.Key
				}
				total, err := p.Count(ChosenQuery(p.Language, with, rest))
				if err != nil {
					return c.LoadFailed(err)
				}
				counts[ch.Key] = total
			}
			return CountedMsg{Counts: counts}
		})
	}
	open := app.OpenDialogMsg{
		Make: func() app.Dialog {
			return &Panel{Context: c, Title: c.T("panel.title"), Choices: p.Choices, Changed: count}
		},
		Then: func(v any) tea.Cmd {
			cs, ok := v.([]Choice)
			if !ok {
				return nil
			}
			return p.Chosen(ChosenQuery(p.Language, cs, rest), cs)
		},
	}
	return tea.Sequence(app.Send(open), count(p.Choices))
}

// condition returns the condition of a choice; "" for none.
func (c *Choice) condition() string {
	kind, value, _ := strings.Cut(c.Key, ":")
	switch {
	case value == "":
		return ""
	case kind == "within" || kind == "auto" || kind == "sort":
		return value
	}
	return kind + ":" + where.Quote(value)
}

// ChooseQuery switches the choices on that a query has, and returns the other conditions
// of it.
func ChooseQuery(choices []Choice, query *where.Expr) (rest []*where.Expr) {
	for n := range choices {
		if kind, value, _ := strings.Cut(choices[n].Key, ":"); kind != "sort" {
			choices[n].On = choices[n].Radio && value == ""
		}
	}
	for _, part := range query.Conditions() {
		alternatives := []*where.Expr{part}
		if part.Kind == where.Or {
			alternatives = part.Parts
		}
		var found []*Choice
		for _, a := range alternatives {
			for n := range choices {
				c := &choices[n]
				single := part.Kind != where.Or || strings.HasPrefix(c.Key, "state:") && !c.Radio
				if c.condition() != "" && single && c.condition() == a.String() {
					found = append(found, c)
				}
			}
		}
		if len(found) < len(alternatives) {
			rest = append(rest, part)
			continue
		}
		for _, c := range found {
			c.On = true
			if kind, _, _ := strings.Cut(c.Key, ":"); c.Radio {
				switchOff(choices, kind+":")
			}
		}
	}
	return rest
}

// switchOff switches one choice off.
func switchOff(choices []Choice, key string) {
	for n := range choices {
		if choices[n].Key == key {
			choices[n].On = false
		}
	}
}

// ChosenQuery returns the query of the choices that are on and of other conditions.
func ChosenQuery(language *where.Language, choices []Choice, rest []*where.Expr) string {
	var states []string
	parts := append([]*where.Expr{}, rest...)
	add := func(condition string) {
		if e, err := language.Parse(condition); err == nil && e != nil { // the conditions are the program's own
			parts = append(parts, e)
		}
	}
	for n := range choices {
		c := &choices[n]
		kind, _, _ := strings.Cut(c.Key, ":")
		switch {
		case !c.On || kind == "sort" || c.condition() == "":
		case kind == "state":
			states = append(states, c.condition())
		default:
			add(c.condition())
		}
	}
	if len(states) > 0 {
		add("(" + strings.Join(states, " or ") + ")")
	}
	return where.All(parts...).String()
}
