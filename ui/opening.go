package ui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"certquay/ui/kit"
	"certquay/ui/style"
	"certquay/ui/text"
	"certquay/ui/widget"
)

// opening is the dashboard's frame without a dashboard in it.
type opening struct{ root }

// Opening is what stands where the dashboard will be until there is a backend,
// which the options need not have. It takes no keys.
func Opening(o Options) tea.Model {
	m := &opening{root{o: o, dark: true, profile: colorprofile.TrueColor}}
	m.c = &kit.Context{Text: text.New(o.Lang), Styles: o.Theme.New(true, m.profile)}
	return m
}

// Init implements tea.Model.
func (m *opening) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (m *opening) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if z, ok := msg.(tea.WindowSizeMsg); ok {
		m.resize(z.Width, z.Height)
	}
	m.settle(msg)
	return m, nil
}

// View implements tea.Model.
func (m *opening) View() tea.View {
	if m.o.Plain {
		return tea.NewView(m.c.T("loading"))
	}
	if m.width < minWidth || m.height < minHeight {
		return m.framed("")
	}
	rule := m.toldLine()
	return m.framed(strings.Join([]string{
		m.header(), rule,
		widget.Fill("\n "+m.c.Styles.Paint(style.Muted, m.c.T("loading")), m.width, m.height-chrome),
		rule, "",
	}, "\n"))
}
