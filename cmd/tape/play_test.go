package tape

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// in a small terminal; tests are in a hurry.
const small = "Set Shell sh\nSet FontSize 10\nSet Padding 0\nSet Width 360\nSet Height 130\nSet WaitTimeout 30s\n" // 60 x 10 cells

// played plays a script that must end well.
func played(t *testing.T, script string, o Options) *Recording {
	t.Helper()
	rec, err := try(t, script, o)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func try(t *testing.T, script string, o Options) (*Recording, error) {
	t.Helper()
	if o.Pace == 0 {
		o.Pace = 50
	}
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	return Play(context.Background(), parsed(t, small+script), o)
}

// program writes a shell script and returns how it is run in place of a shell.
func program(t *testing.T, script string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program.sh")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"sh", path}
}

// all is every text that was to be seen.
func all(r *Recording) string {
	var b strings.Builder
	for _, f := range r.Frames {
		b.WriteString(f.Text() + "\n")
	}
	return b.String()
}

func TestAShellIsPlayed(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"sh", "bash"} {
		need(t, shell)
		var seen []string
		rec := played(t, "Set Shell "+shell+"\nEnv WHO \"you there\"\nType \"echo hello $WHO $((6*7)) > out; cat out\"\nEnter\nWait+Screen /hello you there 42\\n>/\nScreenshot a/b.png\nWait\nType exit Enter", Options{
			At: func(c Command, f *Frame) error {
				seen = append(seen, c.Name+" "+f.Line(0))
				return nil
			},
		})
		if len(seen) != 3 || !strings.HasPrefix(seen[0], "Wait > echo hello") || !strings.HasPrefix(seen[1], "Screenshot > echo") {
			t.Errorf("%s: %q", shell, seen)
		}
		if len(rec.Shots) != 1 || rec.Shots[0].Path != filepath.Join("a", "b.png") || !strings.Contains(rec.Shots[0].Frame.Text(), "hello you there 42") {
			t.Errorf("%s: %+v", shell, rec.Shots)
		}
		if rec.Columns != 60 || rec.Rows != 10 {
			t.Errorf("%d x %d", rec.Columns, rec.Rows)
		}
	}
}

// A frame is kept once, in order of time, and shares the rows that stay.
func TestFramesDiffer(t *testing.T) {
	t.Parallel()
	rec := played(t, "Wait+Screen /first/\nSleep 100ms\nSpace\nWait+Screen /second/\nSleep 10s\nSpace\nWait+Screen /third/", Options{
		Program: program(t, "stty raw -echo; printf 'first\\r\\n'; head -c1 >/dev/null; printf 'second\\r\\n'; for i in 1 2 3 4 5; do sleep 0.02; printf 'same\\r'; done; printf '\\r\\n'; head -c1 >/dev/null; printf third; sleep 60"),
	})
	last := -time.Second
	shared := false
	for i, f := range rec.Frames {
		if f.At < last || f.At > rec.End {
			t.Errorf("frame %d is at %s after %s of %s", i, f.At, last, rec.End)
		}
		last = f.At
		if i > 0 {
			if f.same(rec.Frames[i-1]) {
				t.Errorf("frame %d is like the one before:\n%s", i, f.Text())
			}
			shared = shared || &f.Rows[0][0] == &rec.Frames[i-1].Rows[0][0]
		}
	}
	if text := rec.Frames[len(rec.Frames)-1].Text(); !strings.HasSuffix(text, "third") {
		t.Errorf("the last frame is\n%s", text)
	}
	if !shared {
		t.Error("no frame shares a row that has stayed")
	}
}

func TestWhatIsHiddenIsNotRecorded(t *testing.T) {
	t.Parallel()
	rec := played(t, "Hide\nType \"echo sec\"\nType \"ret; clear; echo cleared\" Enter\nWait+Screen /^cleared/\nShow\nType \"echo shown\"\nEnter\nWait+Screen /shown\\nshown/\nHide\nType \"echo again\" Enter\nWait+Screen /again\\n/", Options{})
	if text := all(rec); strings.Contains(text, "ret") || strings.Contains(text, "again") || !strings.Contains(text, "echo shown") {
		t.Errorf("recorded:\n%s", text)
	}
	if rec.Frames[0].At != 0 {
		t.Errorf("it begins at %s", rec.Frames[0].At)
	}
	if _, err := try(t, "Hide\nType a\nSleep 1s", Options{}); err == nil || !strings.Contains(err.Error(), "everything is hidden") {
		t.Errorf("all hidden: %v", err)
	}
}

// The program asks the terminal where the cursor is and which colour it has,
// and is answered.
func TestQuestionsAreAnswered(t *testing.T) {
	t.Parallel()
	rec := played(t, "Wait+Screen /done/", Options{
		Program: program(t, `stty raw -echo; printf 'ab\033[6n'; a=$(dd bs=1 count=6 2>/dev/null | tr '\033' E); printf '\033]11;?\007'; b=$(dd bs=1 count=24 2>/dev/null | tr -d '\033\007'); printf '\r\n%s\r\n%s\r\ndone' "$a" "$b"; sleep 60`),
	})
	if text := all(rec); !strings.Contains(text, "E[1;3R") || !strings.Contains(text, "rgb:1717/1717/1717") {
		t.Errorf("the answers are\n%s", text)
	}
}

