package overview

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"certquay/model"
	"certquay/model/where"
	"certquay/ui/action"
	"certquay/ui/app"
	"certquay/ui/style"
	"certquay/ui/widget"
)

// tile is a count in the summary. Choosing it filters the list by what it counts.
type tile struct {
	id     string // a state, a derived value or [allTile]; "" filters nothing
	status style.Status
	count  string // "" for none
	word   string
	detail string // a second line, where tiles are two lines high
}

// IDs of tiles that are neither a state nor a derived value, and the beginnings of the
// IDs of layers.
const (
	allTile = "all"
	// serversTile counts the servers that present what is to be replaced. Choosing it opens
	// the list of tasks: no filter of certificates has them.
	serversTile = "servers"
	tileID      = "tile-"
	weeksID     = "weeks"
)

// tileWidth is the fewest cells of a tile.
const tileWidth = 17

// tiles are the counts, the most important first: those that do not fit are left out.
func (p *page) tiles() []tile {
	c, n := p.c, &p.counts
	detail := func(key string, count int) string {
		if count == 0 {
			return ""
		}
		return c.T(key, widget.Count(count))
	}
	count := func(word string, count int, detail string) tile {
		return tile{word, style.StatusOf(word), widget.Count(count), c.Text.Lookup("label."+word, word), detail}
	}
	ended := 0
	for _, s := range model.States {
		if s.Group() == model.GroupEnded {
			ended += n.State[s]
		}
	}
	ts := []tile{{allTile, style.Status{Tone: style.Strong}, widget.Count(n.All), c.T("count.all"), detail("tile.ended", ended)}}
	wrong := 0
	for _, d := range []model.Derived{model.Expired, model.Failing, model.Expiring} {
		if wrong += n.Derived[d]; n.Derived[d] > 0 {
			more := ""
			if d == model.Expiring {
				more = detail("tile.soon", n.Weeks[0]+n.Weeks[1])
			}
			ts = append(ts, count(string(d), n.Derived[d], more))
		}
	}
	if servers, worst := p.toReplace(); servers > 0 {
		wrong += servers
		ts = append(ts, tile{serversTile, style.StatusOf(string(worst)), widget.Count(servers), c.T("tile.replace"), c.T("tile.servers")})
	}
	switch {
	case n.Partial:
		ts = append(ts, tile{status: style.Status{Tone: style.Muted}, word: c.T("loading")})
	case wrong == 0:
		ts = append(ts, tile{status: style.StatusOf("ok"), word: c.T("tile.fine")})
	}
	details := map[string]string{
		"issued": detail("tile.deployed", n.Derived[model.Deployed]), "verifying": detail("tile.yours", p.awaited()),
	}
	states := func(g model.Group) {
		for _, s := range model.States {
			if s.Group() == g && n.State[s] > 0 {
				ts = append(ts, count(string(s), n.State[s], details[string(s)]))
			}
		}
	}
	states(model.GroupIssued)
	states(model.GroupUnissued)
	for _, d := range []model.Derived{model.Hosted, model.AutoDeploy, model.Deployed, model.ServiceEnded, model.Replaced} {
		if n.Derived[d] > 0 {
			ts = append(ts, count(string(d), n.Derived[d], ""))
		}
	}
	states(model.GroupEnded)
	return ts
}

// toReplace is how many servers present a certificate that is to be replaced, and how bad
// the worst of these is: expired or revoked certificates are seen by visitors.
func (p *page) toReplace() (servers int, worst model.Derived) {
	worst = model.Expiring
	for _, t := range p.tasks {
		switch t.Kind {
		case model.TaskReplace:
			worst = model.Expired
			servers++
		case model.TaskPredecessor:
			servers++
		}
	}
	return servers, worst
}

// awaited is how many applications wait for a person.
func (p *page) awaited() (n int) {
	for _, t := range p.tasks {
		if t.Kind == model.TaskProve || t.Kind == model.TaskReview {
			n++
		}
	}
	return n
}

// tileRows draws tiles in w cells, in at most rows rows of so many lines. Each is
// clickable.
func (p *page) tileRows(w, rows, high int) []widget.Row {
	ts := p.tiles()
	columns := max(w/tileWidth, 1)
	width := w / columns
	ts = ts[:min(len(ts), columns*rows)]
	chosen := p.chosenTile()
	var out []widget.Row
	for from := 0; from < len(ts); from += columns {
		row := ts[from:min(from+columns, len(ts))]
		for line := range high {
			var parts widget.Row
			for _, t := range row {
				parts = append(parts, p.tileLine(t, line, width, chosen))
			}
			out = append(out, parts)
		}
	}
	return out
}

