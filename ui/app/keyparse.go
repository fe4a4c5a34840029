package app

import (
	"strings"

	tea "charm.land/bubbletea/v2"
)

var keyCodes = map[string]rune{
	"enter":     tea.KeyEnter,
	"esc":       tea.KeyEscape,
	"tab":       tea.KeyTab,
	"space":     tea.KeySpace,
	"up":        tea.KeyUp,
	"down":      tea.KeyDown,
	"left":      tea.KeyLeft,
	"right":     tea.KeyRight,
	"home":      tea.KeyHome,
	"end":       tea.KeyEnd,
	"pgup":      tea.KeyPgUp,
	"pgdown":    tea.KeyPgDown,
	"backspace": tea.KeyBackspace,
}

// ParseKey returns the message of a key as it is written in the interface; ok reports
// whether there is such a key.
func ParseKey(key string) (msg tea.KeyPressMsg, ok bool) {
	if !IsKey(key) {
		return msg, false
	}
	for name, mod := range map[string]tea.KeyMod{"ctrl+": tea.ModCtrl, "alt+": tea.ModAlt, "shift+": tea.ModShift} {
		if rest, found := strings.CutPrefix(key, name); found && rest != "" {
			msg.Mod, key = mod, rest
		}
	}
	if c, found := keyCodes[key]; found {
		msg.Code = c
		return msg, true
	}
	r := []rune(key)
	if len(r) != 1 {
		return msg, false
	}
	if msg.Code = r[0]; msg.Mod == 0 {
		msg.Text = key
	}
	return msg, true
}
