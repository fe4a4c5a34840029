package bundle_test

import (
	"slices"
	"strings"
	"testing"

	"certquay/lifecycle/bundle"
)

// TestFilesArePairedByKeyAndSignature puts the pieces of certificates into files as
// tools do, and adds them in an order that no tool has. spec: Q6
func TestFilesArePairedByKeyAndSignature(t *testing.T) {
	p, self := newPKI(t), selfSigned(t, true)
	other := p.issue(t, leafTemplate("other.example.com"), ecKey(t), p.inter)
	bare := p.issue(t, leafTemplate("bare.example.com"), ecKey(t), p.inter)
	alone := newPKI(t).root // a CA that has issued nothing here
	for _, c := range []struct {
		name  string
		files map[string][]byte
		found []string // the files of each upload
		left  []string // with ! for what is bad
	}{
		{"certbot", map[string][]byte{
			"live/cert.pem": p.leaf.pem(), "live/fullchain.pem": slices.Concat(p.leaf.pem(), p.inter.pem()),
			"live/privkey.pem": p.leaf.pkcs8PEM(t), "live/chain.pem": p.inter.pem(),
		}, []string{"live/cert.pem live/chain.pem live/privkey.pem"}, nil},
		{"the key and the chain elsewhere", map[string][]byte{
			"a/one.crt": p.leaf.pem(), "b/two.key": p.leaf.pkcs8PEM(t), "c/ca.crt": slices.Concat(p.upper.pem(), p.inter.pem()),
		}, []string{"a/one.crt c/ca.crt b/two.key"}, nil},
		{"two of one CA, with the key of the CA", map[string][]byte{
			"1.pem": slices.Concat(p.leaf.pem(), p.leaf.pkcs8PEM(t)), "2.pem": slices.Concat(other.pem(), other.pkcs8PEM(t)),
			"ca.pem": slices.Concat(p.inter.pem(), p.inter.pkcs8PEM(t)),
		}, []string{"1.pem ca.pem", "2.pem ca.pem"}, []string{"ca.pem"}},
		{"without a key", map[string][]byte{"x/bare.crt": bare.pem()}, []string{"x/bare.crt"}, nil},
		{"beside another key", map[string][]byte{"x/bare.crt": bare.pem(), "x/bare.key": ecNode(t).pkcs8PEM(t)},
			nil, []string{"!x/bare.crt"}},
		{"beside the key of another certificate", map[string][]byte{
			"x/bare.crt": bare.pem(), "x/bare.key": other.pkcs8PEM(t), "other.crt": other.pem(),
		}, []string{"other.crt x/bare.key"}, []string{"!x/bare.crt"}},
		{"its own CA", map[string][]byte{"s.pem": self.pem(), "s.key": self.pkcs8PEM(t)}, []string{"s.pem s.key"}, nil},
		{"a CA, a key alone and other files", map[string][]byte{
			"root.pem": alone.pem(), "lost.key": ecNode(t).pkcs8PEM(t), "README": []byte("text"),
			"cut.pem": []byte("-----BEGIN CERTIFICATE-----\nMII"),
			"dh.pem":  []byte("-----BEGIN DH PARAMETERS-----\nMAYCAQ8CAQI=\n-----END DH PARAMETERS-----\n"),
		}, nil, []string{"README", "!cut.pem", "dh.pem", "lost.key", "root.pem"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var pairing bundle.Pairing
			names := []string{}
			for name := range c.files {
				names = append(names, name)
			}
			slices.Sort(names)
			for _, name := range names {
				pairing.Add(bundle.File{Name: name, Data: c.files[name]})
			}
			candidates, leftovers := pairing.Result()
			var found, left []string
			for _, x := range candidates {
				found = append(found, strings.Join(x.Names(), " "))
				if _, err := bundle.Parse(now, x.Files...); err != nil {
					t.Errorf("%s: %v", x.Names(), err)
				}
			}
			for _, l := range leftovers {
				mark := "!"
				if l.Skipped {
					mark = ""
				}
				left = append(left, mark+l.Name)
			}
			if !slices.Equal(found, c.found) || !slices.Equal(left, c.left) {
				t.Errorf("found %q, left %q; want %q and %q", found, left, c.found, c.left)
			}
		})
	}
}

// ecNode is a key of no certificate.
func ecNode(t *testing.T) *node { return &node{key: ecKey(t)} }

func (n *node) pkcs8PEM(t *testing.T) []byte { return n.keyPEM(t, "PKCS#8") }
