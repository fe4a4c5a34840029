// Package pairfiles puts certificates with their keys into the files that a server's
// configuration names, as whole pairs.
//
// The named files become links into a directory of certquay's on the same host:
//
//	DIR/original/          what was there before certquay, with manifest.json
//	DIR/DIGITS/            a pair, by the first 16 hexadecimal digits of its fingerprint
//	DIR/found/             what somebody put in place of the links, with manifest.json
//	DIR/current            link to the one that is presented
//	DIR/previous           link to the one before, until it is committed
//	DIR/pending            link that says what the server has not done yet
//
// One rename of current swaps certificate and key together. While the named files become
// links, current leads to a copy of what they held, so that a server that reads them at any
// moment finds a complete pair. Everything that is needed to go on after a crash is on the
// host: any call may be repeated.
package pairfiles

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/runner"
	"certquay/model"
)

// Part is what of a pair a file holds.
type Part string

// Parts. Those from Key on hold the key.
const (
	FullChain Part = "fullchain.pem" // the leaf with its intermediates
	Leaf      Part = "cert.pem"
	Chain     Part = "chain.pem" // the intermediates
	Key       Part = "privkey.pem"
	Combined  Part = "combined.pem" // leaf, intermediates, key
	PKCS12    Part = "keystore.p12"
	JKS       Part = "keystore.jks"
)

// secret reports whether a part holds the key.
func (p Part) secret() bool { return p == Key || p == Combined || p.keyStore() }

func (p Part) keyStore() bool { return p == PKCS12 || p == JKS }

// File is a file that a configuration names.
type File struct {
	Part Part
	Path string // absolute
}

// Set are the files of one pair on a host. Its methods are not safe for concurrent use
// with sets on the same files.
type Set struct {
	Host  runner.Runner
	Files []File // at least one; no path twice
	// Base is the directory that holds DIR; empty: .certquay beside the first file.
	Base     string
	Password model.Secret // of key stores
}

// maxFile is how much of a file is read, in bytes.
const maxFile = 1 << 20

// The entries of a set's directory.
const (
	original = "original"
	found    = "found"
	current  = "current"
	previous = "previous"
	pending  = "pending"
	manifest = "manifest.json"
)

// Where pending leads: the files were changed, and the server was told or not.
const (
	untold = "untold"
	told   = "told"
)

// Server makes a server use what the files hold.
type Server struct {
	Test func(context.Context) error // asks it whether it would
	Load func(context.Context) error // makes it
}

// load tests and loads. That the server is told is recorded before.
func (s *Set) load(ctx context.Context, server Server) error {
	if err := server.Test(ctx); err != nil {
		return err
	}
	if err := s.Host.Symlink(ctx, told, s.in(pending)); err != nil {
		return err
	}
	return server.Load(ctx)
}

// Dir returns the directory of the set. Its name follows from the paths.
func (s *Set) Dir() string {
	base := s.Base
	if base == "" {
		base = path.Join(path.Dir(s.Files[0].Path), ".certquay")
	}
	h := sha256.New()
	for _, f := range s.Files {
		_, _ = h.Write([]byte(f.Path + "\x00")) // a hash takes all
	}
	return path.Join(base, bundle.FileBase(path.Base(s.Files[0].Path))+"-"+hex.EncodeToString(h.Sum(nil)[:4]))
}

func (s *Set) in(names ...string) string { return path.Join(append([]string{s.Dir()}, names...)...) }

// slot is the name of a file in the directories of the set.
func (s *Set) slot(n int) string {
	same := 0
	for _, f := range s.Files[:n] {
		if f.Part == s.Files[n].Part {
			same++
		}
	}
	if same == 0 {
		return string(s.Files[n].Part)
	}
	return strconv.Itoa(same+1) + "-" + string(s.Files[n].Part)
}

// link is where a named file leads once it is a link: relative if the directory is beside
// it, so that it holds where the directory is mounted elsewhere too.
func (s *Set) link(n int) string {
	to := s.in(current, s.slot(n))
	if below, ok := strings.CutPrefix(to, strings.TrimSuffix(path.Dir(s.Files[n].Path), "/")+"/"); ok {
		return below
	}
	return to
}

// State is what the files hold.
type State struct {
	Chain       [][]byte // DER, leaf first; nil if there is none or it cannot be read
	Fingerprint string   // of the leaf; "" with Chain nil
	Managed     bool     // all named files are links of certquay's
	Pending     bool     // a call was interrupted before the server had loaded them
}

// State reads what the files hold now. A certificate file that is not there is no error.
func (s *Set) State(ctx context.Context) (State, error) {
	st := State{}
	foreign, err := s.foreign(ctx)
	if err != nil {
		return st, err
	}
	st.Managed = len(foreign) == 0
	waiting, err := s.readlink(ctx, s.in(pending))
	if err != nil {
		return st, err
	}
	st.Pending = waiting != ""
	from := ""
	for _, f := range s.Files {
		if f.Part == FullChain || f.Part == Leaf || f.Part == Combined {
			from = f.Path
			break
		}
	}
	if from == "" { // key stores alone, which are not opened
		if !st.Managed {
			return st, nil
		}
		from = s.in(current, string(FullChain))
	}
	data, err := s.read(ctx, from)
	if err != nil {
		return st, err
	}
	st.Chain = Certificates(data)
	if n := slices.IndexFunc(s.Files, func(f File) bool { return f.Part == Chain }); n >= 0 && s.partOf(from) == Leaf {
		more, err := s.read(ctx, s.Files[n].Path)
		if err != nil {
			return st, err
		}
		st.Chain = append(st.Chain, Certificates(more)...)
	}
	if len(st.Chain) > 0 {
		st.Fingerprint = bundle.Fingerprint(st.Chain[0])
	}
	return st, nil
}

