package ui

import (
	"slices"
	"strings"

	"certquay/model"
	"certquay/ui/style"
	"certquay/ui/text"
)

// shown is what a dashboard shows: a page and the instance under the cursor.
type shown struct {
	page string
	at   model.ID
}

// looking returns the instance under the cursor of the page; "" for none.
func (m *root) looking() model.ID {
	if p, ok := m.page().(interface{ Looking() model.ID }); ok {
		return p.Looking()
	}
	return ""
}

// tellLook tells other sessions what this dashboard shows, if that has changed (spec G4).
func (m *root) tellLook() {
	now := shown{tabs[m.tab].title, m.looking()}
	if m.opts.Look == nil || now == m.told {
		return
	}
	m.told = now
	m.opts.Look(now.page, now.at)
}

// ownerText tells which machine owns a store that several share, since when, and which stand
// by (spec E2); "" for a store that is not shared.
func (m *root) ownerText(now *headerState) string {
	o := now.ownership
	if o == nil {
		return ""
	}
	said := m.ctx.T("header.owner", text.Clean(o.Machine), o.Since.UTC().Format(ownerFormat))
	if len(o.Standbys) == 0 {
		return said
	}
	names := make([]string, len(o.Standbys))
	for n, name := range o.Standbys {
		names[n] = text.Clean(name)
	}
	if len(names) > maxNamed {
		names = append(names[:maxNamed], "…")
	}
	return said + m.ctx.T("header.standbys", strings.Join(names, m.ctx.T("list.join")))
}

// ownerFormat is how the header tells since when a machine owns the store.
const ownerFormat = "01-02 15:04Z"

// awayText tells that the database of a shared store does not answer (spec E3); "" while it
// does.
func (m *root) awayText(now *headerState) string {
	if now.ownership == nil || now.ownership.Away.IsZero() {
		return ""
	}
	return m.ctx.T("header.away", now.ownership.Away.UTC().Format("15:04Z"))
}

// maxNamed is how many of the others the header names.
const maxNamed = 3

// othersText names who else is here: those who look at the same instance, or else all
// (spec G4).
func (m *root) othersText(others []Other) string {
	if len(others) == 0 {
		return ""
	}
	at := m.looking()
	var same, all []string
	for _, o := range others {
		name := text.Clean(o.Name)
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
		if at != "" && o.Looking == at && !slices.Contains(same, name) {
			same = append(same, name)
		}
	}
	list := func(names []string) string {
		if len(names) > maxNamed {
			names = append(slices.Clone(names[:maxNamed]), "…")
		}
		return strings.Join(names, m.ctx.T("list.join"))
	}
	switch {
	case len(same) > 0:
		return m.ctx.Styles.Paint(style.Warn, m.ctx.T("header.same", list(same)))
	case len(all) > 0:
		return m.ctx.Styles.Paint(style.Muted, m.ctx.T("header.with", list(all)))
	}
	return ""
}
