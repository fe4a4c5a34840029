package tape

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// written is a command as a line, so that tables can compare it.
func written(c Command) string {
	switch c.Name {
	case "Key":
		return fmt.Sprintf("%s@%s %d", c.Key, c.Delay, c.Count)
	case "Type":
		return fmt.Sprintf("Type@%s %q", c.Delay, c.Text)
	case "Sleep":
		return "Sleep " + c.Delay.String()
	case "Wait":
		where := "Line"
		if c.Screen {
			where = "Screen"
		}
		return fmt.Sprintf("Wait+%s@%s /%s/", where, c.Timeout, c.Pattern)
	case "Copy", "Screenshot":
		return fmt.Sprintf("%s %q", c.Name, c.Text)
	}
	return c.Name
}

func nothing(string) ([]byte, error) { return nil, fs.ErrNotExist }

func TestParseCommands(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"":                                 "",
		"# a comment":                      "",
		"Hide # and a comment":             "Hide",
		"Hide\r\nShow\r\n":                 "Hide; Show",
		"Sleep 1":                          "Sleep 1s",
		"Sleep .5\nSleep 0.5\nSleep 500ms": "Sleep 500ms; Sleep 500ms; Sleep 500ms",
		"Sleep 2m\nSleep 3 s":              "Sleep 2m0s; Sleep 3s",
		`Type "echo 'a'"`:                  `Type@50ms "echo 'a'"`,
		"Type `say \"it\"`":                `Type@50ms "say \"it\""`,
		`Type@.5 'x # y'`:                  `Type@500ms "x # y"`,
		`Type git status`:                  `Type@50ms "git status"`,
		`Type "a" "b"`:                     `Type@50ms "a b"`,
		`Type ""`:                          `Type@50ms ""`,
		`Type "ls" Enter Sleep 1s`:         `Type@50ms "ls"; Enter@50ms 1; Sleep 1s`,
		`Type Enter`:                       `Type@50ms "Enter"`,
		"Set TypingSpeed 60ms\nType a\nSet TypingSpeed .1\nType b\nEnter": `Type@60ms "a"; Type@100ms "b"; Enter@100ms 1`,
		"Down 3":                        "Down@50ms 3",
		"Down@1 3":                      "Down@1s 3",
		"Backspace@200ms":               "Backspace@200ms 1",
		"PageUp\nPageDown 2\nHome\nEnd": "PageUp@50ms 1; PageDown@50ms 2; Home@50ms 1; End@50ms 1",
		"Space\nTab\nEscape\nLeft\nRight\nUp\nDelete\nInsert": "Space@50ms 1; Tab@50ms 1; Escape@50ms 1; Left@50ms 1; Right@50ms 1; Up@50ms 1; Delete@50ms 1; Insert@50ms 1",
		"Ctrl+C":                  "Ctrl+C@50ms 1",
		"Ctrl+Alt+Shift+O":        "Ctrl+Alt+Shift+O@50ms 1",
		"Ctrl+@":                  "Ctrl+@@50ms 1",
		"Ctrl+]\nCtrl+[\nCtrl+\\": "Ctrl+]@50ms 1; Ctrl+[@50ms 1; Ctrl+\\@50ms 1",
		"Ctrl+Left":               "Ctrl+Left@50ms 1",
		"Alt+.\nAlt+Enter":        "Alt+.@50ms 1; Alt+Enter@50ms 1",
		"Shift+Tab 2":             "Shift+Tab@50ms 2",
		"Wait":                    "Wait+Line@15s />$/",
		"Wait /a b/":              "Wait+Line@15s /a b/",
		"Wait+Screen /x/":         "Wait+Screen@15s /x/",
		"Wait+Line@500ms /x/":     "Wait+Line@500ms /x/",
		`Wait /a\/b/`:             `Wait+Line@15s /a\/b/`,
		"Wait+Screen@2m":          "Wait+Screen@2m0s />$/",
		"Set WaitTimeout 3s\nSet WaitPattern /ok$/\nWait": "Wait+Line@3s /ok$/",
		"Screenshot out/a.png":                            `Screenshot "out/a.png"`,
		`Screenshot "/tmp/a.png"`:                         `Screenshot "/tmp/a.png"`,
		"Copy \"a b\"\nPaste":                             `Copy "a b"; Paste`,
	} {
		tp, err := Parse("x.tape", script, nothing)
		if err != nil {
			t.Errorf("%q: %v", script, err)
			continue
		}
		var got []string
		for _, c := range tp.Commands {
			got = append(got, written(c))
		}
		if s := strings.Join(got, "; "); s != want {
			t.Errorf("%q:\n got %s\nwant %s", script, s, want)
		}
	}
}

