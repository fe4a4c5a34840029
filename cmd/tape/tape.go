// Package tape plays and draws scripts for terminals in the language of VHS
// (https://github.com/charmbracelet/vhs): Parse reads a script, Play runs it
// in a pseudo-terminal and records what stands on the screen, a Painter draws
// recordings as GIF and frames as PNG.
//
// It is a tool for tests and for the pictures in the documentation. The
// certquay program does not contain it, and it knows nothing of certquay; a
// test of the layout checks both.
package tape

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Tape is a parsed script.
type Tape struct {
	Name     string    // the file it was read from
	Outputs  []string  // what Output names, in order
	Requires []string  // programs that must be there
	Env      []string  // NAME=value, in order
	Settings Settings  // what Set says before the first action
	Commands []Command // actions, in order
}

// Command is one action of a script. Typing speed, patterns and timeouts that
// were set are resolved: a command stands for itself.
type Command struct {
	File string
	Line int
	// Name is the word it begins with: Type, Key, Sleep, Wait, Hide, Show,
	// Screenshot, Copy or Paste. All keys are Key.
	Name string
	// Text is what Type types and Copy copies, and the path of a Screenshot.
	Text string
	Key  Key
	// Count is how often a key is pressed.
	Count int
	// Delay is how long Sleep sleeps, and how long Type and keys wait after
	// each key.
	Delay time.Duration
	// Wait waits for Pattern on the line of the cursor, or on the whole Screen,
	// for at most Timeout.
	Pattern *regexp.Regexp
	Screen  bool
	Timeout time.Duration
}

// Key is a key with its modifiers. Name is one character, or the name of a key
// such as Enter.
type Key struct {
	Name             string
	Ctrl, Alt, Shift bool
}

// String is the key as a script writes it.
func (k Key) String() string {
	s := ""
	if k.Ctrl {
		s += "Ctrl+"
	}
	if k.Alt {
		s += "Alt+"
	}
	if k.Shift {
		s += "Shift+"
	}
	return s + k.Name
}

// Error is a mistake in a script: where it is, what is wrong, and a line that
// would be right.
type Error struct {
	File    string
	Line    int
	What    string
	Example string
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.What)
	if e.Example != "" {
		s += "; for example: " + e.Example
	}
	return s
}

// examples is a right line for each command.
var examples = map[string]string{
	"Output":     "Output demo.gif",
	"Set":        "Set FontSize 16",
	"Require":    "Require git",
	"Env":        `Env LANG "C.UTF-8"`,
	"Source":     "Source config.tape",
	"Hide":       "Hide",
	"Show":       "Show",
	"Type":       `Type@50ms "echo hello"`,
	"Sleep":      "Sleep 500ms",
	"Wait":       "Wait+Screen@5s /ready/",
	"Screenshot": "Screenshot menu.png",
	"Copy":       `Copy "text"`,
	"Paste":      "Paste",
	"Ctrl":       "Ctrl+C",
	"Alt":        "Alt+x",
	"Shift":      "Shift+Tab",
}

// keyNames are the keys that have a name, in the order in which errors list
// them.
var keyNames = strings.Fields("Enter Escape Tab Space Backspace Delete Insert Home End Up Down Left Right PageUp PageDown")

// commandNames are all words that begin a command, in the order in which
// errors list them.
var commandNames = append(strings.Fields("Output Set Require Env Source Hide Show Type Sleep Wait Screenshot Copy Paste Ctrl Alt Shift"), keyNames...)

func init() {
	for _, k := range keyNames {
		examples[k] = k + "@100ms 2"
	}
}
