// Package decode opens what is protected by a password: PKCS#12 and JKS key
// stores and encrypted PKCS#8 keys (spec I3).
//
// Who made such a file decides how much work opening it takes: a PKCS#12 file
// of a kilobyte may ask for hours, and no length in a key store need be true.
// Therefore the work is done by a child process, which is this program's own
// executable started again, with 2 seconds of processor time, 64 MB of memory
// and no files. The file and its password go there through a pipe, and what
// was in it comes back through another: never through arguments, environment
// or a file. A child that dies takes nothing with it.
//
// The executable must call [RunIfChild] first thing in main, and a test binary
// in TestMain; without it nothing is opened. All functions are safe for
// concurrent use.
package decode

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"sync/atomic"
	"time"

	"certquay/lifecycle/child"
	"certquay/model"
)

// Limits of a child.
const (
	maxCPU    = 2                // seconds of processor time
	maxMemory = 64 << 20         // bytes, above what the program has when it starts
	maxTime   = 10 * time.Second // by the clock on the wall: a busy machine gives a child a part of its time
	maxInput  = 2 << 20          // bytes of file and password
	maxOutput = 2 << 20          // bytes; what was in a file is about as long as the file
)

// Kind is a format.
type Kind string

// Formats that [Open] reads.
const (
	PKCS12 Kind = "pkcs12" // RFC 7292, in DER
	JKS    Kind = "jks"    // the key store of Java before version 9
	PKCS8  Kind = "pkcs8"  // EncryptedPrivateKeyInfo of RFC 5958, in DER
)

// Contents is the decrypted content of a file.
type Contents struct {
	Key   model.Secret // PKCS#8 in DER; empty when there is none
	Certs [][]byte     // DER, in the order of the file; neither parsed nor judged
}

// Problem is why a file was not opened.
type Problem string

// Problems of [Error].
const (
	Damaged       Problem = "damaged"        // not a file of this kind
	WrongPassword Problem = "wrong-password" // or damaged: the two look alike
	KeyPassword   Problem = "key-password"   // it opens the store but not the key in it
	SeveralKeys   Problem = "several-keys"   // Names are theirs, if they have any
	NoKey         Problem = "no-key"         // PKCS#12 without key, which is not read
	NoCertificate Problem = "no-certificate" // PKCS#12 without certificate, which is not read
	NoMAC         Problem = "no-mac"         // PKCS#12 that cannot be checked with the password
	Unsupported   Problem = "unsupported"    // What says what
	Expensive     Problem = "expensive"      // the child reached a limit or died
	Unavailable   Problem = "unavailable"    // no child could be started; nothing is wrong with the file
)

// Error says why a file was not opened. Names are text from the file, as it is
// there. No secret is in it.
type Error struct {
	Problem Problem
	Names   []string   // of the keys, where there are several
	What    model.Text // is not supported, or keeps the child from being started
}

func (e *Error) Error() string { return "decode: " + string(e.Problem) }

func unsupported(code string, args ...any) *Error {
	return &Error{Problem: Unsupported, What: model.Say(code, args...)}
}

func unavailable(why model.Text) *Error { return &Error{Problem: Unavailable, What: why} }

// marker is the environment variable that marks a child process.
const marker = "CERTQUAY_DECODE"

// ready is set once this process is known to call [RunIfChild], so that its
// children do.
var ready atomic.Bool

// slots bounds how many children there are at a time, and so their memory.
var slots = make(chan struct{}, 2)

// Open decrypts a file in a child process and returns what is in it. It takes
// 5 seconds at most, and the time until other calls end: two run at a time. A
// refusal, also when ctx ends, is an [*Error].
func Open(ctx context.Context, kind Kind, data []byte, password model.Secret) (Contents, error) {
	if !ready.Load() {
		return Contents{}, unavailable(model.Say("decode.not-ready"))
	}
	if len(data)+len(password.Reveal()) > maxInput-64 {
		return Contents{}, &Error{Problem: Expensive}
	}
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return Contents{}, unavailable(model.TextOf(ctx.Err()))
	}
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	request := message([]byte(kind), data, password.Reveal())
	defer clear(request)
	answer, err := run(ctx, request)
	if err != nil {
		return Contents{}, err
	}
	fields, ok := split(answer)
	if !ok || len(fields) == 0 {
		return Contents{}, unavailable(model.Say("decode.no-answer"))
	}
	if p := string(fields[0]); p != "" {
		return Contents{}, problem(Problem(p), fields[1:])
	}
	if len(fields) < 2 {
		return Contents{}, unavailable(model.Say("decode.no-answer"))
	}
	return Contents{Key: model.NewSecret(fields[1]), Certs: fields[2:]}, nil
}

// problem is what the child says of a file: what is not supported, and then the
// names of keys.
func problem(p Problem, fields [][]byte) error {
	e := &Error{Problem: p}
	if len(fields) == 0 {
		return e
	}
	e.What = model.Text(fields[0])
	for _, name := range fields[1:] {
		e.Names = append(e.Names, string(name))
	}
	return e
}

// run starts a child, gives it a request and returns its answer.
func run(ctx context.Context, request []byte) ([]byte, error) {
	self, err := child.Self()
	if err != nil {
		return nil, unavailable(model.TextOf(err))
	}
	out := &limitedBuffer{}
	cmd := exec.CommandContext(ctx, self) // killed when ctx ends
	cmd.Args = []string{"certquay-decode"}
	cmd.Env = []string{marker + "=1", "GOMAXPROCS=1", "GOTRACEBACK=none"}
	cmd.Dir = "/"
	cmd.Stdin, cmd.Stdout = bytes.NewReader(request), out // what it says on stderr may quote the file: nobody reads it
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, unavailable(model.TextOf(err))
	}
	if err := cmd.Wait(); err != nil {
		clear(out.b)
		if cmd.ProcessState.ExitCode() == exitLimits {
			return nil, unavailable(model.Say("decode.no-limits"))
		}
		return nil, &Error{Problem: Expensive}
	}
	return out.b, nil
}

// limitedBuffer keeps what is written to it, to a limit; beyond, writing fails, which
// closes the pipe and so ends the child.
type limitedBuffer struct{ b []byte }

func (c *limitedBuffer) Write(p []byte) (int, error) {
	if len(c.b)+len(p) > maxOutput {
		return 0, errors.New("too much output")
	}
	c.b = append(c.b, p...)
	return len(p), nil
}
