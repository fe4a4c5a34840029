package bundle

import (
	"crypto/x509"
	"strconv"
	"strings"

	"certquay/model"
)

// Reason is why files were refused, or what a warning is about. The texts are
// stable: scripts may rely on them.
type Reason string

// Reasons of refusals (spec I3).
const (
	Garbage       Reason = "garbage"        // nothing known, or damaged
	TooLarge      Reason = "too-large"      // over 1 MB or 32 certificates
	NoLeaf        Reason = "no-leaf"        // no certificate of a server
	SeveralLeaves Reason = "several-leaves" // more than one
	SeveralKeys   Reason = "several-keys"   // more than one private key
	KeyMismatch   Reason = "key-mismatch"   // the key belongs to no certificate
	EncryptedKey  Reason = "encrypted-key"  // the file or its key needs a password
	WrongPassword Reason = "wrong-password" // the password given does not open it
	TooExpensive  Reason = "too-expensive"  // opening it takes more than 2 s of work or 64 MB
	WeakKey       Reason = "weak-key"       // RSA below 2048, or known to be weak
	WeakSignature Reason = "weak-signature" // SHA-1 or MD5 on leaf or intermediate
	BadChain      Reason = "bad-chain"      // cannot be put in order
	Unsupported   Reason = "unsupported"    // a format or key type this package does not read
	BadRequest    Reason = "bad-request"    // a signing request that cannot be used
	WrongNames    Reason = "wrong-names"    // a signing request for other names
	NotAvailable  Reason = "not-available"  // a download format that has nothing to give; an upload that cannot be opened now
	UnknownFormat Reason = "unknown-format" // no such download format
)

// Reasons of warnings (spec I3).
const (
	WarnNoKey       Reason = "no-key"
	WarnExpired     Reason = "expired"
	WarnNotYetValid Reason = "not-yet-valid"
	WarnIncomplete  Reason = "incomplete-chain"
	WarnSelfSigned  Reason = "self-signed"
)

// Error is a refusal: for machines its reason, for people what was refused and
// why, and what to do. Text from the files in it is escaped where it is said;
// secrets are never in it.
type Error struct {
	Reason Reason
	File   string     // the file concerned; "" when it is about all
	Why    model.Text // what was refused and why
	Hint   model.Text
}

func (e *Error) Error() string { return e.AsText().String() }

// AsText is the file, why it was refused, and what to do.
func (e *Error) AsText() model.Text { return model.Texts(e.What(), e.Hint) }

// What is the file, if it is about one, and why it was refused.
func (e *Error) What() model.Text {
	if e.File == "" {
		return e.Why
	}
	return model.Say("file.why", "file", e.File, "why", e.Why)
}

// maxName is how much of a file's name stands in messages.
const maxName = 200

func fileList(files []File) model.Text {
	var names []string
	for _, f := range files {
		if f.Name != "" {
			names = append(names, strconv.Quote(cut(f.Name, maxName)))
		}
	}
	if len(names) == 0 || len(names) > 5 {
		return model.Say("bundle.files")
	}
	return model.Quoted("", strings.Join(names, ", "))
}

// subject names a certificate for a message, cut.
func subject(c *x509.Certificate) string {
	s := c.Subject.CommonName
	if s == "" && len(c.DNSNames) > 0 {
		s = c.DNSNames[0]
	}
	if s == "" {
		s = c.Subject.String()
	}
	return cut(s, 80)
}

// cut keeps untrusted text short in messages: n characters.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "..."
	}
	return s
}

// describe is subject with the serial, for when subjects may be equal.
func describe(c *x509.Certificate) model.Text {
	s := Serial(c.SerialNumber)
	if len(s) > 12 {
		s = s[:12] + "..."
	}
	return model.Say("bundle.certificate", "name", subject(c), "serial", s)
}
