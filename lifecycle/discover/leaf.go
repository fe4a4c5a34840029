package discover

import (
	"cmp"
	"crypto/x509"
	"path"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/product/pairfiles"
	"certquay/model"
)

// read takes what a chain tells, the leaf first.
func (f *Finding) read(chain [][]byte) error {
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return model.Fail("discover.certificate", "path", f.Path, "cause", model.Quoted("x509", err.Error()))
	}
	f.Fingerprint, f.Names = bundle.Fingerprint(chain[0]), bundle.Names(leaf)
	f.NotBefore, f.NotAfter = leaf.NotBefore, leaf.NotAfter
	f.Issuer = cmp.Or(leaf.Issuer.CommonName, leaf.Issuer.String())
	return nil
}

// name is what to call a finding that nobody has named.
func name(f *Finding) string {
	if len(f.Names) > 0 {
		return f.Names[0]
	}
	return path.Base(f.Path)
}

// pair reads the certificate of a finding from its files. The key is not read, only looked
// for.
func (t *tree) pair(f *Finding) {
	data, err := t.read(f.Path)
	if err == nil {
		if chain := pairfiles.Certificates(data); len(chain) > 0 {
			err = f.read(chain)
		} else {
			err = model.Fail("discover.no-certificate", "path", f.Path)
		}
	}
	if err == nil && f.KeyPath != "" {
		_, err = t.host.Stat(t.ctx, f.KeyPath)
	}
	if err != nil {
		f.Problem = model.TextOf(err)
	}
}
