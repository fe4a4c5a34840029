package host

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"testing"

	tea "charm.land/bubbletea/v2"
)

// told is a model that notes what it is told.
type told struct{ what []string }

func (m *told) Init() tea.Cmd {
	m.what = append(m.what, "init")
	return nil
}

func (m *told) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	m.what = append(m.what, fmt.Sprint(msg))
	return m, func() tea.Msg { return "after " + fmt.Sprint(msg) }
}

func (m *told) View() tea.View { return tea.NewView(fmt.Sprint(m.what)) }

// The model that a stage waits for is told all that came before it, in order,
// and what it asks for then is done.
func TestTheModelIsToldWhatCameBefore(t *testing.T) {
	before, m := &told{}, &told{}
	g := &guard{model: before, waiting: true, log: slog.New(slog.NewTextHandler(io.Discard, nil)), end: func() { t.Error("it panicked") }}
	g.Init()
	g.Update("a")
	g.Update("b")
	_, cmd := g.Update(modelMsg{m})
	g.Update("c")
	if want := []string{"init", "a", "b"}; !slices.Equal(before.what, want) {
		t.Errorf("the first was told %q, want %q", before.what, want)
	}
	if want := []string{"init", "a", "b", "c"}; !slices.Equal(m.what, want) {
		t.Errorf("the second was told %q, want %q", m.what, want)
	}
	var asked []string
	for _, c := range cmd().(tea.BatchMsg) {
		asked = append(asked, fmt.Sprint(c()))
	}
	if want := []string{"after a", "after b"}; !slices.Equal(asked, want) {
		t.Errorf("it asked for %q, want %q", asked, want)
	}
}
