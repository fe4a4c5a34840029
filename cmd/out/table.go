package out

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"certquay/ui/text"
)

// Heads returns the headings of a table, from the catalogue's entries under "head.".
func (c *Console) Heads(codes ...string) []string {
	words := make([]string, len(codes))
	for n, code := range codes {
		words[n] = c.Text("head." + code)
	}
	return words
}

// Table prints rows under a heading; see [FormatTable]. One wider than Fold is printed as
// a paragraph for each row.
func (c *Console) Table(heading []string, rows [][]string) {
	table := FormatTable(heading, rows)
	if c.Fold > 0 && slices.ContainsFunc(strings.Split(table, "\n"), func(l string) bool { return ansi.StringWidth(l) > c.Fold }) {
		table = paragraphs(heading, rows)
	}
	_, _ = io.WriteString(c.Out, table)
}

// paragraphs returns a paragraph for each row of escaped cells, with a line for each cell
// that is not empty.
func paragraphs(heading []string, rows [][]string) string {
	width := 0
	for _, head := range heading {
		width = max(width, ansi.StringWidth(head))
	}
	var b strings.Builder
	for n, row := range rows {
		if n > 0 {
			b.WriteByte('\n')
		}
		for k, cell := range row {
			if cell != "" {
				b.WriteString(Pad(heading[k], width+2) + cell + "\n")
			}
		}
	}
	return b.String()
}

// FormatTable returns rows under a heading, a line each, in columns as wide as needed.
// It makes the cells safe, as messages are, and cuts each at 200 characters.
func FormatTable(heading []string, rows [][]string) string {
	width := make([]int, len(heading))
	all := append([][]string{heading}, rows...)
	for _, row := range all {
		for n := range row {
			row[n] = Cell(row[n], 200)
			width[n] = max(width[n], ansi.StringWidth(row[n]))
		}
	}
	var table strings.Builder
	for _, row := range all {
		var b strings.Builder
		for n, cell := range row {
			b.WriteString(cell)
			if n < len(row)-1 {
				b.WriteString(strings.Repeat(" ", width[n]-ansi.StringWidth(cell)+2))
			}
		}
		table.WriteString(strings.TrimRight(b.String(), " ") + "\n")
	}
	return table.String()
}

// Fields prints the properties of one thing: names, already translated, and values,
// which it makes safe. Empty values are left out.
func (c *Console) Fields(rows [][2]string) {
	for _, r := range rows {
		if r[1] != "" {
			c.Print(Pad(r[0], 14) + " " + Cell(r[1], 4000))
		}
	}
}

// Field returns the name of a property, from the catalogue's entries under "show.".
func (c *Console) Field(code string, args ...any) string { return c.Text("show."+code, args...) }

// Cell makes a text, foreign or a message of the catalogue, safe by [text.Clean], and cuts it
// at a number of characters. What is safe already stays as it is, backslashes too.
func Cell(s string, limit int) string {
	n := 0
	for at := range s {
		if n == limit {
			return text.Clean(s[:at]) + "..."
		}
		n++
	}
	return text.Clean(s)
}

// Pad pads a text to a width in columns.
func Pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-ansi.StringWidth(s)))
}

// Dash returns a table cell: "-" if the text is empty.
func Dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// Join joins words with commas.
func Join[T ~string](words []T) string {
	s := make([]string, len(words))
	for n, w := range words {
		s[n] = string(w)
	}
	return strings.Join(s, ", ")
}

// Day formats the day of a time in UTC; "" for the zero time.
func Day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02")
}

// DateTime formats a time in UTC to the second.
func DateTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
