// Package bundle reads certificate files as they occur in the wild, writes
// them for the servers that use them, and makes and judges keys (spec I2, I3,
// A3).
//
// Nothing here opens a file or reads a clock, except that [Parse] reads the
// system's roots, once. What a password protects is opened in a child process,
// for which main has to call [decode.RunIfChild]. All functions are safe for
// concurrent use.
package bundle

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"sync"
	"time"

	"certquay/model"
)

// Limits of what [Parse] reads (spec I3).
const (
	MaxBytes        = 1 << 20 // of all files together
	MaxCertificates = 32      // in all files together, duplicates included
)

// File is one file of an upload.
type File struct {
	Name string // for messages; may be empty
	Data []byte
	// Password opens the file, or the key in it, if it is encrypted; without
	// one it is refused with [EncryptedKey]. Else it is not used.
	Password model.Secret
}

// Options are the time and the roots that [Options.Parse] uses.
type Options struct {
	Now time.Time
	// Roots are the known roots, which distinguish a chain without its root
	// from an incomplete one. If nil, only a root among the files counts.
	Roots *x509.CertPool
}

// Bundle is a certificate with its chain, in order, and its key.
type Bundle struct {
	Leaf *x509.Certificate
	// Chain begins with the leaf; each certificate is signed by the next. It
	// holds no self-signed root unless that is the leaf.
	Chain []*x509.Certificate
	Root  *x509.Certificate // nil when not known
	Key   crypto.Signer     // nil when no file had it
	// Warnings are what a person should know though the bundle is accepted.
	Warnings []Warning
}

// Warning is something odd about an accepted bundle (spec I3).
type Warning struct {
	Code Reason
	Text model.Text
}

// Has reports whether the bundle has a warning with this code.
func (b *Bundle) Has(code Reason) bool {
	for _, w := range b.Warnings {
		if w.Code == code {
			return true
		}
	}
	return false
}

// ChainDER is the chain as stored and presented: DER, leaf first, without root.
func (b *Bundle) ChainDER() [][]byte {
	out := make([][]byte, len(b.Chain))
	for i, c := range b.Chain {
		out[i] = c.Raw
	}
	return out
}

// RootDER is the root as DER, nil when it is not known.
func (b *Bundle) RootDER() []byte {
	if b.Root == nil {
		return nil
	}
	return b.Root.Raw
}

// Version is the record of the leaf as version number of an instance, got now.
func (b *Bundle) Version(number int, now time.Time) model.Version {
	v := Version(b.Leaf)
	v.Number, v.Issued = number, now
	v.Incomplete = b.Has(WarnIncomplete)
	return v
}

// systemRoots are read once: they do not change while a process runs.
var systemRoots = sync.OnceValue(func() *x509.CertPool {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil // a system without roots: no chain is complete without its own
	}
	return pool
})

// Parse is [Options.Parse] at a moment, by the roots of the system.
func Parse(now time.Time, files ...File) (Bundle, error) {
	return Options{Now: now, Roots: systemRoots()}.Parse(files...)
}

// Parse reads a certificate, its chain in any order and its key from one or
// several files in PEM, DER, PKCS#12 or JKS, told apart by content (spec I3).
// The leaf is the certificate that the
// key belongs to, or the only certificate; else the one that is no CA and has
// issued no other. A refusal is an [*Error].
func (o Options) Parse(files ...File) (Bundle, error) {
	found, err := collect(files)
	if err != nil {
		return Bundle{}, err
	}
	if len(found.certs) == 0 {
		return Bundle{}, &Error{
			Reason: NoLeaf,
			Why:    model.Say("bundle.no-certificate", "where", fileList(files)), Hint: model.Say("bundle-hint.add-certificate"),
		}
	}
	g, err := newGraph(found.certs)
	if err != nil {
		return Bundle{}, err
	}
	leaf, err := findLeaf(g, found.key)
	if err != nil {
		return Bundle{}, err
	}
	b := Bundle{Leaf: g.certs[leaf], Key: found.key}
	path, err := g.order(leaf)
	if err != nil {
		return Bundle{}, err
	}
	for n, i := range path {
		c := g.certs[i]
		if n > 0 && g.selfSigned(i) {
			b.Root = c
			break
		}
		b.Chain = append(b.Chain, c)
	}
	if err := judge(b.Chain); err != nil {
		return Bundle{}, err
	}
	b.warn(o, g.selfSigned(leaf))
	return b, nil
}