// What keys send is what the program reads; it may ask for application cursor
// keys and for brackets around pastes.
func TestKeysReachTheProgram(t *testing.T) {
	t.Parallel()
	const reads = `stty raw -echo; printf '%b'; printf ready; head -c %n | od -An -tx1 | tr -d ' \n'; printf ' end'; sleep 60`
	for _, c := range []struct{ modes, n, script, want string }{
		{"", "15", "Up\nShift+Tab\nCtrl+C\nAlt+x\nEnter\nBackspace@1ms 2\nType@1ms \"é\"\nEscape", "1b5b41" + "1b5b5a" + "03" + "1b78" + "0d" + "7f7f" + "c3a9" + "1b"},
		{`\033[?1h`, "3", "Up", "1b4f41"},
		{"", "3", "Copy \"a b\"\nPaste", "612062"},
		{`\033[?2004h`, "13", "Copy x\nPaste", "1b5b3230307e" + "78" + "1b5b3230317e"},
	} {
		script := strings.NewReplacer("%b", c.modes, "%n", c.n).Replace(reads)
		rec := played(t, "Wait+Screen /ready/\n"+c.script+"\nWait+Screen /end/", Options{Program: program(t, script)})
		if text := rec.Frames[len(rec.Frames)-1].Text(); !strings.Contains(text, "ready"+c.want+" end") {
			t.Errorf("%s sends %q, want %s", c.script, text, c.want)
		}
	}
}

func TestCellsHaveColoursAndAttributes(t *testing.T) {
	t.Parallel()
	rec := played(t, "Wait+Screen /end/", Options{
		Program: program(t, `printf '\033[1;31ma\033[0;2;92mb\033[0;3;38;5;208mc\033[0;4:3;58;2;1;2;3;48;2;100;149;237md\033[0;7me\033[0;9mf\033[0m证\033[?25lend'; sleep 60`),
	})
	f := rec.Frames[len(rec.Frames)-1]
	for x, want := range []Cell{
		{Text: "a", Width: 1, Attr: Bold, Fg: Indexed(1)},
		{Text: "b", Width: 1, Attr: Faint, Fg: Indexed(10)},
		{Text: "c", Width: 1, Attr: Italic, Fg: Indexed(208)},
		{Text: "d", Width: 1, Line: CurlyLine, Ul: RGB(1, 2, 3), Bg: RGB(100, 149, 237)},
		{Text: "e", Width: 1, Attr: Reverse},
		{Text: "f", Width: 1, Attr: Strike},
		{Text: "证", Width: 2},
		{Text: "", Width: 0},
		{Text: "e", Width: 1},
	} {
		if got := f.Rows[0][x]; got != want {
			t.Errorf("cell %d is %+v, want %+v", x, got, want)
		}
	}
	if f.Cursor || f.Line(0) != "abcdef证end" {
		t.Errorf("%v %q", f.Cursor, f.Line(0))
	}
}

// A run that fails says where, why, and what was on the screen.
func TestFailuresShowTheScreen(t *testing.T) {
	t.Parallel()
	no := errors.New("not what it should be")
	for _, c := range []struct {
		script string
		o      Options
		want   []string
	}{
		{"Type \"echo here\" Enter\nWait+Screen /here\\n/\nWait+Screen@300ms /never/", Options{}, []string{"test.tape:9: /never/ does not match after 300ms", "\n  | > echo here\n  | here\n"}},
		{"Wait+Screen /never/", Options{Program: program(t, "echo it has gone")}, []string{"test.tape:7: the program has ended, and /never/ does not match", "  | it has gone"}},
		{"Wait+Line@100ms /up/", Options{Program: program(t, "echo up; printf down; sleep 60")}, []string{"/up/ does not match", "  | up\n  | down"}},
		{"Sleep 1ms\nScreenshot x.png", Options{At: func(Command, *Frame) error { return no }}, []string{"test.tape:8: not what it should be"}},
		{"Require no-such-program-here\nType a", Options{}, []string{"test.tape requires no-such-program-here"}},
		{"Type a", Options{Program: []string{"/no/such/program"}}, []string{"/no/such/program"}},
		{"Type a", Options{CellWidth: 1000, CellHeight: 1}, []string{"hold 0 x 130 cells"}},
	} {
		_, err := try(t, c.script, c.o)
		if err == nil {
			t.Errorf("%q ends well", c.script)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q:\n got %v\nwant %s", c.script, err, w)
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Play(ctx, parsed(t, small+"Sleep 60s"), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A hurried sleep goes on while the program writes.
func TestAHurriedSleepWaitsForQuiet(t *testing.T) {
	t.Parallel()
	var text string
	played(t, "Wait+Screen /begin/\nSleep 60s\nScreenshot x.png", Options{
		Pace:    1000,
		Program: program(t, "printf begin; for i in 1 2 3 4 5 6 7 8; do sleep 0.01; printf $i; done; sleep 60"),
		At: func(_ Command, f *Frame) error {
			text = f.Text()
			return nil
		},
	})
	if text != "begin12345678" {
		t.Errorf("it went on at %q", text)
	}
}

// The shell tidies up when the tape ends, and nothing is left of it.
func TestTheShellIsEnded(t *testing.T) {
	t.Parallel()
	need(t, "bash")
	dir := t.TempDir()
	played(t, "Set Shell bash\nType \"trap 'echo bye > bye' EXIT\" Enter\nWait\nType \"sleep 600 & echo started\" Enter\nWait+Screen /started\\n/", Options{Dir: dir})
	if b, err := os.ReadFile(filepath.Join(dir, "bye")); err != nil || string(b) != "bye\n" {
		t.Errorf("%q %v", b, err)
	}
}
