package app

import (
	"charm.land/bubbles/v2/progress"

	"certquay/ui/style"
)

// Waiter is a page or dialog that can wait for something. The spinner turns while a
// visible one does.
type Waiter interface{ Waits() bool }

// SpinnerOr returns the spinner for a text about something that is waited for, or mark
// until that has taken a while, and for screen readers.
func (c *Context) SpinnerOr(mark string) string {
	if c.Spinner != "" {
		return c.Spinner
	}
	return mark
}

// Progress is how far work is.
type Progress struct {
	Begun, Starts    int     // parts that have begun, of all; equal where all have
	Done, Of, Failed int     // parts that have ended, of those begun, and that have failed; Of is 0 where there are none
	Part             float64 // of the whole, from 0 to 1; used where Of is 0
}

// Share returns the part that is done, from 0 to 1.
func (p Progress) Share() float64 {
	if of := max(p.Of, p.Starts); of > 0 {
		return float64(p.Done) / float64(of)
	}
	return p.Part
}

// NewProgress returns the progress bar of bubbles for use within a line, whose colours it
// takes.
func NewProgress() progress.Model {
	m := progress.New(progress.WithWidth(16), progress.WithoutPercentage(), progress.WithFillCharacters('━', '─'))
	m.FullColor, m.EmptyColor = nil, nil
	return m
}

// LoadingText says that something is being read, or why it cannot be for now.
func (c *Context) LoadingText() string {
	if c.Away.IsZero() {
		return c.T("loading")
	}
	return c.T("loading.away", c.Away.UTC().Format("15:04Z"))
}

// Loading is drawn in place of what is being read.
func (c *Context) Loading() string {
	text := c.LoadingText()
	if !c.Away.IsZero() {
		return c.Styles.Paint(style.Warn, c.Mark("▲")+text)
	}
	if c.Spinner != "" {
		text = c.Spinner + " " + text
	}
	return c.Styles.Paint(style.Muted, text)
}