// findLeaf applies the rule of spec I3.
func findLeaf(g *graph, key crypto.Signer) (int, error) {
	var fits []int
	switch {
	case key != nil:
		for i, c := range g.certs {
			if SamePublic(key.Public(), c.PublicKey) {
				fits = append(fits, i)
			}
		}
		if len(fits) == 0 {
			text := model.Say("bundle.key-of-none")
			if len(g.certs) == 1 {
				text = model.Say("bundle.key-of-other", "name", subject(g.certs[0]))
			}
			return 0, &Error{Reason: KeyMismatch, Why: text, Hint: model.Say("bundle-hint.find-key")}
		}
		if len(fits) > 1 {
			// A key may also be that of a CA cross-signed by another: what has
			// issued nothing here and is no CA is the leaf.
			if best := g.leaves(fits); len(best) > 0 {
				fits = best
			}
		}
	case len(g.certs) == 1:
		return 0, nil
	default:
		all := make([]int, len(g.certs))
		for i := range all {
			all[i] = i
		}
		fits = g.leaves(all)
	}
	switch len(fits) {
	case 1:
		return fits[0], nil
	case 0:
		return 0, &Error{Reason: NoLeaf, Why: model.Say("bundle.no-leaf"), Hint: model.Say("bundle-hint.add-leaf")}
	default:
		return 0, &Error{
			Reason: SeveralLeaves,
			Why: model.Say("bundle.several-leaves", "n", len(fits),
				"first", describe(g.certs[fits[0]]), "second", describe(g.certs[fits[1]])),
			Hint: model.Say("bundle-hint.upload-each"),
		}
	}
}

// judge refuses weak keys and signatures in what will be presented. Roots are
// exempt: nothing relies on their signatures.
func judge(chain []*x509.Certificate) error {
	for n, c := range chain {
		if weakSignature(c.SignatureAlgorithm) {
			return &Error{
				Reason: WeakSignature,
				Why:    model.Say("bundle.weak-signature", "certificate", describe(c), "algorithm", c.SignatureAlgorithm),
				Hint:   model.Say("bundle-hint.sha256"),
			}
		}
		check := CheckPublicKey
		if n > 0 {
			check = CheckKeySize
		}
		if err := check(c.PublicKey); err != nil {
			return &Error{
				Reason: WeakKey,
				Why:    model.Say("bundle.weak-key-of", "certificate", describe(c), "cause", err),
				Hint:   model.Say("bundle-hint.new-key-issue"),
			}
		}
	}
	return nil
}

func (b *Bundle) warn(o Options, selfSigned bool) {
	add := func(reason Reason, code string, args ...any) {
		b.Warnings = append(b.Warnings, Warning{reason, model.Say(code, args...)})
	}
	if b.Key == nil {
		add(WarnNoKey, "bundle-warning.no-key")
	}
	switch {
	// The last second counts (spec T2).
	case !o.Now.Before(b.Leaf.NotAfter.Add(time.Second)):
		add(WarnExpired, "bundle-warning.expired", "at", b.Leaf.NotAfter)
	case o.Now.Before(b.Leaf.NotBefore):
		add(WarnNotYetValid, "bundle-warning.not-yet-valid", "at", b.Leaf.NotBefore)
	}
	if selfSigned {
		add(WarnSelfSigned, "bundle-warning.self-signed")
		return
	}
	if b.Root == nil {
		b.Root = knownRoot(b.Chain[len(b.Chain)-1], o)
	}
	if b.Root == nil {
		add(WarnIncomplete, "bundle-warning.incomplete", "last", subject(b.Chain[len(b.Chain)-1]))
	}
}

// knownRoot returns the root that signed the last certificate of a chain,
// verified at a time within that certificate's validity, so that an expired chain
// does not count as incomplete.
func knownRoot(last *x509.Certificate, o Options) *x509.Certificate {
	if o.Roots == nil {
		return nil
	}
	at := o.Now
	if at.After(last.NotAfter) {
		at = last.NotAfter
	}
	if at.Before(last.NotBefore) {
		at = last.NotBefore
	}
	chains, err := last.Verify(x509.VerifyOptions{Roots: o.Roots, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return nil
	}
	for _, c := range chains {
		if r := c[len(c)-1]; !bytes.Equal(r.Raw, last.Raw) {
			return r
		}
	}
	// The last certificate itself is in the pool, as some intermediates are.
	return chains[0][len(chains[0])-1]
}