// A script as people write them for VHS.
const real = `# Everything at the top
Output examples/demo.gif
Output "demo.txt"
Require echo
Require "git"
Set Shell "bash"
Set FontSize 22
Set FontFamily "DejaVu Sans Mono"
Set Height 600
Set Width 1200
Set LetterSpacing 1
Set LineHeight 1.2
Set Theme { "name": "Whimsy", "black": "#535178", "purple": "#aa7ff0",
  "background": "#29283b", "foreground": "#b3b0d6", "cursorColor": "#ffb0d6" }
Set Padding 50
Set Margin 20
Set MarginFill "#6B50FF"
Set Framerate 60
Set PlaybackSpeed 2
Set LoopOffset 20.99%
Set CursorBlink false
Set TypingSpeed .1
Env HELLO "WORLD"
Source config.tape
Hide
Type "git init" Enter
Show
`

func TestParseSettings(t *testing.T) {
	t.Parallel()
	tp, err := Parse("x.tape", real, func(path string) ([]byte, error) {
		if path != "config.tape" {
			return nil, fs.ErrNotExist
		}
		return []byte("Output other.gif\nSet FontSize 14\nType \"sourced\"\n"), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s := tp.Settings
	if strings.Join(tp.Outputs, " ") != "examples/demo.gif demo.txt" || strings.Join(tp.Requires, " ") != "echo git" || strings.Join(tp.Env, " ") != "HELLO=WORLD" {
		t.Errorf("%q %q %q", tp.Outputs, tp.Requires, tp.Env)
	}
	if s.Shell != "bash" || s.FontSize != 14 || s.FontFamily != "DejaVu Sans Mono" || s.Height != 600 || s.Width != 1200 || s.LetterSpacing != 1 || s.LineHeight != 1.2 ||
		s.Padding != 50 || s.Margin != 20 || s.Framerate != 60 || s.PlaybackSpeed != 2 || s.LoopOffset != 20.99 || s.CursorBlink || s.TypingSpeed != 100*time.Millisecond {
		t.Errorf("%+v", s)
	}
	th := s.Theme
	if th.Background.B != 0x3b || th.Foreground.R != 0xb3 || th.Cursor.R != 0xff || th.ANSI[0].G != 0x51 || th.ANSI[5].R != 0xaa || th.ANSI[1] != themes["Default"].ANSI[1] || s.MarginFill.B != 0xff {
		t.Errorf("%+v", th)
	}
	if c := tp.Commands; len(c) != 5 || c[0].File != "config.tape" || c[0].Line != 3 || c[1].Name != "Hide" || c[1].File != "x.tape" || c[1].Line != 25 {
		t.Errorf("%+v", c)
	}
}

func TestParseMistakes(t *testing.T) {
	t.Parallel()
	source := func(path string) ([]byte, error) {
		switch path {
		case "twice.tape":
			return []byte("Source twice.tape"), nil
		case "bad.tape":
			return []byte("Hide\nSleep x"), nil
		}
		return nil, fs.ErrNotExist
	}
	for script, want := range map[string]string{
		"Slep 1s":                    `x.tape:1: "Slep" is no command; there are Output, Set|for example: Type "text"`,
		"\n\nSleep":                  `x.tape:3: the end of the line is no time; for example: Sleep 500ms`,
		"Sleep fast":                 `"fast" is no time`,
		"Sleep 1h":                   `"1h" is no time`,
		"Sleep 99999m":               `no time up to 24h`,
		"Sleep 1s 2s":                `"2s" is no command`,
		"Type":                       `Type needs text, not the end of the line; for example: Type@50ms`,
		`Type "abc`:                  `the quote is not closed`,
		"Type a:b":                   `':' must stand in quotes`,
		"Type@ \"a\"":                `"a" is no time`,
		"Type \"\xff\"":              `not UTF-8`,
		"Enter 0":                    `"0" is no count from 1 to 10000`,
		"Enter 10001":                `no count`,
		"Enter twice":                `"twice" is no count`,
		"Ctrl":                       `Ctrl needs a key after a plus; for example: Ctrl+C`,
		"Ctrl+":                      `is no key`,
		"Ctrl+Foo":                   `"Foo" is no key; there are single characters, Enter`,
		"Ctrl+1":                     `a terminal has no code for Ctrl+1`,
		"Enter+C":                    `"Enter" is no modifier`,
		"Wait+Page /x/":              `Wait+ needs Screen or Line, not "Page"; for example: Wait+Screen@5s /ready/`,
		"Wait /(/":                   `missing closing )`,
		"Wait /x":                    `the regular expression is not closed`,
		"Wait@0 /x/":                 `more time than none`,
		"Set":                        `there is no setting the end of the line`,
		"Set Colour red":             `there is no setting "Colour"; there are CursorBlink, FontFamily, FontSize, Framerate, Height, LetterSpacing, LineHeight, LoopOffset, Margin, MarginFill, Padding, PlaybackSpeed, Shell, Theme, TypingSpeed, WaitPattern, WaitTimeout, Width; for example: Set FontSize 16`,
		"Set FontSize":               `FontSize needs a value; for example: Set FontSize 16`,
		"Set FontSize big":           `FontSize: "big" is no number from 4 to 200; for example: Set FontSize 16`,
		"Set FontSize NaN":           `is no number`,
		"Set FontSize 16 17":         `FontSize has too much: "17"`,
		"Set Width 12":               `"12" is no whole number from 40 to 8000`,
		"Set Width 100":              `hold -2 x 24 cells`,
		"Set Theme Nope":             `"Nope" is not built in; there are Catppuccin Latte, Catppuccin Mocha, Default, Dracula, Nord`,
		"Set Theme {":                `the brace is not closed`,
		`Set Theme { "black": 1 }`:   `black is no text`,
		`Set Theme { "black": "x" }`: `is no colour`,
		"Set MarginFill red":         `"red" is no colour`,
		"Set Shell tcsh":             `"tcsh" is no shell; there are bash, fish, sh, zsh`,
		"Set CursorBlink 1":          `neither true nor false`,
		"Set TypingSpeed x":          `TypingSpeed: "x" is no time; for example: Set TypingSpeed 60ms`,
		"Set WaitTimeout 0":          `more than none`,
		"Hide\nSet Width 900":        `x.tape:2: Width must be set before the first action`,
		"Output":                     `Output needs a word or quoted text`,
		"Output /tmp/a.gif/":         `needs quotes`,
		"Output /tmp/a.gif":          `a path that begins with a slash needs quotes`,
		"Screenshot a.jpg":           `a screenshot is a .png file, not "a.jpg"; for example: Screenshot menu.png`,
		"Env A":                      `Env needs a name and a value; for example: Env LANG`,
		"Source a.txt":               `"a.txt" does not end in .tape`,
		"Source none.tape":           `cannot source it`,
		"Source twice.tape":          `twice.tape:1: a sourced file cannot source another`,
		"Source bad.tape":            `bad.tape:2: "x" is no time`,
		"\"Type\"":                   `"Type" is no command`,
		"ScrollUp 3":                 `"ScrollUp" is no command`,
		"Bad one\nHide\nBad two":     `x.tape:1: "Bad" is no command|x.tape:3: "Bad" is no command`,
	} {
		_, err := Parse("x.tape", script, source)
		if err == nil {
			t.Errorf("%q is taken", script)
			continue
		}
		var e *Error
		if !errors.As(err, &e) || e.Line < 1 || e.Example == "" {
			t.Errorf("%q: %#v has no line or example", script, err)
		}
		for part := range strings.SplitSeq(want, "|") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q:\n got %v\nwant %s", script, err, part)
			}
		}
	}
}

