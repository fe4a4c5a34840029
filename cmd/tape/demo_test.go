package tape

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/vhs/token"
)

// atDemo is what must be on the screen of the demo, beside what the tape itself
// waits for, where it waits for it.
var atDemo = map[string][]string{
	"needs you":             {"1 Overview", "60 total", "failing"},
	"total +[0-9]":          {"Buy", "total", "EUR"},
	"Buy for":               {"Buy for 0.00 EUR?"},
	"Apply for":             {"names"},
	"● issued":              {"cafe.example.com"},
	"wave 4 of 4":           {"Deploy a.example.net", "wave 1 of 4", "replace", "d.example.net"},
	"resources: 8":          {"✕ failed", "▲ outdated", "● deployed", "f.example.net"},
	"the wave was stopped":  {"e.example.net", "d.example.net", "wave 3 of 4"},
	"▲ drifted":             {"download.example.c", "resources: 51", "SHOULD", "CONFIGURED", "PRESENTS", "127.0.0.1:"},
	"contact":               {"Host", "Ops"},
	"What needs a person":   {"expired or revoked on 4 servers", "versions to install"},
	" 2 of 61":              {"tools.example.com", "replaced by"},
	"7 marked":              {"expires<30d", "legacy.example.com"},
	"a year a minute":       {"hosted", "2 Managed hosting"},
	"need a person":         {"next 24 months", "expire"},
	"type the name":         {"DANGER", "Refunded: 100.00 EUR"},
	"⊗ (revoked|refunded) ": {"tickets.example.com"},
}

// inFull begins a colour of 24 bits.
const inFull = "38;2;"

// atSSH is the same for the tape over SSH.
var atSSH = map[string][]string{
	"on this too: olga":         {"vera (viewer)", "shop.example.com", "3 total"},
	"your role is viewer":       {"needs operator", "ask olga or anna", "Cannot revoke"},
	"waits for a second person": {"certquay approve "},
	"olga asks":                 {"revoke pay.example.com"},
	"Approve it":                {"olga asks", "pay.example.com"},
	"shop.example.com.key":      {"-rw-------", "shop.example.com.pem"},
	"download-key":              {"anna", "olga", "revoke"},
}

// TestTheDemoPlays plays demo.tape. spec: V8
func TestTheDemoPlays(t *testing.T) { plays(t, "demo.tape", 85*time.Second, atDemo) }

// TestTheTapeOverSSHPlays plays ssh.tape. spec: V9 G2 G3 G4
func TestTheTapeOverSSHPlays(t *testing.T) { plays(t, "ssh.tape", 55*time.Second, atSSH) }

// plays builds certquay as a tape says, plays the tape at it, and looks at the screens on
// the way. What the tape sleeps and types takes no longer than said; waiting for what the
// program does comes on top.
func plays(t *testing.T, name string, most time.Duration, at map[string][]string) {
	t.Helper()
	root := filepath.Join("..", "..")
	tape, err := Load(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	long := time.Duration(0)
	for _, s := range tape.Steps {
		switch s.Do {
		case token.SLEEP:
			long += s.Pause
		case token.TYPE:
			long += s.Pause * time.Duration(len(s.Text))
		}
	}
	if long > most {
		t.Errorf("the tape sleeps and types for %s", long)
	}
	// Colours are part of the picture, and what the tape leaves behind is not to
	// stay.
	tmp := t.TempDir()
	env := slices.DeleteFunc(os.Environ(), func(e string) bool {
		return strings.HasPrefix(e, "NO_COLOR=") || strings.HasPrefix(e, "TMPDIR=")
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	reached, coloured := map[string]bool{}, false
	if err := tape.Play(ctx, Options{Dir: root, Env: append(env, "TMPDIR="+tmp), At: func(s Step, screen Screen) error {
		reached[s.Pattern.String()] = true
		coloured = coloured || strings.Contains(screen.ANSI, inFull)
		for _, want := range at[s.Pattern.String()] {
			if !strings.Contains(screen.Text(), want) {
				return fmt.Errorf("%q is not to be seen", want)
			}
		}
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
	for pattern := range at {
		if !reached[pattern] {
			t.Errorf("the tape does not wait for /%s/ any more", pattern)
		}
	}
	if !coloured {
		t.Error("there are no colours")
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
		t.Errorf("the tape leaves %v behind (%v)", left, err)
	}
}

// played plays a script in an empty directory.
func played(t *testing.T, script string, at func(Step, Screen) error) error {
	t.Helper()
	tape, err := Parse("Set Width 800\nSet Height 300\nSet Padding 0\nSet FontSize 10\n" + script)
	if err != nil {
		t.Fatal(err)
	}
	return tape.Play(t.Context(), Options{Dir: t.TempDir(), Env: os.Environ(), At: at})
}

func TestAShellIsPlayed(t *testing.T) {
	t.Parallel()
	var seen []string
	if err := played(t, `Type "echo hello $((6*7)) 你好 > out; cat out"
Left 2
Right 2
Enter
Wait+Screen /hello 42 你好/
Type "false"
Ctrl+U
Type "stty size"
Enter
Wait+Screen /\n23 133\n/
Wait
Type "sleep 1000"
Enter
Sleep 1s`, func(s Step, screen Screen) error {
		seen = append(seen, fmt.Sprint(s.Screen), screen.Line)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 6 || seen[4] != "false" || seen[5] != ">" {
		t.Errorf("%q", seen)
	}
}

// What does not come is told of with the step and the screen.
func TestAStepThatFailsNamesItself(t *testing.T) {
	t.Parallel()
	for script, want := range map[string][]string{
		"Type \"echo here\"\nEnter\nWait+Screen@300ms /nowhere/": {"step 3", "Wait 300ms Screen nowhere",
			"/nowhere/ is not to be seen after 300ms", "| here"},
		"Type \"exit\"\nEnter\nWait+Screen /nowhere/": {"step 3", "the shell has ended"},
		"Require certquay-is-not-there":               {"certquay-is-not-there", exec.ErrNotFound.Error()},
	} {
		err := played(t, script, nil)
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%q: %v, without %q", script, err, w)
			}
		}
	}
}

// What VHS finds wrong, and what the player cannot play, is refused before
// anything is played.
func TestATapeIsReadWhole(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"Wiat":                        "Wiat",
		"Sleep\nWait /(/":             "Invalid regular expression",
		"Alt+x":                       "the player does not know it",
		"Ctrl+Alt+x":                  "with a letter only",
		"Set Shell fish":              "bash only",
		"Set Width 10\nSet Padding 5": "no room",
	} {
		if _, err := Parse(script); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, without %q", script, err, want)
		}
	}
}
