package activity

import (
	"slices"
	"strings"
	"time"

	"certquay/lifecycle"
	"certquay/model"
	"certquay/ui/dialog"
)

// Fields of the filter. A term is a field, a colon and a value; of one field and several
// values one has to match. Other words are searched in what is drawn.
const (
	fieldDay    = "day"
	fieldSince  = "since"
	fieldUntil  = "until"
	fieldWho    = "who"
	fieldWhat   = "what"
	fieldResult = "result"
)

var fields = []string{fieldDay, fieldSince, fieldUntil, fieldWho, fieldWhat, fieldResult}

// query is what was typed into the filter.
type query struct {
	lifecycle.ActivityFilter
	words []string // in lower case; each has to be found
	wrong string   // the first term that is not understood; "" for none
}

// term is a word of the filter, split at its colon.
type term struct{ field, value string }

func (t term) String() string {
	if t.field == "" {
		return t.value
	}
	if strings.ContainsAny(t.value, " \t") {
		return t.field + `:"` + t.value + `"`
	}
	return t.field + ":" + t.value
}

// terms splits a filter at blanks outside of double quotes.
func terms(typed string) (ts []term) {
	quoted := false
	for _, w := range strings.FieldsFunc(typed, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && (r == ' ' || r == '\t')
	}) {
		w = strings.ReplaceAll(w, `"`, "")
		field, value, ok := strings.Cut(w, ":")
		if field = strings.ToLower(field); !ok || !slices.Contains(fields, field) {
			field, value = "", w
		}
		if w != "" {
			ts = append(ts, term{field, value})
		}
	}
	return ts
}

// parse reads a filter at a time.
func parse(typed string, now time.Time) (q query) {
	for _, t := range terms(typed) {
		from, to, ok := lifecycle.ParsePeriod(t.value, now)
		switch t.field {
		case "":
			q.words = append(q.words, strings.ToLower(t.value))
			continue
		case fieldWho:
			q.Actors, ok = append(q.Actors, t.value), true
		case fieldWhat:
			q.Actions, ok = append(q.Actions, t.value), true
		case fieldResult:
			q.Results, ok = append(q.Results, t.value), true
		case fieldSince:
			q.Since = from
		case fieldUntil:
			q.Until = to
		case fieldDay:
			q.Since, q.Until = from, to
			ok = ok && to.After(from)
		}
		if q.wrong == "" && (!ok || t.value == "") {
			q.wrong = t.String()
		}
	}
	return q
}

// day is the only day that the filter lets through, if there is one.
func (q *query) day() (time.Time, bool) {
	return q.Since, !q.Since.IsZero() && q.Until.Equal(q.Since.AddDate(0, 0, 1))
}

// narrows reports whether the store has to be asked for the query, as other events might
// match than those that are held.
func (q *query) sameAs(o *query) bool {
	return q.Since.Equal(o.Since) && q.Until.Equal(o.Until) && slices.Equal(q.Actors, o.Actors) &&
		slices.Equal(q.Actions, o.Actions) && slices.Equal(q.Results, o.Results)
}

// with returns what was typed with the terms of some fields replaced by others.
func with(typed string, replaced []string, by ...term) string {
	var ws []string
	for _, t := range terms(typed) {
		if !slices.Contains(replaced, t.field) {
			ws = append(ws, t.String())
		}
	}
	for _, t := range by {
		ws = append(ws, t.String())
	}
	return strings.Join(ws, " ")
}

// timeFields are the fields of which only one is in force.
var timeFields = []string{fieldDay, fieldSince, fieldUntil}

// choices are the lines of the filter panel: times, and of the events that are held the
// actors, actions and results.
func (p *page) choices() (cs []dialog.Choice) {
	c, now := p.c, terms(p.input.Value())
	on := func(t term) bool { return slices.Contains(now, t) }
	group := func(head string, radio bool, ts []term, label func(term) string) {
		for n, t := range ts {
			ch := dialog.Choice{Key: t.String(), Label: label(t), On: on(t), Count: -1, Radio: radio}
			if radio { // what a radio group is called is before the colon
				ch.Key = "when:" + t.String()
			}
			if n == 0 {
				ch.Head = head
			}
			cs = append(cs, ch)
		}
	}
	times := []term{{}, {fieldDay, c.Now.UTC().Format(time.DateOnly)}, {fieldDay, c.Now.UTC().AddDate(0, 0, -1).Format(time.DateOnly)},
		{fieldSince, "7d"}, {fieldSince, "30d"}}
	var own []term
	for _, t := range now {
		if slices.Contains(timeFields, t.field) {
			own = append(own, t)
		}
	}
	if len(own) == 1 && !slices.Contains(times, own[0]) {
		times = append(times, own[0])
	}
	names := []string{c.T("panel.anytime"), c.T("activity.today"), c.T("activity.yesterday"), c.T("activity.week"), c.T("activity.month")}
	group(c.T("col.when"), true, times, func(t term) string {
		if n := slices.Index(times, t); n < len(names) {
			return names[n]
		}
		return t.value
	})
	if len(own) == 0 {
		cs[0].On = true
	}
	values := func(field string, of func(*model.Event) string) (ts []term) {
		for _, t := range now {
			if t.field == field {
				ts = append(ts, t)
			}
		}
		for n := range p.events {
			if t := (term{field, of(&p.events[n])}); t.value != "" && !slices.Contains(ts, t) {
				ts = append(ts, t)
			}
		}
		slices.SortFunc(ts, func(a, b term) int { return strings.Compare(a.value, b.value) })
		return ts
	}
	group(c.T("col.result"), false, values(fieldResult, func(e *model.Event) string { return e.Result }), func(t term) string {
		return c.Text.Lookup("result."+t.value, clean(t.value))
	})
	group(c.T("col.who"), false, values(fieldWho, func(e *model.Event) string { return e.Actor }), func(t term) string {
		return clean(t.value)
	})
	group(c.T("col.what"), false, values(fieldWhat, func(e *model.Event) string { return e.Action }), func(t term) string {
		return c.Text.Lookup("event."+t.value, clean(t.value))
	})
	return cs
}

// chosen returns the filter for the choices made in the panel; other words stay.
func chosen(typed string, cs []dialog.Choice) string {
	var ts []term
	for _, c := range cs {
		if c.On {
			ts = append(ts, terms(strings.TrimPrefix(c.Key, "when:"))...)
		}
	}
	return with(typed, fields, ts...)
}
