package ui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/sahilm/fuzzy"

	"certquay/model"
	"certquay/ui/app"
	"certquay/ui/dialog"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// paletteSources find what the palette offers beside actions, in this order.
func (m *root) paletteSources() []app.PaletteSource {
	sources := []app.PaletteSource{
		m.findViews,
		m.findCertificates,
		m.findSettings,
	}
	if p, ok := m.page().(app.Finder); ok {
		sources = append(p.PaletteSources(), sources...)
	}
	return sources
}

func (m *root) openPalette() tea.Cmd {
	var as app.Actions
	for _, a := range m.actions() {
		if !a.Hidden {
			as = append(as, a)
		}
	}
	return m.open(app.OpenDialogMsg{
		Make: func() app.Dialog { return &dialog.Palette{Context: m.ctx, Actions: as, Sources: m.paletteSources()} },
		Then: m.runChosen,
	})
}

// Limits of what the palette looks for, so that it is as fast with many certificates as
// with few.
const (
	foundCertificates = 8
	fuzzyCandidates   = 2000 // whose names are compared letter by letter
	foundSettings     = 5
)

// findCertificates finds certificates by a part of a name, domain or serial, and where
// those are few by scattered letters of the name.
func (m *root) findCertificates(typed string) (app.Actions, error) {
	c := m.ctx
	q := model.Query{Sort: model.SortName, Limit: foundCertificates, Now: c.Backend.Now(), Filter: model.Filter{Text: typed}}
	page, err := c.Backend.Page(q)
	if err != nil {
		return nil, err
	}
	rows := page.Rows
	if letters := []rune(typed); len(rows) < foundCertificates && len(letters) > 2 {
		q.Filter.Text, q.Limit = string(letters[0]), fuzzyCandidates
		if page, err = c.Backend.Page(q); err != nil {
			return nil, err
		}
		for _, match := range fuzzy.FindFrom(typed, rowNames(page.Rows)) {
			r := page.Rows[match.Index]
			if len(rows) < foundCertificates && !slices.ContainsFunc(rows, func(o model.InstanceRow) bool { return o.ID == r.ID }) {
				rows = append(rows, r)
			}
		}
	}
	var as app.Actions
	for _, r := range rows {
		label := r.Status(q.Now)
		word := c.Mark(style.StatusOf(label).Glyph) + c.Text.Lookup("label."+label, label)
		if !r.NotAfter.IsZero() {
			word += c.T("comma") + widget.Days(c.T, r.NotAfter, q.Now)
		}
		as = append(as, app.Found(c.T("palette.certificate"), text.Clean(r.Name)+"  "+word, func() tea.Cmd {
			return app.Send(app.ShowInstanceMsg{ID: r.ID})
		}))
	}
	return as, nil
}

// rowNames are the names of rows. They implement fuzzy.Source.
type rowNames []model.InstanceRow

// Len implements fuzzy.Source.
func (rs rowNames) Len() int { return len(rs) }

// String implements fuzzy.Source.
func (rs rowNames) String(i int) string { return rs[i].Name }

// findViews finds saved views by a part of their name, and all of them by that they are
// views.
func (m *root) findViews(typed string) (app.Actions, error) {
	c, begun := m.ctx, model.NormalizeName(typed)
	views, err := c.Backend.SavedViews()
	if err != nil {
		return nil, err
	}
	var as app.Actions
	for _, v := range views {
		if strings.Contains(model.NormalizeName(v.Name), begun) || strings.HasPrefix(model.NormalizeName(c.T("palette.view")), begun) {
			as = append(as, app.Found(c.T("palette.view"), text.Clean(v.Name+"  "+v.Query), func() tea.Cmd {
				return app.Send(app.ShowViewMsg{View: v})
			}))
		}
	}
	return as, nil
}

// Setting is a setting of the configuration, for display.
type Setting struct {
	Path    string // such as notify.days
	Value   string
	Meaning string
}

// findSettings finds settings of the configuration by their path and meaning.
func (m *root) findSettings(typed string) (app.Actions, error) {
	if m.opts.Settings == nil {
		return nil, nil
	}
	c, typed := m.ctx, strings.ToLower(typed)
	var byPath, byMeaning app.Actions
	for _, s := range m.opts.Settings() {
		a := app.Found(c.T("palette.setting"), text.Clean(s.Path+": "+s.Value), func() tea.Cmd { return m.showSetting(s) })
		switch {
		case strings.Contains(strings.ToLower(s.Path), typed):
			byPath = append(byPath, a)
		case strings.Contains(strings.ToLower(s.Meaning), typed):
			byMeaning = append(byMeaning, a)
		}
	}
	all := slices.Concat(byPath, byMeaning)
	return all[:min(len(all), foundSettings)], nil
}

// showSetting shows a setting with its meaning, and where it is changed.
func (m *root) showSetting(s Setting) tea.Cmd {
	c := m.ctx
	return m.open(app.OpenDialogMsg{Make: func() app.Dialog {
		return &dialog.Notice{Context: c, Title: s.Path, Tone: style.Accent, Sections: []dialog.Section{
			{Lines: []string{s.Meaning}},
			{Facts: []dialog.Fact{{Label: c.T("palette.value"), Value: s.Value}}},
			{Tone: style.Muted, Lines: []string{"", c.T("palette.setting.change", m.opts.SettingsFile)}},
		}}
	}})
}
