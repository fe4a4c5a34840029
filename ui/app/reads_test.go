package app_test

import (
	"context"
	"testing"

	tea "charm.land/bubbletea/v2"

	"certquay/ui/app"
)

// TestAnOlderReadDoesNotReplaceALaterOne lets two reads that run at once answer in
// either order: what was asked first and answers last is dropped.
func TestAnOlderReadDoesNotReplaceALaterOne(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer []int // the order in which the reads answer
		shown  []any
	}{
		{"in order", []int{0, 1, 2}, []any{"0", "1", "2"}},
		{"reversed", []int{2, 1, 0}, []any{"2", nil, nil}},
		{"one late", []int{1, 0, 2}, []any{"1", nil, "2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, reads, cmds := &app.Context{Ctx: t.Context()}, app.Reads{}, []tea.Cmd{}
			for n := range c.answer {
				cmds = append(cmds, ctx.DoInTurn(&reads, func(context.Context) tea.Msg { return string(rune('0' + n)) }))
			}
			for at, n := range c.answer {
				m, ok := cmds[n]().(app.ReadMsg)
				if !ok {
					t.Fatal("no answer of a read")
				}
				if got := m.Take(); got != c.shown[at] {
					t.Errorf("answer %d of read %d: %v is shown, want %v", at, n, got, c.shown[at])
				}
			}
		})
	}
}
