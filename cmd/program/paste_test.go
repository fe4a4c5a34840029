package program

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// endless is text that goes on for so many bytes.
type endless struct {
	text string
	left int
	at   int
}

func (e *endless) Read(p []byte) (n int, err error) {
	for n < len(p) && e.left > 0 {
		k := copy(p[n:min(len(p), n+e.left)], e.text[e.at:])
		n, e.left, e.at = n+k, e.left-k, (e.at+k)%len(e.text)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// passed reads all that passes, in reads as small as they come, and says how
// many pastes were cut.
func passed(t *testing.T, from io.Reader) (string, int) {
	t.Helper()
	cuts := 0
	in := limitInput(from, func() { cuts++ })
	var out bytes.Buffer
	for b := make([]byte, 4096); ; {
		n, err := in.Read(b)
		out.Write(b[:n])
		if err == io.EOF {
			return out.String(), cuts
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// finding: R-H7
func TestAPasteIsCutOff(t *testing.T) {
	const much = 16 << 20
	for _, c := range []struct{ name, begin, body, end string }{
		{"a paste", "\x1b[200~", "secret text\n", "\x1b[201~"},
		{"one that never ends", "\x1b[200~", "x", ""},
		{"one that begins in another way", "\x1b[0200;5~", "x", "\x1b[201~"},
		{"one that begins after a byte that is no text", "\xe2\x1b[200~", "日本", "\x1b[201~"},
		{"one that nearly ends", "\x1b[200~", "\x1b[201", "\x1b[201~"},
		{"a control sequence", "\x1b[", "1;", "~"},
		{"a control string", "\x1b]52;", "x", "\a"},
		{"a control string that begins with one byte", "\x9d52;", "\x1b_x", "\x9c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			held, most, cuts, nothing := 0, 0, 0, 0
			in := limitInput(
				io.MultiReader(strings.NewReader(c.begin), &endless{text: c.body, left: much}, strings.NewReader(c.end)),
				func() { cuts++ },
			)
			b := make([]byte, 4096)
			for {
				n, err := in.Read(b)
				if n == 0 && err == nil {
					nothing++ // a decoder makes room for each read
				}
				// What a decoder keeps: all since the last ESC, or all of a paste.
				if i := bytes.LastIndex(
					b[:n],
					[]byte("\x1b"),
				); i >= 0 && !strings.HasPrefix(c.name, "a paste") &&
					!strings.HasPrefix(c.name, "one") {
					held = n - i
				} else {
					held += n
				}
				most = max(most, held)
				if err == io.EOF {
					break
				}
			}
			runtime.ReadMemStats(&after)
			if most > MaxPaste+len(pasteEnd)+16 {
				t.Errorf("%d bytes are passed on", most)
			}
			if strings.HasPrefix(c.name, "one") && cuts != 1 {
				t.Errorf("told %d times", cuts)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 2<<20 {
				t.Errorf("%d KB were used for it", used>>10)
			}
			if nothing > 0 {
				t.Errorf("%d reads gave nothing", nothing)
			}
		})
	}
}

// finding: R-H7
func TestWhatATerminalSendsIsPassedOn(t *testing.T) {
	for in, want := range map[string]string{
		"jk\x1b[A\x1bOP\x1b[<0;10;5M\x1b[1;5C\x1b":   "jk\x1b[A\x1bOP\x1b[<0;10;5M\x1b[1;5C\x1b",
		"日本 é \x1b]11;rgb:0000/0000/0000\x1b\\q":     "日本 é \x1b]11;rgb:0000/0000/0000\x1b\\q",
		"\x1b[200~a\nb\tc 日\x1b[201~j\x1b[B":         "\x1b[200~a\nb\tc 日\x1b[201~j\x1b[B",
		"\x1b[200~a\x1b[31mb\x1b\x1b[201~c":          "\x1b[200~a[31mb\x1b[201~c",
		"\x1b[200~a\x1b[201b\x1b[201~\x1b[C":         "\x1b[200~a[201b\x1b[201~\x1b[C",
		"a\x9b200~b\xffc":                            "a200~bc",
		"\x1b[200~\x9b201~\u009b\x00\x7fx\x1b[201~":  "\x1b[200~201~x\x1b[201~",
		"\x1b[200~one\x1b[201~\x1b[200~two\x1b[201~": "\x1b[200~one\x1b[201~\x1b[200~two\x1b[201~",
	} {
		for name, r := range map[string]io.Reader{"at once": strings.NewReader(in),
			"byte by byte": iotest.OneByteReader(strings.NewReader(in))} {
			if got, cuts := passed(t, r); got != want || cuts != 0 {
				t.Errorf("%s: %q: %q, want %q, cut %d times", name, in, got, want, cuts)
			}
		}
	}
	text := strings.Repeat("0123456789abcdef", MaxPaste/16)
	if got, cuts := passed(t, strings.NewReader("\x1b[200~"+text+"\x1b[201~q")); got != "\x1b[200~"+text+"\x1b[201~q" || cuts != 0 {
		t.Errorf("a paste of the largest size: %d bytes, cut %d times", len(got), cuts)
	}
	if got, cuts := passed(t, strings.NewReader("\x1b[200~"+text+"more\x1b[201~q")); got != "\x1b[200~"+text+"\x1b[201~q" || cuts != 1 {
		t.Errorf("a larger paste: %d bytes, cut %d times", len(got), cuts)
	}
}
