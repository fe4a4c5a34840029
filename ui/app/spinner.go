package app

import (
	"charm.land/bubbles/v2/progress"

	"certquay/ui/style"
)

// Waiter is a page or dialog that may wait for something: while one in front
// does, the spinner turns.
type Waiter interface{ Waits() bool }

// SpinnerOr is the spinner before a text about what is waited for. Until that has
// taken a while, and for screen readers, it is another mark instead.
func (c *Context) SpinnerOr(mark string) string {
	if c.Spinner != "" {
		return c.Spinner
	}
	return mark
}

// NewProgress returns the progress bar of bubbles for use within a line, whose colours it
// takes.
func NewProgress() progress.Model {
	m := progress.New(progress.WithWidth(16), progress.WithoutPercentage(), progress.WithFillCharacters('━', '─'))
	m.FullColor, m.EmptyColor = nil, nil
	return m
}

// Loading is what stands where something is being read, as it is drawn.
func (c *Context) Loading() string {
	text := c.T("loading")
	if c.Spinner != "" {
		text = c.Spinner + " " + text
	}
	return c.Styles.Paint(style.Muted, text)
}
