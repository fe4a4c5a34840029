package program

import (
	"bytes"
	"io"
	"os"
	"time"
	"unicode/utf8"
)

// MaxPaste is how much of one bracketed paste reaches a program, in bytes.
const MaxPaste = 1 << 20

// PasteCutMsg tells a program that the rest of a paste was dropped, since it
// was larger than [MaxPaste].
type PasteCutMsg struct{}

// maxSequence bounds one control sequence that a terminal sends, in bytes; the
// longest that mean anything have some hundred.
const maxSequence = 8 << 10

// pasteEnd ends a bracketed paste (xterm, "Bracketed Paste Mode").
var pasteEnd = []byte("\x1b[201~")

// pause is how long a terminal that sends one sequence may rest within it.
const pause = time.Second

// parts of what a terminal sends.
type part int

const (
	keys          part = iota
	escape             // after ESC
	csi                // a control sequence (ECMA-48, 5.4), after its introducer
	controlString      // a control string (ECMA-48, 5.6), after its introducer
	paste              // bracketed
	overflow           // what is too much of a paste
)

// boundedInput is what a person types, with pastes and control sequences no longer
// than they may be: Bubble Tea keeps either whole until its end comes. What is
// no UTF-8 is left out, so that no byte can be a control of its own (C1), and
// so is what a terminal would obey within a paste. One goroutine reads.
type boundedInput struct {
	from io.Reader
	cut  func() // called once for each paste that is too long

	at     part
	length int    // of the sequence or paste so far
	first  []byte // of a control sequence: its parameters as far as they count
	ending int    // bytes of pasteEnd that were read and are held back
	raw    []byte // what is read into; between two reads it begins with the part of a rune
	held   int    // bytes of that part
	last   time.Time
}

// boundedFile is a boundedInput over a terminal of this process, which stays
// recognizable as one.
type boundedFile struct {
	*os.File
	in *boundedInput
}

// Read reads once. It may return nothing without an error, where all that came
// was too much: a terminal must not be read again before it has something.
func (f boundedFile) Read(p []byte) (int, error) { return f.in.once(p) }

// bound puts the bounds in front of a session's input.
func bound(from io.Reader, cut func()) io.Reader {
	in := &boundedInput{from: from, cut: cut}
	if f, ok := from.(*os.File); ok {
		return boundedFile{f, in}
	}
	return in
}

// Read reads until there is something to be passed on: a decoder makes room for
// every read, also for those that bring nothing.
func (in *boundedInput) Read(p []byte) (n int, err error) {
	for n == 0 && err == nil {
		n, err = in.once(p)
	}
	return n, err
}

// once reads once.
func (in *boundedInput) once(p []byte) (int, error) {
	const room = utf8.UTFMax + 8 // what is held back from one read to the next
	if len(p) <= 2*room {
		return 0, io.ErrShortBuffer
	}
	if len(in.raw) < len(p) {
		in.raw = append(in.raw[:in.held], make([]byte, len(p))...)
	}
	n, err := in.from.Read(in.raw[in.held : len(p)-room])
	if now := time.Now(); n > 0 {
		if in.at < paste && now.Sub(in.last) > pause {
			in.at, in.length = keys, 0
		}
		in.last = now
	}
	out := p[:0]
	rest := in.raw[:in.held+n]
	for len(rest) > 0 && (utf8.FullRune(rest) || err != nil) {
		r, size := utf8.DecodeRune(rest)
		if r != utf8.RuneError || size > 1 {
			out = in.pass(out, r, rest[:size])
		}
		rest = rest[size:]
	}
	in.held = copy(in.raw, rest)
	return len(out), err
}

// pass appends a rune to out, if it is to be passed on.
func (in *boundedInput) pass(out []byte, r rune, b []byte) []byte {
	if in.at == paste || in.at == overflow {
		return in.pasted(out, r, b)
	}
	in.length++
	switch {
	case r == 0x1b:
		in.at, in.length = escape, 0
	case in.at == escape:
		in.at, in.length = keys, 0
		switch r {
		case '[':
			in.at, in.first = csi, in.first[:0]
		case ']', 'P', 'X', '^', '_':
			in.at = controlString
		}
	case in.at == csi && r >= 0x40 && r <= 0x7e:
		if in.at = keys; r == '~' && begins(in.first) {
			in.at, in.ending = paste, 0
		}
		in.length = 0
	case in.at == csi && r < 0x20, in.at == controlString && (r == 0x07 || r == 0x18 || r == 0x1a || r == 0x9c):
		in.at = keys
	case in.at == csi && len(in.first) < 16:
		in.first = append(in.first, b...)
	}
	if in.at != keys && in.length > maxSequence {
		return out
	}
	return append(out, b...)
}

// begins says whether a control sequence with these parameters and a final
// tilde begins a paste. It is no stricter than any decoder: "0200" does, and
// so does "200;5".
func begins(parameters []byte) bool {
	n := 0
	for _, c := range bytes.TrimLeft(parameters, "?<=>!") {
		if c < '0' || c > '9' {
			break
		}
		n = min(10*n+int(c-'0'), 1000)
	}
	return n == 200
}

// pasted appends a rune of a paste to out, if it is to be passed on.
func (in *boundedInput) pasted(out []byte, r rune, b []byte) []byte {
	if r == rune(pasteEnd[in.ending]) {
		if in.ending++; in.ending < len(pasteEnd) {
			return out
		}
		in.at, in.length, in.ending = keys, 0, 0
		return append(out, pasteEnd...)
	}
	if in.ending > 0 { // it was no end: its ESC is left out
		held := pasteEnd[1:in.ending]
		in.ending = 0
		for n := range held {
			out = in.content(out, held[n:n+1])
		}
		if r == rune(pasteEnd[0]) {
			in.ending = 1
			return out
		}
	}
	if r < 0x20 && r != '\n' && r != '\r' && r != '\t' || r >= 0x7f && r < 0xa0 {
		return out
	}
	return in.content(out, b)
}

func (in *boundedInput) content(out, b []byte) []byte {
	if in.at == paste && in.length+len(b) > MaxPaste {
		in.at = overflow
		in.cut()
	}
	if in.at == overflow {
		return out
	}
	in.length += len(b)
	return append(out, b...)
}
