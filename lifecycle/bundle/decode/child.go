package decode

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"runtime/debug"
	"syscall"
)

// RunIfChild does the work of a child and ends the process, if that is what it
// was started for; else it returns at once. The first thing in main is to call
// it, before anything is read or opened.
func RunIfChild() {
	if os.Getenv(marker) == "" {
		ready.Store(true)
		return
	}
	if err := limit(); err != nil {
		os.Exit(exitLimits)
	}
	// Collecting garbage early leaves more below the hard limit.
	debug.SetMemoryLimit(maxMemory / 2)
	request, err := io.ReadAll(io.LimitReader(os.Stdin, maxInput))
	if err != nil {
		os.Exit(exitInput)
	}
	if _, err := os.Stdout.Write(answer(request)); err != nil {
		os.Exit(exitOutput)
	}
	// At once: os.Exit has the race detector and coverage say goodbye, which
	// takes a second and writes files.
	syscall.Exit(0)
}

// Exit codes of a child. The parent asks for the first only; the others are for
// people looking for a fault.
const (
	exitLimits = 3 + iota
	exitInput
	exitOutput
)

// answer does what a request asks for. A message to the child has the kind, the
// file and the password; one from it an empty field, the key and the
// certificates, or else a problem, what that is about, and names of keys.
func answer(request []byte) []byte {
	fields, ok := split(request)
	if !ok || len(fields) != 3 {
		return message([]byte(Damaged))
	}
	c, err := decode(Kind(fields[0]), fields[1], fields[2])
	var problem *Error
	switch {
	case errors.As(err, &problem):
		out := [][]byte{[]byte(problem.Problem), []byte(problem.What)}
		for _, name := range problem.Names {
			out = append(out, []byte(name))
		}
		return message(out...)
	case err != nil:
		return message([]byte(Damaged)) // the text is for the authors of libraries
	}
	return message(append([][]byte{nil, c.Key.Reveal()}, c.Certs...)...)
}

// decode opens a file in this process, whatever that costs.
func decode(kind Kind, data, password []byte) (c Contents, err error) {
	defer func() {
		if recover() != nil { // a library met what it did not expect
			c, err = Contents{}, &Error{Problem: Damaged}
		}
	}()
	open := openers[kind]
	if open == nil {
		return Contents{}, unsupported("decode.format")
	}
	return open(data, password)
}

// openers do the work, in the child.
var openers = map[Kind]func(data, password []byte) (Contents, error){
	PKCS12: openPKCS12,
	JKS:    openJKS,
	PKCS8:  openPKCS8,
}

// message joins fields: each is its length in four bytes, big-endian, and
// itself.
func message(fields ...[]byte) []byte {
	var out []byte
	for _, f := range fields {
		out = binary.BigEndian.AppendUint32(out, uint32(len(f)))
		out = append(out, f...)
	}
	return out
}

// split takes a message apart.
func split(m []byte) (fields [][]byte, ok bool) {
	for len(m) > 0 {
		if len(m) < 4 {
			return nil, false
		}
		n := uint64(binary.BigEndian.Uint32(m))
		if m = m[4:]; n > uint64(len(m)) {
			return nil, false
		}
		fields = append(fields, m[:n:n])
		m = m[n:]
	}
	return fields, true
}
