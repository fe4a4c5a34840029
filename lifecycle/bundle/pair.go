package bundle

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"certquay/model"
)

// Pairing sorts the certificates and keys of many files, such as those of a directory,
// into uploads: each certificate of a server with its chain and its key, wherever they
// are among the files (spec Q6). Certificates and keys are paired by public key, and
// chains by signature; names of files decide nothing. The zero value is empty. It is not
// safe for concurrent use.
type Pairing struct {
	certs []*certSource
	keys  []*keySource
	left  []Leftover
}

// certSource is a certificate and the first file that had it.
type certSource struct {
	cert   *x509.Certificate
	name   string
	issuer bool // it has issued another one
	used   bool
}

type keySource struct {
	key  crypto.Signer
	name string
	used bool
}

// Candidate is a certificate to upload.
type Candidate struct {
	// Files are the certificate, its chain and its key, for [Parse], each named after
	// the file that it was found in.
	Files []File
	Leaf  *x509.Certificate
}

// Names returns the files of a candidate, each once.
func (c *Candidate) Names() (names []string) {
	for _, f := range c.Files {
		if !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
	}
	return names
}

// Leftover is a file, or a certificate or key in it, that is part of no upload.
type Leftover struct {
	Name string
	Why  *Error
	// Skipped means that it was not meant to be uploaded by itself: it has neither a
	// certificate nor a key, or one of a CA, or a key alone.
	Skipped bool
}

// Add reads a file. What cannot be read is among the leftovers of [Pairing.Result].
func (p *Pairing) Add(f File) {
	o, err := collect([]File{f})
	var refused *Error
	if errors.As(err, &refused) {
		p.left = append(p.left, Leftover{f.Name, refused, !looksLikeOne(f) || refused.Reason == TooLarge})
		return
	}
	if len(o.certs) == 0 && o.key == nil {
		p.skip(f.Name, NoLeaf, model.Say("bundle.pair.nothing"))
	}
	for _, c := range o.certs {
		if !slices.ContainsFunc(p.certs, func(s *certSource) bool { return s.cert.Equal(c) }) {
			p.certs = append(p.certs, &certSource{cert: c, name: f.Name})
		}
	}
	if o.key != nil {
		p.keys = append(p.keys, &keySource{key: o.key, name: f.Name})
	}
}

// looksLikeOne reports whether a file is meant to be a certificate or key, though it
// cannot be read.
func looksLikeOne(f File) bool {
	if bytes.Contains(plain(f.Data), []byte("-----BEGIN ")) {
		return true
	}
	switch strings.ToLower(filepath.Ext(f.Name)) {
	case ".pem", ".crt", ".cer", ".der", ".key", ".p12", ".pfx", ".jks":
		return true
	}
	return false
}

func (p *Pairing) skip(name string, reason Reason, why model.Text) {
	p.left = append(p.left, Leftover{name, &Error{Reason: reason, File: cut(name, maxName), Why: why}, true})
}

// Result returns the uploads and what is left over, each in the order of the names.
func (p *Pairing) Result() (found []Candidate, left []Leftover) {
	bySubject := map[string][]*certSource{}
	for _, s := range p.certs {
		bySubject[string(s.cert.RawSubject)] = append(bySubject[string(s.cert.RawSubject)], s)
	}
	parents := func(child *x509.Certificate) (signers []*certSource) {
		for _, s := range bySubject[string(child.RawIssuer)] {
			if !s.cert.Equal(child) && !sameEntity(s.cert, child) && signedBy(child, s.cert) {
				signers = append(signers, s)
			}
		}
		return signers
	}
	for _, s := range p.certs {
		for _, parent := range parents(s.cert) {
			parent.issuer = true
		}
	}
	for _, s := range p.certs {
		if s.issuer {
			continue
		}
		key := p.keyOf(s)
		if key == nil && p.badKey(s) || key == nil && s.cert.BasicConstraintsValid && s.cert.IsCA {
			continue
		}
		found = append(found, candidate(s, key, parents))
	}
	p.skipUnused()
	slices.SortStableFunc(found, func(a, b Candidate) int { return cmp.Compare(a.Files[0].Name, b.Files[0].Name) })
	left = slices.Clone(p.left)
	slices.SortStableFunc(left, func(a, b Leftover) int { return cmp.Compare(a.Name, b.Name) })
	return found, left
}