func TestKeysAreWhatTerminalsSend(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"Enter": "\r", "Escape": "\x1b", "Tab": "\t", "Space": " ", "Backspace": "\x7f", "Shift+Tab": "\x1b[Z",
		"Up": "\x1b[A", "Ctrl+Right": "\x1b[1;5C", "Shift+Up": "\x1b[1;2A", "Alt+Left": "\x1b[1;3D",
		"PageUp": "\x1b[5~", "PageDown": "\x1b[6~", "Delete": "\x1b[3~", "Ctrl+Delete": "\x1b[3;5~", "Home": "\x1b[H", "End": "\x1b[F",
		"Ctrl+C": "\x03", "Ctrl+c": "\x03", "Ctrl+S": "\x13", "Ctrl+@": "\x00", "Ctrl+Space": "\x00", "Ctrl+[": "\x1b", "Ctrl+]": "\x1d", "Ctrl+\\": "\x1c", "Ctrl+-": "\x1f",
		"Alt+x": "\x1bx", "Alt+Enter": "\x1b\r", "Ctrl+Alt+C": "\x1b\x03", "Shift+a": "A", "Ctrl+Backspace": "\b",
	} {
		tp, err := Parse("x", script, nothing)
		if err != nil {
			t.Errorf("%s: %v", script, err)
			continue
		}
		if got, err := tp.Commands[0].Key.bytes(false); err != nil || got != want {
			t.Errorf("%s: %q %v, want %q", script, got, err, want)
		}
	}
	if got, _ := (Key{Name: "Up"}).bytes(true); got != "\x1bOA" {
		t.Errorf("application cursor keys: %q", got)
	}
	if got, _ := (Key{Name: "Up", Ctrl: true}).bytes(true); got != "\x1b[1;5A" {
		t.Errorf("application cursor keys with Ctrl: %q", got)
	}
}

// FuzzParse looks for scripts that break the parser, or that it takes without
// their being playable.
func FuzzParse(f *testing.F) {
	f.Add(real)
	f.Add("Type@1ms \"x\" Enter 2\nWait+Screen@5s /a\\/b/\nCtrl+Alt+x")
	f.Add("Set Theme {\n}\nSet WaitPattern /x/\nWait")
	if b, err := os.ReadFile(filepath.Join("..", "..", "demo.tape")); err == nil {
		f.Add(string(b))
	}
	f.Fuzz(func(t *testing.T, script string) {
		tp, err := Parse("x.tape", script, nothing)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Line < 1 || e.Line > strings.Count(script, "\n")+1 {
				t.Errorf("%q: %v", script, err)
			}
			return
		}
		for _, c := range tp.Commands {
			if c.Line < 1 || c.Delay < 0 || c.Name == "Wait" && (c.Pattern == nil || c.Timeout <= 0) {
				t.Errorf("%q: %+v", script, c)
			}
			if c.Name == "Key" {
				if b, err := c.Key.bytes(false); err != nil || b == "" || c.Count < 1 {
					t.Errorf("%q: %+v: %q %v", script, c, b, err)
				}
			}
		}
	})
}
