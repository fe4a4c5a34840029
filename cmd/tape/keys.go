package tape

import (
	"fmt"
	"strings"
)

// plainKeys are what keys without modifiers send.
var plainKeys = map[string]string{
	"Enter": "\r", "Escape": "\x1b", "Tab": "\t", "Space": " ", "Backspace": "\x7f",
}

// cursorKeys end CSI sequences; in the mode of application cursor keys the
// plain ones follow SS3 instead.
var cursorKeys = map[string]string{"Up": "A", "Down": "B", "Right": "C", "Left": "D", "Home": "H", "End": "F"}

// editKeys are numbers in CSI sequences that end in a tilde.
var editKeys = map[string]string{"Insert": "2", "Delete": "3", "PageUp": "5", "PageDown": "6"}

// bytes is what a terminal such as xterm sends for the key. Application says
// whether the program has asked for application cursor keys (DECCKM).
func (k Key) bytes(application bool) (string, error) {
	mod := 1
	for i, on := range []bool{k.Shift, k.Alt, k.Ctrl} {
		if on {
			mod += 1 << i
		}
	}
	if final, ok := cursorKeys[k.Name]; ok {
		switch {
		case mod > 1:
			return fmt.Sprintf("\x1b[1;%d%s", mod, final), nil
		case application:
			return "\x1bO" + final, nil
		}
		return "\x1b[" + final, nil
	}
	if number, ok := editKeys[k.Name]; ok {
		if mod > 1 {
			return fmt.Sprintf("\x1b[%s;%d~", number, mod), nil
		}
		return "\x1b[" + number + "~", nil
	}
	s, ok := plainKeys[k.Name]
	switch {
	case !ok && len(k.Name) != 1:
		return "", fmt.Errorf("%q is no key; there are single characters, %s", k.Name, strings.Join(keyNames, ", "))
	case !ok:
		s = k.Name
		if k.Shift {
			s = strings.ToUpper(s)
		}
	case k.Shift && k.Name == "Tab":
		s = "\x1b[Z"
	}
	if k.Ctrl {
		switch c := strings.ToUpper(s)[0]; {
		case k.Name == "Enter":
			s = "\n"
		case k.Name == "Backspace":
			s = "\b"
		case k.Name == "Tab" || k.Name == "Escape": // no code of their own
		case k.Name == "Space" || c == '@':
			s = "\x00"
		case c >= 'A' && c <= '_':
			s = string(rune(c & 0x1f))
		case c == '-' || c == '/':
			s = "\x1f"
		default:
			return "", fmt.Errorf("a terminal has no code for %s", k)
		}
	}
	if k.Alt {
		s = "\x1b" + s
	}
	return s, nil
}