func (s *Set) partOf(p string) Part {
	for _, f := range s.Files {
		if f.Path == p {
			return f.Part
		}
	}
	return FullChain
}

// Certificates returns the certificates of a PEM file, DER.
func Certificates(data []byte) (chain [][]byte) {
	for b, rest := pem.Decode(data); b != nil; b, rest = pem.Decode(rest) {
		if b.Type == "CERTIFICATE" || b.Type == "TRUSTED CERTIFICATE" || b.Type == "X509 CERTIFICATE" {
			chain = append(chain, b.Bytes)
		}
	}
	return chain
}

// read returns the content of a file; nil if it is not there.
func (s *Set) read(ctx context.Context, name string) ([]byte, error) {
	data, err := s.Host.ReadFile(ctx, name, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// foreign returns the indexes of the named files that are not links of certquay's.
func (s *Set) foreign(ctx context.Context) (all []int, err error) {
	for n, f := range s.Files {
		to, err := s.readlink(ctx, f.Path)
		if err != nil {
			return nil, err
		}
		if to != s.link(n) {
			all = append(all, n)
		}
	}
	return all, nil
}

// readlink returns where an entry leads; "" if it is no link or not there.
func (s *Set) readlink(ctx context.Context, name string) (string, error) {
	info, err := s.Host.Lstat(ctx, name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode&fs.ModeSymlink == 0 {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	to, err := s.Host.Readlink(ctx, name)
	if errors.Is(err, fs.ErrNotExist) { // removed meanwhile, as by a Commit while somebody looks
		return "", nil
	}
	return to, err
}

// content is what each slot holds of a pair; without a key, as far as that goes. Key stores are left out unless they are to be
// written, since no two encodings of one are the same.
func (s *Set) content(pair ports.KeyPair, stores bool) (map[string][]byte, error) {
	all := map[string][]byte{}
	c := bundle.Content{Chain: pair.Chain, PKCS8: pair.Key}
	for n, f := range s.Files {
		var data []byte
		var err error
		if pair.Key.Empty() && (f.Part == Key || f.Part == Combined) {
			continue
		}
		switch f.Part {
		case FullChain:
			data = bundle.CertificatePEM(pair.Chain...)
		case Leaf:
			data = bundle.CertificatePEM(pair.Chain[0])
		case Chain:
			data = bundle.CertificatePEM(pair.Chain[1:]...)
		case Key:
			data = bundle.KeyPEM(pair.Key)
		case Combined:
			data = append(bundle.CertificatePEM(pair.Chain...), bundle.KeyPEM(pair.Key)...)
		case PKCS12, JKS:
			// What is asked of a key store is asked of its certificates, beside it.
			all[string(FullChain)] = bundle.CertificatePEM(pair.Chain...)
			if !stores {
				continue
			}
			encode := bundle.PKCS12
			if f.Part == JKS {
				encode = bundle.JKS
			}
			data, err = encode(c, string(s.Password.Reveal()))
		}
		if err != nil {
			return nil, err
		}
		all[s.slot(n)] = data
	}
	return all, nil
}

// digits is how much of a fingerprint names the directory of a pair.
const digits = 16

// version is the directory in which a pair is put, and whether it is there and presented. A
// directory is known by what it holds: one that is named after the whole fingerprint, as they
// once were, is used on, and one whose name another pair has as well is left alone.
func (s *Set) version(ctx context.Context, pair ports.KeyPair) (name string, there bool, err error) {
	name = pair.Fingerprint[:min(len(pair.Fingerprint), digits)]
	at, err := s.readlink(ctx, s.in(current))
	if was := strings.TrimSuffix(at, again); err != nil || was != name && was != pair.Fingerprint {
		return name, false, err
	}
	foreign, err := s.foreign(ctx)
	if err != nil {
		return "", false, err
	}
	want, err := s.content(pair, false)
	if err != nil {
		return "", false, err
	}
	same := true
	for slot, data := range want {
		is, err := s.read(ctx, s.in(current, slot))
		if err != nil {
			return "", false, err
		}
		same = same && bytes.Equal(is, data)
	}
	if !same && at == name { // somebody wrote through a link: that is kept for a rollback
		name += again
	}
	if same {
		name = at
	}
	return name, same && len(foreign) == 0, nil
}

// again is the end of the name of a second directory of a pair.
const again = "-again"

// Plan returns what Put would change. The key may be missing: then it is taken to be the one
// that is there with the same certificate.
func (s *Set) Plan(ctx context.Context, pair ports.KeyPair) (changes []ports.Change, err error) {
	name, there, err := s.version(ctx, pair)
	if err != nil || there {
		return nil, err
	}
	st, err := s.State(ctx)
	if err != nil {
		return nil, err
	}
	at, err := s.readlink(ctx, s.in(current))
	if err != nil {
		return nil, err
	}
	if at != name {
		for n := range s.Files {
			changes = append(changes, ports.Change{Kind: ports.ChangeCreate, Subject: s.in(name, s.slot(n)), After: pair.Fingerprint})
		}
	}
	foreign, err := s.foreign(ctx)
	if err != nil {
		return nil, err
	}
	for _, n := range foreign {
		was, err := s.readlink(ctx, s.Files[n].Path)
		if err != nil {
			return nil, err
		}
		if was == "" && s.Files[n].Part != Key && s.Files[n].Part != Chain {
			was = st.Fingerprint
		}
		changes = append(changes, ports.Change{Kind: ports.ChangeLink, Subject: s.Files[n].Path, Before: was, After: s.link(n)})
	}
	if at != name {
		changes = append(changes, ports.Change{Kind: ports.ChangeLink, Subject: s.in(current), Before: at, After: name})
	}
	return changes, nil
}
