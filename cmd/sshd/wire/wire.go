// Package wire is the protocol between owner and attached process inside the SSH
// connection over the owner's socket, or from another machine that shares the store. It is private: both sides have the same
// major.minor version of certquay, which [Compatible] checks first.
//
// The attached process opens one session channel, starts the command [Command] and
// writes a [Request] to it. The owner sends the channel request [Accepted], which the
// other side acknowledges before the work begins, so that both agree on whether it has
// begun; or it sends [Leaving] if it is about to end. After that, standard input,
// output and error flow as in any SSH session.
package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Command is the SSH command that an attached process starts.
const Command = "certquay-attach"

// Standby is the SSH command of a process of another machine that waits to own the store.
// It writes a [Request] with its name, and stays connected as long as it waits.
const Standby = "certquay-standby"

// Channel requests from the owner. All want a reply but Reattach and Place.
const (
	Accepted = "accepted@certquay" // the work begins when this is acknowledged
	Leaving  = "leaving@certquay"  // nothing was begun; attach to the next owner
	Feed     = "feed@certquay"     // start sending standard input
	Raw      = "raw@certquay"      // a [Switch]: raw mode of the terminal, with Feed
	Hide     = "hide@certquay"     // a [Switch]: no echo
	Reattach = "reattach@certquay" // a dashboard ended because the owner leaves
	Place    = "place@certquay"    // where a dashboard stands now, for the next [Request]
)

// Switch is the payload of Raw and Hide.
type Switch struct{ On bool }

// On decodes a switch.
func On(payload []byte) bool {
	var s Switch
	return ssh.Unmarshal(payload, &s) == nil && s.On
}

// Window is the payload of "window-change" (RFC 4254 section 6.7).
type Window struct{ Width, Height, PixelWidth, PixelHeight uint32 }

// Signal is the payload of "signal" (RFC 4254 section 6.9).
type Signal struct{ Name string }

// ExitStatus is the payload of "exit-status" (RFC 4254 section 6.10).
type ExitStatus struct{ Code uint32 }

// Request is the command line of an attached process, with its environment. It is sent
// as JSON, so that empty arguments are preserved.
type Request struct {
	Args    []string `json:"args"`
	Dir     string   `json:"dir"`
	Env     []string `json:"env"`
	In      bool     `json:"in_terminal"`
	Out     bool     `json:"out_terminal"`
	Err     bool     `json:"err_terminal"`
	Width   int      `json:"width"`
	Height  int      `json:"height"`
	Term    string   `json:"term"`
	Profile int      `json:"profile"`
	Lang    string   `json:"lang"`
	Place   []byte   `json:"place,omitempty"` // what Place told last
	User    string   `json:"user"`            // who it is on another machine; the kernel tells on this one
}

// MaxRequest is the maximum size of a request, in bytes. Linux allows command lines of
// 2 MB.
const MaxRequest = 8 << 20

// Write sends the request.
func (r *Request) Write(w io.Writer) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if len(b) > MaxRequest {
		return errors.New("the command line is too long")
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	return err
}

// Read reads one request and nothing beyond it.
func Read(r io.Reader) (*Request, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > MaxRequest {
		return nil, fmt.Errorf("a request of %d bytes is too long", n)
	}
	b, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err != nil {
		return nil, err
	}
	if len(b) < int(n) {
		return nil, io.ErrUnexpectedEOF
	}
	var q Request
	if err := json.Unmarshal(b, &q); err != nil {
		return nil, err
	}
	return &q, nil
}

const identPrefix = "certquay_"

// Ident returns the software version for an owner's SSH greeting, which must not
// contain spaces or minus signs (RFC 4253 section 4.2).
func Ident(version string) string {
	return identPrefix + strings.Map(func(r rune) rune {
		switch {
		case r == '-':
			return '~'
		case r <= ' ' || r > '~':
			return '_'
		}
		return r
	}, version)
}

// Version returns the version in a greeting ("SSH-2.0-certquay_1.2.3"); ok is false if
// it is not certquay's.
func Version(greeting string) (version string, ok bool) {
	_, version, ok = strings.Cut(greeting, "SSH-2.0-"+identPrefix)
	return strings.ReplaceAll(version, "~", "-"), ok
}

// Compatible reports whether processes of two versions may attach: the versions are
// equal or have the same major.minor.
func Compatible(a, b string) bool {
	x, okx := majorMinor(a)
	y, oky := majorMinor(b)
	return a == b || okx && oky && x == y
}

func majorMinor(v string) (string, bool) {
	p := strings.SplitN(strings.TrimPrefix(v, "v"), ".", 3)
	if len(p) < 2 || !digits(p[0]) || !digits(p[1]) {
		return "", false
	}
	return p[0] + "." + p[1], true
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
