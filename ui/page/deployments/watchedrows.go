package deployments

import (
	"cmp"
	"slices"
	"strings"

	"certquay/lifecycle"
	"certquay/lifecycle/monitor"
	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/list"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// rows reads the endpoints whose address, name or state contains the text.
func (w *watched) rows(offset, limit int) func() ([]model.Watch, int, error) {
	typed, c, order := strings.ToLower(w.list.Text()), w.c, w.list.Order()
	return func() ([]model.Watch, int, error) {
		all, err := c.Backend.Watches()
		if err != nil {
			return nil, 0, err
		}
		all = slices.DeleteFunc(all, func(r model.Watch) bool {
			return !strings.Contains(strings.ToLower(r.Address+" "+r.Name+" "+watchText(c, &r)), typed)
		})
		slices.SortStableFunc(all, func(a, b model.Watch) int {
			if order.Desc {
				a, b = b, a
			}
			return watchBefore(order.Sort, &a, &b)
		})
		from := min(offset, len(all))
		to := len(all)
		if limit > 0 {
			to = min(from+limit, len(all))
		}
		return all[from:to], len(all), nil
	}
}

// sortLabel is the order of endpoints by the names that people gave them; by
// [model.SortName] they are sorted by address.
const sortLabel model.Sort = "label"

// watchSorts are the orders of watched endpoints, the default first.
var watchSorts = []model.Sort{
	model.SortName, model.SortState, model.SortExpiry, sortLabel, lifecycle.SortPresented, lifecycle.SortVerified,
}

// watchBefore compares two endpoints in an order: of states the worst first, of
// expiries the soonest, with those that present nothing last. Equal ones stay in the
// order of address and name.
func watchBefore(by model.Sort, a, b *model.Watch) int {
	switch by {
	case model.SortState:
		rank := func(w *model.Watch) int {
			tones := []style.Tone{style.Bad, style.Warn, style.Busy, style.Muted, style.Good}
			return slices.Index(tones, style.StatusOfServer(w.State()).Tone)
		}
		return cmp.Or(rank(a)-rank(b), strings.Compare(a.State(), b.State()))
	case model.SortExpiry:
		if a.NotAfter.IsZero() != b.NotAfter.IsZero() {
			if a.NotAfter.IsZero() {
				return 1
			}
			return -1
		}
		return a.NotAfter.Compare(b.NotAfter)
	case sortLabel:
		return model.CompareNatural(a.Name, b.Name)
	case lifecycle.SortPresented:
		return strings.Compare(a.Fingerprint, b.Fingerprint)
	case lifecycle.SortVerified:
		return a.AnsweredAt.Compare(b.AnsweredAt)
	}
	return model.CompareNatural(model.WatchKey(a.Address, a.Name), model.WatchKey(b.Address, b.Name))
}

func watchedColumns(c *app.Context) []list.Column[model.Watch] {
	return []list.Column[model.Watch]{
		{
			ID:    "address",
			Title: c.T("col.address"),
			Sort:  string(model.SortName),
			Min:   18,
			Max:   40,
			Grow:  2,
			Cell: func(r model.Watch, _ int) list.Cell {
				return list.Cell{Tone: style.Strong, Text: r.Address}
			},
		},
		{
			ID:            "name",
			Title:         c.T("col.name"),
			Sort:          string(sortLabel),
			Min:           14,
			Max:           32,
			MinTableWidth: 100,
			Grow:          1,
			Cell: func(r model.Watch, _ int) list.Cell {
				return list.Cell{Tone: style.Muted, Text: r.Name}
			},
		},
		{
			ID:            "presents",
			Title:         c.T("col.presents"),
			Sort:          string(lifecycle.SortPresented),
			Min:           9,
			Max:           9,
			MinTableWidth: 112,
			Cell: func(r model.Watch, _ int) list.Cell {
				return list.Cell{Tone: style.Muted, Text: short(r.Fingerprint)}
			},
		},
		{
			ID:    "expires",
			Title: c.T("col.expires"),
			Sort:  string(model.SortExpiry),
			Min:   9,
			Max:   9,
			Right: true,
			Cell: func(r model.Watch, _ int) list.Cell {
				switch {
				case r.NotAfter.IsZero():
					return list.Dash
				case r.NotAfter.Before(c.Now):
					return list.Cell{Tone: style.Bad, Text: widget.Days(c.T, r.NotAfter, c.Now)}
				}
				return list.Cell{Tone: style.Normal, Text: widget.Days(c.T, r.NotAfter, c.Now)}
			},
			ReadAloud: func(r model.Watch) string { return relative(c, r.NotAfter) },
		},
		{
			ID:    "state",
			Title: c.T("col.state"),
			Sort:  string(model.SortState),
			Min:   18,
			Max:   80,
			Grow:  3,
			Cell: func(r model.Watch, _ int) list.Cell {
				st := style.StatusOfServer(r.State())
				if r.Error != "" && st.Tone != style.Bad {
					st = style.StatusOf(monitor.WatchExpiring) // drawn as a warning too
				}
				return list.Cell{Tone: st.Tone, Text: c.Mark(st.Glyph) + watchText(c, &r)}
			},
		},
		{
			ID:    "seen",
			Title: c.T("col.seen"),
			Sort:  string(lifecycle.SortVerified),
			Min:   8,
			Max:   10,
			Right: true,
			Cell: func(r model.Watch, _ int) list.Cell {
				return list.Cell{Tone: style.Muted, Text: widget.Ago(c.T, r.AnsweredAt, c.Now)}
			},
		},
	}
}

// watchText names all problems of an endpoint, or its state when there are none.
func watchText(c *app.Context, w *model.Watch) string {
	words := w.Problems
	switch {
	case len(words) > 0:
	case w.Error != "" && w.AnsweredAt.IsZero():
		return c.T("watch.silent.yet", c.Text.Text(w.Error))
	case w.Error != "": // a single failure may be accidental
		return c.T("watch.silent.last", c.T("watch."+w.State()))
	default:
		words = []string{w.State()}
	}
	var all []string
	for _, p := range words {
		all = append(all, c.Text.Lookup("watch."+p, p))
	}
	return strings.Join(all, c.T("list.join"))
}
