package program

import (
	"bytes"
	"io"
	"os"
	"time"
	"unicode/utf8"
)

// MaxPaste is the maximum size of a bracketed paste, in bytes.
const MaxPaste = 1 << 20

// PasteCutMsg reports that a paste was larger than [MaxPaste] and was truncated.
type PasteCutMsg struct{}

// maxSequence is the maximum length of a control sequence, in bytes. Real ones are at
// most a few hundred bytes long.
const maxSequence = 8 << 10

// pasteEnd ends a bracketed paste (xterm, "Bracketed Paste Mode").
var pasteEnd = []byte("\x1b[201~")

// sequenceTimeout is the longest pause within a control sequence.
const sequenceTimeout = time.Second

// States of the parser.
type parserState int

const (
	keys          parserState = iota
	escape                    // after ESC
	csi                       // a control sequence (ECMA-48, 5.4), after its introducer
	controlString             // a control string (ECMA-48, 5.6), after its introducer
	paste                     // bracketed
	overflow                  // beyond the limit of a paste
)

// boundedInput is terminal input with limited pastes and control sequences, because
// Bubble Tea buffers both until they end. It removes invalid UTF-8, so that no byte can
// be a C1 control, and control characters within pastes. It is not safe for concurrent
// use.
type boundedInput struct {
	from io.Reader
	cut  func() // called once for each truncated paste

	at     parserState
	length int    // length of the current sequence or paste
	first  []byte // beginning of the parameters of a control sequence
	ending int    // bytes of pasteEnd that have been read
	raw    []byte // read buffer; begins with an incomplete rune
	held   int    // length of the incomplete rune
	last   time.Time
}

// boundedFile is a boundedInput over a local terminal. It still has the terminal's Fd.
type boundedFile struct {
	*os.File
	in *boundedInput
}

// Read reads once. It may return 0 bytes without an error if everything was dropped: a
// terminal must not be read again before it has input.
func (f boundedFile) Read(p []byte) (int, error) { return f.in.readOnce(p) }

// limitInput applies the limits to the input of a session.
func limitInput(from io.Reader, cut func()) io.Reader {
	in := &boundedInput{from: from, cut: cut}
	if f, ok := from.(*os.File); ok {
		return boundedFile{f, in}
	}
	return in
}

// Read reads until there is something to return, because a decoder allocates for every
// read.
func (in *boundedInput) Read(p []byte) (n int, err error) {
	for n == 0 && err == nil {
		n, err = in.readOnce(p)
	}
	return n, err
}

// readOnce reads once.
func (in *boundedInput) readOnce(p []byte) (int, error) {
	const room = utf8.UTFMax + 8 // for bytes that are held back between reads
	if len(p) <= 2*room {
		return 0, io.ErrShortBuffer
	}
	if len(in.raw) < len(p) {
		in.raw = append(in.raw[:in.held], make([]byte, len(p))...)
	}
	n, err := in.from.Read(in.raw[in.held : len(p)-room])
	if now := time.Now(); n > 0 {
		if in.at < paste && now.Sub(in.last) > sequenceTimeout {
			in.at, in.length = keys, 0
		}
		in.last = now
	}
	out := p[:0]
	rest := in.raw[:in.held+n]
	for len(rest) > 0 && (utf8.FullRune(rest) || err != nil) {
		r, size := utf8.DecodeRune(rest)
		if r != utf8.RuneError || size > 1 {
			out = in.appendRune(out, r, rest[:size])
		}
		rest = rest[size:]
	}
	in.held = copy(in.raw, rest)
	return len(out), err
}

// appendRune appends a rune to out unless it is dropped.
func (in *boundedInput) appendRune(out []byte, r rune, b []byte) []byte {
	if in.at == paste || in.at == overflow {
		return in.appendPasted(out, r, b)
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
		if in.at = keys; r == '~' && beginsPaste(in.first) {
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

// beginsPaste reports whether a control sequence with these parameters and a final tilde
// begins a paste. It accepts everything that a decoder might: also "0200" and "200;5".
func beginsPaste(parameters []byte) bool {
	n := 0
	for _, c := range bytes.TrimLeft(parameters, "?<=>!") {
		if c < '0' || c > '9' {
			break
		}
		n = min(10*n+int(c-'0'), 1000)
	}
	return n == 200
}

// appendPasted appends a rune of a paste to out unless it is dropped.
func (in *boundedInput) appendPasted(out []byte, r rune, b []byte) []byte {
	if r == rune(pasteEnd[in.ending]) {
		if in.ending++; in.ending < len(pasteEnd) {
			return out
		}
		in.at, in.length, in.ending = keys, 0, 0
		return append(out, pasteEnd...)
	}
	if in.ending > 0 { // not the end after all: drop its ESC
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