// keyOf returns the key of a certificate, the one beside it if several files have it, or
// nil. They are then used.
func (p *Pairing) keyOf(s *certSource) (key *keySource) {
	for _, k := range p.keys {
		if !SamePublic(k.key.Public(), s.cert.PublicKey) {
			continue
		}
		k.used = true
		if key == nil || stem(k.name) == stem(s.name) {
			key = k
		}
	}
	return key
}

// badKey reports whether there is a key beside a certificate, by its name, that is not
// its own or cannot be read. The certificate is then left over, instead of uploaded
// without a key.
func (p *Pairing) badKey(s *certSource) bool {
	if p.lockedKey(s) {
		s.used = true
		return true
	}
	n := slices.IndexFunc(p.keys, func(k *keySource) bool { return k.name != s.name && stem(k.name) == stem(s.name) })
	if n < 0 {
		return false
	}
	k := p.keys[n]
	k.used, s.used = true, true
	p.left = append(p.left, Leftover{s.name, &Error{
		Reason: KeyMismatch, File: cut(s.name, maxName),
		Why: model.Say("bundle.pair.mismatch", "key", cut(k.name, maxName)), Hint: model.Say("bundle-hint.pair.mismatch"),
	}, false})
	return true
}

// lockedKey reports whether the key beside a certificate, by its name, could not be
// read. The certificate is then left over in place of the key: without it, it would be
// uploaded without a key.
func (p *Pairing) lockedKey(s *certSource) bool {
	n := slices.IndexFunc(p.left, func(l Leftover) bool { return !l.Skipped && l.Name != s.name && stem(l.Name) == stem(s.name) })
	if n < 0 {
		return false
	}
	key := p.left[n]
	p.left[n] = Leftover{s.name, &Error{
		Reason: key.Why.Reason, File: cut(s.name, maxName),
		Why: model.Say("bundle.pair.locked", "key", cut(key.Name, maxName), "cause", key.Why.Why), Hint: key.Why.Hint,
	}, false}
	return true
}

// stem returns the path of a file without what tells certificates from keys.
func stem(name string) string {
	name = strings.TrimSuffix(name, filepath.Ext(name))
	for _, suffix := range []string{"-key", "_key", ".key", "privkey", "key", "fullchain", "cert", "leaf"} {
		if s, ok := strings.CutSuffix(name, suffix); ok {
			return s
		}
	}
	return name
}

// candidate returns the upload of a certificate: with all its ancestors and its key.
func candidate(leaf *certSource, key *keySource, parents func(*x509.Certificate) []*certSource) Candidate {
	chain := []*certSource{leaf}
	leaf.used = true
	for n := 0; n < len(chain); n++ {
		for _, parent := range parents(chain[n].cert) {
			if len(chain) < MaxCertificates && !slices.Contains(chain, parent) {
				parent.used = true
				chain = append(chain, parent)
			}
		}
	}
	c := Candidate{Leaf: leaf.cert}
	for _, s := range chain {
		c.Files = append(c.Files, File{Name: s.name, Data: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.cert.Raw})})
	}
	if key == nil {
		return c
	}
	der, err := x509.MarshalPKCS8PrivateKey(key.key)
	if err == nil { // of a type that was read, so it can be written
		c.Files = append(c.Files, File{Name: key.name, Data: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})})
	}
	return c
}

// skipUnused adds the CA certificates and keys that belong to no upload to the
// leftovers.
func (p *Pairing) skipUnused() {
	for _, s := range p.certs {
		besideBad := slices.ContainsFunc(p.left, func(l Leftover) bool { return !l.Skipped && l.Name == s.name })
		if !s.used && !besideBad {
			p.skip(s.name, NoLeaf, model.Say("bundle.pair.ca", "certificate", describe(s.cert)))
		}
	}
	for _, k := range p.keys {
		besideBad := slices.ContainsFunc(p.left, func(l Leftover) bool { return !l.Skipped && stem(l.Name) == stem(k.name) })
		if !k.used && !besideBad { // else the certificate, which says why, is named already
			p.skip(k.name, KeyMismatch, model.Say("bundle.pair.key-alone"))
		}
	}
}
