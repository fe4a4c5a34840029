package list

import (
	"fmt"
	"strconv"
	"testing"

	bubbles "charm.land/bubbles/v2/table"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"certquay/ui/style"
)

// BenchmarkListKey moves the cursor in a list of 38 visible rows and draws it, by
// the windowed list and by the table of bubbles, which holds all rows.
func BenchmarkListKey(b *testing.B) {
	styles := style.New(true, colorprofile.TrueColor)
	for _, total := range []int{1000, 100_000} {
		b.Run("window/"+strconv.Itoa(total), func(b *testing.B) {
			var t Table[int]
			t.ID = strconv.Itoa
			for n := range 6 {
				t.Columns = append(t.Columns, Column[int]{Title: "C", Min: 16, Max: 18, Cell: func(r, _ int) Cell {
					return Cell{Tone: style.Tone(n), Text: fmt.Sprintf("n%06d.example", r)}
				}})
			}
			t.SetSize(118, 39)
			rows := make([]int, windowRows)
			b.ReportAllocs()
			for b.Loop() {
				if t.Move(1); t.Cursor() == total-1 || t.Total() == 0 {
					t.Home()
				}
				if offset, limit, need := t.Need(); need || t.Total() == 0 {
					for n := range rows {
						rows[n] = offset + n
					}
					t.SetWindow(offset, rows[:min(max(limit, 1), windowRows, total-offset)], total)
				}
				_ = t.View(styles)
			}
		})
		b.Run("bubbles/"+strconv.Itoa(total), func(b *testing.B) {
			columns := make([]bubbles.Column, 6)
			for n := range columns {
				columns[n] = bubbles.Column{Title: "C", Width: 18}
			}
			rows := make([]bubbles.Row, total)
			for n := range rows {
				rows[n] = make(bubbles.Row, 6)
				for k := range rows[n] {
					rows[n][k] = fmt.Sprintf("n%06d.example", n)
				}
			}
			t := bubbles.New(bubbles.WithColumns(columns), bubbles.WithRows(rows), bubbles.WithHeight(39), bubbles.WithWidth(118),
				bubbles.WithFocused(true))
			b.ReportAllocs()
			for b.Loop() {
				t, _ = t.Update(tea.KeyPressMsg{Code: 'j', Text: "j"})
				_ = t.View()
			}
		})
	}
}
