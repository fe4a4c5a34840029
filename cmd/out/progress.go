package out

import (
	"fmt"
	"io"
	"time"

	"charm.land/bubbles/v2/progress"
	"charm.land/bubbles/v2/spinner"
	"github.com/charmbracelet/x/ansi"
)

// State is how far the work of a verb is.
type State struct {
	What  string  // what is being done, already translated
	N, Of int     // how many are done; not shown if Of is 0
	Part  float64 // of the whole, from 0 to 1; used if Of is 0
}

// progressDelay is how long a verb is silent before it shows its progress.
const progressDelay = 400 * time.Millisecond

// Progress shows on one line of standard error, if that is a terminal, that a verb is
// working, until stop is called, which erases the line. state is called from another
// goroutine several times a second. With JSON and for a screen reader nothing is shown.
func (c *Console) Progress(state func() State) (stop func()) {
	if !c.ErrTerminal || c.JSON || c.Plain || c.InRaw() { // a dashboard draws its own
		return func() {}
	}
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		shown := false
		next := time.NewTimer(progressDelay)
		defer next.Stop()
		for frame := 0; ; frame++ {
			select {
			case <-quit:
				if shown {
					_, _ = io.WriteString(c.Err, "\r"+ansi.EraseLineRight)
				}
				return
			case <-next.C:
				shown = true
				_, _ = io.WriteString(c.Err, "\r"+c.progressLine(state(), frame)+ansi.EraseLineRight)
				next.Reset(spinner.MiniDot.FPS)
			}
		}
	}()
	return func() {
		close(quit)
		<-ended
	}
}

// progressLine returns the line of a state, cut to the width of the terminal.
func (c *Console) progressLine(s State, frame int) string {
	line := spinner.MiniDot.Frames[frame%len(spinner.MiniDot.Frames)] + " "
	part := s.Part
	if s.Of > 0 {
		part = float64(s.N) / float64(s.Of)
	}
	if s.Of > 1 || s.Part > 0 {
		bar := progress.New(progress.WithWidth(20), progress.WithoutPercentage(), progress.WithFillCharacters('█', '░'))
		line += ansi.Strip(bar.ViewAs(part)) + " "
	}
	line += s.What
	if s.Of > 1 {
		line += fmt.Sprintf(" %d/%d", s.N, s.Of)
	}
	width := c.Width
	if width == 0 {
		width = 80
	}
	return ansi.Truncate(line, width-1, "…")
}