// tileLine draws one line of a tile; chosen is the ID of the chosen one.
func (p *page) tileLine(t tile, line, w int, chosen string) widget.Part {
	s, bar := p.c.Styles, style.Faint
	paint := s.Paint
	if t.id != "" && t.id == chosen {
		paint, bar = s.PaintSelected, style.Accent
	}
	id := ""
	switch t.id {
	case "":
	case serversTile:
		id = app.KeyID(p.c.KeyFor("tasks", action.TasksKey))
	default:
		id = tileID + t.id
	}
	if line > 0 {
		return widget.Part{ID: id, Text: paint(bar, "┃ ") + paint(style.Muted, widget.Pad(t.detail, w-2))}
	}
	mark, number := "", t.count
	if t.status.Glyph != "" && !p.c.Plain {
		mark = t.status.Glyph + " "
	}
	if number != "" {
		number += " "
	}
	tone := t.status.Tone
	if tone == style.Normal || tone == style.Good {
		tone = style.Strong // large, but not loud
	}
	used := 2 + widget.Width(mark) + widget.Width(number)
	return widget.Part{ID: id, Text: paint(bar, "┃ ") + paint(t.status.Tone, mark) + paint(tone, number) +
		paint(style.Muted, widget.Pad(t.word, w-used))}
}

// conditionOf is the condition that a tile stands for; "" for all.
func conditionOf(id string) string {
	switch {
	case id == allTile:
		return ""
	case slices.Contains(where.Instances.Values(where.State), id):
		return string(where.State) + ":" + id
	}
	return string(where.Property) + ":" + id
}

// conditions parts the query into the words that it searches and the rest.
func (p *page) conditions() (words, rest []*where.Expr) {
	for _, e := range p.search.Expr().Conditions() {
		if e.Kind == where.Is && e.Term.Field == "" {
			words = append(words, e)
		} else {
			rest = append(rest, e)
		}
	}
	return words, rest
}

// chosenTile is the ID of the tile that the list is filtered by alone; "" for none.
func (p *page) chosenTile() string {
	_, rest := p.conditions()
	if len(rest) != 1 || rest[0].Kind != where.Is {
		return ""
	}
	if id := rest[0].Term.Value; conditionOf(id) == rest[0].String() {
		return id
	}
	return ""
}

// only filters the list by a tile alone; once more it is not filtered. The words that
// were typed stay.
func (p *page) only(id string) tea.Cmd {
	if id == p.chosenTile() {
		id = allTile
	}
	return p.onlyBy(conditionOf(id))
}

// onlyBy filters the list by a query and the words that were typed.
func (p *page) onlyBy(query string) tea.Cmd {
	e, err := where.Instances.Parse(query)
	if err != nil {
		panic(err) // queries are those of the program
	}
	p.offerFilterUndo()
	words, _ := p.conditions()
	p.search.Set(where.All(append(words, e)...).String())
	return p.relist()
}

// onlyWeek filters the list by what expires in one of the coming weeks, as the bars
// count it; once more it is not filtered.
func (p *page) onlyWeek(week int) tea.Cmd {
	if week < 0 || week >= len(p.counts.Weeks) {
		return nil
	}
	query := fmt.Sprintf("group:issued !is:replaced expires>=%dd expires<%dd", 7*week, 7*week+7)
	if _, rest := p.conditions(); where.All(rest...).String() == query {
		query = ""
	}
	return p.onlyBy(query)
}

var _ app.Finder = (*page)(nil)

// PaletteSources implements app.Finder: the tiles by their words.
func (p *page) PaletteSources() []app.PaletteSource {
	if p.details != nil {
		return nil
	}
	c, tiles := p.c, p.tiles()
	return []app.PaletteSource{func(typed string) (app.Actions, error) {
		words := strings.Fields(strings.ToLower(typed))
		var as app.Actions
		for _, t := range tiles {
			label := c.T("act.only", t.word) + " " + t.count
			all := strings.ToLower(label + " " + t.id)
			if t.id != "" && t.id != serversTile && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(all, w) }) {
				as = append(as, app.Found(c.T("palette.filter"), label, func() tea.Cmd { return p.only(t.id) }))
			}
		}
		return as, nil
	}}
}

// tileHit handles a click on a tile or a bar; ok is false for anything else.
func (p *page) tileHit(m app.HitMsg) (cmd tea.Cmd, ok bool) {
	if len(m.ID) > len(tileID) && m.ID[:len(tileID)] == tileID {
		return p.only(m.ID[len(tileID):]), true
	}
	if m.ID == weeksID {
		_, _, _, step := p.barsAt()
		return p.onlyWeek(m.X / step), true
	}
	return nil, false
}
